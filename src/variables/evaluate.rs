//! One variable: its chain of sources, its address and params, and texts made of pieces.

use std::ops::Range;
use std::sync::Arc;

use super::grammar::{self, Argument, Literal, Part, Source, SourceKind, Variable};
use super::place::Place;
use super::resolver::{BYTES, Finding, Reading, Resolver, Stop};
use super::sources::{Call, Found};
use super::value::{Joined, Piece, Trust, Value, piece, step};
use crate::diagnostic::Diagnostic;
use crate::source::Span;
use crate::tree::{Data, Node};

/// How many readings may stand in one another through addresses and values that hold variables.
const MAX_READINGS: usize = 60;
/// In an address or param a value may be replaced once less than elsewhere.
const ADDRESS_HOPS: usize = 9;

/// Params and address of a source, resolved.
pub(super) struct Arguments {
    pub(super) params: Vec<Node>,
    pub(super) address: Option<String>,
    /// The source with what is known put in, e.g. `ssm:/hw/dev/size`: for placeholders.
    pub(super) written: String,
    /// Whether a part of it is not known offline.
    pub(super) unknown: bool,
}

impl Resolver<'_> {
    pub(super) fn span_of(&self, reading: &Reading, range: Range<usize>) -> Span {
        reading.place.part(self.sources, &reading.text, range)
    }

    pub(super) fn error(
        &self,
        code: &'static str,
        reading: &Reading,
        span: Span,
        message: String,
    ) -> Diagnostic {
        let cell = &self.arena.cells[reading.cell];
        let origin = cell.steps.iter().rev().fold(None, |from, (what, span)| {
            Some(step(what.clone(), *span, from))
        });
        Diagnostic::error(code, span, self.arena.path(reading.cell), message)
            .through(origin.as_ref())
    }

    /// The value of the first source that has one.
    pub(super) fn variable(
        &mut self,
        variable: &Variable,
        reading: &Reading,
    ) -> Result<Value, Stop> {
        let span = self.span_of(reading, variable.range.clone());
        self.count(span, reading.cell)?;
        if reading.nesting > MAX_READINGS {
            return Err(self.depth_error(span, reading.cell).into());
        }
        let mut missing: Option<(String, Option<String>, Option<super::Request>)> = None;
        for source in &variable.sources {
            match self.source(source, reading, span)? {
                Found::Value(value) => return Ok(value),
                Found::Missing { help, request } => {
                    missing = Some((
                        reading.text[source.range.clone()].trim_end().to_owned(),
                        help,
                        request,
                    ));
                }
            }
        }
        let (last, help, request) = missing.unwrap_or_default();
        let written = &reading.text[variable.range.clone()];
        let message = if variable.sources.len() > 1 {
            format!("`{written}` has no value: the last source `{last}` gives nothing either")
        } else {
            format!("`{written}` has no value")
        };
        let mut diagnostic = self.error("variable-missing", reading, span, message);
        diagnostic.help =
            Some(help.unwrap_or_else(|| format!("add a fallback: `${{{last}, 'value'}}`")));
        Err(Stop::Failed(vec![Finding {
            diagnostic,
            request,
        }]))
    }

    fn source(&mut self, source: &Source, reading: &Reading, span: Span) -> Result<Found, Stop> {
        let (name, name_range, params, address) = match &source.kind {
            SourceKind::Literal(literal) => {
                let mut node = Node::new(literal_data(literal), span);
                let written = reading.text[source.range.clone()].trim_end();
                node.origin = Some(step(format!("the fallback {written}"), span, None));
                return Ok(Found::Value(Value::new(node, reading.trust)));
            }
            SourceKind::Call {
                name,
                name_range,
                params,
                address,
            } => (name, name_range, params, address),
        };
        if !grammar::SOURCES.contains(&name.as_str()) {
            let name_span = self.span_of(reading, name_range.clone());
            return Err(self.unknown_source(name, reading, name_span).into());
        }
        self.allowed(name, reading, span)?;
        let arguments = self.arguments(name, params, address.as_ref(), reading, span)?;
        let what = format!("${{{}}}", reading.text[source.range.clone()].trim_end());
        let call = Call {
            name,
            span,
            reading,
        };
        let mut found = if arguments.unknown {
            Found::Value(Value::new(
                Node::new(Data::Unknown(format!("${{{}}}", arguments.written)), span),
                Trust::Own,
            ))
        } else {
            self.call(&call, &arguments)?
        };
        if let Found::Value(value) = &mut found {
            if value.node.is_null() {
                return Ok(Found::Missing {
                    help: None,
                    request: None,
                });
            }
            value.trust = value.trust.max(reading.trust);
            value.node.origin = Some(step(what, span, value.node.origin.take()));
        }
        Ok(found)
    }

    fn unknown_source(&self, name: &str, reading: &Reading, span: Span) -> Diagnostic {
        let base = name.split('.').next().unwrap_or_default();
        let help = if base != name && grammar::SOURCES.contains(&base) {
            let region = &name[base.len() + 1..];
            format!("the region stands in brackets: `${{{base}({region}):…}}`")
        } else if let Some(near) = super::sources::nearest(name, grammar::SOURCES.iter().copied()) {
            format!("did you mean `{near}`? If it is no variable of this file, write `\\${{`")
        } else {
            format!(
                "the sources are {}; if it is no variable of this file, write `\\${{`",
                grammar::SOURCES.join(", ")
            )
        };
        self.error(
            "variable-source-unknown",
            reading,
            span,
            format!("there is no variable source `{name}`"),
        )
        .help(help)
    }

    /// A text from outside that is read again may not reach for everything.
    fn allowed(&self, name: &str, reading: &Reading, span: Span) -> Result<(), Stop> {
        let fine = match reading.trust {
            Trust::Own => true,
            Trust::Sealed => false,
            trust => {
                matches!(name, "self" | "opt" | "param" | "sls" | "aws" | "strToBool")
                    || (name == "ssm" && trust == Trust::Service)
            }
        };
        if fine {
            return Ok(());
        }
        let from = if reading.trust == Trust::Service {
            "AWS"
        } else {
            "the environment or the command line"
        };
        let message =
            format!("a value that came from {from} asks for `${{{name}:…}}`, and it may not");
        let help =
            "put the variable into this file; such values may use self, opt, param, sls and aws";
        Err(self
            .error("variable-refused", reading, span, message)
            .help(help)
            .into())
    }

    fn arguments(
        &mut self,
        name: &str,
        params: &[Argument],
        address: Option<&Argument>,
        reading: &Reading,
        span: Span,
    ) -> Result<Arguments, Stop> {
        let mut stop: Option<Stop> = None;
        let mut values = Vec::new();
        for argument in params.iter().chain(address) {
            match self.argument(argument, reading, span) {
                Ok(value) => values.push(value),
                Err(reason) => {
                    stop = Some(match stop {
                        Some(before) => before.and(reason),
                        None => reason,
                    });
                }
            }
        }
        if let Some(stop) = stop {
            return Err(stop);
        }
        let mut written = name.to_owned();
        let mut unknown = false;
        let mut texts = Vec::new();
        for value in &values {
            texts.push(match piece(&value.node) {
                Piece::Text(text) => Some(text),
                Piece::Unknown(text) => {
                    unknown = true;
                    Some(text)
                }
                Piece::Secret(_) => {
                    let message =
                        "a secret cannot be part of a variable's address or params".to_owned();
                    let diagnostic = self.error("variable-refused", reading, span, message);
                    return Err(diagnostic
                        .help("the address would show it; use a plain value there")
                        .into());
                }
                Piece::None => None,
            });
        }
        let address_text = if address.is_some() { texts.pop() } else { None };
        let address_value = if address.is_some() {
            values.pop()
        } else {
            None
        };
        if !params.is_empty() {
            let list: Vec<String> = texts.into_iter().map(Option::unwrap_or_default).collect();
            written.push_str(&format!("({})", list.join(", ")));
        }
        let address = match (address_text, address_value) {
            (Some(text), Some(value)) => {
                // Keys of the document are texts: whoever asks for another kind means something else.
                let text = text.filter(|_| {
                    name != "self" || matches!(value.node.data, Data::Text(_) | Data::Unknown(_))
                });
                if text.is_none() {
                    let message = format!(
                        "the address of `{name}` is {}, and it must be a text",
                        value.node.kind()
                    );
                    return Err(self
                        .error("variable-refused", reading, span, message)
                        .help("it comes from a variable: take one that is a text")
                        .into());
                }
                text
            }
            _ => None,
        };
        if let Some(address) = &address {
            written.push_str(&format!(":{address}"));
        }
        Ok(Arguments {
            params: values.into_iter().map(|value| value.node).collect(),
            address,
            written,
            unknown,
        })
    }

    fn argument(
        &mut self,
        argument: &Argument,
        reading: &Reading,
        span: Span,
    ) -> Result<Value, Stop> {
        match argument {
            Argument::Literal(literal) => Ok(Value::new(
                Node::new(literal_data(literal), span),
                Trust::Own,
            )),
            Argument::Parts(parts) => {
                let reading = Reading {
                    hops: if reading.limit == ADDRESS_HOPS {
                        reading.hops
                    } else {
                        0
                    },
                    limit: ADDRESS_HOPS,
                    nesting: reading.nesting + 1,
                    ..reading.clone()
                };
                self.parts(parts, &reading)
            }
        }
    }

    /// Parts that are one variable keep its type; else they become a text.
    fn parts(&mut self, parts: &[Part], reading: &Reading) -> Result<Value, Stop> {
        if let [Part::Variable(variable)] = parts {
            let value = self.variable(variable, reading)?;
            let span = self.span_of(reading, variable.range.clone());
            return self.reread(value, reading, span);
        }
        self.joined(parts, reading)
    }

    /// A text of pieces. All pieces are looked at, so that everything that is missing is found at once.
    pub(super) fn joined(&mut self, parts: &[Part], reading: &Reading) -> Result<Value, Stop> {
        let mut joined = Joined::default();
        let mut trust = reading.trust;
        let mut origin = None;
        let mut stop: Option<Stop> = None;
        let mut span = reading.place.span;
        for part in parts {
            let variable = match part {
                Part::Text(text) => {
                    joined.push(Piece::Text(text.clone()));
                    continue;
                }
                Part::Variable(variable) => variable,
            };
            span = self.span_of(reading, variable.range.clone());
            let outcome = self
                .variable(variable, reading)
                .and_then(|value| self.reread(value, reading, span))
                .and_then(|value| match piece(&value.node) {
                    Piece::None => Err(self.not_text(variable, &value.node, reading, span).into()),
                    piece => Ok((piece, value)),
                });
            match outcome {
                Ok((piece, value)) => {
                    trust = trust.max(value.trust);
                    origin = origin.or(value.node.origin);
                    joined.push(piece);
                }
                Err(reason) => {
                    stop = Some(match stop {
                        Some(before) => before.and(reason),
                        None => reason,
                    });
                }
            }
        }
        if let Some(stop) = stop {
            return Err(stop);
        }
        self.spend(joined.len() / BYTES, span, reading.cell)?;
        let mut node = Node::new(joined.data(), reading.place.span);
        node.origin = origin;
        Ok(Value::new(node, trust))
    }

    fn not_text(
        &self,
        variable: &Variable,
        node: &Node,
        reading: &Reading,
        span: Span,
    ) -> Diagnostic {
        let written = &reading.text[variable.range.clone()];
        let message = format!(
            "`{written}` is {}, and it stands inside a text",
            node.kind()
        );
        let help = match &node.data {
            Data::Map(entries) if !entries.is_empty() => format!(
                "take one of its keys: `{}` holds {}",
                written,
                entries
                    .iter()
                    .take(5)
                    .map(|entry| format!("`{}`", entry.key))
                    .collect::<Vec<_>>()
                    .join(", ")
            ),
            _ => "only texts, numbers, booleans and lists can be part of a text".to_owned(),
        };
        self.error("variable-not-text", reading, span, message)
            .help(help)
    }

    /// Reads the texts of a value for variables, as if they had been written in this place.
    fn reread(&mut self, value: Value, reading: &Reading, span: Span) -> Result<Value, Stop> {
        if value.trust == Trust::Sealed {
            return Ok(value);
        }
        let trust = value.trust;
        match value.node.data {
            Data::Text(text) => {
                let place = Place::given(span);
                let parts = match grammar::parse(&text) {
                    Ok(None) => {
                        return Ok(Value {
                            node: Node {
                                data: Data::Text(text),
                                ..value.node
                            },
                            ..value
                        });
                    }
                    Ok(Some(parts)) => parts,
                    Err(error) => {
                        return Err(self.syntax(&error, &text, place, reading.cell).into());
                    }
                };
                let open = parts.iter().any(|part| matches!(part, Part::Variable(_)));
                if open && reading.hops >= reading.limit {
                    return Err(self.depth_error(span, reading.cell).into());
                }
                let inner = Reading {
                    cell: reading.cell,
                    text: Arc::from(text),
                    place,
                    hops: reading.hops + 1,
                    limit: reading.limit,
                    trust,
                    nesting: reading.nesting + 1,
                };
                let mut inner = self.parts(&parts, &inner)?;
                inner.trust = inner.trust.max(trust);
                inner.node.origin = value.node.origin.or(inner.node.origin);
                Ok(inner)
            }
            // Only lists become part of a text; what stands in a map of an address is an error anyway.
            Data::List(items) => {
                let mut list = Vec::with_capacity(items.len());
                let mut worst = trust;
                for item in items {
                    let item = self.reread(Value::new(item, trust), reading, span)?;
                    worst = worst.max(item.trust);
                    list.push(item.node);
                }
                Ok(Value {
                    node: Node {
                        data: Data::List(list),
                        ..value.node
                    },
                    trust: worst,
                    written: value.written,
                })
            }
            data => Ok(Value {
                node: Node { data, ..value.node },
                ..value
            }),
        }
    }
}

fn literal_data(literal: &Literal) -> Data {
    match literal {
        Literal::Text(text) => Data::Text(text.clone()),
        Literal::Bool(value) => Data::Bool(*value),
        Literal::Number(value) => Data::Number(*value),
        Literal::Null => Data::Null,
    }
}
