//! Text to tree: YAML 1.2, with the place of every key and value.
//!
//! The only module that knows the YAML parser. It reads events and builds the tree with a stack of its own, so that
//! no input can drive it into deep recursion; aliases are copied within a budget.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use granit_parser::{ErrorKind, Event, Parser, ScalarStyle, StructureStyle, Tag};

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::source::{FileId, Sources, Span};
use crate::tree::{Data, Entry, Node, number_text};

mod scalar;
mod words;

/// The largest file that is read, in bytes.
const MAX_BYTES: usize = 10_000_000;
/// How deep lists and maps may stand in one another, aliases included.
const MAX_DEPTH: usize = 255;
/// How many values all aliases of a file may add together.
const MAX_ALIASED: usize = 100_000;

/// Reads a pipeline file. What is wrong is appended to `diagnostics`; `None` if there is no tree at all.
///
/// A file that is empty gives null at offset 0.
pub fn parse(sources: &Sources, file: FileId, diagnostics: &mut Diagnostics) -> Option<Node> {
    read(sources, file, false, diagnostics)
}

/// The same for a file that may hold CloudFormation's short forms: `!Sub x` becomes `{"Fn::Sub": "x"}`.
pub fn parse_cloudformation(
    sources: &Sources,
    file: FileId,
    diagnostics: &mut Diagnostics,
) -> Option<Node> {
    read(sources, file, true, diagnostics)
}

/// A place in the file's structure as findings name it: `stages[2].deploy`.
pub fn join_key(path: &str, key: &str) -> String {
    if path.is_empty() {
        key.to_owned()
    } else {
        format!("{path}.{key}")
    }
}

fn read(
    sources: &Sources,
    file: FileId,
    cloudformation: bool,
    diagnostics: &mut Diagnostics,
) -> Option<Node> {
    let text = sources.file(file).text.as_str();
    if text.len() > MAX_BYTES {
        diagnostics.push(
            Diagnostic::error(
                "file-too-large",
                Span::start_of(file),
                "",
                format!(
                    "the file has {} bytes; at most {MAX_BYTES} are read",
                    text.len()
                ),
            )
            .help("a pipeline file is a few hundred lines; is this the right file?"),
        );
        return None;
    }
    let builder = Builder {
        text,
        file,
        cloudformation,
        diagnostics,
        stack: Vec::new(),
        anchors: HashMap::new(),
        root: None,
        aliased: 0,
        too_much: false,
    };
    builder.run()
}

/// A list or map whose end was not read yet.
struct Frame {
    span: Span,
    style: StructureStyle,
    anchor: usize,
    tag: Option<(Tagging, Span)>,
    depth: usize,
    body: Body,
}

enum Body {
    List(Vec<Node>),
    Map(MapBody),
}

#[derive(Default)]
struct MapBody {
    entries: Vec<Entry>,
    /// Which of them `<<` brought.
    brought: HashSet<usize>,
    /// Where each key stands, once there are many.
    index: HashMap<String, usize>,
    key: Option<(String, Span)>,
}

/// A map of more entries than this is not searched from its start for every key.
const LARGE: usize = 16;

impl MapBody {
    fn find(&self, key: &str) -> Option<usize> {
        if self.entries.len() > LARGE {
            self.index.get(key).copied()
        } else {
            self.entries.iter().position(|entry| entry.key == key)
        }
    }

    fn push(&mut self, entry: Entry) {
        let at = self.entries.len();
        if at == LARGE {
            let keys = self.entries.iter().map(|entry| entry.key.clone());
            self.index = keys.zip(0..).collect();
        }
        if at >= LARGE {
            self.index.insert(entry.key.clone(), at);
        }
        self.entries.push(entry);
    }
}

/// What a tag means.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Tagging {
    /// `!!str` and the like: by the name behind `tag:yaml.org,2002:`.
    Core(&'static str),
    /// A CloudFormation function: the key of the map it becomes.
    Function(&'static str),
}

struct Anchored {
    node: Node,
    size: usize,
    depth: usize,
}

struct Builder<'a> {
    text: &'a str,
    file: FileId,
    cloudformation: bool,
    diagnostics: &'a mut Diagnostics,
    stack: Vec<Frame>,
    anchors: HashMap<usize, Anchored>,
    root: Option<(Node, usize)>,
    aliased: usize,
    too_much: bool,
}

impl Builder<'_> {
    fn run(mut self) -> Option<Node> {
        let options = granit_parser::options! {
            emit_comments: false,
            emit_unresolved_aliases: true,
            flow_nesting_limit: MAX_DEPTH,
            block_nesting_limit: MAX_DEPTH,
        };
        let mut documents = 0;
        for next in Parser::new_from_str_with_options(self.text, options) {
            let (event, at) = match next {
                Ok(event) => event,
                Err(error) => {
                    self.syntax_error(error.kind(), error.marker().byte_offset());
                    return None;
                }
            };
            let span = self.span(&at);
            match event {
                Event::DocumentStart(..) => {
                    documents += 1;
                    if documents > 1 {
                        self.diagnostics.push(
                            Diagnostic::error("yaml-document-extra", span, "", "a second YAML document starts here")
                                .help("a file holds one document: remove the line `---`, or use two files"),
                        );
                        break;
                    }
                }
                Event::Scalar(value, style, anchor, tag) => {
                    let tagging = self.tagging(tag.as_deref(), &at, &value);
                    match (&tagging, tag) {
                        // The text was meant: no later stage shall complain about the same place.
                        (None, Some(tag)) if value.is_empty() => {
                            let span = at.tag_span().map_or(span, |span| self.span(&span));
                            self.value(Node::text(tag.original(), span), anchor);
                        }
                        _ => self.scalar(value, style, anchor, tagging, span),
                    }
                }
                Event::SequenceStart(style, anchor, tag) => {
                    let tag = self.tagging(tag.as_deref(), &at, "");
                    if !self.open(span, style, anchor, tag, Body::List(Vec::new())) {
                        return None;
                    }
                }
                Event::MappingStart(style, anchor, tag) => {
                    let tag = self.tagging(tag.as_deref(), &at, "");
                    if !self.open(span, style, anchor, tag, Body::Map(MapBody::default())) {
                        return None;
                    }
                }
                Event::SequenceEnd | Event::MappingEnd => self.close(span),
                Event::Alias(id) => self.alias(id, span),
                Event::UnresolvedAlias(name) => {
                    let message =
                        format!("`*{name}` is an alias, and nothing before it is marked `&{name}`");
                    self.error("yaml-syntax", span, message, words::quote(self.slice(span)));
                    // The text was meant: no later stage shall complain about the same place.
                    let text = self.slice(span).to_owned();
                    self.value(Node::text(text, span), 0);
                }
                _ => {}
            }
            if self.too_much {
                return None;
            }
        }
        Some(self.root.map_or_else(
            || Node::new(Data::Null, Span::start_of(self.file)),
            |(node, _)| node,
        ))
    }

    fn span(&self, at: &granit_parser::Span) -> Span {
        let range = at.byte_range().unwrap_or(0..0);
        Span::new(
            self.file,
            range.start.min(self.text.len()),
            range.end.min(self.text.len()),
        )
    }

    fn slice(&self, span: Span) -> &str {
        self.text.get(span.start()..span.end()).unwrap_or_default()
    }

    fn path(&self) -> String {
        let mut path = String::new();
        for frame in &self.stack {
            match &frame.body {
                Body::List(items) => path.push_str(&format!("[{}]", items.len())),
                Body::Map(map) => {
                    if let Some((key, _)) = &map.key {
                        path = join_key(&path, key);
                    }
                }
            }
        }
        path
    }

    fn error(
        &mut self,
        code: &'static str,
        span: Span,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        let path = if code == "yaml-depth" {
            String::new()
        } else {
            self.path()
        };
        self.diagnostics
            .push(Diagnostic::error(code, span, path, message).help(help));
    }

    fn syntax_error(&mut self, kind: &ErrorKind, offset: Option<usize>) {
        let mut start = offset.unwrap_or(self.text.len()).min(self.text.len());
        while !self.text.is_char_boundary(start) {
            start -= 1;
        }
        let problem = words::syntax(self.text, start, kind);
        let span = Span::new(self.file, problem.start, problem.end);
        self.error(problem.code, span, problem.message, problem.help);
    }

    /// What the tag on a value means; a tag that means nothing is reported, and the value stays what it is.
    fn tagging(
        &mut self,
        tag: Option<&Tag>,
        at: &granit_parser::Span,
        value: &str,
    ) -> Option<(Tagging, Span)> {
        let tag = tag?;
        let span = at
            .tag_span()
            .map_or_else(|| self.span(at), |span| self.span(&span));
        let core = tag.core_suffix().unwrap_or_default();
        if let Some(name) = ["str", "int", "float", "bool", "null", "seq", "map"]
            .into_iter()
            .find(|name| *name == core)
        {
            return Some((Tagging::Core(name), span));
        }
        let written = tag.original();
        let function = written.strip_prefix('!').and_then(scalar::function);
        if let Some(function) = function
            && self.cloudformation
        {
            return Some((Tagging::Function(function), span));
        }
        let help = if function.is_some() {
            "CloudFormation's short forms are understood in files that a variable reads, not here; \
             write the long form, or quote it if it is a text"
                .to_owned()
        } else {
            let rest = if value.is_empty() {
                String::new()
            } else {
                format!(" {value}")
            };
            words::quote(&format!("{written}{rest}"))
        };
        self.error(
            "yaml-tag",
            span,
            format!("`{written}` is a YAML tag, and it means nothing here"),
            help,
        );
        None
    }

    fn open(
        &mut self,
        span: Span,
        style: StructureStyle,
        anchor: usize,
        tag: Option<(Tagging, Span)>,
        body: Body,
    ) -> bool {
        if self.stack.len() >= MAX_DEPTH {
            self.too_deep(span);
            return false;
        }
        self.stack.push(Frame {
            span,
            style,
            anchor,
            tag,
            depth: 0,
            body,
        });
        true
    }

    fn too_deep(&mut self, span: Span) {
        let message = format!("lists and maps stand more than {MAX_DEPTH} deep in one another");
        self.diagnostics.push(
            Diagnostic::error("yaml-depth", span, "", message).help("a pipeline needs about ten"),
        );
        self.too_much = true;
    }

    fn close(&mut self, end: Span) {
        let Some(frame) = self.stack.pop() else {
            return;
        };
        let (file, mut start) = (frame.span.file, frame.span.start());
        let (data, last) = match frame.body {
            Body::List(mut items) => {
                items.shrink_to_fit();
                let last = items.last().map(|node| node.span.end());
                (Data::List(items), last)
            }
            Body::Map(mut map) => {
                map.entries.shrink_to_fit();
                let last = map
                    .entries
                    .last()
                    .map(|entry| entry.value.span.end().max(entry.key_span.end()));
                let first = map.entries.first().map(|entry| entry.key_span.start());
                if frame.style == StructureStyle::Block
                    && let Some(first) = first
                {
                    start = start.min(first);
                }
                (Data::Map(map.entries), last)
            }
        };
        let end = match frame.style {
            StructureStyle::Flow => end.end(),
            StructureStyle::Block => last.unwrap_or(frame.span.end()),
        };
        let mut node = Node::new(data, Span::new(file, start, end.max(start)));
        match frame.tag {
            Some((Tagging::Function(name), tag)) => node = scalar::call(name, tag, node),
            Some((Tagging::Core(name), tag)) => {
                let fits = matches!(
                    (&node.data, name),
                    (Data::List(_), "seq") | (Data::Map(_), "map")
                );
                if !fits {
                    let message = format!("`!!{name}` does not fit {}", node.kind());
                    self.error("yaml-tag", tag, message, "remove the tag");
                }
            }
            None => {}
        }
        let depth = frame.depth + 1;
        if frame.anchor != 0 {
            self.remember(frame.anchor, &node, depth);
        }
        self.value(node, depth);
    }

    fn remember(&mut self, anchor: usize, node: &Node, depth: usize) {
        self.anchors.insert(
            anchor,
            Anchored {
                node: node.clone(),
                size: scalar::size(node),
                depth,
            },
        );
    }

    fn scalar(
        &mut self,
        value: Cow<'_, str>,
        style: ScalarStyle,
        anchor: usize,
        tag: Option<(Tagging, Span)>,
        span: Span,
    ) {
        let plain = style == ScalarStyle::Plain;
        // The parser gives `~` for a value that is not there.
        let value = if plain && span.start() == span.end() {
            Cow::Borrowed("")
        } else {
            value
        };
        let untagged = tag.is_none();
        let read = |value: Cow<'_, str>| {
            if plain {
                scalar::plain(&value, span)
            } else {
                Node::text(value, span)
            }
        };
        let mut node = match tag {
            None => read(value),
            Some((Tagging::Function(name), tag)) => {
                // Without a tag it would be null; with one, every other scalar is a text.
                let argument = if plain && value.is_empty() {
                    Node::new(Data::Null, span)
                } else {
                    Node::text(value, span)
                };
                scalar::call(name, tag, argument)
            }
            Some((Tagging::Core(name), tag)) => match scalar::typed(name, &value, span) {
                Some(typed) => typed,
                None => {
                    let message = format!("`{value}` cannot be read as `!!{name}`");
                    self.error(
                        "yaml-tag",
                        tag,
                        message,
                        "remove the tag, or write a value that fits it",
                    );
                    read(value)
                }
            },
        };
        if untagged && plain && !self.expects_key() {
            self.swallowed_reference(&mut node);
        }
        if anchor != 0 {
            self.remember(anchor, &node, 0);
        }
        self.value(node, 0);
    }

    fn expects_key(&self) -> bool {
        matches!(
            self.stack.last(),
            Some(Frame {
                body: Body::Map(MapBody { key: None, .. }),
                ..
            })
        )
    }

    /// `URL: #{A.B}`: YAML sees a comment where a person meant a CodePipeline variable.
    fn swallowed_reference(&mut self, node: &mut Node) {
        let Some(lost) = words::comment_reference(self.text, node.span) else {
            return;
        };
        let lost_span = Span::new(self.file, lost.start, lost.end);
        let written = self.slice(lost_span).to_owned();
        let kept = self.slice(node.span).to_owned();
        let whole = format!("{kept}{}{written}", if kept.is_empty() { "" } else { " " });
        let (code, message) = if node.is_null() {
            (
                "value-empty",
                format!("the value is empty: YAML reads `{written}` as a comment"),
            )
        } else {
            (
                "value-invalid",
                format!("the value ends before `{written}`: YAML reads that as a comment"),
            )
        };
        self.error(code, lost_span, message, words::quote(&whole));
        // What was meant goes on, so that no later stage complains about the same place again.
        *node = Node::text(
            whole,
            Span::new(self.file, node.span.start().min(lost.start), lost.end),
        );
    }

    fn alias(&mut self, id: usize, span: Span) {
        let Some(anchored) = self.anchors.get(&id) else {
            let name = self.slice(span).to_owned();
            self.error(
                "yaml-syntax",
                span,
                format!("`{name}` stands inside the value it refers to"),
                "a value cannot contain itself; write it out, or mark a smaller part with `&`",
            );
            self.value(Node::new(Data::Null, span), 0);
            return;
        };
        let (size, depth) = (anchored.size, anchored.depth);
        if self.aliased + size > MAX_ALIASED {
            let message =
                format!("the aliases of this file expand to more than {MAX_ALIASED} values");
            self.error(
                "yaml-alias-budget",
                span,
                message,
                "write fewer aliases of aliases",
            );
            self.too_much = true;
            return;
        }
        self.aliased += size;
        let node = anchored.node.clone();
        if self.expects_key() {
            let key = Node { span, ..node };
            self.value(key, depth);
        } else {
            self.value(node, depth);
        }
    }

    /// Puts a finished value where it belongs.
    fn value(&mut self, node: Node, depth: usize) {
        if self.stack.len() + depth > MAX_DEPTH {
            self.too_deep(node.span);
            return;
        }
        let Some(frame) = self.stack.last_mut() else {
            if self.root.is_none() {
                self.root = Some((node, depth));
            }
            return;
        };
        match &mut frame.body {
            Body::List(items) => {
                frame.depth = frame.depth.max(depth);
                items.push(node);
            }
            Body::Map(map) => match map.key.take() {
                None => {
                    let (span, kind) = (node.span, node.kind());
                    match key_text(node) {
                        Some(key) => map.key = Some((key, span)),
                        None => {
                            map.key = Some((String::new(), span));
                            self.error(
                                "yaml-syntax",
                                span,
                                format!("a key must be a text, and this is {kind}"),
                                words::quote(self.slice(span)),
                            );
                        }
                    }
                }
                Some((key, key_span)) => {
                    frame.depth = frame.depth.max(depth);
                    self.entry(key, key_span, node);
                }
            },
        }
    }

    fn entry(&mut self, key: String, key_span: Span, value: Node) {
        let merge = key == "<<" && self.slice(key_span) == "<<";
        if merge {
            self.merge(key_span, value);
            return;
        }
        let Some(Frame {
            body: Body::Map(map),
            ..
        }) = self.stack.last_mut()
        else {
            return;
        };
        let entry = Entry {
            key,
            key_span,
            value,
        };
        match map.find(&entry.key) {
            None => map.push(entry),
            // A key of the map itself wins over one that `<<` brought, wherever it stands.
            Some(at) if map.brought.remove(&at) => map.entries[at] = entry,
            Some(at) => {
                let key = entry.key;
                let first = map.entries[at].key_span;
                let path = join_key(&self.path(), &key);
                self.diagnostics.push(
                    Diagnostic::error(
                        "key-duplicate",
                        key_span,
                        path,
                        format!("the key `{key}` stands twice in this map"),
                    )
                    .label("again here")
                    .related(first, "first here")
                    .help("remove one of the two"),
                );
            }
        }
    }

    fn merge(&mut self, key_span: Span, value: Node) {
        let maps = match value.data {
            Data::Map(entries) => vec![entries],
            Data::List(items) if items.iter().all(|item| matches!(item.data, Data::Map(_))) => {
                items
                    .into_iter()
                    .filter_map(|item| match item.data {
                        Data::Map(entries) => Some(entries),
                        _ => None,
                    })
                    .collect()
            }
            _ => {
                let kind = value.kind();
                let span = value.span;
                self.error(
                    "yaml-syntax",
                    span,
                    format!("`<<` takes a map or a list of maps, and this is {kind}"),
                    "`<<` is done before variables are read: mark the map with `&name` and write `<<: *name`",
                );
                return;
            }
        };
        let Some(Frame {
            body: Body::Map(map),
            ..
        }) = self.stack.last_mut()
        else {
            return;
        };
        for entry in maps.into_iter().flatten() {
            if map.find(&entry.key).is_none() {
                map.brought.insert(map.entries.len());
                map.push(Entry { key_span, ..entry });
            }
        }
    }
}

/// A key as text: numbers as JavaScript prints them, but digits with a leading zero (account ids) as written.
fn key_text(node: Node) -> Option<String> {
    match node.data {
        Data::Text(text) => Some(text),
        Data::Null => Some("null".to_owned()),
        Data::Bool(value) => Some(value.to_string()),
        Data::Number(value) => Some(match node.raw {
            Some(raw) if keeps_zero(&raw) => raw.to_string(),
            _ => number_text(value),
        }),
        _ => None,
    }
}

/// Whether a written number is really a name made of digits, such as the account id `012345678901`.
pub fn keeps_zero(raw: &str) -> bool {
    raw.len() == 12 && raw.starts_with('0') && raw.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests;
