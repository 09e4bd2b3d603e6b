//! A buildspec is YAML, and a map.

use super::placing;
use super::spec::{self, Form};
use crate::checks::{Rule, Subject};
use crate::diagnostic::{Diagnostic, Diagnostics, Severity};
use crate::tree::Data;

pub(super) const RULE: Rule = Rule {
    code: "buildspec-syntax",
    severity: Severity::Error,
    summary: "a buildspec is no YAML, or no map",
    why: "CodeBuild reads the buildspec when a build starts; what it cannot read ends the build at once with \
          YAML_FILE_ERROR. Tabs for indentation, a key that stands twice and a missing quote are the usual reasons.",
    aws: "YAML_FILE_ERROR",
    wrong: "buildspec: |\n  version: 0.2\n  phases:\n    build:\n    \tcommands: [make]",
    right: "buildspec: |\n  version: 0.2\n  phases:\n    build:\n      commands: [make]",
    link: "https://docs.aws.amazon.com/codebuild/latest/userguide/build-spec-ref.html",
    facts: &[],
    check,
};

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    for spec in spec::every(subject) {
        let (mut broken, mut read) = (false, None);
        let own = || placing::text(spec.projects.first()?);
        let text = spec.text.clone();
        if spec.form == Form::Text
            && let Some(text) = text.or_else(own)
        {
            let mut inside = Diagnostics::new();
            read = placing::read(&text, subject.sources, &mut inside);
            broken = inside.has_errors();
            for one in inside.iter() {
                diagnostics.push(Diagnostic {
                    code: RULE.code,
                    path: spec.place(&one.path),
                    message: format!("in the buildspec: {}", one.message),
                    ..one.clone()
                });
            }
        }
        let root = read.as_ref().unwrap_or(&spec.root);
        if broken
            || root.as_map().is_some()
            || matches!(root.data, Data::Unknown(_) | Data::Secret(_))
        {
            continue;
        }
        let message = if root.is_null() {
            "the buildspec is empty".to_owned()
        } else {
            format!(
                "a buildspec is a map of `version`, `phases` and more, not {}",
                root.kind()
            )
        };
        diagnostics.push(
            spec.finding(&RULE, root.span, "", message)
                .label("not a map")
                .help("begin with `version: 0.2` and `phases:`"),
        );
    }
}
