//! Tests whose results nobody keeps.

use super::builds;
use super::shell::{self, Simple, unquoted};
use crate::catalog::advice::{TestRunner, advice};
use crate::checks::flow;
use crate::checks::{Rule, Subject};
use crate::diagnostic::{Diagnostics, Severity};

pub(super) const RULE: Rule = Rule {
    code: "test-report-missing",
    severity: Severity::Warning,
    summary: "tests run without a report, though their runner can write one",
    why: "Without a report a failed test is a line somewhere in the log. With one CodeBuild shows which test failed, \
          since when, and how long each takes, for as many runs as you keep. Only runners that are known to write a \
          report are named.",
    aws: "",
    wrong: "- unit: pytest",
    right: "- unit:\n    run: pytest --junitxml=reports/junit.xml\n    reports: reports/junit.xml",
    link: "https://docs.aws.amazon.com/codebuild/latest/userguide/test-reporting.html",
    facts: &[],
    check,
};

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    let mut seen = std::collections::HashSet::new();
    for step in flow::all_steps(subject.model) {
        let tests = step.action.category.value == "Test"
            && step.configuration("BuildspecOverride").is_none();
        let Some(project) = flow::project(subject.model, step.action).filter(|_| tests) else {
            continue;
        };
        let Some(tree) = builds::buildspec(subject, project) else {
            continue;
        };
        let reported = tree.get("reports").is_some_and(|node| !node.is_null());
        if reported || !project.reports.is_empty() || project.batch {
            continue;
        }
        let found = builds::commands(subject, project)
            .unwrap_or_default()
            .into_iter()
            .find_map(|command| {
                let (runner, range) = runner(&command.text.value)?;
                Some((command, runner, range))
            });
        let Some((command, runner, range)) = found else {
            continue;
        };
        let text = &command.text;
        let span = builds::place(subject, text, range.start, range.end);
        if !seen.insert(span) {
            continue;
        }
        let writes = runner
            .flag
            .as_ref()
            .is_some_and(|flag| text.value.contains(flag.as_str()));
        let elsewhere = text.span.file != project.span.file;
        let place = if project.raw || elsewhere {
            format!(
                "add `reports: {{tests: {{files: [\"{}\"]}}}}` in the buildspec",
                runner.file
            )
        } else {
            format!("add `reports: {}`", runner.file)
        };
        let help = if writes || !runner.with.is_empty() && runner.program != "dotnet" {
            place
        } else {
            format!("run `{}`, and {place}", runner.say)
        };
        diagnostics.push(
            RULE.finding(
                span,
                command.path.clone(),
                format!(
                    "`{}` runs tests and keeps no report",
                    step.action.name.value
                ),
            )
            .label("tests")
            .help(help)
            .through(text.origin.as_ref()),
        );
    }
}

/// The runner of tests in a command, and its place.
fn runner(text: &str) -> Option<(&'static TestRunner, std::ops::Range<usize>)> {
    shell::commands(text).iter().find_map(|simple| {
        let at = program(simple, text)?;
        let word = |at: usize| {
            let word = unquoted(&text[simple.words[at].clone()]);
            word.rsplit('/').next().unwrap_or(word)
        };
        let runner = advice().test_runners.iter().find(|runner| {
            runner.program == word(at)
                && (runner.with.is_empty()
                    || (at + 1..simple.words.len())
                        .any(|at| runner.with.iter().any(|with| with == word(at))))
        })?;
        // asking for its version tests nothing
        let asks = (at + 1..simple.words.len())
            .any(|at| matches!(word(at), "--version" | "-V" | "--help"));
        let start = simple.words[at].start;
        let end = simple.words.last()?.end;
        (!asks).then_some((runner, start..end))
    })
}

/// The word that is the program, behind `python -m`, `npx`, `poetry run` and the like.
fn program(simple: &Simple, text: &str) -> Option<usize> {
    const WRAPPERS: [&str; 16] = [
        "python", "python3", "-m", "npx", "--yes", "poetry", "uv", "pdm", "hatch", "pipenv", "run",
        "bundle", "exec", "coverage", "yarn", "pnpm",
    ];
    (0..simple.words.len()).find(|at| {
        let word = unquoted(&text[simple.words[*at].clone()]);
        !WRAPPERS.contains(&word)
    })
}

#[cfg(test)]
mod tests {
    use super::runner;

    #[test]
    fn runners_are_known_with_what_runs_them() {
        for (text, program) in [
            ("pytest", "pytest"),
            ("cd api && python3 -m pytest -x", "pytest"),
            ("poetry run pytest tests", "pytest"),
            ("npx jest --ci", "jest"),
            ("./gradlew clean check", "gradlew"),
            ("mvn -B verify", "mvn"),
            ("dotnet test", "dotnet"),
        ] {
            assert_eq!(
                runner(text).map(|found| found.0.program.as_str()),
                Some(program),
                "{text}"
            );
        }
        for text in [
            "./run_tests.sh",
            "pip install pytest",
            "pytest --version",
            "mvn package",
            "make test",
            "echo pytest",
        ] {
            assert!(runner(text).is_none(), "{text}");
        }
    }
}
