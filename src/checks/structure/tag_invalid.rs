//! Tags follow AWS's rules.

use super::wording::{below, unfit};
use crate::catalog::{codebuild, structure};
use crate::checks::{Rule, Subject};
use crate::diagnostic::{Diagnostics, Severity};
use crate::model::Text;

pub(super) const RULE: Rule = Rule {
    code: "tag-invalid",
    severity: Severity::Error,
    summary: "a tag has a key or a value that AWS does not take",
    why: "Keys of tags have 1 to 128 characters, values at most 256: letters, digits, spaces and `+ - = . _ : / @`. \
          Keys that begin with `aws:`, in whatever case, are AWS's own.",
    aws: "",
    wrong: "provider:\n  tags:\n    \"aws:team\": shop",
    right: "provider:\n  tags:\n    team: shop",
    link: "https://docs.aws.amazon.com/codepipeline/latest/userguide/limits.html",
    facts: &["C06"],
    check,
};

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    let model = subject.model;
    tags(subject, &model.provider.tags, "provider.tags", diagnostics);
    if model.projects.iter().any(|project| !project.existing) {
        of_projects(subject, diagnostics);
    }
    for pipeline in &model.pipelines {
        let path = below(&pipeline.path, "tags");
        tags(subject, &pipeline.tags, &path, diagnostics);
    }
}

/// Of the tags that projects get, too, CodeBuild takes a little less.
fn of_projects(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    let facts = &structure::structure().tags;
    let build = &codebuild::codebuild().project;
    for (key, value) in &subject.model.provider.tags {
        for (text, all, fact, what) in [
            (key, &facts.key, &build.tag_key, "key of a tag of projects"),
            (
                value,
                &facts.value,
                &build.tag_value,
                "value of a tag of projects",
            ),
        ] {
            // what no tag may be is said already
            if all.check(&text.value).is_ok() {
                let path = format!("provider.tags.{}", key.value);
                diagnostics.extend(unfit(&RULE, subject, text, fact, what, path));
            }
        }
    }
}

fn tags(subject: &Subject<'_>, tags: &[(Text, Text)], path: &str, diagnostics: &mut Diagnostics) {
    let facts = &structure::structure().tags;
    let reserved = &facts.reserved_prefix;
    for (key, value) in tags {
        let path = format!("{path}.{}", key.value);
        let begins = key.value.get(..reserved.len());
        if begins.is_some_and(|begin| begin.eq_ignore_ascii_case(reserved)) {
            diagnostics.push(
                RULE.finding(
                    subject.part(key, 0, reserved.len()),
                    path,
                    format!(
                        "the tag `{}` begins with `{reserved}`, which is AWS's own",
                        key.value
                    ),
                )
                .label("reserved")
                .help(format!("write `{}`", &key.value[reserved.len()..])),
            );
            continue;
        }
        diagnostics.extend(unfit(
            &RULE,
            subject,
            key,
            &facts.key,
            "key of a tag",
            path.clone(),
        ));
        diagnostics.extend(unfit(
            &RULE,
            subject,
            value,
            &facts.value,
            "value of a tag",
            path.clone(),
        ));
        for (text, what) in [(key, "key"), (value, "value")] {
            let seen = text.value.trim_end().len();
            if text.known && seen < text.value.len() {
                let message = match seen {
                    0 => format!("the {what} of a tag has spaces only"),
                    _ => format!("the {what} of the tag `{}` ends in a space", key.value),
                };
                let span = subject.part(text, seen, text.value.len());
                let finding = RULE
                    .finding(span, path.clone(), message)
                    .label("nothing but space")
                    .through(text.origin.as_ref());
                diagnostics.push(match seen {
                    0 => finding.help("give it letters, or leave the tag out"),
                    _ => finding.help(format!("write `{}`", &text.value[..seen])),
                });
            }
        }
    }
}
