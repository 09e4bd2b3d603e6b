//! Artifacts of a build that has several are identifiers of CodeBuild.

use crate::catalog::structure;
use crate::catalog::text::TextProblem;
use crate::checks::flow;
use crate::checks::{Rule, Subject};
use crate::diagnostic::{Diagnostics, Severity};
use crate::model::Text;

pub(super) const RULE: Rule = Rule {
    code: "artifact-identifier",
    severity: Severity::Error,
    summary: "an artifact of a build with several has a name that CodeBuild does not take",
    why: "With several inputs or outputs CodePipeline gives CodeBuild the names of the artifacts as identifiers of \
          secondary sources and artifacts. Artifacts may have hyphens in their names, identifiers may not: letters, \
          digits and underscores only. The pipeline is taken, and the build is refused when it starts.",
    aws: "Invalid input: identifier must contain only alphanumeric characters and underscores and be less than 128 \
          characters in length",
    wrong: "- build:\n    run: make\n    outputs: {web-pages: out/web, api: out/api}",
    right: "- build:\n    run: make\n    outputs: {web_pages: out/web, api: out/api}",
    link: "https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-CodeBuild.html",
    facts: &[],
    check,
};

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    let rule = &structure::names().build_identifier;
    for step in flow::all_steps(subject.model) {
        if step.kind().is_none_or(|kind| kind.id != "codebuild") {
            continue;
        }
        let inputs: Vec<&Text> = step.action.inputs.iter().collect();
        let outputs: Vec<&Text> = step.action.outputs.iter().map(|o| &o.name).collect();
        for (word, names) in [("input", inputs), ("output", outputs)] {
            if names.len() < 2 {
                continue;
            }
            for (index, name) in names
                .iter()
                .enumerate()
                .filter(|(_, name)| name.known && !name.value.is_empty())
            {
                let Err(problem) = rule.check(&name.value) else {
                    continue;
                };
                let label = match problem {
                    TextProblem::Character { character, .. } => format!("holds `{character}`"),
                    _ => "too long".to_owned(),
                };
                let better: String = name
                    .value
                    .chars()
                    .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
                    .collect();
                diagnostics.push(
                    RULE.finding(
                        name.span,
                        step.artifact_path(word, index),
                        format!(
                            "`{}` has several {word}s, and `{}` is no identifier of CodeBuild",
                            step.action.name.value, name.value
                        ),
                    )
                    .label(label)
                    .related(
                        names[usize::from(index == 0)].span,
                        format!("another {word}"),
                    )
                    .help(format!("call it `{better}` everywhere"))
                    .through(name.origin.as_ref()),
                );
            }
        }
    }
}
