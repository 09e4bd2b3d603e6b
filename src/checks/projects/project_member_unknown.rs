//! The API has every member that a project gives.

use super::members::{self, Found};
use super::parts;
use crate::catalog::codebuild;
use crate::checks::{Rule, Subject};
use crate::diagnostic::{Diagnostics, Severity, begun, nearest};

pub(super) const RULE: Rule = Rule {
    code: "project-member-unknown",
    severity: Severity::Error,
    summary: "a raw project has a member that the API does not have there",
    why: "CreateProject takes a closed set of members; AWS's tools refuse a request with another. A name that is nearly \
          one of them, or that belongs to another part, is a mistake. What AWS has added since this pipectl was made \
          can be written under `api`: there it is a warning.",
    aws: "",
    wrong: "definition:\n  name: compile\n  buildSpec: buildspec.yml\n  source: {type: CODEPIPELINE}",
    right: "definition:\n  name: compile\n  source:\n    type: CODEPIPELINE\n    buildspec: buildspec.yml",
    link: "https://docs.aws.amazon.com/codebuild/latest/APIReference/API_CreateProject.html",
    facts: &[],
    check,
};

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    let api = &subject.model.added;
    let added = |span| api.iter().any(|added| added.path_of(span).is_some());
    members::each(subject, |project, path, found| {
        let Found::Unknown { entry, members } = found else {
            return;
        };
        let key = &entry.key;
        let place = parts::place(project, path);
        let message = format!("the API has no member `{key}` here");
        let names = || members.iter().map(|member| member.name.as_str());
        let near = nearest(key, names()).or_else(|| begun(key, names()));
        let finding = match (near, codebuild::elsewhere(key)) {
            (Some(near), _) => RULE
                .finding(entry.key_span, place, message)
                .help(format!("did you mean `{near}`?")),
            (None, Some((name, path))) => {
                RULE.finding(entry.key_span, place, message)
                    .help(match path.as_str() {
                        "" => format!("`{name}` stands in the project itself, not in a part of it"),
                        path => format!("`{name}` stands under `{path}`"),
                    })
            }
            (None, None) if added(entry.key_span) => RULE
                .doubtful(
                    entry.key_span,
                    place,
                    format!("{message}, as far as pipectl knows; it is sent as it is"),
                )
                .help("leave it out, unless AWS has added it since"),
            (None, None) => RULE.finding(entry.key_span, place, message).help(
                "leave it out; if AWS has added it since, write it under `api`, which is sent as it is",
            ),
        };
        diagnostics.push(finding.label("unknown member"));
    });
}
