//! `provider:` and what is given or made: roles and stores.

use crate::catalog::{iam, structure};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::tree::Data;

use super::decode::{Map, duration, entries, join, key_text, not_a_word, text, wrong_kind};
use super::types::{ArtifactStore, Given, MadeRole, Provider, Statement, Text};

/// Reads `provider:`.
pub(super) fn provider(mut map: Map<'_>, out: &mut Diagnostics) -> Provider {
    if let Some(name) = map.text("name", out)
        && name.known
        && name.value != "aws"
    {
        out.push(not_a_word(&name, &map.at("name"), &["aws"]));
    }
    let mut provider = Provider {
        region: map.text("region", out),
        stage: map.text("stage", out),
        profile: map.text("profile", out),
        account_id: map.text("accountId", out),
        tags: map.text_map("tags", out),
        pipeline_role: role(&mut map, "pipelineRole", out),
        build_role: role(&mut map, "buildRole", out),
        events_role: role(&mut map, "eventsRole", out),
        permissions_boundary: map.text("permissionsBoundary", out),
        ..Provider::default()
    };
    if let Some(mut store) = map.map("artifactStore", out) {
        let regions = store.value("regions", out);
        let path = store.at("regions");
        provider.artifact_store = artifact_store(store, out);
        for entry in regions.map_or(&[][..], |node| entries(node, &path, out)) {
            let path = join(&path, &entry.key);
            if let Some(map) = Map::open(&entry.value, path, entry.key_span, out) {
                let store = artifact_store(map, out);
                provider.region_stores.push((key_text(entry), store));
            }
        }
    }
    if let Some(stage) = &provider.stage {
        check_stage(stage, &map.at("stage"), out);
    }
    if let Some(account) = &provider.account_id {
        check_account(account, &map.at("accountId"), out);
    }
    map.hint("role", "write `pipelineRole`, `buildRole` or `eventsRole`");
    map.hint("environment", "write `defaults.env`");
    map.hint("runtime", "write `defaults.runtimes`");
    map.hint("account", "write `accountId`");
    map.finish(out);
    provider
}

/// Whether a word can be a stage: it stands in tags and in names of parameters, where `/` parts it from others.
pub fn may_be_stage(word: &str) -> bool {
    structure::names().stage.check(word).is_ok()
}

fn wrong(text: &Text, path: &str, message: String) -> Diagnostic {
    Diagnostic::error("value-invalid", text.span, path, message).through(text.origin.as_ref())
}

fn check_stage(stage: &Text, path: &str, out: &mut Diagnostics) {
    if stage.known && !may_be_stage(&stage.value) {
        let help = structure::names().stage.characters.as_deref();
        out.push(
            wrong(stage, path, format!("`{}` cannot be a stage", stage.value))
                .help(format!("a stage consists of {}", help.unwrap_or_default())),
        );
    }
}

fn check_account(account: &Text, path: &str, out: &mut Diagnostics) {
    const DIGITS: usize = 12;
    let digits = account.value.chars().all(|c| c.is_ascii_digit());
    if account.known && !(digits && account.value.len() == DIGITS) {
        let message = format!("`{}` is no AWS account", account.value);
        out.push(wrong(account, path, message).help("an account is twelve digits"));
    }
}

fn artifact_store(mut map: Map<'_>, out: &mut Diagnostics) -> ArtifactStore {
    let path = map.at("bucket");
    let bucket = map
        .entry("bucket")
        .and_then(|entry| match &entry.value.data {
            Data::Map(members) => {
                let mut map = Map::of(members, path, entry.key_span);
                let name = map.text("name", out);
                map.finish(out);
                Some(Given::Made(name))
            }
            _ => text(&entry.value, &path, out).map(Given::Existing),
        });
    let path = map.at("retention");
    let retention = map.value("retention", out);
    let store = ArtifactStore {
        bucket,
        kms_key: map.text("kmsKey", out),
        retention_days: retention.and_then(|node| duration(node, &path, 86_400, out)),
    };
    map.finish(out);
    store
}

/// A role under `key`: a text exists, a map is made.
pub(super) fn role(map: &mut Map<'_>, key: &str, out: &mut Diagnostics) -> Option<Given<MadeRole>> {
    let path = map.at(key);
    let entry = map.entry(key)?;
    let Data::Map(members) = &entry.value.data else {
        return match &entry.value.data {
            Data::List(_) | Data::Bool(_) | Data::Null => {
                let expected = "a role (name or ARN) or a map of a role to make";
                out.push(wrong_kind(&entry.value, &path, expected));
                None
            }
            _ => text(&entry.value, &path, out).map(Given::Existing),
        };
    };
    let mut map = Map::of(members, path.clone(), entry.key_span);
    let made = MadeRole {
        name: map.text("name", out),
        allow: allow(&mut map, out),
        source_arn: map
            .boolean("sourceArn", out)
            .and_then(|(value, span)| value.then_some(span)),
        span: entry.key_span,
        path,
    };
    map.finish(out);
    Some(Given::Made(made))
}

/// The statements under `allow`.
pub(super) fn allow(map: &mut Map<'_>, out: &mut Diagnostics) -> Vec<Statement> {
    let mut statements = Vec::new();
    for item in map.items("allow", true, out) {
        let Some(mut map) = Map::open(item.node, item.path.clone(), item.owner, out) else {
            continue;
        };
        map.text("Sid", out);
        let effects: Vec<&str> = iam::grammar().effects.iter().map(String::as_str).collect();
        map.word("Effect", &effects, out);
        let path = map.at("Condition");
        let condition = map.value("Condition", out);
        if let Some(node) = condition.filter(|node| node.as_map().is_none() && !node.has_unknown())
        {
            out.push(
                wrong_kind(node, &path, "a map of operators")
                    .help("write it as `{StringEquals: {KEY: VALUE}}`"),
            );
        }
        for (key, or) in [("Action", "NotAction"), ("Resource", "NotResource")] {
            for key in [key, or] {
                map.texts(key, out);
            }
            if !map.has(key) && !map.has(or) {
                map.missing(
                    key,
                    "a statement says `Action` and `Resource`, as IAM writes them",
                    out,
                );
            }
        }
        map.hint("action", "IAM writes `Action`");
        map.hint("actions", "IAM writes `Action`");
        map.hint("resource", "IAM writes `Resource`");
        map.hint("resources", "IAM writes `Resource`");
        map.hint("effect", "IAM writes `Effect`");
        map.hint("condition", "IAM writes `Condition`");
        map.finish(out);
        statements.push(Statement {
            node: item.node.clone(),
            path: item.path,
        });
    }
    statements
}

/// Tags of one pipeline or project.
pub(super) fn tags(map: &mut Map<'_>, out: &mut Diagnostics) -> Vec<(Text, Text)> {
    map.text_map("tags", out)
}
