//! Reports of a buildspec.

use super::spec::{self, Form};
use crate::catalog::buildspec::{self as language, buildspec};
use crate::catalog::codebuild::codebuild;
use crate::checks::fields;
use crate::checks::{Rule, Subject};
use crate::diagnostic::{Diagnostics, Severity, nearest};
use crate::tree::Node;

pub(super) const RULE: Rule = Rule {
    code: "buildspec-report",
    severity: Severity::Error,
    summary: "a report of a buildspec has a format or a name that CodeBuild does not take, or there are too many",
    why: "CodeBuild reads reports in ten formats, JUNITXML if none is said. A name becomes a report group PROJECT-NAME of \
          2 to 128 characters; an ARN names one that exists. A build writes at most 5 reports.",
    aws: "",
    wrong: "reports:\n  unit:\n    files: [junit.xml]\n    file-format: JUNIT",
    right: "reports:\n  unit:\n    files: [junit.xml]\n    file-format: JUNITXML",
    link: "https://docs.aws.amazon.com/codebuild/latest/userguide/build-spec-ref.html",
    facts: &[],
    check,
};

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    let rules = buildspec();
    for spec in spec::specs(subject) {
        let reports = fields::get(&spec.root, "reports")
            .and_then(Node::as_map)
            .unwrap_or_default();
        if let Some(first) = usize::try_from(rules.reports.max)
            .ok()
            .and_then(|max| reports.get(max))
        {
            diagnostics.push(
                spec.finding(
                    &RULE,
                    first.key_span,
                    &format!("reports.{}", first.key),
                    format!(
                        "{} reports; a build writes at most {}",
                        reports.len(),
                        rules.reports.max
                    ),
                )
                .label("one too many")
                .help("let one report read the files of several: `files` is a list of patterns"),
            );
        }
        for entry in reports {
            let path = format!("reports.{}", entry.key);
            if let Some(node) = entry.value.get("file-format")
                && spec.form != Form::Made
                && let Some(word) = fields::known(node)
                    .filter(|word| language::report_format(&word.to_uppercase()).is_none())
            {
                let words = || {
                    rules
                        .report_formats
                        .iter()
                        .map(|format| format.name.as_str())
                };
                let upper = word.to_uppercase();
                let near = words()
                    .find(|name| {
                        name.strip_suffix("XML") == Some(&upper)
                            || name.strip_suffix("JSON") == Some(&upper)
                    })
                    .or_else(|| nearest(word, words()));
                let finding = spec
                    .finding(
                        &RULE,
                        node.span,
                        &format!("{path}.file-format"),
                        format!("CodeBuild reads no reports of the format `{word}`"),
                    )
                    .label("unknown format")
                    .through(node.origin.as_ref());
                diagnostics.push(match near {
                    Some(near) => finding.help(format!("did you mean `{near}`?")),
                    None => finding.help(format!("write {}", fields::one_of(words()))),
                });
            }
            if entry.key.contains(':') || entry.key.contains('$') {
                continue;
            }
            let name = |project: &str| {
                codebuild()
                    .reports
                    .made_name
                    .replace("{project}", project)
                    .replace("{name}", &entry.key)
            };
            let too_long = spec
                .projects
                .iter()
                .filter(|project| project.name.known)
                .find_map(|project| {
                    let name = name(&project.name.value);
                    fields::wrong(&codebuild().reports.name, &name).map(|wrong| (name, wrong))
                });
            if let Some((name, wrong)) = too_long {
                diagnostics.push(
                    spec.doubtful(
                        &RULE,
                        entry.key_span,
                        &path,
                        format!("the report group would be `{name}`, which {}", wrong.words),
                    )
                    .label(wrong.label())
                    .help("give the report a shorter name, or the ARN of a report group"),
                );
            }
        }
    }
}
