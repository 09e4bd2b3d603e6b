//! Names of stages are unique in the pipeline.

use super::wording::stage_span;
use crate::checks::{Rule, Subject};
use crate::diagnostic::{Diagnostics, Severity};

pub(super) const RULE: Rule = Rule {
    code: "stage-name-duplicate",
    severity: Severity::Error,
    summary: "two stages of a pipeline have one name",
    why: "A stage is known by its name: to retry it, to stop it, in events and on the console. Names that differ in \
          the case of letters only are a warning: whether AWS tells them apart is not documented.",
    aws: "",
    wrong: "- name: Check\n  unit: make test\n- name: Check\n  build: make",
    right: "- name: Check\n  unit: make test\n- name: Build\n  build: make",
    link: "https://docs.aws.amazon.com/codepipeline/latest/userguide/pipeline-requirements.html",
    facts: &["S06"],
    check,
};

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    for pipeline in &subject.model.pipelines {
        for (index, stage) in pipeline.stages.iter().enumerate() {
            let name = &stage.name;
            let before = || {
                let known = pipeline.stages[..index].iter().filter(|s| s.name.known);
                known.filter(|_| name.known)
            };
            let same = before().find(|other| other.name.value == name.value);
            let like = || before().find(|o| o.name.value.eq_ignore_ascii_case(&name.value));
            let path = format!("{}.name", stage.path);
            let finding = if let Some(first) = same {
                RULE.finding(
                    stage_span(stage),
                    path,
                    format!("two stages are called `{}`", name.value),
                )
                .related(stage_span(first), "the first")
                .help("give one of them another name")
            } else if let Some(first) = like() {
                RULE.doubtful(
                    stage_span(stage),
                    path,
                    format!(
                        "the stages `{}` and `{}` differ in the case of letters only",
                        first.name.value, name.value
                    ),
                )
                .related(stage_span(first), "the first")
                .help("give one of them another name")
            } else {
                continue;
            };
            diagnostics.push(finding.label("the second").through(name.origin.as_ref()));
        }
    }
}
