//! What a scalar means by the core schema of YAML 1.2, and what CloudFormation's tags stand for.

use crate::source::Span;
use crate::tree::{Data, Entry, Node, Written};

/// CloudFormation's functions by their tag; `Ref` and `Condition` have no `Fn::`.
const FUNCTIONS: &[(&str, &str)] = &[
    ("And", "Fn::And"),
    ("Base64", "Fn::Base64"),
    ("Cidr", "Fn::Cidr"),
    ("Condition", "Condition"),
    ("Equals", "Fn::Equals"),
    ("FindInMap", "Fn::FindInMap"),
    ("GetAtt", "Fn::GetAtt"),
    ("GetAZs", "Fn::GetAZs"),
    ("If", "Fn::If"),
    ("ImportValue", "Fn::ImportValue"),
    ("Join", "Fn::Join"),
    ("Not", "Fn::Not"),
    ("Or", "Fn::Or"),
    ("Ref", "Ref"),
    ("Select", "Fn::Select"),
    ("Split", "Fn::Split"),
    ("Sub", "Fn::Sub"),
];

/// The key of the map a tag becomes.
pub(super) fn function(tag: &str) -> Option<&'static str> {
    FUNCTIONS
        .iter()
        .find(|(name, _)| *name == tag)
        .map(|(_, key)| *key)
}

/// `!Sub x` as `{"Fn::Sub": x}`; `!GetAtt A.B.C` as `["A", "B.C"]`.
pub(super) fn call(key: &'static str, tag: Span, argument: Node) -> Node {
    let span = tag.to(argument.span);
    let argument = match argument.as_str() {
        Some(text) if key == "Fn::GetAtt" => {
            let (logical, attribute) = text.split_once('.').unwrap_or((text, ""));
            let parts = vec![
                Node::text(logical, argument.span),
                Node::text(attribute, argument.span),
            ];
            Node::list(parts, argument.span)
        }
        _ => argument,
    };
    Node::map(
        vec![Entry {
            key: key.to_owned(),
            key_span: tag,
            value: argument,
        }],
        span,
    )
}

/// How many values a node holds, itself included.
pub(super) fn size(node: &Node) -> usize {
    1 + match &node.data {
        Data::List(items) => items.iter().map(size).sum(),
        Data::Map(entries) => entries.iter().map(|entry| size(&entry.value)).sum(),
        _ => 0,
    }
}

/// A plain scalar by the core schema, with its text as written.
pub(super) fn plain(text: &str, span: Span) -> Node {
    let text_itself = || Data::Text(text.to_owned());
    // Almost every scalar is a text, as its first character tells.
    let data = match text.as_bytes().first() {
        Some(b'~' | b'n' | b'N' | b't' | b'T' | b'f' | b'F') | None => match text {
            "" | "~" | "null" | "Null" | "NULL" => Data::Null,
            "true" | "True" | "TRUE" => Data::Bool(true),
            "false" | "False" | "FALSE" => Data::Bool(false),
            _ => text_itself(),
        },
        Some(b'0'..=b'9' | b'+' | b'-' | b'.') => {
            number(text).map_or_else(text_itself, Data::Number)
        }
        Some(_) => text_itself(),
    };
    let raw = match data {
        Data::Text(_) => Written::itself(),
        _ => Written::new(text),
    };
    Node {
        raw: Some(raw),
        ..Node::new(data, span)
    }
}

/// A scalar that carries `!!int` and the like; `None` if it is none.
pub(super) fn typed(tag: &str, text: &str, span: Span) -> Option<Node> {
    let node = plain(text, span);
    match (tag, &node.data) {
        ("str", _) => Some(Node {
            raw: None,
            ..Node::text(text, span)
        }),
        ("null", Data::Null) | ("bool", Data::Bool(_)) | ("float", Data::Number(_)) => Some(node),
        ("int", Data::Number(value)) if value.fract() == 0.0 => Some(node),
        _ => None,
    }
}

/// A number of the core schema: `0777` is 777, `0o17` is 15, `0x10` is 16; `1_000` is none.
fn number(text: &str) -> Option<f64> {
    let (sign, digits) = match text.as_bytes().first()? {
        b'-' => (-1.0, &text[1..]),
        b'+' => (1.0, &text[1..]),
        _ => (1.0, text),
    };
    match digits {
        ".inf" | ".Inf" | ".INF" => return Some(sign * f64::INFINITY),
        ".nan" | ".NaN" | ".NAN" if digits.len() == text.len() => return Some(f64::NAN),
        _ => {}
    }
    for (prefix, radix) in [("0o", 8), ("0x", 16), ("0b", 2)] {
        if let Some(rest) = digits.strip_prefix(prefix) {
            if rest.is_empty() {
                return None;
            }
            let value = rest.chars().try_fold(0.0, |value: f64, digit| {
                digit
                    .to_digit(radix)
                    .map(|digit| value.mul_add(f64::from(radix), f64::from(digit)))
            })?;
            return Some(sign * value);
        }
    }
    let first = digits.bytes().next()?;
    let allowed =
        |byte: u8| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E' | b'-' | b'+');
    let looks_like_one = first.is_ascii_digit() || (first == b'.' && digits.len() > 1);
    if !looks_like_one || !digits.bytes().all(allowed) {
        return None;
    }
    digits.parse::<f64>().ok().map(|value| sign * value)
}
