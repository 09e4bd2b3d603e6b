//! One run over one file: read, merge, resolve, decode, check. Every stage appends to one list of findings.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use futures::FutureExt as _;

use super::account::{self, Account, REGION_OF_NO_ACCOUNT};
use super::outside::Outside;
use super::{End, Setting, desired, files, include, self_update, surroundings};
use crate::catalog::structure;
use crate::checks::{self, ignores};
use crate::cloud::{ErrorKind, Identity};
use crate::compile;
use crate::diagnostic::{Diagnostic, Diagnostics, Severity, nearest};
use crate::error::Failure;
use crate::live;
use crate::model::{self, Action, Buildspec, Model, is_buildspec};
use crate::sandbox;
use crate::source::{FileId, Sources};
use crate::tree::Node;
use crate::variables::{self, Request, Resolved};
use crate::yaml::{self, join_key};

/// A run.
pub(super) struct Session<'a> {
    /// What the command was given.
    pub(super) setting: &'a Setting,
    /// Every text that was read.
    pub(super) sources: Sources,
    /// The texts of the pipeline file: it and what it includes.
    texts: Vec<FileId>,
    /// What was found so far.
    pub(super) found: Diagnostics,
    /// Whether the file may be another tool's, with CloudFormation's short forms (`!Sub`) and regions of its own: only
    /// where it is printed.
    pub(super) foreign: bool,
}

/// A document without variables.
pub(super) struct Document {
    /// The tree.
    pub(super) tree: Node,
    /// The folder of the file.
    pub(super) folder: PathBuf,
    /// The region of the run, if one is known.
    pub(super) region: Option<String>,
    /// The stage of the run.
    pub(super) stage: String,
    /// The profile, if one is named.
    pub(super) profile: Option<String>,
    /// The file as a path from the root of its repository.
    pub(super) in_repository: String,
    /// What the variables asked the account for.
    pub(super) asked: Vec<Request>,
    /// What they would have asked, where nobody is asked.
    pub(super) foreseen: Vec<Request>,
    /// The account, if a variable needed it.
    account: Option<Account>,
    /// What AWS refused to say about variables.
    refused: Option<Failure>,
}

/// A file that was read and is fine, and the account it is for.
pub(super) struct Ready {
    /// The typed pipelines.
    pub(super) model: Model,
    /// The account.
    pub(super) account: Account,
    /// Who is calling.
    pub(super) identity: Identity,
    /// The document behind the model.
    pub(super) document: Document,
}

impl<'a> Session<'a> {
    /// Nothing read yet.
    pub(super) fn new(setting: &'a Setting) -> Self {
        Self {
            setting,
            sources: Sources::new(),
            texts: Vec::new(),
            found: Diagnostics::new(),
            foreign: false,
        }
    }

    /// The file to work on.
    pub(super) fn file(&self) -> Result<PathBuf, Failure> {
        files::find(self.setting.global.file.as_deref(), &self.setting.here)
    }

    /// Reads a file (`-` is standard input) and what it includes; `None` if it is not YAML.
    pub(super) fn load(&mut self, file: &Path) -> Result<Option<Node>, Failure> {
        let (file, text) = if file == Path::new("-") {
            (Path::new("<stdin>"), files::read_stdin()?)
        } else {
            (file, files::read(file)?)
        };
        let before = self.sources.len();
        let id = self.sources.add(file.display().to_string(), text);
        let parse = if self.foreign {
            yaml::parse_cloudformation
        } else {
            yaml::parse
        };
        let root = parse(&self.sources, id, &mut self.found)
            .map(|root| include::merge(root, file, &mut self.sources, &mut self.found));
        self.texts = self.sources.ids().skip(before).collect();
        Ok(root)
    }

    /// Resolves every variable without asking anybody.
    pub(super) fn resolve_offline(&mut self, root: Node, file: &Path) -> Result<Document, End> {
        let folder = folder_of(file);
        let mut context = self.context(&folder)?;
        context.offline = true;
        let outside = Outside::new(self.setting, &folder, None, None);
        let resolved =
            variables::resolve(root, &mut self.sources, &context, &outside, &mut self.found)
                .now_or_never()
                .expect("nobody is waited for where nobody is asked");
        Ok(Document {
            profile: self.profile(&resolved.tree),
            tree: resolved.tree,
            in_repository: in_repository(file, &self.setting.here),
            folder,
            region: resolved.region,
            stage: resolved.stage,
            asked: Vec::new(),
            foreseen: resolved.foreseen,
            account: None,
            refused: None,
        })
    }

    /// Resolves every variable, with the account where one needs it.
    pub(super) async fn resolve(&mut self, root: Node, file: &Path) -> Result<Document, End> {
        let folder = folder_of(file);
        let mut context = self.context(&folder)?;
        let (region, profile) = self.early(&root, &folder, &context).await;
        let rehearsal = account::sandbox_folder(self.setting, &folder).is_some();
        context.default_region = match &region {
            Some(_) => None,
            None if rehearsal => Some(REGION_OF_NO_ACCOUNT.to_owned()),
            None => match self.profile_region(&folder, profile.as_deref()).await? {
                None if self.foreign => Some(REGION_OF_NO_ACCOUNT.to_owned()),
                region => region,
            },
        };
        let home = region.or_else(|| context.default_region.clone());
        if !self.foreign
            && let Err(failure) = home
                .as_deref()
                .map_or_else(|| Err(account::no_region(profile.as_deref())), region_word)
        {
            // Nobody could be asked there. If the file says so, the finding points at it.
            let document = self.resolve_offline(root, file)?;
            self.check(&document, true);
            self.end_on_errors(None)?;
            return Err(failure.into());
        }
        let outside = Outside::new(self.setting, &folder, home.clone(), profile);
        let Resolved {
            tree,
            region,
            stage,
            failures,
            ..
        } = variables::resolve(root, &mut self.sources, &context, &outside, &mut self.found).await;
        let outcome = outside.outcome();
        if let Some(end) = outcome.trouble {
            return Err(end);
        }
        if rehearsal {
            self.advise_sandbox(&outcome.missing);
        }
        if failures
            .iter()
            .any(|failure| failure.kind == ErrorKind::Credentials)
        {
            // Every variable failed for the one reason that the failure tells.
            self.found
                .edit(|one| (one.code != "variable-refused").then_some(one));
        }
        let in_repository = in_repository(file, &self.setting.here);
        let refused = failures.first().map(|error| {
            let failure = live::failure(error);
            match (error.kind, region.as_deref().or(home.as_deref())) {
                (ErrorKind::Denied, Some(region)) => {
                    let desk = self_update::Desk {
                        file: &in_repository,
                        region,
                        stage: &stage,
                    };
                    self_update::unread(failure, &desk, &context.params)
                }
                _ => failure,
            }
        });
        Ok(Document {
            profile: self.profile(&tree),
            tree,
            in_repository,
            asked: outcome.asked,
            foreseen: Vec::new(),
            folder,
            region,
            stage,
            account: outcome.account,
            refused,
        })
    }

    /// Region and profile as the file says them without an account: they are needed to open one.
    async fn early(
        &self,
        root: &Node,
        folder: &Path,
        context: &variables::Context,
    ) -> (Option<String>, Option<String>) {
        let mut context = context.clone();
        context.offline = true;
        let outside = Outside::new(self.setting, folder, None, None);
        let resolved = variables::resolve(
            root.clone(),
            &mut self.sources.clone(),
            &context,
            &outside,
            &mut Diagnostics::new(),
        )
        .await;
        let profile = self.profile(&resolved.tree);
        (resolved.region, profile)
    }

    fn profile(&self, tree: &Node) -> Option<String> {
        self.setting.global.profile.clone().or_else(|| {
            tree.get("provider")?
                .get("profile")?
                .as_str()
                .map(ToOwned::to_owned)
        })
    }

    /// The region of the AWS profile; nothing where there is no profile that could have one.
    async fn profile_region(
        &self,
        folder: &Path,
        profile: Option<&str>,
    ) -> Result<Option<String>, End> {
        let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let home = std::env::var_os("HOME").map(PathBuf::from);
        let configured =
            set("AWS_CONFIG_FILE") || home.is_some_and(|home| home.join(".aws/config").is_file());
        if profile.is_none() && !set("AWS_PROFILE") && !configured {
            return Ok(None);
        }
        match account::open(self.setting, folder, None, profile).await {
            Ok(account) => Ok(Some(account.cloud.region().to_owned())),
            Err(End::Failure(failure)) if failure.code == account::NO_REGION => Ok(None),
            Err(end) => Err(end),
        }
    }

    /// `--param key=value`, in order.
    pub(super) fn params(&self) -> Result<Vec<(String, String)>, Failure> {
        self.setting
            .global
            .params
            .iter()
            .map(|pair| match pair.split_once('=') {
                Some(("", _)) => Err(Failure::usage(format!(
                    "`--param {pair}` names no parameter"
                ))
                .help("--param key=value")),
                Some((key, value)) if !value.trim_end().is_empty() => {
                    Ok((key.to_owned(), value.to_owned()))
                }
                Some((key, _)) => Err(Failure::usage(format!(
                    "`--param {pair}` gives `{key}` no value"
                ))
                .help("--param key=value")),
                None => Err(
                    Failure::usage(format!("`--param {pair}` gives `{pair}` no value"))
                        .help("--param key=value"),
                ),
            })
            .collect()
    }

    fn context(&self, folder: &Path) -> Result<variables::Context, Failure> {
        let global = &self.setting.global;
        let params = self.params()?;
        if let Some(region) = &global.region
            && !self.foreign
        {
            region_word(region)?;
        }
        if let Some(stage) = &global.stage
            && !model::may_be_stage(stage)
        {
            let help = "a stage is a word like dev or prod: letters, digits and . @ - _";
            return Err(Failure::usage(format!("`{stage}` cannot be a stage")).help(help));
        }
        let options = [
            ("region", &global.region),
            ("stage", &global.stage),
            ("profile", &global.profile),
            ("aws-profile", &global.profile),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value.clone()?)))
        .collect();
        Ok(variables::Context {
            service_folder: folder.to_owned(),
            options,
            params,
            environment: surroundings::environment(),
            region: global.region.clone(),
            default_region: None,
            stage: global.stage.clone(),
            offline: false,
        })
    }

    /// Shows the line that fills the gap, for everything that the sandbox does not have.
    fn advise_sandbox(&mut self, missing: &[Request]) {
        let sources = &self.sources;
        self.found.edit(|one| {
            let line = (one.code == "variable-missing")
                .then(|| {
                    let text = format!("{} {}", one.message, sources.slice(one.span));
                    let named = missing.iter().filter_map(|request| {
                        let (name, line) = match request {
                            Request::Parameter { name, .. } => {
                                let (store, bare) = sandbox::fills(name)?;
                                (name, format!("pipectl sandbox set {store} {bare} VALUE"))
                            }
                            Request::Secret { id, .. } => {
                                (id, format!("pipectl sandbox set secret {id} VALUE"))
                            }
                            Request::Output { stack, output, .. } => (
                                stack,
                                format!(
                                    "in sandbox.yml: `stacks: {{{stack}: {{{output}: VALUE}}}}`"
                                ),
                            ),
                            Request::Object { bucket, key, .. } => (
                                key,
                                format!("in sandbox.yml: `objects: {{{bucket}/{key}: TEXT}}`"),
                            ),
                            Request::Account => return None,
                        };
                        text.contains(name.as_str()).then_some((name.len(), line))
                    });
                    // One name can be the beginning of another.
                    named
                        .max_by_key(|(length, _)| *length)
                        .map(|(_, line)| line)
                })
                .flatten();
            Some(match line {
                Some(line) => Diagnostic {
                    help: Some(match &one.help {
                        Some(help) => format!("{help}\n{line}"),
                        None => line,
                    }),
                    ..one
                },
                None => one,
            })
        });
    }

    /// The typed pipelines as far as they can be read, and no word about what is wrong.
    pub(super) fn model_offline(&self, document: &Document) -> Option<Model> {
        let context = model::Context {
            stage: document.stage.clone(),
            service: None,
            offline: true,
            version: "",
        };
        model::decode(&document.tree, &context, &mut Diagnostics::new())
    }

    /// The typed pipelines, checked. Findings stay in `found`.
    pub(super) fn check(&mut self, document: &Document, offline: bool) -> Option<Model> {
        let context = model::Context {
            stage: document.stage.clone(),
            service: None,
            offline,
            version: env!("CARGO_PKG_VERSION"),
        };
        let whole = !self.lacks_a_part();
        let mut decoded = Diagnostics::new();
        let model = model::decode(&document.tree, &context, &mut decoded);
        // What the file lacks may stand in the part that could not be read.
        let told = |one: &Diagnostic| whole || one.code != "key-missing" || !one.path.is_empty();
        decoded.edit(|one| told(&one).then_some(one));
        let of_texts = |one: &&Diagnostic| self.texts.contains(&one.span.file);
        let before = self.found.iter().filter(of_texts);
        let unread = checks::Unread::of(before.chain(decoded.iter()));
        self.found.append(decoded);
        let mut model = model?;
        checks::place_buildspecs(&mut model, &self.sources);
        // What is checked offline is the file: where somebody happens to be is not a part of it.
        let said = self.setting.global.region.is_some()
            || document
                .tree
                .get("provider")
                .is_some_and(|provider| provider.get("region").is_some());
        let buildspecs = self.buildspecs(&model, &document.folder);
        let subject = checks::Subject {
            model: &model,
            tree: &document.tree,
            places: &checks::Places::default(),
            sources: &self.sources,
            region: document.region.as_deref().filter(|_| !offline || said),
            stage: &document.stage,
            buildspecs: &buildspecs,
            unread: &unread,
        };
        checks::check(&subject, &mut self.found);
        Some(model)
    }

    /// Whether an included file could not be read.
    fn lacks_a_part(&self) -> bool {
        self.found.iter().any(|one| {
            let included = self.texts.iter().skip(1).any(|id| *id == one.span.file);
            one.path.starts_with("include") || (included && one.code.starts_with("yaml-"))
        })
    }

    /// The buildspecs that the file names and that exist: beside the file, or at the root of its repository. What is
    /// no YAML is a finding in the buildspec's own text.
    fn buildspecs(&mut self, model: &Model, folder: &Path) -> BTreeMap<String, Node> {
        let whole = std::fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
        let mut found = BTreeMap::new();
        let mut named = Vec::new();
        for project in &model.projects {
            match &project.buildspec {
                Buildspec::Default => named.push("buildspec.yml".to_owned()),
                Buildspec::Path(path) if path.known && !path.value.starts_with("arn:") => {
                    named.push(path.value.clone());
                }
                Buildspec::Path(path) => {
                    if !path.known && path.secret.is_none() {
                        self.found.push(
                            Diagnostic::warning(
                                "name-unknown",
                                path.span,
                                join_key(&project.path, "buildspec"),
                                "the path of the buildspec is not known offline",
                            )
                            .label("only the account knows it")
                            .help("what stands in it is not checked here; `plan` checks it"),
                        );
                    }
                }
                Buildspec::Inline(root) => named.extend(of_tasks(root)),
            }
        }
        let stages = model.pipelines.iter().flat_map(|pipeline| &pipeline.stages);
        named.extend(
            stages
                .flat_map(|stage| &stage.actions)
                .filter_map(overriding),
        );
        // a file names those of its batch in turn
        named.reverse();
        while let Some(path) = named.pop() {
            let path = path.as_str();
            if found.contains_key(path) {
                continue;
            }
            let root = files::repository_around(&whole);
            let beside = [Some(folder), root]
                .into_iter()
                .flatten()
                .map(|place| place.join(path))
                .find(|file| file.is_file());
            let Some((file, text)) =
                beside.and_then(|file| Some((files::read(&file).ok()?, file)).map(|(t, f)| (f, t)))
            else {
                continue;
            };
            let shown = file.strip_prefix(&self.setting.here).unwrap_or(&file);
            let shown = shown.strip_prefix(".").unwrap_or(shown);
            let id = self.sources.add(shown.display().to_string(), text);
            if let Some(root) = yaml::parse(&self.sources, id, &mut self.found) {
                named.extend(of_tasks(&root));
                found.insert(path.to_owned(), root);
            }
        }
        found
    }

    /// Everything that can be found without an account: what compiling finds, too.
    pub(super) fn check_all(&mut self, document: &Document) {
        let before = self.found.len();
        if let Some(model) = self.check(document, true)
            && !self
                .found
                .iter()
                .skip(before)
                .any(|one| one.severity == Severity::Error)
        {
            let facts = desired::offline_facts(self, document);
            compile::compile(&model, &facts, &mut self.found);
        }
    }

    /// The findings as the end of the command, if there is an error among them or AWS refused something; warnings
    /// are printed.
    pub(super) fn end_on_errors(&mut self, refused: Option<Failure>) -> Result<(), End> {
        self.take_back();
        if refused.is_none() && !self.found.has_errors() {
            return Ok(());
        }
        Err(End::Findings {
            sources: std::mem::take(&mut self.sources),
            list: std::mem::take(&mut self.found).into_sorted(),
            failure: refused.map(Box::new),
        })
    }

    /// Leaves out what comments in the file take back.
    fn take_back(&mut self) {
        let found = std::mem::take(&mut self.found).into_sorted();
        self.found = ignores::apply(&self.sources, found).0.into();
    }

    /// Prints the warnings found so far.
    pub(super) fn print_warnings(&mut self) {
        self.take_back();
        let list = std::mem::take(&mut self.found).into_sorted();
        if !self.setting.report.quiet {
            self.setting.report.diagnostics(&self.sources, &list);
        }
    }

    fn root(&mut self) -> Result<(PathBuf, Node), End> {
        let file = self.file()?;
        match self.load(&file)? {
            Some(root) => Ok((file, root)),
            None => {
                self.end_on_errors(None)?;
                Err(Failure::no("yaml-syntax", "the file is not YAML").into())
            }
        }
    }

    /// Reads the file and resolves it without asking anybody.
    pub(super) fn document_offline(&mut self) -> Result<Document, End> {
        let (file, root) = self.root()?;
        let document = self.resolve_offline(root, &file)?;
        self.end_on_errors(None)?;
        Ok(document)
    }

    /// Reads the file and resolves it with the account.
    pub(super) async fn document(&mut self) -> Result<Document, End> {
        let (file, root) = self.root()?;
        let mut document = self.resolve(root, &file).await?;
        let refused = document.refused.take();
        self.end_on_errors(refused)?;
        Ok(document)
    }

    /// Reads the file, checks it and opens its account.
    pub(super) async fn ready(&mut self) -> Result<Ready, End> {
        let document = self.document().await?;
        let model = self.check(&document, false);
        self.end_on_errors(None)?;
        let Some(model) = model else {
            return Err(Failure::no("file-empty", "the file describes no pipeline").into());
        };
        let account = self.account(&document).await?;
        let identity = account
            .cloud
            .identity()
            .await
            .map_err(|error| live::failure(&error))?;
        if let Some(wanted) = &model.provider.account_id
            && wanted.known
            && wanted.value != identity.account
        {
            let file = self.sources.file(wanted.span.file);
            let line = file.position(wanted.span.start()).line;
            let place = format!("{}:{line}", file.name);
            let failure = if account.sandbox.is_some() {
                Failure::failed(
                    "account-mismatch",
                    format!(
                        "the file is for the account {} ({place}), and the sandbox is {}",
                        wanted.value, identity.account
                    ),
                )
                .help(format!(
                    "write `accountId: ${{param:account}}`, and here --param account={}",
                    identity.account
                ))
            } else {
                Failure::failed(
                    "account-mismatch",
                    format!(
                        "the file is for the account {} ({place}), and these credentials are of {}",
                        wanted.value, identity.account
                    ),
                )
                .help("use the profile of that account: -p PROFILE, or AWS_PROFILE")
            };
            return Err(failure.into());
        }
        Ok(Ready {
            model,
            account,
            identity,
            document,
        })
    }

    async fn account(&self, document: &Document) -> Result<Account, End> {
        if let Some(account) = &document.account
            && document
                .region
                .as_deref()
                .is_none_or(|region| region == account.cloud.region())
        {
            return Ok(account.clone());
        }
        account::open(
            self.setting,
            &document.folder,
            document.region.as_deref(),
            document.profile.as_deref(),
        )
        .await
    }
}

/// Refuses a word that no region is called.
fn region_word(word: &str) -> Result<(), Failure> {
    let regions = structure::regions();
    if regions.is_name(word) {
        return Ok(());
    }
    let near = nearest(word, regions.available.iter().map(String::as_str));
    Err(
        Failure::usage(format!("`{word}` is no AWS region")).help(match near {
            Some(near) => format!("did you mean -r {near}?"),
            None => "a region reads like us-east-1".to_owned(),
        }),
    )
}

fn folder_of(file: &Path) -> PathBuf {
    match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// The file as a path from the root of its repository; outside of one, as in a build, from where the command runs, and
/// else its name.
fn in_repository(file: &Path, here: &Path) -> String {
    let whole = |path: &Path| std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let (file, here) = (whole(file), whole(here));
    let root = file
        .parent()
        .and_then(files::repository_around)
        .unwrap_or(&here);
    let name = file.file_name().map_or(file.as_path(), Path::new);
    let path = file.strip_prefix(root).unwrap_or(name);
    path.display().to_string()
}

/// The file that a run of a project takes in the place of its own buildspec.
fn overriding(action: &Action) -> Option<String> {
    let mut members = action.configuration.iter();
    let (_, text) = members.find(|(key, _)| key.value == "BuildspecOverride")?;
    (text.known && action.provider.value == "CodeBuild").then(|| path_of_buildspec(&text.value))?
}

/// The files that the builds of a batch are made by.
fn of_tasks(root: &Node) -> Vec<String> {
    let batch = |key: &str| root.get("batch").and_then(|batch| batch.get(key));
    let tasks = ["build-list", "build-graph"]
        .into_iter()
        .filter_map(|list| batch(list)?.as_list())
        .flatten()
        .filter_map(|task| task.get("buildspec"));
    let dynamic = batch("build-matrix").and_then(|matrix| matrix.get("dynamic")?.get("buildspec"));
    let of_matrix = dynamic.and_then(Node::as_list).unwrap_or_default();
    tasks
        .chain(of_matrix)
        .filter_map(Node::as_str)
        .filter_map(path_of_buildspec)
        .collect()
}

/// A path, and neither a buildspec itself nor a place that is no file of the source.
fn path_of_buildspec(text: &str) -> Option<String> {
    let variable = text.contains("#{");
    let path = !is_buildspec(text) && !variable && !text.trim().is_empty();
    (path && !text.starts_with("arn:")).then(|| text.to_owned())
}
