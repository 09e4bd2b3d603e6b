//! `file(path):key.path`, and the choice of the `.env` file.

use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use super::arena::{State, index, weight};
use super::dotenv::Dotenv;
use super::evaluate::Arguments;
use super::json;
use super::resolver::{ROOT, Resolver, Stop};
use super::sources::{Call, Found, Located, nearest, unknown};
use super::value::{Piece, Trust, Value, piece, step};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::source::Span;
use crate::tree::{Data, Node};
use crate::yaml;

/// A file that was read.
pub(super) enum File {
    Missing,
    /// Its content, and whether there was any.
    Tree {
        root: Node,
        empty: bool,
    },
    /// It cannot be read; said already.
    Broken(Vec<Diagnostic>),
}

/// Whether a value says nothing, as JavaScript sees it: a variable gave false, 0, null or an empty text.
fn says_nothing(node: &Node) -> bool {
    match &node.data {
        Data::Null | Data::Bool(false) => true,
        Data::Number(number) => *number == 0.0,
        Data::Text(text) => text.is_empty(),
        _ => false,
    }
}

impl Resolver<'_> {
    pub(super) fn file(&mut self, call: &Call<'_>, arguments: &Arguments) -> Result<Found, Stop> {
        let given = arguments.params.first().filter(|node| !says_nothing(node));
        let path = match given.map(piece) {
            Some(Piece::Text(path)) if !path.is_empty() => path,
            _ => {
                return Err(self.refuse(
                    call,
                    "`file` says no path",
                    "write `${file(./settings.yml):key}`: the path in brackets, the key behind the colon",
                ));
            }
        };
        let full = tidy(&self.context.service_folder.join(&path));
        let file = match self.files.get(&full) {
            Some(file) => Arc::clone(file),
            None => {
                let file = Arc::new(self.load(&full, &path, call));
                self.files.insert(full.clone(), Arc::clone(&file));
                file
            }
        };
        let (root, empty) = match &*file {
            File::Missing => return Ok(Found::missing(Some(format!("there is no file `{path}`")))),
            File::Broken(list) => {
                let mut stop = Stop::Failed(Vec::new());
                for diagnostic in list {
                    stop = stop.and(diagnostic.clone().into());
                }
                return Err(stop);
            }
            File::Tree { root, empty } => (root, *empty),
        };
        let Some(address) = arguments
            .address
            .as_deref()
            .filter(|address| !address.is_empty())
        else {
            if empty {
                return Err(self.refuse(
                    call,
                    format!("the file `{path}` is empty"),
                    "write something into it",
                ));
            }
            return self.found(call, root, &path);
        };
        self.walk(call, arguments, root, &full, &path, address)
    }

    /// Follows a key path; a text on the way is resolved first, so that a path may cross `base: ${file(./y.yml)}`.
    fn walk(
        &mut self,
        call: &Call<'_>,
        arguments: &Arguments,
        root: &Node,
        full: &Path,
        path: &str,
        address: &str,
    ) -> Result<Found, Stop> {
        let keys: Vec<&str> = address.split('.').collect();
        let mut at = root;
        for (position, key) in keys.iter().enumerate() {
            match &at.data {
                Data::Map(entries) => match entries.iter().find(|entry| entry.key == *key) {
                    Some(entry) => at = &entry.value,
                    None => {
                        let near = nearest(key, entries.iter().map(|entry| entry.key.as_str()));
                        let help = near.map_or_else(
                            || format!("`{path}` has no key `{}`", keys[..=position].join(".")),
                            |near| format!("`{path}` has no key `{key}`; did you mean `{near}`?"),
                        );
                        return Ok(Found::missing(Some(help)));
                    }
                },
                Data::List(items) => match index(key).and_then(|index| items.get(index)) {
                    Some(item) => at = item,
                    None => return Ok(Found::missing(None)),
                },
                Data::Text(text) if text.contains("${") => {
                    let id = (full.to_owned(), keys[..position].join("."));
                    let cell = match self.file_cells.get(&id) {
                        Some(cell) => *cell,
                        None => {
                            let cell = self.arena.add(None, at, Trust::Own);
                            self.file_cells.insert(id, cell);
                            self.install(
                                cell,
                                Value {
                                    node: at.clone(),
                                    trust: Trust::Own,
                                    written: true,
                                },
                                0,
                            );
                            cell
                        }
                    };
                    return match self.locate(cell, &keys[position..])? {
                        Located::Cell(cell) => {
                            let value = self.copy(cell, call.span, call.reading.cell)?;
                            Ok(Found::Value(value))
                        }
                        Located::Unknown => Ok(unknown(call, arguments)),
                        Located::Missing(help) => Ok(Found::missing(help)),
                    };
                }
                _ => return Ok(Found::missing(None)),
            }
        }
        self.found(call, at, path)
    }

    /// What a file holds, counted each time that it is put somewhere.
    fn found(&mut self, call: &Call<'_>, node: &Node, path: &str) -> Result<Found, Stop> {
        self.spend(weight(&node.data), call.span, call.reading.cell)?;
        let mut node = node.clone();
        node.origin = Some(step(format!("file({path})"), node.span, node.origin.take()));
        Ok(Found::Value(Value {
            node,
            trust: Trust::Own,
            written: true,
        }))
    }

    fn load(&mut self, full: &Path, path: &str, call: &Call<'_>) -> File {
        let broken = |this: &Self, message: String, help: &str| {
            let diagnostic = this.error("variable-refused", call.reading, call.span, message);
            File::Broken(vec![diagnostic.help(help)])
        };
        let extension = Path::new(path)
            .extension()
            .and_then(|extension| extension.to_str())
            .unwrap_or_default();
        let bytes = match self.lookup.read_file(full) {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return File::Missing,
            Err(message) => {
                return broken(
                    self,
                    format!("`{path}` cannot be read: {message}"),
                    "a file must stand there",
                );
            }
        };
        if matches!(extension, "js" | "cjs") {
            return broken(
                self,
                format!("`{path}` is a program, and pipectl runs none to read a file"),
                "write its result into a .yml or .json file, or pass it with --param",
            );
        }
        let Ok(text) = String::from_utf8(bytes) else {
            return broken(
                self,
                format!("`{path}` is not UTF-8 text"),
                "only text files can be read",
            );
        };
        let id = self.sources.add(full.display().to_string(), text.clone());
        let span = Span::start_of(id);
        match extension {
            "yml" | "yaml" => {
                let mut found = Diagnostics::new();
                let root = yaml::parse_cloudformation(self.sources, id, &mut found);
                if found.has_errors() {
                    let list = found
                        .into_sorted()
                        .into_iter()
                        .map(|one| one.related(call.span, "read from here"));
                    return File::Broken(list.collect());
                }
                match root {
                    Some(root) => File::Tree {
                        root,
                        empty: text.is_empty(),
                    },
                    None => File::Missing,
                }
            }
            "json" | "tfstate" => match json::read(&text, id) {
                Ok(root) => File::Tree { root, empty: false },
                Err(error) => {
                    let at = offset(&text, error.line(), error.column());
                    let span = Span::new(id, at, at);
                    let diagnostic = Diagnostic::error(
                        "variable-refused",
                        span,
                        "",
                        format!("`{path}` is not JSON: {error}"),
                    )
                    .related(call.span, "read from here");
                    File::Broken(vec![diagnostic])
                }
            },
            _ => File::Tree {
                root: Node::text(text, span),
                empty: false,
            },
        }
    }

    /// The values of `.env.<stage>` or `.env`, where the file says `useDotenv: true`.
    pub(super) fn dotenv(&mut self, call: &Call<'_>) -> Result<Option<Arc<Dotenv>>, Stop> {
        let Located::Cell(id) = self.locate(ROOT, &["useDotenv"])? else {
            return Ok(None);
        };
        match &self.arena.cells[id].state {
            State::Open(_) if self.arena.cells[id].busy => return Ok(None),
            State::Open(_) => return Err(self.need(&[id])),
            State::Scalar(Data::Unknown(_)) | State::Failed(_) => return Ok(None),
            _ if says_nothing(&self.arena.node(id, &mut 0)) => return Ok(None),
            _ => {}
        }
        let stage = match self.stage() {
            Ok(stage) => stage,
            // The stage itself may come from the environment: then no .env can be chosen yet.
            Err(Stop::Needs(cells)) if cells.iter().any(|cell| self.arena.cells[*cell].busy) => {
                return Ok(None);
            }
            Err(stop) => return Err(stop),
        };
        if let Some(values) = self.dotenv.get(&stage) {
            return Ok(Some(Arc::clone(values)));
        }
        let mut values = Dotenv::default();
        for name in [format!(".env.{stage}"), ".env".to_owned()] {
            let path = self.context.service_folder.join(&name);
            let read = self.lookup.read_file(&path).and_then(|bytes| {
                let text = bytes.map(String::from_utf8).transpose();
                text.map_err(|_| "it is not UTF-8 text".to_owned())
            });
            match read {
                Ok(None) => {}
                Ok(Some(text)) => {
                    let file = self.sources.add(path.display().to_string(), text.clone());
                    values = Dotenv::read(file, name, &text);
                    break;
                }
                Err(message) => {
                    return Err(self.refuse(
                        call,
                        format!("`{name}` cannot be read: {message}"),
                        "`useDotenv: true` reads it; it must be a text file",
                    ));
                }
            }
        }
        let values = Arc::new(values);
        self.dotenv.insert(stage, Arc::clone(&values));
        Ok(Some(values))
    }
}

/// `a/./b/../c` as `a/c`, as far as it can be said without looking.
fn tidy(path: &Path) -> PathBuf {
    let mut tidy = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir
                if matches!(tidy.components().next_back(), Some(Component::Normal(_))) =>
            {
                tidy.pop();
            }
            other => tidy.push(other),
        }
    }
    tidy
}

fn offset(text: &str, line: usize, column: usize) -> usize {
    let start: usize = text
        .split_inclusive('\n')
        .take(line.saturating_sub(1))
        .map(str::len)
        .sum();
    let mut at = (start + column.saturating_sub(1)).min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}
