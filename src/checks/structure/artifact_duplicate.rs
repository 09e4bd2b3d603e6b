//! An artifact is the output of one action.

use super::wording::word;
use crate::checks::flow::{self, Step};
use crate::checks::{Rule, Subject};
use crate::diagnostic::{Diagnostics, Severity};
use crate::model::Text;

pub(super) const RULE: Rule = Rule {
    code: "artifact-duplicate",
    severity: Severity::Error,
    summary: "two actions write one artifact",
    why: "The name of an output is unique in the whole pipeline: whoever reads it has to know whose it is. An action \
          that changes an artifact writes the result under a name of its own.",
    aws: "",
    wrong: "- build:\n    run: make\n    output: App\n- name: Package\n  build:\n    input: App\n    run: make package\n    output: App",
    right: "- build:\n    run: make\n    output: App\n- name: Package\n  build:\n    input: App\n    run: make package\n    output: Package",
    link: "https://docs.aws.amazon.com/codepipeline/latest/userguide/action-requirements.html",
    facts: &["S08"],
    check,
};

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    for pipeline in &subject.model.pipelines {
        let mut written: Vec<(Step<'_>, &Text)> = Vec::new();
        for step in flow::steps(pipeline) {
            let action = step.action;
            let names = action.outputs.iter().map(|output| &output.name);
            for name in names.filter(|name| name.known) {
                let first = written.iter().find(|(_, other)| other.value == name.value);
                let Some((writer, other)) = first else {
                    written.push((step, name));
                    continue;
                };
                let message = if std::ptr::eq(writer.action, action) {
                    format!("`{}` writes `{}` twice", action.name.value, name.value)
                } else {
                    format!(
                        "`{}` writes `{}`, which `{}` writes already",
                        action.name.value, name.value, writer.action.name.value
                    )
                };
                diagnostics.push(
                    RULE.finding(name.span, step.path("output"), message)
                        .label("written again")
                        .related(other.span, "the first")
                        .help(format!(
                            "give one of the two another name ({}), and let its readers follow",
                            word(action.raw, "`outputArtifacts[].name`", "`output`")
                        ))
                        .through(name.origin.as_ref()),
                );
            }
        }
    }
}
