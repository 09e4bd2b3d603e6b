//! A buildspec has the keys that CodeBuild reads.

use super::grammar::{self, Found};
use crate::catalog::buildspec::buildspec;
use crate::catalog::codebuild::codebuild;
use crate::checks::fields;
use crate::checks::{Rule, Subject};
use crate::diagnostic::{Diagnostics, Severity, nearest};
use crate::tree::Node;

pub(super) const RULE: Rule = Rule {
    code: "buildspec-key-unknown",
    severity: Severity::Warning,
    summary: "a buildspec has a key that CodeBuild does not read there",
    why: "CodeBuild passes over keys that it does not know, or refuses the buildspec when a build starts: the \
          documentation does not say which. Either way what stands under the key is not done.",
    aws: "",
    wrong: "buildspec:\n  version: 0.2\n  phases:\n    postbuild:\n      commands: [make report]",
    right: "buildspec:\n  version: 0.2\n  phases:\n    post_build:\n      commands: [make report]",
    link: "https://docs.aws.amazon.com/codebuild/latest/userguide/build-spec-ref.html",
    facts: &[],
    check,
};

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    grammar::all(subject, &mut |spec, path, found| {
        let Found::Unknown { entry, names } = found else {
            return;
        };
        let key = spec.called(&entry.key);
        let inside = path.rsplit_once('.').map_or("", |(above, _)| above);
        // version 0.1 had it, and of that version a rule of its own speaks
        let version = spec.root.get("version").and_then(Node::scalar_text);
        if inside.is_empty() && entry.key == OLD && version.as_deref() == Some("0.1") {
            return;
        }
        let message = match inside {
            "" => format!("a buildspec has no `{key}`"),
            "phases" => format!("there is no phase `{key}`"),
            "phases.install" | "phases.pre_build" | "phases.build" | "phases.post_build" => {
                format!("a phase has no `{key}`")
            }
            _ => {
                let above = inside.rsplit('.').next().unwrap_or(inside);
                let above = above.split('[').next().unwrap_or(above);
                format!("`{}` has no `{key}`", spec.called(above))
            }
        };
        let finding = spec
            .finding(&RULE, entry.key_span, path, message)
            .label("not read");
        let near = nearest(&entry.key, names.iter().copied());
        let help = match (belongs(&entry.key, inside), near) {
            (_, Some(near)) => format!("did you mean `{}`?", spec.called(near)),
            (Some(help), None) => help,
            (None, None) => {
                let names: Vec<String> = names.iter().map(|name| spec.called(name)).collect();
                format!("there are: {}", names.join(", "))
            }
        };
        diagnostics.push(finding.help(help));
    });
}

/// How version 0.1 called `env`.
const OLD: &str = "environment_variables";

/// Where else the key belongs.
fn belongs(key: &str, inside: &str) -> Option<String> {
    let language = buildspec();
    if inside.is_empty() && key == OLD {
        return Some(
            "write `env: {variables: {NAME: VALUE}}`: this is how version 0.1 wrote it".to_owned(),
        );
    }
    if language.phases.iter().any(|phase| phase == key) {
        return Some(format!("`{key}` is a phase: it stands under `phases`"));
    }
    if inside.starts_with("phases.") && codebuild().runtimes.contains_key(key) {
        return Some(format!(
            "`{key}` is a runtime: indent it under `runtime-versions` of `install`"
        ));
    }
    if language.install_only.iter().any(|name| name == key) {
        return Some(format!("`{key}` stands in the phase `install`"));
    }
    if inside == "env" {
        return Some(format!(
            "variables stand one level deeper: `variables: {{{key}: …}}`"
        ));
    }
    if matches!(key, "run" | "script" | "steps") && inside.starts_with("phases.") {
        return Some("commands stand under `commands`, a list".to_owned());
    }
    if key == "type" && inside.starts_with("artifacts") {
        return Some("leave it out: the project says how artifacts are packed".to_owned());
    }
    let places = [
        ("", &language.keys),
        ("env", &language.env),
        ("artifacts", &language.artifacts),
        ("cache", &language.cache),
        ("batch", &language.batch.keys),
    ];
    let (place, _) = places
        .into_iter()
        .filter(|(place, _)| *place != inside)
        .find(|(_, keys)| keys.iter().any(|known| known.name == key))?;
    Some(if place.is_empty() {
        format!("`{key}` stands at the top of the buildspec")
    } else {
        format!(
            "`{}` is a key of the buildspec's `{place}`",
            fields::join("", key)
        )
    })
}
