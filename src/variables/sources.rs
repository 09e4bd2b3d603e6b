//! What each source gives.

use std::fmt::Write as _;
use std::sync::Arc;

use super::arena::{CellId, State};
use super::dotenv::{Dotenv, Endless};
use super::evaluate::Arguments;
use super::resolver::{ROOT, Reading, Resolver, Stop};
use super::value::{Piece, Trust, Value, piece, step};
use super::{GitFact, Request};
use crate::diagnostic::Diagnostic;
pub(super) use crate::diagnostic::nearest;
use crate::source::Span;
use crate::tree::{Data, Entry, Node, Origin};

/// Among more names than these nobody's mistake is looked for.
const MOST_NAMES: usize = 500;

/// A source that gives something, or nothing.
pub(super) enum Found {
    Value(Value),
    Missing {
        help: Option<String>,
        request: Option<Request>,
    },
}

impl Found {
    pub(super) fn missing(help: Option<String>) -> Self {
        Self::Missing {
            help,
            request: None,
        }
    }

    fn text(text: impl Into<String>, span: Span, trust: Trust) -> Self {
        Self::Value(Value::new(Node::text(text, span), trust))
    }
}

/// The source being asked, for places and words.
pub(super) struct Call<'a> {
    pub(super) name: &'a str,
    /// The whole variable.
    pub(super) span: Span,
    pub(super) reading: &'a Reading,
}

/// Where a path of the document leads.
pub(super) enum Located {
    Cell(CellId),
    /// Into something that is not known offline.
    Unknown,
    Missing(Option<String>),
}

impl Resolver<'_> {
    pub(super) fn call(&mut self, call: &Call<'_>, arguments: &Arguments) -> Result<Found, Stop> {
        match call.name {
            "self" => self.own(call, arguments),
            "opt" => Ok(self.option(call, arguments)),
            "env" => self.environment(call, arguments),
            "param" => self.param(call, arguments),
            "file" => self.file(call, arguments),
            "strToBool" => self.boolean(call, arguments),
            "sls" => self.sls(call, arguments),
            "git" => self.git(call, arguments),
            "aws" | "account" => self.aws(call, arguments),
            "ssm" => self.parameter(call, arguments),
            "secret" => self.secret(call, arguments),
            "s3" => self.object(call, arguments),
            "cf" => self.output(call, arguments),
            other => unreachable!("`{other}` is in grammar::SOURCES and has no reader"),
        }
    }

    pub(super) fn refuse(
        &self,
        call: &Call<'_>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) -> Stop {
        self.error("variable-refused", call.reading, call.span, message.into())
            .help(help)
            .into()
    }

    pub(super) fn address<'b>(
        &self,
        call: &Call<'_>,
        arguments: &'b Arguments,
        example: &str,
    ) -> Result<&'b str, Stop> {
        match arguments.address.as_deref() {
            Some(address) if !address.is_empty() => Ok(address),
            _ => Err(self.refuse(
                call,
                format!("`{}` says nothing of what it asks for", call.name),
                format!("write `{example}`"),
            )),
        }
    }

    /// Follows a path through the document; properties on the way are resolved first.
    pub(super) fn locate(&mut self, from: CellId, keys: &[&str]) -> Result<Located, Stop> {
        let mut at = from;
        for (position, key) in keys.iter().enumerate() {
            match &self.arena.cells[at].state {
                State::Open(_) => return Err(self.need(&[at])),
                State::Failed(_) => return Err(Stop::Failed(Vec::new())),
                State::Scalar(Data::Unknown(_)) => return Ok(Located::Unknown),
                _ => {}
            }
            match self.arena.child(at, key) {
                Some(child) => at = child,
                None => {
                    let near = nearest(key, self.arena.keys(at));
                    return Ok(Located::Missing(near.map(|near| {
                        let mut path: Vec<&str> = keys.to_vec();
                        path[position] = near;
                        format!("did you mean `{}`?", path.join("."))
                    })));
                }
            }
        }
        Ok(Located::Cell(at))
    }

    /// The resolved value of a cell.
    pub(super) fn copy(&mut self, id: CellId, span: Span, cell: CellId) -> Result<Value, Stop> {
        self.settle(id)?;
        let mut count = 0;
        let mut node = self.arena.node(id, &mut count);
        self.spend(count, span, cell)?;
        let path = self.arena.path(id);
        node.origin = Some(node.origin.unwrap_or_else(|| step(path, node.span, None)));
        Ok(Value::new(node, self.arena.trust(id)))
    }

    fn own(&mut self, call: &Call<'_>, arguments: &Arguments) -> Result<Found, Stop> {
        let address = arguments.address.as_deref().unwrap_or_default();
        let keys: Vec<&str> = if address.is_empty() {
            Vec::new()
        } else {
            address.split('.').collect()
        };
        match self.locate(ROOT, &keys)? {
            Located::Cell(id) => Ok(Found::Value(self.copy(id, call.span, call.reading.cell)?)),
            Located::Unknown => Ok(unknown(call, arguments)),
            Located::Missing(help) => Ok(Found::missing(help)),
        }
    }

    fn option(&self, call: &Call<'_>, arguments: &Arguments) -> Found {
        let options = &self.context.options;
        let Some(name) = arguments.address.as_deref() else {
            let entries = options
                .iter()
                .map(|(key, value)| Entry {
                    key: key.clone(),
                    key_span: call.span,
                    value: Node::text(value.clone(), call.span),
                })
                .collect();
            return Found::Value(Value::new(Node::map(entries, call.span), Trust::Outside));
        };
        match options.get(name).filter(|value| !value.is_empty()) {
            Some(value) => Found::text(value.clone(), call.span, Trust::Outside),
            None => Found::missing(Some(format!(
                "give `--{name}`, or add a fallback: `${{opt:{name}, 'value'}}`"
            ))),
        }
    }

    fn environment(&mut self, call: &Call<'_>, arguments: &Arguments) -> Result<Found, Stop> {
        let name = self.address(call, arguments, "${env:NAME}")?;
        if let Some(value) = self.context.environment.get(name) {
            return Ok(Found::text(value.clone(), call.span, Trust::Outside));
        }
        let dotenv = self.dotenv(call)?;
        let file = dotenv.as_deref();
        match file.and_then(|file| file.get(name, &self.context.environment)) {
            Some(Ok(value)) => {
                let mut node = Node::text(value, call.span);
                node.origin = file.and_then(|file| self.written(file, name));
                return Ok(Found::Value(Value::new(node, Trust::Outside)));
            }
            Some(Err(Endless)) => {
                let origin = file.and_then(|file| self.written(file, name));
                let message = format!("`{name}` fills itself in without an end");
                let diagnostic = self
                    .error("variable-circular", call.reading, call.span, message)
                    .label("has no end")
                    .help("take `$` and a name that leads back to it out of the value; `\\$` is a dollar sign");
                return Err(match origin {
                    Some(place) => diagnostic.related(place.span, format!("in `{}`", place.what)),
                    None => diagnostic,
                }
                .into());
            }
            None => {}
        }
        let set = self.context.environment.keys().map(String::as_str);
        let near = nearest(name, set.chain(file.into_iter().flat_map(Dotenv::names)));
        Ok(Found::missing(Some(match near {
            Some(near) => format!("`{name}` is not set; did you mean `{near}`?"),
            None => format!("set `{name}`, or add a fallback: `${{env:{name}, 'value'}}`"),
        })))
    }

    /// The step of a value's history that stands in a `.env` file.
    fn written(&self, file: &Dotenv, name: &str) -> Option<Arc<Origin>> {
        let (_, called) = file.file.as_ref()?;
        Some(step(called.clone(), file.place(name, self.sources)?, None))
    }

    fn param(&mut self, call: &Call<'_>, arguments: &Arguments) -> Result<Found, Stop> {
        let name = self.address(call, arguments, "${param:name}")?;
        if let Some((_, value)) = self
            .context
            .params
            .iter()
            .rev()
            .find(|(key, _)| key == name)
        {
            return Ok(Found::text(value.trim_end(), call.span, Trust::Outside));
        }
        let stage = self.stage()?;
        let mut names: Vec<String> = self
            .context
            .params
            .iter()
            .map(|(key, _)| key.clone())
            .collect();
        for group in [stage.as_str(), "default"] {
            match self.locate(ROOT, &["params", group, name])? {
                Located::Cell(id) => {
                    let value = self.copy(id, call.span, call.reading.cell)?;
                    if !value.node.is_null() {
                        return Ok(Found::Value(value));
                    }
                }
                Located::Unknown => return Ok(unknown(call, arguments)),
                Located::Missing(_) => {}
            }
            if let Located::Cell(id) = self.locate(ROOT, &["params", group])? {
                names.extend(self.arena.keys(id).take(MOST_NAMES).map(str::to_owned));
            }
        }
        Ok(Found::missing(Some(
            match nearest(name, names.iter().map(String::as_str)) {
                Some(near) => format!("did you mean `{near}`?"),
                None => {
                    let mut help = format!(
                        "give `--param {name}=…`, or write it under `params.{stage}` or `params.default`"
                    );
                    let stages = self.params_of_stages()?;
                    if !stages.contains(&stage)
                        && let Some(near) = nearest(&stage, stages.iter().map(String::as_str))
                    {
                        let _ = write!(help, "; or did you mean the stage `{near}`?");
                    }
                    help
                }
            },
        )))
    }

    /// The stages that `params` knows.
    fn params_of_stages(&mut self) -> Result<Vec<String>, Stop> {
        Ok(match self.locate(ROOT, &["params"])? {
            Located::Cell(id) => {
                let keys = self.arena.keys(id).take(MOST_NAMES);
                keys.filter(|key| *key != "default")
                    .map(str::to_owned)
                    .collect()
            }
            _ => Vec::new(),
        })
    }

    fn boolean(&mut self, call: &Call<'_>, arguments: &Arguments) -> Result<Found, Stop> {
        let text = match arguments.params.first() {
            Some(node) => match (&node.data, piece(node)) {
                (Data::Number(value), _) => crate::tree::number_text(*value),
                (_, Piece::Text(text)) => text.trim().to_lowercase(),
                _ => String::new(),
            },
            None => String::new(),
        };
        let value = match text.as_str() {
            "true" | "1" => true,
            "false" | "0" => false,
            _ => {
                return Err(self.refuse(
                    call,
                    if text.is_empty() {
                        "strToBool has nothing to read".to_owned()
                    } else {
                        format!("strToBool cannot read `{text}`")
                    },
                    "it takes 'true', 'false', '1' or '0', e.g. `${strToBool(${env:FLAG, 'false'})}`",
                ));
            }
        };
        Ok(Found::Value(Value::new(
            Node::new(Data::Bool(value), call.span),
            Trust::Own,
        )))
    }

    fn sls(&mut self, call: &Call<'_>, arguments: &Arguments) -> Result<Found, Stop> {
        match arguments.address.as_deref() {
            Some("stage") => {
                let trust = if self.context.stage.is_some() {
                    Trust::Outside
                } else {
                    Trust::Own
                };
                Ok(Found::text(self.stage()?, call.span, trust))
            }
            Some("instanceId") => Err(self.refuse(
                call,
                "`sls:instanceId` is another text on every run, so nothing would ever be in sync",
                "use `${git:sha}` in a build's env, or a param",
            )),
            other => Err(self.refuse(
                call,
                format!("`sls` does not know `{}`", other.unwrap_or_default()),
                "write `${sls:stage}`",
            )),
        }
    }

    /// `--stage`, else `provider.stage`, else `dev`.
    pub(super) fn stage(&mut self) -> Result<String, Stop> {
        if let Some(stage) = &self.context.stage {
            return Ok(stage.clone());
        }
        Ok(self.provider("stage")?.unwrap_or_else(|| "dev".to_owned()))
    }

    /// One region for everything: `--region`, `provider.region`, the environment, the default.
    pub(super) fn region(&mut self, call: &Call<'_>) -> Result<String, Stop> {
        if let Some(region) = self.known_region()? {
            return Ok(region);
        }
        Err(self.refuse(
            call,
            "no region is known",
            "give `--region`, or write `provider.region`",
        ))
    }

    pub(super) fn known_region(&mut self) -> Result<Option<String>, Stop> {
        if let Some(region) = &self.context.region {
            return Ok(Some(region.clone()));
        }
        if let Some(region) = self.provider("region")? {
            return Ok(Some(region));
        }
        let environment = &self.context.environment;
        Ok(["AWS_REGION", "AWS_DEFAULT_REGION"]
            .iter()
            .find_map(|name| {
                environment
                    .get(*name)
                    .filter(|value| !value.is_empty())
                    .cloned()
            })
            .or_else(|| self.context.default_region.clone()))
    }

    /// A text of `provider` that the run itself depends on.
    fn provider(&mut self, key: &str) -> Result<Option<String>, Stop> {
        let Located::Cell(id) = self.locate(ROOT, &["provider", key])? else {
            return Ok(None);
        };
        self.settle(id)?;
        let node = self.arena.node(id, &mut 0);
        match node.data {
            Data::Null => Ok(None),
            Data::Text(text) if text.is_empty() => Ok(None),
            Data::Text(text) => Ok(Some(text)),
            Data::Number(_) | Data::Bool(_) => Ok(node.scalar_text()),
            _ => {
                let path = self.arena.path(id);
                let message = format!(
                    "`{path}` must be known before AWS is asked, and it is {}",
                    node.kind()
                );
                Err(
                    Diagnostic::error("variable-refused", node.span, path, message)
                        .help("write it out, or take it from opt, param, env or self")
                        .into(),
                )
            }
        }
    }

    pub(super) fn settled_region(&mut self) -> Option<String> {
        self.known_region().ok().flatten()
    }

    pub(super) fn settled_stage(&mut self) -> String {
        self.stage().unwrap_or_else(|_| "dev".to_owned())
    }

    fn git(&mut self, call: &Call<'_>, arguments: &Arguments) -> Result<Found, Stop> {
        let fact = match arguments.address.as_deref().unwrap_or_default() {
            "sha" => GitFact::Sha,
            "shortSha" => GitFact::ShortSha,
            "branch" => GitFact::Branch,
            "tag" => GitFact::Tag,
            "message" => GitFact::Message,
            "remote" => GitFact::Remote,
            other => {
                let known = ["sha", "shortSha", "branch", "tag", "message", "remote"];
                let help = match nearest(other, known.iter().copied()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("git knows {}", known.join(", ")),
                };
                return Err(self.refuse(call, format!("git does not know `{other}`"), help));
            }
        };
        match self.lookup.git(fact) {
            Ok(Some(text)) => Ok(Found::text(text, call.span, Trust::Sealed)),
            Ok(None) => {
                // CodeBuild hands the source over without its repository, and says the commit in its environment.
                let commit = self
                    .context
                    .environment
                    .get("CODEBUILD_RESOLVED_SOURCE_VERSION");
                match (
                    fact,
                    commit.filter(|text| {
                        text.bytes().all(|b| b.is_ascii_hexdigit()) && text.len() >= 7
                    }),
                ) {
                    (GitFact::Sha, Some(commit)) => {
                        Ok(Found::text(commit.clone(), call.span, Trust::Sealed))
                    }
                    (GitFact::ShortSha, Some(commit)) => {
                        Ok(Found::text(&commit[..7], call.span, Trust::Sealed))
                    }
                    _ => Ok(Found::missing(Some(
                        "this folder's repository does not say it; add a fallback".to_owned(),
                    ))),
                }
            }
            Err(message) => Err(self.refuse(
                call,
                format!("git failed: {message}"),
                "is git installed, and is this a repository?",
            )),
        }
    }
}

/// The variable itself as a placeholder.
pub(super) fn unknown(call: &Call<'_>, arguments: &Arguments) -> Found {
    let node = Node::new(
        Data::Unknown(format!("${{{}}}", arguments.written)),
        call.span,
    );
    Found::Value(Value::new(node, Trust::Own))
}

/// A list of values as one.
pub(super) fn texts(items: impl Iterator<Item = String>, span: Span) -> Node {
    Node::list(items.map(|item| Node::text(item, span)).collect(), span)
}
