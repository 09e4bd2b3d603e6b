//! Where a secret may stand: only where the API itself keeps the value secret.

use crate::catalog::actions;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::tree::{Data, Node, SecretReference, SecretService};

use super::decode::{at, join};

/// Reports every secret of the file that AWS would store or show in plain text.
pub(super) fn check(root: &Node, out: &mut Diagnostics) {
    for entry in root.as_map().unwrap_or_default() {
        // These two only feed variables; nothing in them goes anywhere by itself.
        if matches!(entry.key.as_str(), "params" | "custom") || entry.key.starts_with("x-") {
            continue;
        }
        walk(&entry.value, &entry.key, &[entry.key.as_str()], out);
    }
}

fn walk<'n>(node: &'n Node, path: &str, keys: &[&'n str], out: &mut Diagnostics) {
    match &node.data {
        Data::Map(entries) => {
            for entry in entries {
                let mut keys = keys.to_vec();
                keys.push(&entry.key);
                walk(&entry.value, &join(path, &entry.key), &keys, out);
            }
        }
        Data::List(items) => {
            for (index, item) in items.iter().enumerate() {
                walk(item, &at(path, index), keys, out);
            }
        }
        Data::Secret(secret) if !kept_secret(keys) => {
            out.push(exposed(node, path, keys, &secret.reference));
        }
        // Offline nobody knows its value, and everybody that it is a secret.
        Data::Unknown(text) if !kept_secret(keys) => {
            if let Some(reference) = surely_secret(text) {
                out.push(exposed(node, path, keys, &reference));
            }
        }
        _ => {}
    }
}

/// The secret of a placeholder `${secret:ID:KEY}` or `${secret(REGION):ID:KEY}`.
fn surely_secret(text: &str) -> Option<SecretReference> {
    let (region, address) = text.match_indices("${secret").find_map(|(at, word)| {
        let rest = &text[at + word.len()..];
        let (region, rest) = match rest.strip_prefix('(') {
            Some(params) => params.split_once(')')?,
            None => ("", rest),
        };
        Some((region.trim(), rest.trim_start().strip_prefix(':')?))
    })?;
    let address = address.split(['}', ',']).next()?.trim();
    let (name, key) = match address.split_once(':') {
        Some((name, rest)) if name != "arn" => (name, rest.split(':').next()),
        _ => (address, None),
    };
    Some(SecretReference {
        service: SecretService::SecretsManager,
        name: name.to_owned(),
        key: key.filter(|key| !key.is_empty()).map(ToOwned::to_owned),
        region: region.to_owned(),
        fingerprint: String::new(),
    })
}

/// Whether the API keeps the value of this place secret.
fn kept_secret(keys: &[&str]) -> bool {
    let Some((last, owner)) = keys.split_last() else {
        return false;
    };
    let secret_key = |word: &str| {
        let types = actions::all().iter();
        types
            .filter_map(|kind| kind.key(word).or_else(|| kind.friendly(word)))
            .any(|key| key.secret)
    };
    matches!(owner.last(), Some(&"source" | &"configuration")) && secret_key(last)
}

fn exposed(node: &Node, path: &str, keys: &[&str], reference: &SecretReference) -> Diagnostic {
    let name = &reference.name;
    let form = match reference.service {
        SecretService::SecretsManager => {
            let key = reference.key.as_ref();
            let key = key.map(|key| format!(":{key}")).unwrap_or_default();
            format!("{{secret: \"{name}{key}\"}}")
        }
        SecretService::ParameterStore => format!("{{ssm: {name}}}"),
    };
    let variable = match keys {
        [.., "env", variable] => variable,
        _ => "NAME",
    };
    Diagnostic::error(
        "secret-exposed",
        node.span,
        path,
        format!("`{path}` would store the secret `{name}` in plain text"),
    )
    .label("a secret value")
    .help(format!(
        "let the build fetch it when it runs: `env: {{{variable}: {form}}}`"
    ))
    .through(node.origin.as_ref())
}
