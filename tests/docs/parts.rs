//! Parts of a page that are made from the code. They stand between comments, so that what people write around them
//! stays.

use std::fs;
use std::path::Path;

const BEGIN: &str = "<!-- made: ";
const END: &str = "<!-- end -->";

/// A page with made parts.
pub(super) struct Page {
    name: &'static str,
    text: String,
}

impl Page {
    pub(super) fn open(name: &'static str) -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
        Self {
            name,
            text: fs::read_to_string(path).unwrap(),
        }
    }

    /// The names of the made parts, each with the heading it stands under.
    pub(super) fn parts(&self) -> Vec<(String, String)> {
        let mut heading = String::new();
        let mut parts = Vec::new();
        for line in self.text.lines() {
            if line.starts_with('#') {
                line.trim_start_matches('#').trim().clone_into(&mut heading);
            } else if let Some(name) = marked(line) {
                parts.push((name.to_owned(), heading.clone()));
            }
        }
        parts
    }

    /// Holds the page against what is made now. A part that the page does not have yet is added at its end by `BLESS=1`.
    pub(super) fn hold(&self, wanted: &[String], make: impl Fn(&str) -> Option<String>) {
        let mut made = String::new();
        let mut lines = self.text.lines();
        while let Some(line) = lines.next() {
            made.push_str(line);
            made.push('\n');
            let Some(part) = marked(line) else { continue };
            let text = make(part)
                .unwrap_or_else(|| panic!("{}: nothing is called `{part}` any more", self.name));
            assert!(!text.trim().is_empty(), "{}: `{part}` is empty", self.name);
            made.push_str(text.trim_end());
            made.push('\n');
            made.push_str(END);
            made.push('\n');
            assert!(
                lines.by_ref().any(|line| line == END),
                "{}: `{part}` has no end",
                self.name
            );
        }
        let there = self.parts();
        for name in wanted {
            if !there.iter().any(|(part, _)| part == name) {
                let text = make(name).expect("what is wanted can be made");
                made.push_str(&format!(
                    "\n## {name}\n{BEGIN}{name} -->\n{}\n{END}\n",
                    text.trim_end()
                ));
            }
        }
        super::current(self.name, &made);
    }
}

fn marked(line: &str) -> Option<&str> {
    line.strip_prefix(BEGIN)?.strip_suffix(" -->")
}

/// A text in a cell of a table.
pub(super) fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}
