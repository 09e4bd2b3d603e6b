//! `complete`: what a shell asks while a person types: names that only the file knows. It never asks AWS and never says what is
//! wrong: a shell has no place for it.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::Setting;
use super::session::Session;
use crate::cli::Complete;
use crate::model::{Model, Pipeline};
use crate::tree::Node;

/// What the word in the making is a name of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Names {
    /// A pipeline of the file.
    Pipelines,
    /// A stage of a pipeline.
    Stages,
    /// The stage of the run: what `params` knows.
    RunStages,
    /// An action of a pipeline.
    Actions,
    /// An action, as `Action` or `Stage/Action`.
    ActionPaths,
}

/// Commands whose `--stage` is a stage of the pipeline.
const STEERING: [&str; 6] = [
    "approve", "reject", "retry", "rollback", "enable", "disable",
];
/// Commands that take an action.
const READING: [&str; 2] = ["logs", "reports"];
/// Flags that take the next word.
const VALUED: [&str; 22] = [
    "-f",
    "--file",
    "-r",
    "--region",
    "-s",
    "--stage",
    "-p",
    "--profile",
    "--param",
    "--endpoint-url",
    "--format",
    "--color",
    "--pipeline",
    "--execution",
    "--action",
    "-m",
    "--message",
    "--timeout",
    "--var",
    "--commit",
    "--executor",
    "--out",
];

/// What a line of words asks for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Line {
    wanted: Option<Names>,
    file: Option<PathBuf>,
    pipeline: Option<String>,
    stage: Option<String>,
}

/// The names that fit, a line each.
pub(super) fn run(arguments: &Complete, setting: &Setting) {
    let words = without_equals(&arguments.words);
    let (current, before) = match words.split_last() {
        Some((last, before)) if !arguments.next => (last.as_str(), before),
        _ => ("", words.as_slice()),
    };
    let line = read(before, current);
    let Some(wanted) = line.wanted else {
        return;
    };
    let mut setting = Setting {
        global: setting.global.clone(),
        here: setting.here.clone(),
        report: setting.report.clone(),
    };
    if line.file.is_some() {
        setting.global.file = line.file.clone();
    }
    let names = names(wanted, &line, &setting).unwrap_or_default();
    let current = current.rsplit_once('=').map_or(current, |(_, value)| value);
    let fitting: Vec<String> = names
        .into_iter()
        // A shell is to get nothing that it could take for anything but a word.
        .filter(|name| name.starts_with(current) && is_word(name))
        .collect();
    if !fitting.is_empty() {
        setting.report.result(&fitting.join("\n"));
    }
}

fn is_word(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with('-')
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-_.@/".contains(c))
}

/// Bash takes `--pipeline=x` for three words.
fn without_equals(words: &[String]) -> Vec<String> {
    words.iter().filter(|word| *word != "=").cloned().collect()
}

fn read(before: &[String], current: &str) -> Line {
    let mut line = Line::default();
    let (mut command, mut places) = ("", 0);
    let mut open: Option<&str> = None;
    for word in before {
        if let Some(flag) = open.take() {
            note(&mut line, command, flag, word);
            continue;
        }
        match word.split_once('=') {
            Some((flag, value)) if flag.starts_with('-') => note(&mut line, command, flag, value),
            _ if takes_value(word, command) => open = Some(word),
            _ if word.starts_with('-') => {}
            _ if command.is_empty() => command = word,
            _ => places += 1,
        }
    }
    let flag = match (open, current.split_once('=')) {
        (Some(flag), _) => Some(flag),
        (None, Some((flag, _))) if flag.starts_with('-') => Some(flag),
        _ => None,
    };
    line.wanted = match flag {
        Some("--pipeline") => Some(Names::Pipelines),
        Some("--stage") if STEERING.contains(&command) => Some(Names::Stages),
        Some("-s" | "--stage") => Some(Names::RunStages),
        Some("--action") => Some(Names::Actions),
        Some(_) => None,
        None if READING.contains(&command) && places == 0 && !current.starts_with('-') => {
            Some(Names::ActionPaths)
        }
        None => None,
    };
    line
}

/// `-f` is --follow for `logs`.
fn takes_value(word: &str, command: &str) -> bool {
    VALUED.contains(&word) && !(command == "logs" && word == "-f")
}

fn note(line: &mut Line, command: &str, flag: &str, value: &str) {
    match flag {
        "-f" | "--file" => line.file = Some(value.into()),
        "--pipeline" => line.pipeline = Some(value.to_owned()),
        "--stage" if STEERING.contains(&command) => line.stage = Some(value.to_owned()),
        _ => {}
    }
}

/// The names in the file, without those that only an account knows.
fn names(wanted: Names, line: &Line, setting: &Setting) -> Option<BTreeSet<String>> {
    let mut session = Session::new(setting);
    let document = session.document_offline().ok()?;
    if wanted == Names::RunStages {
        let params = document.tree.get("params").and_then(Node::as_map);
        let stages = params.into_iter().flatten().map(|entry| entry.key.clone());
        return Some(stages.filter(|stage| stage != "default").collect());
    }
    let model = session.model_offline(&document)?;
    let pipelines = chosen(&model, line.pipeline.as_deref());
    Some(match wanted {
        Names::Pipelines => model.pipelines.iter().map(name).collect(),
        Names::Stages => pipelines
            .iter()
            .flat_map(|pipeline| &pipeline.stages)
            .map(|stage| stage.name.value.clone())
            .collect(),
        Names::Actions => pipelines
            .iter()
            .flat_map(|pipeline| &pipeline.stages)
            .filter(|stage| {
                line.stage
                    .as_ref()
                    .is_none_or(|name| *name == stage.name.value)
            })
            .flat_map(|stage| &stage.actions)
            .map(|action| action.name.value.clone())
            .collect(),
        Names::ActionPaths => pipelines
            .iter()
            .flat_map(|pipeline| &pipeline.stages)
            .flat_map(|stage| stage.actions.iter().map(move |action| (stage, action)))
            .flat_map(|(stage, action)| {
                let (stage, action) = (&stage.name.value, &action.name.value);
                [action.clone(), format!("{stage}/{action}")]
            })
            .collect(),
        Names::RunStages => BTreeSet::new(),
    })
}

/// What people call a pipeline: its key, else its name.
fn name(pipeline: &Pipeline) -> String {
    pipeline
        .key
        .clone()
        .unwrap_or_else(|| pipeline.name.value.clone())
}

fn chosen<'m>(model: &'m Model, named: Option<&str>) -> Vec<&'m Pipeline> {
    let is = |pipeline: &&Pipeline| {
        named.is_none_or(|named| name(pipeline) == named || pipeline.name.value == named)
    };
    model.pipelines.iter().filter(is).collect()
}

#[cfg(test)]
mod tests {
    use super::{Names, read, without_equals};

    fn wanted(line: &str) -> Option<Names> {
        let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        let words = without_equals(&words);
        let (current, before) = words.split_last().expect("a word");
        read(before, current).wanted
    }

    #[test]
    fn the_line_says_what_is_named() {
        for (line, expected) in [
            ("run --pipeline ", Some(Names::Pipelines)),
            ("run --pipeline pr", Some(Names::Pipelines)),
            ("run --pipeline=pr", Some(Names::Pipelines)),
            ("run --pipeline = pr", Some(Names::Pipelines)),
            ("retry --stage ", Some(Names::Stages)),
            ("-f x.yml retry --stage ", Some(Names::Stages)),
            ("apply --stage ", Some(Names::RunStages)),
            ("apply -s ", Some(Names::RunStages)),
            ("approve --pipeline prod --action ", Some(Names::Actions)),
            ("logs ", Some(Names::ActionPaths)),
            ("logs -f Un", Some(Names::ActionPaths)),
            ("logs Unit ", None),
            ("logs --", None),
            ("validate ", None),
            ("apply --region ", None),
            ("", None),
        ] {
            assert_eq!(wanted(line), expected, "{line}");
        }
    }

    #[test]
    fn the_file_of_the_line_is_read() {
        let words = ["run", "-f", "ci/a.yml", "--pipeline"].map(str::to_owned);
        let line = read(&words, "");
        assert_eq!(line.file.as_deref(), Some(std::path::Path::new("ci/a.yml")));
        let words = ["logs", "-f", "--file", "b.yml"].map(str::to_owned);
        assert_eq!(
            read(&words, "").file.as_deref(),
            Some(std::path::Path::new("b.yml"))
        );
    }
}
