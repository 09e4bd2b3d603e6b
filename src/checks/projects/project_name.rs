//! Names, descriptions, tags and log groups of projects look as AWS takes them.

use std::collections::BTreeMap;

use super::parts;
use crate::catalog::codebuild::{self, codebuild};
use crate::catalog::structure;
use crate::catalog::text::TextRule;
use crate::checks::fields;
use crate::checks::{Rule, Subject};
use crate::diagnostic::{Diagnostic, Diagnostics, Severity};
use crate::model::{Project, Text};
use crate::source::Span;
use crate::tree::Node;

pub(super) const RULE: Rule = Rule {
    code: "project-name",
    severity: Severity::Error,
    summary: "a name, a description, a tag or a log group of a project is not one that AWS takes",
    why: "The name of a project has 2 to 150 letters, digits, hyphens and underscores and begins with a letter or digit; \
          its description has at most 255 characters. Log groups have letters, digits and . - _ / #.",
    aws: "",
    wrong: "projects:\n  compile:\n    name: shop.compile\n    run: make",
    right: "projects:\n  compile:\n    name: shop-compile\n    run: make",
    link: "https://docs.aws.amazon.com/codebuild/latest/APIReference/API_CreateProject.html",
    facts: &[],
    check,
};

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    let limits = codebuild::project();
    let group = &codebuild().logs.group_name;
    for project in subject.model.projects.iter().filter(|p| p.existing) {
        diagnostics.extend(existing(subject, project));
    }
    for project in parts::made(subject) {
        let definition = &project.definition;
        let mut one = |member: &str, noun: &str, rule: &TextRule, node: Option<&Node>| {
            if let Some(text) = node.and_then(fields::leaf) {
                judge(subject, project, member, noun, rule, &text, diagnostics);
            }
        };
        one(
            "name",
            "the name of a project",
            &limits.name,
            fields::get(definition, "name"),
        );
        let description = fields::get(definition, "description");
        one(
            "description",
            "a description",
            &limits.description,
            description,
        );
        let member = "logsConfig.cloudWatchLogs.groupName";
        let name = fields::get(definition, member)
            .filter(|name| fields::known(name).is_some_and(|name| !name.is_empty()));
        one(member, "the name of a log group", group, name);
        for (index, tag) in fields::items(definition, "tags").iter().enumerate() {
            let member = format!("tags[{index}]");
            let (key, value) = (fields::get(tag, "key"), fields::get(tag, "value"));
            one(
                &format!("{member}.key"),
                "the key of a tag",
                &limits.tag_key,
                key,
            );
            one(
                &format!("{member}.value"),
                "the value of a tag",
                &limits.tag_value,
                value,
            );
        }
        for (index, tag) in fields::items(definition, "tags").iter().enumerate() {
            let key = fields::get(tag, "key");
            diagnostics.extend(reserved(
                subject,
                project,
                &format!("tags[{index}].key"),
                key,
            ));
        }
        twice(project, diagnostics);
    }
}

/// A key that stands twice in the list of tags.
fn twice(project: &Project, diagnostics: &mut Diagnostics) {
    let mut seen: BTreeMap<&str, Span> = BTreeMap::new();
    for (index, tag) in fields::items(&project.definition, "tags")
        .iter()
        .enumerate()
    {
        let Some(node) = fields::get(tag, "key") else {
            continue;
        };
        let Some(key) = fields::known(node) else {
            continue;
        };
        let Some(first) = seen.get(key) else {
            seen.insert(key, node.span);
            continue;
        };
        let message = format!("the tag `{key}` is there twice");
        diagnostics.push(
            parts::doubtful(&RULE, project, &format!("tags[{index}].key"), node, message)
                .label("again here")
                .related(*first, "first here")
                .help("keep one of the two"),
        );
    }
}

/// The name of a project that exists, where it cannot be one: the run does not find it.
fn existing(subject: &Subject<'_>, project: &Project) -> Option<Diagnostic> {
    let text = Some(&project.name).filter(|name| name.known)?;
    let wrong = fields::wrong(&codebuild::project().name, &text.value)?;
    let span = wrong
        .at
        .map_or(text.span, |(start, end)| subject.part(text, start, end));
    let message = format!("the name of a project {}", wrong.words);
    let place = fields::join(&project.path, "existing");
    let finding = RULE
        .doubtful(span, place, message)
        .label(wrong.label())
        .through(text.origin.as_ref());
    Some(match text.value.rsplit_once(":project/") {
        Some((_, name)) => finding.help(format!("write the name, not the ARN: `{name}`")),
        None => finding.help(wrong.help()),
    })
}

/// A key that begins as AWS's own do.
fn reserved(
    subject: &Subject<'_>,
    project: &Project,
    member: &str,
    key: Option<&Node>,
) -> Option<Diagnostic> {
    let reserved = &structure::structure().tags.reserved_prefix;
    let text = key.and_then(fields::leaf)?;
    let begin = text.value.get(..reserved.len())?;
    begin.eq_ignore_ascii_case(reserved).then(|| {
        RULE.finding(
            subject.part(&text, 0, reserved.len()),
            parts::place(project, member),
            format!(
                "the tag `{}` begins with `{reserved}`, which is AWS's own",
                text.value
            ),
        )
        .label("reserved")
        .help(format!("write `{}`", &text.value[reserved.len()..]))
        .through(text.origin.as_ref())
    })
}

fn judge(
    subject: &Subject<'_>,
    project: &Project,
    member: &str,
    noun: &str,
    rule: &TextRule,
    text: &Text,
    diagnostics: &mut Diagnostics,
) {
    let Some(wrong) = fields::wrong(rule, &text.value) else {
        return;
    };
    let span = wrong
        .at
        .map_or(text.span, |(start, end)| subject.part(text, start, end));
    let finding = RULE
        .finding(
            span,
            parts::place(project, member),
            format!("{noun} {}", wrong.words),
        )
        .label(wrong.label())
        .through(text.origin.as_ref());
    let right: String = text
        .value
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || c == '_' {
                c
            } else {
                '-'
            }
        })
        .collect();
    diagnostics.push(
        if member == "name" && right != text.value && rule.check(&right).is_ok() {
            finding.help(format!("write `{right}`"))
        } else {
            finding.help(wrong.help())
        },
    );
}
