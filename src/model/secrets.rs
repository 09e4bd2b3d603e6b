//! Where a secret may stand: only where the API itself keeps the value secret.

use crate::catalog::{actions, structure};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::tree::{Data, Node, Secret, SecretReference, SecretService};

use super::decode::{at, join};
use super::types::Text;

/// One step from the root of the file to a value.
#[derive(Clone, Copy)]
enum Step<'n> {
    Key(&'n str),
    Item(usize),
}

/// Reports every secret of the file that AWS would store or show in plain text.
pub(super) fn check(root: &Node, out: &mut Diagnostics) {
    let mut steps = Vec::new();
    for entry in root.as_map().unwrap_or_default() {
        // These two only feed variables; nothing in them goes anywhere by itself.
        if matches!(entry.key.as_str(), "params" | "custom") || entry.key.starts_with("x-") {
            continue;
        }
        steps.push(Step::Key(&entry.key));
        walk(&entry.value, &mut steps, out);
        steps.pop();
    }
}

fn walk<'n>(node: &'n Node, steps: &mut Vec<Step<'n>>, out: &mut Diagnostics) {
    match &node.data {
        Data::Map(entries) => {
            for entry in entries {
                steps.push(Step::Key(&entry.key));
                walk(&entry.value, steps, out);
                steps.pop();
            }
        }
        Data::List(items) => {
            for (index, item) in items.iter().enumerate() {
                steps.push(Step::Item(index));
                walk(item, steps, out);
                steps.pop();
            }
        }
        Data::Secret(secret) => exposed(node, steps, &secret.reference, out),
        // Offline nobody knows its value, and everybody that it is a secret.
        Data::Unknown(text) => {
            if let Some(reference) = surely_secret(text) {
                exposed(node, steps, &reference, out);
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

/// A text where the API keeps the value secret. One that was typed is as secret as one that is fetched: it is not shown,
/// and stands in no definition. What refers to a value elsewhere, and the mask for one that is there, stay as they are.
pub(super) fn kept(text: Text, place: &str) -> Text {
    let mask = &structure::structure().secret_mask;
    let refers = ["#{", "${", "{{"]
        .iter()
        .any(|mark| text.value.contains(mark));
    if !text.known || text.secret.is_some() || refers || text.value == *mask {
        return text;
    }
    Text {
        secret: Some(Box::new(Secret::typed(text.value.as_str(), place))),
        value: mask.clone(),
        ..text
    }
}

/// Makes secrets of the texts of a whole file that were typed where the API keeps the value secret: for showing it.
pub fn conceal(node: &mut Node) {
    below(node, "");
}

fn below(node: &mut Node, owner: &str) {
    match &mut node.data {
        Data::Map(entries) => {
            for entry in entries {
                let place = kept_secret(&[owner, &entry.key]);
                if let (true, Data::Text(text)) = (place, &entry.value.data) {
                    let text = kept(Text::new(text.as_str(), entry.value.span), &entry.key);
                    if let Some(secret) = text.secret {
                        entry.value.data = Data::Secret(secret);
                    }
                }
                below(&mut entry.value, &entry.key);
            }
        }
        Data::List(items) => items.iter_mut().for_each(|item| below(item, owner)),
        _ => {}
    }
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

/// Reports a secret, unless the API keeps the value of this place secret.
fn exposed(node: &Node, steps: &[Step<'_>], reference: &SecretReference, out: &mut Diagnostics) {
    let mut path = String::new();
    let mut keys = Vec::new();
    for step in steps {
        match step {
            Step::Key(key) => {
                path = join(&path, key);
                keys.push(*key);
            }
            Step::Item(index) => path = at(&path, *index),
        }
    }
    if kept_secret(&keys) {
        return;
    }
    let name = &reference.name;
    let form = match reference.service {
        SecretService::SecretsManager => {
            let key = reference.key.as_ref();
            let key = key.map(|key| format!(":{key}")).unwrap_or_default();
            format!("{{secret: \"{name}{key}\"}}")
        }
        SecretService::ParameterStore => format!("{{ssm: {name}}}"),
        SecretService::Typed => "{secret: NAME}".to_owned(),
    };
    let variable = match keys.as_slice() {
        [.., "env", variable] => variable,
        _ => "NAME",
    };
    let message = format!("`{path}` would store the secret `{name}` in plain text");
    out.push(
        Diagnostic::error("secret-exposed", node.span, path, message)
            .label("a secret value")
            .help(format!(
                "let the build fetch it when it runs: `env: {{{variable}: {form}}}`"
            ))
            .through(node.origin.as_ref()),
    );
}
