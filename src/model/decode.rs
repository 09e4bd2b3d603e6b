//! The one helper that reads maps: it remembers which keys were asked for, and reports the rest.

use std::borrow::Cow;

pub(super) use super::shape::{Shape, text_list, text_node};
pub(super) use crate::diagnostic::nearest;
use crate::diagnostic::{Diagnostic, Diagnostics, Key};
use crate::source::Span;
use crate::tree::{Data, Entry, Node};

use super::types::Text;

/// Words of other tools, with what this format says instead.
const FOREIGN: &[(&str, &str)] = &[
    ("script", "write the commands under `run`"),
    ("scripts", "write the commands under `run`"),
    ("steps", "write the commands under `run`, a text or a list"),
    ("before_script", "write `before`"),
    ("after_script", "write `after`"),
    ("on", "write `triggers`"),
    ("jobs", "write `stages`"),
    ("stage", "write `stages`, a list"),
    ("runs-on", "write `image` or `os`"),
    (
        "runtime",
        "write `runtimes`, e.g. `runtimes: {python: 3.13}`",
    ),
    ("environment", "write `env`"),
    (
        "variables",
        "write `env` for the environment of a build; pipeline variables stand at the pipeline",
    ),
    ("vars", "write `env`"),
    ("secrets", "write `env: {NAME: {secret: \"id:key\"}}`"),
    (
        "when",
        "for a manual step write an `approval` stage; for a condition `beforeEntry`",
    ),
    ("frameworkVersion", "write `requiredVersion`"),
    ("deploymentBucket", "write `provider.artifactStore`"),
    (
        "iam",
        "write `role` (a role that exists) or `allow` (statements for the role that is made)",
    ),
    ("iamRoleStatements", "write `allow`"),
    (
        "resources",
        "pipectl makes the pipeline and what belongs to it; deploy other resources from a stage, e.g. `deploy: {cloudformation: …}`",
    ),
    (
        "functions",
        "functions must exist or come from a stage that deploys them, e.g. `deploy: {lambda: …}`",
    ),
    ("plugins", "there are no plugins: leave it out"),
    ("package", "say what a build hands on with `artifacts`"),
    (
        "schedule",
        "write it under `triggers`: `triggers: {schedule: cron(…)}`",
    ),
    ("cron", "write `triggers: {schedule: cron(…)}`"),
    (
        "branches",
        "write `branch` at the source, `triggers: {push: {branches: …}}` for filters",
    ),
];

pub(super) use crate::yaml::join_key as join;

/// The path of an item of a list.
pub(super) fn at(path: &str, index: usize) -> String {
    format!("{path}[{index}]")
}

/// "one of `a`, `b`".
pub(super) fn one_of<'c>(words: impl IntoIterator<Item = &'c str>) -> String {
    let words: Vec<String> = words.into_iter().map(|word| format!("`{word}`")).collect();
    format!("one of {}", words.join(", "))
}

/// What a message calls a place; the root has no path.
fn place(path: &str) -> String {
    if path.is_empty() {
        "the file".to_owned()
    } else {
        format!("`{path}`")
    }
}

/// An error about a value.
pub(super) fn invalid(node: &Node, path: &str, message: impl Into<String>) -> Diagnostic {
    Diagnostic::error("value-invalid", node.span, path, message).through(node.origin.as_ref())
}

/// The error for a value of another kind than the place takes.
pub(super) fn wrong_kind(node: &Node, path: &str, expected: &str) -> Diagnostic {
    if node.is_null() {
        return empty(node, path, expected);
    }
    Diagnostic::error(
        "value-kind",
        node.span,
        path,
        format!("{} must be {expected}, not {}", place(path), node.kind()),
    )
    .label(format!("{} here", node.kind()))
    .help(format!("write {expected}"))
    .through(node.origin.as_ref())
}

fn empty(node: &Node, path: &str, expected: &str) -> Diagnostic {
    Diagnostic::error(
        "value-empty",
        node.span,
        path,
        format!("{} has no value; it must be {expected}", place(path)),
    )
    .label("nothing here")
    .help("give it a value or leave the key out; a value that begins with `#` is a comment unless it is quoted")
    .through(node.origin.as_ref())
}

/// A value of a closed set: the place, the words, the wrong one.
pub(super) fn not_a_word(text: &Text, path: &str, words: &[&str]) -> Diagnostic {
    let error = Diagnostic::error(
        "value-invalid",
        text.span,
        path,
        format!(
            "{} must be {}, not `{}`",
            place(path),
            one_of(words.iter().copied()),
            text.value
        ),
    )
    .label("not one of them")
    .through(text.origin.as_ref());
    match nearest(&text.value, words.iter().copied()) {
        Some(word) => error.help(format!("did you mean `{word}`?")),
        None => error.help(format!("write {}", one_of(words.iter().copied()))),
    }
}

/// A text that stands where `node` stands.
pub(super) fn text_at(node: &Node, value: impl Into<String>) -> Text {
    Text {
        value: value.into(),
        span: node.span,
        known: !node.has_unknown() && !matches!(node.data, Data::Secret(_)),
        secret: match &node.data {
            Data::Secret(secret) => Some(secret.clone()),
            _ => None,
        },
        origin: node.origin.clone(),
    }
}

/// Whether a value can be anything: not known offline, or a secret (which is reported on its own).
fn opaque(node: &Node) -> bool {
    matches!(node.data, Data::Unknown(_) | Data::Secret(_))
}

/// Whether what is described here cannot be seen: the value counts as given, and offline it is told that what
/// depends on it is left out.
pub(super) fn unseen(node: &Node, path: &str, out: &mut Diagnostics) -> bool {
    if matches!(node.data, Data::Unknown(_)) {
        out.push(
            Diagnostic::warning(
                "value-unknown",
                node.span,
                path,
                format!("what {} holds is not known offline", place(path)),
            )
            .label("only the account knows it")
            .help("what depends on it is not checked here; `plan` checks it all"),
        );
    }
    opaque(node)
}

/// A text; a number counts as it is written.
pub(super) fn text(node: &Node, path: &str, out: &mut Diagnostics) -> Option<Text> {
    match &node.data {
        Data::Bool(_) => {
            out.push(wrong_kind(node, path, "a text").help(format!(
                "quote it if the text is meant: \"{}\"",
                node.scalar_text().unwrap_or_default()
            )));
            None
        }
        _ => scalar(node, path, out),
    }
}

/// A text, number or boolean, as written.
pub(super) fn scalar(node: &Node, path: &str, out: &mut Diagnostics) -> Option<Text> {
    if matches!(node.data, Data::Secret(_)) {
        return Some(text_at(node, "****"));
    }
    let value = node.scalar_text();
    if value.is_none() {
        out.push(wrong_kind(node, path, "a text"));
    }
    value.map(|value| text_at(node, value))
}

/// A text where the API takes nothing else: what a raw form holds goes out as it is.
pub(super) fn api_text(node: &Node, path: &str, out: &mut Diagnostics) -> Option<Text> {
    if matches!(node.data, Data::Bool(_) | Data::Number(_)) {
        let written = node.scalar_text().unwrap_or_default();
        out.push(
            wrong_kind(node, path, "a text: the API takes nothing else here")
                .help(format!("quote it: \"{written}\"")),
        );
        return Some(text_at(node, written));
    }
    scalar(node, path, out)
}

/// What to type for a text that YAML takes apart at a colon and a space: `echo "a: b"`.
fn split_text(node: &Node) -> Option<String> {
    let [entry] = node.as_map()? else {
        return None;
    };
    let rest = entry.value.scalar_text()?;
    // of a value in quotes the quotes are gone, and a key in one word was perhaps meant
    if entry.value.raw.is_none() || !entry.key.contains(' ') {
        return None;
    }
    let whole = format!("{}: {rest}", entry.key).replace('\'', "''");
    Some(format!(
        "YAML takes it apart at the colon: quote the whole, '{whole}'"
    ))
}

/// A text, or a list of texts.
pub(super) fn texts(node: &Node, path: &str, out: &mut Diagnostics) -> Vec<Text> {
    match &node.data {
        Data::List(items) => items
            .iter()
            .enumerate()
            .filter_map(|(index, item)| {
                let path = at(path, index);
                if let Some(help) = split_text(item) {
                    out.push(wrong_kind(item, &path, "a text").help(help));
                    return None;
                }
                text(item, &path, out)
            })
            .collect(),
        Data::Map(_) | Data::Null => {
            let error = wrong_kind(node, path, "a text or a list of texts");
            out.push(match split_text(node) {
                Some(help) => error.help(help),
                None => error,
            });
            Vec::new()
        }
        _ => text(node, path, out).into_iter().collect(),
    }
}

/// `true` or `false`.
pub(super) fn boolean(node: &Node, path: &str, out: &mut Diagnostics) -> Option<bool> {
    match &node.data {
        Data::Bool(value) => Some(*value),
        // What a variable gives from outside is text.
        Data::Text(text) if node.origin.is_some() && matches!(text.as_str(), "true" | "false") => {
            Some(text == "true")
        }
        _ if opaque(node) => None,
        _ => {
            out.push(wrong_kind(node, path, "true or false"));
            None
        }
    }
}

/// A number; a text of digits counts if a variable gave it.
pub(super) fn number(node: &Node, path: &str, out: &mut Diagnostics) -> Option<f64> {
    match &node.data {
        Data::Number(value) => Some(*value),
        Data::Text(text) if node.origin.is_some() && text.trim().parse::<f64>().is_ok() => {
            text.trim().parse().ok()
        }
        _ if opaque(node) => None,
        _ => {
            out.push(wrong_kind(node, path, "a number"));
            None
        }
    }
}

/// A whole number from 0 to 2^32-1.
pub(super) fn whole(node: &Node, path: &str, out: &mut Diagnostics) -> Option<(u32, Span)> {
    let value = number(node, path, out)?;
    if value.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(&value) {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a whole number in range"
        )]
        return Some((value as u32, node.span));
    }
    let (must, help) = if value < 0.0 {
        ("cannot be below 0", "write a greater number".to_owned())
    } else if value.fract() == 0.0 {
        ("is too great a number", "write a smaller one".to_owned())
    } else {
        let near = format!("write `{}` or `{}`", value.floor(), value.ceil());
        ("must be a whole number", near)
    };
    out.push(invalid(node, path, format!("{} {must}", place(path))).help(help));
    None
}

/// A time span: a number of `unit`s (seconds), or `30s`, `5m`, `2h`, `7d`; the answer is in `unit`s.
pub(super) fn duration(
    node: &Node,
    path: &str,
    unit: u32,
    out: &mut Diagnostics,
) -> Option<(u32, Span)> {
    let Data::Text(text) = &node.data else {
        return whole(node, path, out);
    };
    let text = text.trim();
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let seconds = match text[digits.len()..].trim() {
        "" => Some(unit),
        "s" => Some(1),
        "m" | "min" => Some(60),
        "h" => Some(3600),
        "d" | "days" => Some(86_400),
        _ => None,
    };
    let total = digits
        .parse::<u32>()
        .ok()
        .zip(seconds)
        .and_then(|(number, seconds)| number.checked_mul(seconds));
    match total {
        Some(total) if total % unit == 0 => return Some((total / unit, node.span)),
        Some(_) => {
            let (units, least) = match unit {
                86_400 => ("days", "1d"),
                _ => ("minutes", "1m"),
            };
            out.push(
                invalid(
                    node,
                    path,
                    format!(
                        "{} counts whole {units}, and `{text}` are none",
                        place(path)
                    ),
                )
                .help(format!("the least is `{least}`")),
            );
        }
        None => out.push(
            invalid(
                node,
                path,
                format!("{} is not a time span: `{text}`", place(path)),
            )
            .help("write a number, or a text such as 5m, 2h, 7d"),
        ),
    }
    None
}

/// The texts of a map whose keys are names.
pub(super) fn text_map(node: &Node, path: &str, out: &mut Diagnostics) -> Vec<(Text, Text)> {
    entries(node, path, out)
        .iter()
        .filter_map(|entry| {
            let value = scalar(&entry.value, &join(path, &entry.key), out)?;
            Some((key_text(entry), value))
        })
        .collect()
}

/// Reports commands that are none: an empty text or list.
pub(super) fn commands_given(node: &Node, path: &str, out: &mut Diagnostics) {
    let text = node.as_str().is_some_and(|text| text.trim().is_empty());
    if text || node.as_list().is_some_and(<[Node]>::is_empty) {
        let error = invalid(node, path, format!("{} has no command", place(path)));
        out.push(error.help("give it one, e.g. `make test`, or leave it out"));
    }
}

/// The entries of a map whose keys are names; nothing, with an error, if it is none.
pub(super) fn entries<'n>(node: &'n Node, path: &str, out: &mut Diagnostics) -> &'n [Entry] {
    match &node.data {
        Data::Map(entries) => entries,
        _ if unseen(node, path, out) => &[],
        _ => {
            out.push(wrong_kind(node, path, "a map"));
            &[]
        }
    }
}

/// The items of a list, with their paths; a single value counts as a list of one where `single` says so.
pub(super) fn items<'n>(
    node: &'n Node,
    path: &str,
    single: bool,
    out: &mut Diagnostics,
) -> Vec<(String, &'n Node)> {
    match &node.data {
        Data::List(items) => items
            .iter()
            .enumerate()
            .map(|(index, item)| (at(path, index), item))
            .collect(),
        Data::Null => {
            out.push(wrong_kind(
                node,
                path,
                if single { "given" } else { "a list" },
            ));
            Vec::new()
        }
        Data::Secret(_) => Vec::new(),
        _ if single => vec![(path.to_owned(), node)],
        _ if unseen(node, path, out) => Vec::new(),
        _ => {
            out.push(wrong_kind(node, path, "a list"));
            Vec::new()
        }
    }
}

/// An item of a list, or what stands there by itself.
pub(super) struct Item<'n> {
    /// Its place in the file's structure.
    pub(super) path: String,
    /// The item.
    pub(super) node: &'n Node,
    /// Where to point when something in it is missing: at its first key; by itself at the key that owns it.
    pub(super) owner: Span,
}

/// The items of a list below a key; a single value counts as a list of one where `single` says so.
pub(super) fn items_of<'n>(
    entry: &'n Entry,
    path: &str,
    single: bool,
    out: &mut Diagnostics,
) -> Vec<Item<'n>> {
    let listed = entry.value.as_list().is_some();
    items(&entry.value, path, single, out)
        .into_iter()
        .map(|(path, node)| Item {
            path,
            node,
            owner: if listed {
                first_key(node)
            } else {
                entry.key_span
            },
        })
        .collect()
}

/// The first key of a map; anything else as a whole.
fn first_key(node: &Node) -> Span {
    let first = node.as_map().and_then(<[Entry]>::first);
    first.map_or(node.span, |entry| entry.key_span)
}

/// The key of an entry as a text with its place.
pub(super) fn key_text(entry: &Entry) -> Text {
    Text::new(entry.key.clone(), entry.key_span)
}

/// A map while it is read.
pub(super) struct Map<'n> {
    entries: &'n [Entry],
    known: Vec<String>,
    hints: Vec<(Cow<'static, str>, Cow<'static, str>)>,
    /// Set where the map lacks its kind: what to say, unless a key turns out to be a misspelt one.
    kindless: Option<Diagnostic>,
    /// The place in the file's structure.
    pub(super) path: String,
    /// Where to point when something is missing: the key that owns the map.
    pub(super) span: Span,
}

impl<'n> Map<'n> {
    /// Begins to read `node`; `owner` is the place of its key. Nothing, with an error, if it is no map.
    pub(super) fn open(
        node: &'n Node,
        path: impl Into<String>,
        owner: Span,
        out: &mut Diagnostics,
    ) -> Option<Self> {
        let path = path.into();
        if unseen(node, &path, out) {
            return None;
        }
        if node.as_map().is_none() {
            out.push(wrong_kind(node, &path, "a map"));
            return None;
        }
        Some(Self::of(node.as_map().unwrap_or_default(), path, owner))
    }

    /// Begins to read entries.
    pub(super) fn of(entries: &'n [Entry], path: impl Into<String>, owner: Span) -> Self {
        Self {
            entries,
            known: Vec::new(),
            hints: Vec::new(),
            kindless: None,
            path: path.into(),
            span: owner,
        }
    }

    /// Says what to write instead of a key that does not belong here.
    pub(super) fn hint(
        &mut self,
        key: impl Into<Cow<'static, str>>,
        advice: impl Into<Cow<'static, str>>,
    ) {
        self.hints.push((key.into(), advice.into()));
    }

    /// The path of a key.
    pub(super) fn at(&self, key: &str) -> String {
        join(&self.path, key)
    }

    /// Whether the key stands here, without asking for it.
    pub(super) fn has(&self, key: &str) -> bool {
        self.entries.iter().any(|entry| entry.key == key)
    }

    /// Whether the key stands here, but for its capitals: then it is told what was meant.
    pub(super) fn has_in_other_capitals(&self, key: &str) -> bool {
        let same = |entry: &Entry| entry.key != key && entry.key.eq_ignore_ascii_case(key);
        !self.has(key) && self.entries.iter().any(same)
    }

    /// The entry of a key, whatever it holds; the key is known from now on.
    pub(super) fn entry(&mut self, key: &str) -> Option<&'n Entry> {
        if !self.known.iter().any(|known| known == key) {
            self.known.push(key.to_owned());
        }
        self.entries.iter().find(|entry| entry.key == key)
    }

    /// The value of a key; null is an error.
    pub(super) fn value(&mut self, key: &str, out: &mut Diagnostics) -> Option<&'n Node> {
        let entry = self.entry(key)?;
        if entry.value.is_null() {
            let mut error = empty(&entry.value, &self.at(key), "given");
            // The null itself has no characters; the key has.
            error.span = entry.key_span;
            out.push(error);
            return None;
        }
        Some(&entry.value)
    }

    /// A text.
    pub(super) fn text(&mut self, key: &str, out: &mut Diagnostics) -> Option<Text> {
        let node = self.value(key, out)?;
        text(node, &self.at(key), out)
    }

    /// A text, number or boolean, as written.
    pub(super) fn scalar(&mut self, key: &str, out: &mut Diagnostics) -> Option<Text> {
        let node = self.value(key, out)?;
        scalar(node, &self.at(key), out)
    }

    /// A text of a raw form.
    pub(super) fn api_text(&mut self, key: &str, out: &mut Diagnostics) -> Option<Text> {
        let node = self.value(key, out)?;
        api_text(node, &self.at(key), out)
    }

    /// A text that must be there.
    pub(super) fn required(
        &mut self,
        key: &str,
        help: &str,
        out: &mut Diagnostics,
    ) -> Option<Text> {
        if !self.has(key) {
            self.entry(key);
            self.missing(key, help, out);
            return None;
        }
        self.text(key, out)
    }

    /// Reports that a key is missing.
    pub(super) fn missing(&self, key: &str, help: &str, out: &mut Diagnostics) {
        out.push(
            Diagnostic::error(
                "key-missing",
                self.span,
                &self.path,
                format!("{} needs `{key}`", place(&self.path)),
            )
            .label(format!("`{key}` is missing"))
            .help(help)
            .key(Key::Missing(key.to_owned())),
        );
    }

    /// A text of a closed set of words.
    pub(super) fn word(
        &mut self,
        key: &str,
        words: &[&str],
        out: &mut Diagnostics,
    ) -> Option<Text> {
        let text = self.text(key, out)?;
        if text.known && !words.contains(&text.value.as_str()) {
            out.push(not_a_word(&text, &self.at(key), words));
            return None;
        }
        Some(text)
    }

    /// A text or a list of texts; nothing if the key is absent.
    pub(super) fn texts(&mut self, key: &str, out: &mut Diagnostics) -> Option<Vec<Text>> {
        let node = self.value(key, out)?;
        Some(texts(node, &self.at(key), out))
    }

    /// `true` or `false`.
    pub(super) fn boolean(&mut self, key: &str, out: &mut Diagnostics) -> Option<(bool, Span)> {
        let node = self.value(key, out)?;
        boolean(node, &self.at(key), out).map(|value| (value, node.span))
    }

    /// A whole number.
    pub(super) fn whole(&mut self, key: &str, out: &mut Diagnostics) -> Option<(u32, Span)> {
        let node = self.value(key, out)?;
        whole(node, &self.at(key), out)
    }

    /// A time span in minutes.
    pub(super) fn minutes(&mut self, key: &str, out: &mut Diagnostics) -> Option<(u32, Span)> {
        let node = self.value(key, out)?;
        duration(node, &self.at(key), 60, out)
    }

    /// A time span in seconds.
    pub(super) fn seconds(&mut self, key: &str, out: &mut Diagnostics) -> Option<(u32, Span)> {
        let node = self.value(key, out)?;
        duration(node, &self.at(key), 1, out)
    }

    /// The items of a list below a key.
    pub(super) fn items(
        &mut self,
        key: &str,
        single: bool,
        out: &mut Diagnostics,
    ) -> Vec<Item<'n>> {
        let path = self.at(key);
        match self.value(key, out).and(self.entry(key)) {
            Some(entry) => items_of(entry, &path, single, out),
            None => Vec::new(),
        }
    }

    /// A map below a key.
    pub(super) fn map(&mut self, key: &str, out: &mut Diagnostics) -> Option<Map<'n>> {
        let path = self.at(key);
        let owner = self.entry(key)?.key_span;
        let node = self.value(key, out)?;
        Map::open(node, path, owner, out)
    }

    /// A map of names and texts below a key.
    pub(super) fn text_map(&mut self, key: &str, out: &mut Diagnostics) -> Vec<(Text, Text)> {
        match self.value(key, out) {
            Some(node) => text_map(node, &self.at(key), out),
            None => Vec::new(),
        }
    }

    /// The one entry among `kinds` that says what this is; an error if there are several, or none and (as
    /// `finish` finds) no key that could be a misspelt one.
    pub(super) fn kind(
        &mut self,
        kinds: &[&str],
        what: &str,
        out: &mut Diagnostics,
    ) -> Option<&'n Entry> {
        let present: Vec<&Entry> = kinds.iter().filter_map(|kind| self.entry(kind)).collect();
        let mut present: Vec<&'n Entry> = present;
        present.sort_by_key(|entry| (entry.key_span.start(), entry.key_span.end()));
        if let [first, second, ..] = present[..] {
            out.push(
                Diagnostic::error(
                    "stage-kind-conflict",
                    second.key_span,
                    &self.path,
                    format!("{what} has two kinds: `{}` and `{}`", first.key, second.key),
                )
                .label("the second kind")
                .related(first.key_span, "the first kind")
                .help("make two of them, each with one kind"),
            );
        }
        if present.is_empty() {
            let error = Diagnostic::error(
                "stage-kind-conflict",
                self.span,
                &self.path,
                format!("{what} has no kind"),
            )
            .label("of which kind?");
            self.kindless = Some(error.help(format!("give it {}", one_of(kinds.iter().copied()))));
        }
        present.first().copied()
    }

    /// The entries nobody asked for.
    pub(super) fn rest(&self) -> impl Iterator<Item = &'n Entry> + '_ {
        self.entries
            .iter()
            .filter(|entry| !self.known.contains(&entry.key))
    }

    /// Reports the entries nobody asked for, and a kind that is missing. A key that is missing only because it is spelt
    /// wrong is not told twice.
    pub(super) fn finish(mut self, out: &mut Diagnostics) {
        let kindless = self.kindless.take();
        let mut told = false;
        for entry in self.rest().filter(|entry| !entry.key.starts_with("x-")) {
            let (error, advised) = self.unknown(entry);
            if let Some(help) = error.help.as_deref().filter(|_| advised) {
                out.retract(|other| {
                    other.code == "key-missing"
                        && other.path == self.path
                        && matches!(&other.key, Some(Key::Missing(key)) if help.contains(key.as_str()))
                });
            }
            out.push(error);
            told = true;
        }
        if !told {
            out.extend(kindless);
        }
    }

    /// The finding about an unknown key, and whether its help names the key that is meant.
    fn unknown(&self, entry: &Entry) -> (Diagnostic, bool) {
        let key = entry.key.as_str();
        let path = self.at(key);
        let advice = self
            .hints
            .iter()
            .map(|(word, advice)| (word.as_ref(), advice.as_ref()))
            .chain(FOREIGN.iter().copied())
            .find(|(word, _)| *word == key);
        if let Some((_, advice)) = advice {
            let error = Diagnostic::error(
                "key-foreign",
                entry.key_span,
                path,
                format!("{} has no key `{key}`", place(&self.path)),
            )
            .label("not a key of this place")
            .help(advice);
            return (error, true);
        }
        let error = Diagnostic::error(
            "key-unknown",
            entry.key_span,
            path,
            format!("{} has no key `{key}`", place(&self.path)),
        )
        .label("unknown key");
        let near = nearest(key, self.known.iter().map(String::as_str));
        let error = error.key(Key::like(near));
        match near {
            Some(word) => (error.help(format!("did you mean `{word}`?")), true),
            None if self.known.is_empty() => (error, false),
            None => {
                let all = one_of(self.known.iter().map(String::as_str));
                (error.help(format!("it takes {all}")), false)
            }
        }
    }
}
