//! A buildspec has the keys that CodeBuild needs.

use super::grammar::{self, Found};
use crate::checks::{Rule, Subject, fields};
use crate::diagnostic::{Diagnostics, Severity};

pub(super) const RULE: Rule = Rule {
    code: "buildspec-key-missing",
    severity: Severity::Error,
    summary: "a buildspec lacks a key that CodeBuild needs",
    why: "A buildspec needs phases, every phase but `install` needs commands, artifacts and reports need files, a cache \
          needs paths, and every build of a list or graph needs an identifier. A phase with `finally` alone is a warning.",
    aws: "",
    wrong: "buildspec:\n  version: 0.2\n  phases:\n    build:\n      commands: [make]\n  artifacts:\n    base-directory: out",
    right: "buildspec:\n  version: 0.2\n  phases:\n    build:\n      commands: [make]\n  artifacts:\n    base-directory: out\n    files: [\"**/*\"]",
    link: "https://docs.aws.amazon.com/codebuild/latest/userguide/build-spec-ref.html",
    facts: &[],
    check,
};

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    grammar::all(subject, &mut |spec, path, found| {
        let Found::Missing { span, name } = found else {
            return;
        };
        let inside = path.rsplit_once('.').map_or("", |(above, _)| above);
        let whose = inside.rsplit('.').next().unwrap_or(inside);
        let name = spec.called(name);
        let message = match name.as_str() {
            "phases" => "the buildspec has no phases: there is nothing to do".to_owned(),
            "commands" => format!("the phase `{whose}` has no commands"),
            "identifier" => "a build of a batch needs an `identifier`".to_owned(),
            _ => format!("`{}` needs `{name}`", spec.called(whose)),
        };
        let help = match name.as_str() {
            "phases" => "write `phases: {build: {commands: [COMMAND]}}`",
            "commands" => "give it `commands`, or leave the phase out",
            "files" => "write `files: [\"**/*\"]` for all, or the files you mean",
            "paths" => "write the folders and files to keep: `paths: [\"node_modules/**/*\"]`",
            "identifier" => "give it a name of letters, digits and underscores",
            _ => "add it",
        };
        // builds that only clean up were seen to run
        let cleans = || fields::get(&spec.root, &fields::join(inside, "finally")).is_some();
        let finding = if name == "commands" && cleans() {
            spec.doubtful(&RULE, span, path, message)
        } else {
            spec.finding(&RULE, span, path, message)
        };
        diagnostics.push(finding.label(format!("without `{name}`")).help(help));
    });
}
