//! A repository is named as its provider names it: owner and repository, no URL.

use crate::checks::flow::{self, Step};
use crate::checks::{Rule, Subject, templates};
use crate::diagnostic::{Diagnostics, Severity};

use super::form;
use crate::model::repository_of;

pub(super) const RULE: Rule = Rule {
    code: "repository-id",
    severity: Severity::Error,
    summary: "a repository is given as a URL, or not as owner/repository",
    why: "A connection knows the host already; FullRepositoryId is the owner and the repository with a slash between, \
          in the exact case of the provider, without https://, host and .git. AWS takes the pipeline whatever stands \
          here, and the source then fails or never starts anything. Owner and Repo of the old GitHub action are one \
          name each; another is a warning.",
    aws: "",
    wrong: "source:\n  github: shop/shop.git\n  branch: main\n  connection: ${ssm:/shop/connection}",
    right: "source:\n  github: shop/shop\n  branch: main\n  connection: ${ssm:/shop/connection}",
    link: "https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-CodestarConnectionSource.html",
    facts: &[],
    check,
};

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    for step in flow::all_steps(subject.model) {
        match step.kind().map(|kind| kind.id.as_str()) {
            Some("source-connection") => connection(&step, diagnostics),
            Some("source-github-v1") => version_one(&step, diagnostics),
            _ => {}
        }
    }
}

fn connection(step: &Step<'_>, diagnostics: &mut Diagnostics) {
    let Some(text) = step.configuration("FullRepositoryId") else {
        return;
    };
    if !form::fixed(text) || text.value.is_empty() {
        return;
    }
    let id = text.value.as_str();
    let slash = id.contains('/');
    // what has no slash, or is an address, is refused already while a friendly file is read
    let short = !step.action.raw && !form::of_api(step, "configuration", "FullRepositoryId");
    if short && (!slash || id.contains(['@', ':'])) {
        return;
    }
    let path = step.path("FullRepositoryId");
    if let Some(told) = templates::told(&RULE, text, &path) {
        diagnostics.push(told);
        return;
    }
    let parts: Vec<&str> = id.split('/').collect();
    let url = id.contains("://") || id.contains('@') || id.contains(':');
    let host = parts.len() > 2 && parts[0].contains('.');
    let help = match repository_of(id) {
        better if better != id && better.contains('/') => format!("write `{better}`"),
        _ => "write it as owner/repository".to_owned(),
    };
    let shown = form::short(id);
    let finding = if url || host {
        RULE.finding(
            text.span,
            path,
            format!("`{shown}` is an address, not owner/repository"),
        )
        .label("an address")
    } else if id.ends_with(".git") {
        RULE.finding(
            text.span,
            path,
            format!("the repository `{shown}` is given with `.git`"),
        )
        .label("ends in .git")
    } else if id.chars().any(char::is_whitespace) || parts.iter().any(|part| part.is_empty()) {
        RULE.finding(
            text.span,
            path,
            format!("`{shown}` is not owner/repository"),
        )
        .label("not owner/repository")
    } else if !slash {
        // placeholders and the like: AWS takes them, and nothing is found there
        RULE.doubtful(text.span, path, format!("`{shown}` has no owner"))
            .label("without owner")
    } else if parts.len() > 2 && matches!(step.action.kind.as_str(), "github" | "bitbucket") {
        RULE.finding(
            text.span,
            path,
            format!("`{shown}` has more than an owner and a repository"),
        )
        .label("too many parts")
    } else {
        return;
    };
    diagnostics.push(finding.help(help).through(text.origin.as_ref()));
}

fn version_one(step: &Step<'_>, diagnostics: &mut Diagnostics) {
    for key in ["Owner", "Repo"] {
        let Some(text) = step.configuration(key).filter(|text| form::fixed(text)) else {
            continue;
        };
        let value = text.value.as_str();
        let shown = form::short(value);
        let message = if value.contains(['/', ':']) {
            format!("`{key}` holds `{shown}`: it is one name, not an address or a path")
        } else if key == "Repo" && value.ends_with(".git") {
            format!("the repository `{shown}` is given with `.git`")
        } else {
            continue;
        };
        let plain = repository_of(value);
        let better = match (key, plain.split_once('/')) {
            ("Owner", Some((owner, _))) => owner,
            (_, Some((_, repository))) => repository,
            (_, None) => plain,
        };
        diagnostics.push(
            // nothing says what these may look like, and pipelines with addresses live
            RULE.doubtful(text.span, step.path(key), message)
                .label("not a plain name")
                .help(format!("write `{better}`"))
                .through(text.origin.as_ref()),
        );
    }
}

#[cfg(test)]
mod tests {
    use crate::model::repository_of as plain;

    #[test]
    fn addresses_are_brought_to_owner_and_repository() {
        for (id, better) in [
            ("https://github.com/shop/shop.git", "shop/shop"),
            ("git@github.com:shop/shop.git", "shop/shop"),
            ("github.com/shop/shop", "shop/shop"),
            ("shop/shop.git", "shop/shop"),
            ("group/sub/shop", "group/sub/shop"),
            ("shop/my.site", "shop/my.site"),
        ] {
            assert_eq!(plain(id), better, "{id}");
        }
    }
}
