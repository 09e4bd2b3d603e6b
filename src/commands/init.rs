//! `init`: a first pipeline file. Looks around, writes what is proposed, and never over anything.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use serde_json::json;

use super::{End, Setting, files, surroundings};
use crate::cli::Init;
use crate::compile::shell_word;
use crate::error::{Exit, Failure};
use crate::report::Report;
use crate::starter::templates::{MINIMAL, MINIMAL_SUMMARY, TEMPLATES};
use crate::starter::{self, Need, Surroundings};
use crate::variables::GitFact;

/// As many names of files are looked at, at most.
const MOST_NAMES: usize = 5_000;
/// Files that tell something are shorter than this.
const MOST_BYTES: u64 = 1_000_000;
/// Folders in which nothing of the repository's own lies.
const FOREIGN: [&str; 6] = [
    ".git",
    ".pipectl",
    "node_modules",
    "target",
    ".venv",
    "vendor",
];

/// A file to write.
struct New {
    path: PathBuf,
    text: String,
    runs: bool,
}

/// What is to be written, and what is said of it.
#[derive(Default)]
struct Plan {
    files: Vec<New>,
    /// Files that stay as they are.
    kept: Vec<PathBuf>,
    seen: Vec<String>,
    needs: Vec<Need>,
    pipeline: Option<&'static str>,
}

/// Runs the command.
pub(super) fn run(arguments: &Init, setting: &Setting) -> Result<Exit, End> {
    let report = &setting.report;
    if arguments.list {
        list(report);
        return Ok(Exit::Ok);
    }
    let target = target(setting, arguments.dry_run)?;
    let plan = match arguments.template.as_deref() {
        None => proposed(&target, setting, starter::propose),
        Some(MINIMAL) => proposed(&target, setting, starter::minimal),
        Some(name) => template(name, &target),
    };
    if arguments.dry_run {
        for line in &plan.seen {
            report.note(line);
        }
        let file = plan.files.iter().find(|file| file.path == target);
        report.result(file.map_or("", |file| &file.text));
        return Ok(Exit::Ok);
    }
    write_all(&plan.files, arguments.template.as_deref())?;
    let shown = |path: &Path| path.display().to_string();
    if report.is_json() {
        let needs: Vec<_> = plan
            .needs
            .iter()
            .map(|need| json!({"name": need.name, "what": need.what}))
            .collect();
        report.result_json(&json!({
            "version": 1,
            "written": plan.files.iter().map(|file| shown(&file.path)).collect::<Vec<_>>(),
            "kept": plan.kept.iter().map(|path| shown(path)).collect::<Vec<_>>(),
            "seen": plan.seen,
            "needs": needs,
        }));
    } else {
        report.result(&text(&plan, &target, setting));
    }
    Ok(Exit::Ok)
}

fn list(report: &Report) {
    let all: Vec<(&str, &str)> = TEMPLATES
        .iter()
        .map(|template| (template.name, template.summary))
        .chain([(MINIMAL, MINIMAL_SUMMARY)])
        .collect();
    if report.is_json() {
        let list: Vec<_> = all
            .iter()
            .map(|(name, summary)| json!({"name": name, "summary": summary}))
            .collect();
        report.result_json(&json!({"version": 1, "templates": list}));
        return;
    }
    let widest = all.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let mut text = String::new();
    for (name, summary) in all {
        let _ = writeln!(text, "{name:widest$}  {summary}");
    }
    report.result(&text);
}

/// The file to write: the one that is named, else the first default name, if none of them is here.
fn target(setting: &Setting, only_shown: bool) -> Result<PathBuf, Failure> {
    let named = setting.global.file.clone();
    if named.as_deref() == Some(Path::new("-")) {
        return Err(Failure::usage("`-` is no file to write").help("pipectl init --dry-run"));
    }
    if only_shown {
        return Ok(named.unwrap_or_else(|| files::DEFAULT_NAMES[0].into()));
    }
    let there = match &named {
        Some(path) => is_there(&setting.here.join(path)).then_some(path.as_path()),
        None => files::DEFAULT_NAMES
            .iter()
            .map(Path::new)
            .find(|name| is_there(&setting.here.join(name))),
    };
    if let Some(path) = there {
        let word = shell_word(&path.display().to_string());
        return Err(Failure::no(
            "file-exists",
            format!("{} is there already, and init writes over nothing", path.display()),
        )
        .help(format!(
            "`pipectl validate {word}` checks it; `pipectl init -f NAME.yml` writes another one, `pipectl init --dry-run` only shows it"
        )));
    }
    Ok(named.unwrap_or_else(|| files::DEFAULT_NAMES[0].into()))
}

fn is_there(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}

/// The folder of a file; the one we are in where it names none.
fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::new(),
    }
}

fn proposed(
    target: &Path,
    setting: &Setting,
    propose: fn(&Surroundings) -> starter::Proposal,
) -> Plan {
    let folder = folder_of(target);
    let proposal = propose(&look(&setting.here.join(&folder)));
    let sandbox = folder.join("sandbox.yml");
    let mut plan = Plan {
        files: vec![New {
            path: target.to_owned(),
            text: proposal.file,
            runs: false,
        }],
        seen: proposal.seen,
        needs: proposal.needs,
        ..Plan::default()
    };
    if is_there(&setting.here.join(&sandbox)) {
        plan.kept.push(sandbox);
    } else {
        plan.files.push(New {
            path: sandbox,
            text: proposal.sandbox,
            runs: false,
        });
    }
    plan
}

fn template(name: &str, target: &Path) -> Plan {
    let folder = folder_of(target);
    let Some(template) = TEMPLATES.iter().find(|template| template.name == name) else {
        return Plan::default();
    };
    let files = template.files.iter().map(|file| New {
        path: match file.path {
            "pipeline.yml" => target.to_owned(),
            path => folder.join(path),
        },
        text: file.text.to_owned(),
        runs: file.runs,
    });
    Plan {
        files: files.collect(),
        pipeline: template.pipeline,
        ..Plan::default()
    }
}

/// What lies in a folder and around it.
fn look(folder: &Path) -> Surroundings {
    let whole = fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
    let root = whole.ancestors().find(|above| above.join(".git").exists());
    let inside = root
        .and_then(|root| whole.strip_prefix(root).ok())
        .and_then(Path::to_str)
        .filter(|inside| !inside.is_empty())
        .map(|inside| format!("{inside}/"));
    let named = root.unwrap_or(&whole);
    let mut names = BTreeSet::new();
    for (name, path, is_folder) in entries(&whole) {
        if !is_folder {
            names.insert(name);
        } else if !FOREIGN.contains(&name.as_str()) {
            for (file, path, is_folder) in entries(&path) {
                if !is_folder {
                    names.insert(format!("{name}/{file}"));
                } else if !FOREIGN.contains(&file.as_str()) {
                    let deep = entries(&path).into_iter();
                    let deep = deep
                        .filter(|(part, _, is_folder)| !is_folder && starter::is_manifest(part));
                    names.extend(deep.map(|(part, _, _)| format!("{name}/{file}/{part}")));
                }
            }
        }
        if names.len() >= MOST_NAMES {
            break;
        }
    }
    let texts: BTreeMap<String, String> = names
        .iter()
        .filter(|name| starter::is_read(name))
        .filter_map(|name| {
            let path = whole.join(name);
            let short = fs::metadata(&path).is_ok_and(|data| data.len() <= MOST_BYTES);
            let bytes = short.then(|| fs::read(&path).ok())??;
            Some((name.clone(), String::from_utf8_lossy(&bytes).into_owned()))
        })
        .collect();
    Surroundings {
        folder: named
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default(),
        inside: inside.unwrap_or_default(),
        remote: root.and_then(surroundings::remote),
        branch: root.and_then(surroundings::main_branch),
        names,
        texts,
    }
}

/// Name, path and kind of what lies in a folder, in order.
fn entries(folder: &Path) -> Vec<(String, PathBuf, bool)> {
    let Ok(list) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut found: Vec<_> = list
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let name = entry.file_name().into_string().ok()?;
            let path = entry.path();
            let is_folder = path.is_dir();
            Some((name, path, is_folder))
        })
        .take(MOST_NAMES)
        .collect();
    found.sort();
    found
}

/// Writes all or, where one of them is there already, none.
fn write_all(list: &[New], template: Option<&str>) -> Result<(), Failure> {
    let there: Vec<String> = list
        .iter()
        .filter(|file| is_there(&file.path))
        .map(|file| file.path.display().to_string())
        .collect();
    if !there.is_empty() {
        return Err(exists(&there, template));
    }
    for (index, file) in list.iter().enumerate() {
        if let Err(failure) = write(file, template) {
            // Half of it is nothing to go on from; what was just made is nobody else's.
            for written in &list[..index] {
                let _ = fs::remove_file(&written.path);
            }
            return Err(failure);
        }
    }
    Ok(())
}

fn exists(there: &[String], template: Option<&str>) -> Failure {
    let name = template.unwrap_or(MINIMAL);
    let verb = if there.len() == 1 { "is" } else { "are" };
    Failure::no(
        "file-exists",
        format!(
            "{} {verb} there already, and init writes over nothing",
            there.join(", ")
        ),
    )
    .help(format!(
        "a folder of its own: mkdir {name} && cd {name} && pipectl init --template {name}"
    ))
}

fn write(file: &New, template: Option<&str>) -> Result<(), Failure> {
    let trouble = |error: &std::io::Error| {
        Failure::failed(
            "file-unwritten",
            format!("{} cannot be written: {error}", file.path.display()),
        )
    };
    let folder = folder_of(&file.path);
    if !folder.as_os_str().is_empty() {
        fs::create_dir_all(&folder).map_err(|error| trouble(&error))?;
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    if file.runs {
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o777);
    }
    let opened = options.open(&file.path);
    let mut opened = match opened {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            return Err(exists(&[file.path.display().to_string()], template));
        }
        opened => opened.map_err(|error| trouble(&error))?,
    };
    opened.write_all(file.text.as_bytes()).map_err(|error| {
        let _ = fs::remove_file(&file.path);
        trouble(&error)
    })
}

/// What was written, what of, and how it goes on.
fn text(plan: &Plan, target: &Path, setting: &Setting) -> String {
    let mut text = String::new();
    let names: Vec<String> = plan
        .files
        .iter()
        .map(|file| file.path.display().to_string())
        .collect();
    let _ = writeln!(text, "wrote {}", names.join(", "));
    for path in &plan.kept {
        let _ = writeln!(
            text,
            "kept {} as it is; what the file reads and it does not have:",
            path.display()
        );
        for need in &plan.needs {
            let _ = writeln!(text, "  pipectl sandbox set ssm {} VALUE", need.name);
        }
    }
    if !plan.seen.is_empty() {
        text.push_str("\nseen:\n");
        for line in &plan.seen {
            let _ = writeln!(text, "  {line}");
        }
    }
    let mut flags = String::new();
    if target != Path::new(files::DEFAULT_NAMES[0]) {
        let _ = write!(flags, " -f {}", shell_word(&target.display().to_string()));
    }
    let which = plan
        .pipeline
        .map(|name| format!(" --pipeline {name}"))
        .unwrap_or_default();
    let committed = surroundings::git(&setting.here, GitFact::Sha).is_some();
    let dirty = if committed { " --dirty" } else { "" };
    let mut steps = vec![
        (format!("pipectl validate{flags}"), "check it, offline"),
        (
            format!("pipectl apply --sandbox{flags}"),
            "make it in an account on this machine, without AWS",
        ),
        (
            format!("pipectl run --sandbox{dirty}{which}{flags}"),
            if committed {
                "really run it here, with what is not committed yet"
            } else {
                "really run it here"
            },
        ),
    ];
    let asks = plan.files.iter().any(|file| {
        file.path == target
            && file.text.lines().any(|line| {
                line.trim_start().starts_with("- approval")
                    || line.trim_start().starts_with("approval")
            })
    });
    if asks && !setting.report.interactive {
        steps.push((
            format!("pipectl approve --sandbox{which}{flags}"),
            "from another terminal, when it waits for an answer",
        ));
    }
    let says_region = |text: &str| text.lines().any(|line| line.starts_with("  region: "));
    let region = plan
        .files
        .iter()
        .find(|file| file.path == target && says_region(&file.text))
        .map_or(" -r REGION", |_| "");
    steps.push((
        format!("pipectl plan{region}{flags}"),
        "what apply would do on AWS",
    ));
    steps.push((format!("pipectl apply{region}{flags}"), "do it"));
    let widest = steps.iter().map(|(step, _)| step.len()).max().unwrap_or(0);
    text.push_str("\nnext:\n");
    for (step, what) in steps {
        let _ = writeln!(text, "  {step:widest$}   {what}");
    }
    if !plan.needs.is_empty() {
        text.push_str("\nbefore AWS, in its Parameter Store (aws ssm put-parameter --type String --name NAME --value VALUE):\n");
        let widest = plan
            .needs
            .iter()
            .map(|need| need.name.len())
            .max()
            .unwrap_or(0);
        for need in &plan.needs {
            let _ = writeln!(text, "  {:widest$}   {}", need.name, need.what);
        }
    }
    text
}
