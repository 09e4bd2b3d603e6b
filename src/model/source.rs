//! Sources: one map or a list, the key says which kind.

use crate::catalog::actions::{self, ActionType};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::tree::{Entry, Node};

use super::actions::blank;
use super::decode::{Item, Map, invalid, items_of, text_at};
use super::names;
use super::raw;
use super::root::Decoder;
use super::secrets;
use super::types::{Action, Output, Stage, Text};

const DETECT: [&str; 3] = ["events", "polling", "none"];

impl Decoder<'_> {
    /// The first stage, from `source:`; its actions are those of the list.
    pub(super) fn source_stage(&mut self, entry: &Entry, path: &str) -> Stage {
        let mut actions: Vec<Action> = Vec::new();
        if entry.value.as_list().is_some_and(<[Node]>::is_empty) {
            self.out.push(
                invalid(&entry.value, path, format!("`{path}` is an empty list"))
                    .help("say where the code is, e.g. `github: owner/repo`"),
            );
        }
        for item in items_of(entry, path, true, self.out) {
            let Some(action) = self.source(&item, !actions.is_empty()) else {
                continue;
            };
            actions.push(action);
        }
        Stage {
            name: Text::new("Source", entry.key_span),
            span: entry.key_span,
            path: path.to_owned(),
            actions,
            before_entry: None,
            on_success: None,
            on_failure: None,
            transition: None,
            raw: false,
            extra: Vec::new(),
            api: None,
        }
    }

    fn source(&mut self, item: &Item<'_>, further: bool) -> Option<Action> {
        let path = &item.path;
        let mut map = Map::open(item.node, path, item.owner, self.out)?;
        let mut kinds = actions::kinds("source");
        kinds.push("definition");
        let kind = map.kind(&kinds, "the source", self.out);
        let name = map.text("name", self.out);
        let Some(kind) = kind else {
            for key in ["branch", "connection", "output", "namespace", "actionRole"] {
                map.entry(key);
            }
            map.finish(self.out);
            return None;
        };
        if kind.key == "definition" {
            map.finish(self.out);
            return raw::action(
                &kind.value,
                &format!("{path}.definition"),
                kind.key_span,
                self.out,
            );
        }
        if further && name.is_none() {
            map.missing(
                "name",
                "the first source is called Source; a second needs a name of its own",
                self.out,
            );
        }
        // Reported once is enough: what follows sees a name of its own.
        let own = if further {
            format!("Source{}", kind.key_span.start())
        } else {
            "Source".to_owned()
        };
        let name = name.unwrap_or_else(|| Text::new(own, kind.key_span));
        let value = map.text(&kind.key, self.out);
        let version_one = kind.key == "github" && map.has("token");
        let action_type = if version_one {
            actions::by_id("source-github-v1")
        } else {
            actions::by_kind("source", &kind.key)
        };
        let mut action = blank(action_type?, None, name, kind.key_span, path, &kind.key);
        if let Some(value) = value {
            address(
                &mut action,
                action_type?,
                &kind.key,
                &kind.value,
                value,
                self.out,
            );
        }
        branch(&mut action, action_type?, &mut map, self.out);
        if version_one {
            let token = map.text("token", self.out);
            let token = token.map(|token| secrets::kept(token, "the token of the file"));
            set(&mut action, "OAuthToken", token);
        } else if action_type?.id == "source-connection" {
            map.hint("token", "a connection needs no token; keep `connection`");
            let connection = map.text("connection", self.out);
            if connection.is_none() && !map.has("connection") {
                map.missing(
                    "connection",
                    "give the ARN of a connection, e.g. `connection: ${ssm:/my/connection}`",
                    self.out,
                );
            }
            set(&mut action, "ConnectionArn", connection);
        }
        detection(&mut action, action_type?, &mut map, self.out);
        if let Some(clone) = map.word("clone", &["full"], self.out) {
            let full = Text {
                value: "CODEBUILD_CLONE_REF".to_owned(),
                ..clone
            };
            match action_type?.key("OutputArtifactFormat") {
                Some(_) => set(&mut action, "OutputArtifactFormat", Some(full)),
                None => self.out.push(
                    Diagnostic::error(
                        "value-invalid",
                        full.span,
                        map.at("clone"),
                        format!(
                            "a source of kind `{}` cannot hand on a full clone",
                            kind.key
                        ),
                    )
                    .label("not offered")
                    .help("use a connection or CodeCommit, or leave it out"),
                ),
            }
        }
        self.source_options(&mut action, &mut map);
        map.hint("ref", "write `branch`");
        map.hint(
            "repository",
            "the kind's key holds it, e.g. `github: owner/repo`",
        );
        map.hint("repo", "the kind's key holds it, e.g. `github: owner/repo`");
        super::actions::configuration_rest(&mut action, action_type?, &mut map, self.out);
        map.finish(self.out);
        Some(action)
    }

    fn source_options(&mut self, action: &mut Action, map: &mut Map<'_>) {
        let output = map.text("output", self.out);
        let output = output.unwrap_or_else(|| names::artifact(&action.name));
        action.outputs = vec![Output {
            name: output,
            files: Vec::new(),
        }];
        let namespace = map.text("namespace", self.out);
        action.namespace = Some(namespace.unwrap_or_else(|| names::namespace(&action.name)));
        let role = map.text("actionRole", self.out);
        action.role_arn = map.text("role", self.out).or(role);
        action.api = map.value("api", self.out).cloned();
        map.hint("region", "a source stands in the pipeline's region");
    }
}

/// Adds a configuration value, if there is one.
pub(super) fn set(action: &mut Action, key: &str, value: Option<Text>) {
    if let Some(value) = value {
        let key = Text::new(key, value.span);
        action.configuration.push((key, value));
    }
}

/// The kind's value, taken apart into what the API calls it.
fn address(
    action: &mut Action,
    action_type: &ActionType,
    kind: &str,
    node: &Node,
    value: Text,
    out: &mut Diagnostics,
) {
    let path = format!("{}.{kind}", action.path);
    let repository = matches!(
        action_type.id.as_str(),
        "source-github-v1" | "source-connection"
    );
    if repository && value.known && value.value.contains(['@', ':']) {
        out.push(
            invalid(
                node,
                &path,
                format!("`{path}` must be owner/repository, not an address"),
            )
            .help(match repository_of(&value.value) {
                plain if plain.contains('/') => format!("write `{plain}`"),
                _ => "write it as owner/repository".to_owned(),
            }),
        );
        return;
    }
    if value.known
        && let Some((form, plain)) = elsewhere(&action_type.id, &value.value)
    {
        let message = format!("`{path}` must be {form}, not an address");
        let error = invalid(node, &path, message);
        out.push(error.help(match plain {
            "" => format!("write it as {form}"),
            plain => format!("write `{plain}`"),
        }));
        return;
    }
    let mut pair = |first: &str, second: &str, separator: char, form: &str| {
        let Some((left, right)) = split(&value.value, separator) else {
            if value.known {
                out.push(
                    invalid(
                        node,
                        &path,
                        format!("`{path}` must be {form}, not `{}`", value.value),
                    )
                    .help(format!("write it as {form}")),
                );
            } else {
                // One unknown value for both halves: neither can be told from the other here.
                set(action, first, Some(value.clone()));
                set(action, second, Some(value.clone()));
            }
            return;
        };
        let part = |text: &str| Text {
            known: !text.contains("${"),
            ..text_at(node, text)
        };
        set(action, first, Some(part(left)));
        set(action, second, Some(part(right)));
    };
    match action_type.id.as_str() {
        "source-github-v1" => pair("Owner", "Repo", '/', "owner/repository"),
        "source-s3" => pair("S3Bucket", "S3ObjectKey", '/', "bucket/key"),
        "source-ecr" => match split(&value.value, ':') {
            Some(_) => pair("RepositoryName", "ImageTag", ':', "repository:tag"),
            None => set(action, "RepositoryName", Some(value)),
        },
        "source-codecommit" => set(action, "RepositoryName", Some(value)),
        _ => {
            if value.known && !value.value.contains('/') {
                out.push(
                    invalid(
                        node,
                        &path,
                        format!("`{path}` must be owner/repository, not `{}`", value.value),
                    )
                    .help("write it as owner/repository"),
                );
            }
            set(action, "FullRepositoryId", Some(value));
        }
    }
}

/// An address where a name belongs: what belongs there, and the name in the address.
fn elsewhere<'v>(id: &str, value: &'v str) -> Option<(&'static str, &'v str)> {
    let (form, plain) = match id {
        "source-s3" => (
            "bucket/key",
            value
                .strip_prefix("s3://")
                .or_else(|| Some(value.split_once(":::")?.1)),
        ),
        "source-ecr" => {
            let host = value.split('/').next().unwrap_or_default();
            let behind = value.split_once('/').map(|(_, name)| name);
            match value.strip_prefix("arn:") {
                Some(arn) => (
                    "repository:tag",
                    arn.split_once(":repository/").map(|at| at.1),
                ),
                None if host.contains(".dkr.ecr.") => ("repository:tag", behind),
                None => return None,
            }
        }
        "source-codecommit" => {
            let last = value.trim_end_matches('/').rsplit(['/', ':']).next();
            let last = last.map(|name| name.strip_suffix(".git").unwrap_or(name));
            ("the repository's name", last)
        }
        _ => return None,
    };
    let address = value.contains("://") || value.starts_with("arn:") || id == "source-ecr";
    address.then(|| (form, plain.unwrap_or_default()))
}

/// `https://host/owner/repository.git`, `git@host:owner/repository` and the like as owner/repository.
pub fn repository_of(address: &str) -> &str {
    let id = address.split_once("://").map_or(address, |(_, rest)| rest);
    let id = id.split_once('@').map_or(id, |(_, rest)| rest);
    let id = match id.split_once([':', '/']) {
        Some((host, rest)) if host.contains('.') => rest,
        _ => id,
    };
    let id = id.trim_matches('/');
    id.strip_suffix(".git").unwrap_or(id)
}

/// The text before and after the first separator that stands outside `${…}`.
fn split(text: &str, separator: char) -> Option<(&str, &str)> {
    let mut depth = 0_usize;
    let mut before = ' ';
    for (index, c) in text.char_indices() {
        match c {
            '{' if before == '$' || depth > 0 => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ if c == separator && depth == 0 => {
                let (left, right) = (&text[..index], &text[index + c.len_utf8()..]);
                return (!left.is_empty() && !right.is_empty()).then_some((left, right));
            }
            _ => {}
        }
        before = c;
    }
    None
}

fn branch(action: &mut Action, action_type: &ActionType, map: &mut Map<'_>, out: &mut Diagnostics) {
    let key = ["BranchName", "Branch"]
        .into_iter()
        .find(|key| action_type.key(key).is_some());
    let Some(key) = key else {
        map.hint("branch", "this kind of source has no branches");
        return;
    };
    if !map.has("branch") {
        map.missing("branch", "e.g. `branch: main`", out);
    }
    set(action, key, map.text("branch", out));
}

/// `detect`, and with it the key that switches polling: polling is never left to AWS's default.
fn detection(
    action: &mut Action,
    action_type: &ActionType,
    map: &mut Map<'_>,
    out: &mut Diagnostics,
) {
    let detect = map.word("detect", &DETECT, out);
    let polling = detect.as_ref().is_some_and(|word| word.value == "polling");
    if let Some(key) = &action_type.polling_key {
        if !map.has("poll") && !map.has("pollForSourceChanges") {
            let span = detect.as_ref().map_or(action.span, |word| word.span);
            let value = if polling { "true" } else { "false" };
            set(action, key, Some(Text::new(value, span)));
        }
    } else if let Some(word) = detect.as_ref().filter(|_| polling) {
        out.push(
            Diagnostic::error(
                "value-invalid",
                word.span,
                map.at("detect"),
                format!("a source of kind `{}` cannot poll", action.kind),
            )
            .label("not offered")
            .help("write `detect: events`, or leave it out"),
        );
    } else if let Some(word) = &detect
        && action_type.key("DetectChanges").is_some()
    {
        let value = if word.value == "none" {
            "false"
        } else {
            "true"
        };
        set(action, "DetectChanges", Some(Text::new(value, word.span)));
    }
    action.detect = detect;
}

/// Whether a source action is one of a connection, which triggers can name.
pub(super) fn is_connection(action: &Action) -> bool {
    action.provider.value == "CodeStarSourceConnection"
}

#[cfg(test)]
mod tests {
    use super::{elsewhere, split};

    #[test]
    fn addresses_hold_names() {
        for (id, address, name) in [
            ("source-s3", "s3://shop/source.zip", "shop/source.zip"),
            (
                "source-s3",
                "arn:aws:s3:::shop/source.zip",
                "shop/source.zip",
            ),
            ("source-s3", "https://shop.s3.amazonaws.com/source.zip", ""),
            (
                "source-ecr",
                "111122223333.dkr.ecr.eu-west-1.amazonaws.com/shop/web:1",
                "shop/web:1",
            ),
            (
                "source-ecr",
                "arn:aws:ecr:eu-west-1:111122223333:repository/shop",
                "shop",
            ),
            (
                "source-codecommit",
                "https://git-codecommit.eu-west-1.amazonaws.com/v1/repos/shop",
                "shop",
            ),
            (
                "source-codecommit",
                "arn:aws:codecommit:eu-west-1:111122223333:shop",
                "shop",
            ),
        ] {
            let found = elsewhere(id, address).map(|(_, name)| name);
            assert_eq!(found, Some(name), "{address}");
        }
        for (id, name) in [
            ("source-s3", "shop/arn/source.zip"),
            ("source-ecr", "shop/web:1"),
            ("source-codecommit", "shop.git"),
        ] {
            assert_eq!(elsewhere(id, name), None, "{name}");
        }
    }

    #[test]
    fn variables_are_not_taken_apart() {
        assert_eq!(split("a/b/c", '/'), Some(("a", "b/c")));
        assert_eq!(
            split("${ssm:/o/x}/${ssm:/r}", '/'),
            Some(("${ssm:/o/x}", "${ssm:/r}"))
        );
        assert_eq!(split("${ssm:/o/x}", '/'), None);
        assert_eq!(split("a/", '/'), None);
    }
}
