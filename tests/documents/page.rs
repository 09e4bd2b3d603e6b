//! A page of Markdown as a list of what its blocks and comments ask for.

/// A fenced block.
#[derive(Debug)]
pub(super) struct Block {
    pub(super) line: usize,
    /// The language and the words behind it.
    pub(super) words: Vec<String>,
    pub(super) text: String,
    /// The comment right above it.
    pub(super) comment: Option<String>,
}

impl Block {
    pub(super) fn language(&self) -> &str {
        self.words.first().map_or("", String::as_str)
    }

    pub(super) fn has(&self, word: &str) -> bool {
        self.words.iter().skip(1).any(|one| one == word)
    }

    /// The value of `key=value` behind the language.
    pub(super) fn value(&self, key: &str) -> Option<&str> {
        let mut words = self.words.iter().skip(1);
        words.find_map(|word| word.strip_prefix(key)?.strip_prefix('='))
    }

    /// What follows `WORD:` in the comment above.
    pub(super) fn said(&self, word: &str) -> Option<&str> {
        let said = self.comment.as_deref()?.strip_prefix(word)?;
        Some(said.strip_prefix(':')?.trim())
    }

    /// The file that it is: named behind the language, or by a comment as its first line.
    pub(super) fn file(&self) -> Option<&str> {
        self.value("file").or_else(|| {
            let first = self.text.lines().next()?.strip_prefix("# ")?;
            let name = first.split([' ', ':', ',']).next()?;
            let is_name = name.contains('.') && !name.ends_with('.') && !name.starts_with("http");
            (is_name && first == name).then_some(name)
        })
    }
}

/// Something on a page.
#[derive(Debug)]
pub(super) enum Item {
    Block(Block),
    /// A file that readers do not see.
    Hidden {
        line: usize,
        name: String,
        text: String,
    },
    /// Commands that readers do not see.
    Run {
        line: usize,
        script: String,
    },
}

impl Item {
    pub(super) fn line(&self) -> usize {
        match self {
            Self::Block(block) => block.line,
            Self::Hidden { line, .. } | Self::Run { line, .. } => *line,
        }
    }
}

/// What a page holds, in its order.
pub(super) fn items(page: &str) -> Vec<Item> {
    let mut items = Vec::new();
    let mut comment: Option<String> = None;
    let mut lines = page.lines().enumerate();
    while let Some((at, line)) = lines.next() {
        let trimmed = line.trim_start();
        let indent = line.len() - trimmed.len();
        if let Some(info) = trimmed.strip_prefix("```") {
            let mut text = String::new();
            for (_, line) in lines.by_ref() {
                if line.trim() == "```" {
                    break;
                }
                let strip = line.len() - line.trim_start().len();
                text.push_str(&line[strip.min(indent)..]);
                text.push('\n');
            }
            items.push(Item::Block(Block {
                line: at + 1,
                words: info.split_whitespace().map(str::to_owned).collect(),
                text,
                comment: comment.take(),
            }));
        } else if let Some(begun) = trimmed.strip_prefix("<!--") {
            let mut said = begun.to_owned();
            while !said.contains("-->") {
                let Some((_, line)) = lines.next() else { break };
                said.push('\n');
                said.push_str(line);
            }
            let said = said.trim_end().trim_end_matches("-->").trim();
            let line = at + 1;
            let file = said.strip_prefix("file:");
            if let Some(script) = said.strip_prefix("run:") {
                let script = script.to_owned();
                items.push(Item::Run { line, script });
            } else if let Some((name, text)) = file.and_then(|one| one.split_once('\n')) {
                items.push(Item::Hidden {
                    line,
                    name: name.trim().to_owned(),
                    text: format!("{text}\n"),
                });
            } else {
                comment = Some(said.to_owned());
            }
        } else if !trimmed.is_empty() {
            comment = None;
        }
    }
    items
}

/// The page without its fenced blocks, comments and code between backticks, line by line.
pub(super) fn prose(page: &str) -> String {
    let mut kept = String::new();
    let mut fenced = false;
    for line in page.lines() {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        if !fenced && !fence {
            for (at, part) in line.split('`').enumerate() {
                kept.push_str(if at % 2 == 0 { part } else { "code" });
            }
        }
        kept.push('\n');
    }
    kept
}

#[test]
fn blocks_and_what_is_said_of_them() {
    let page = "text\n\n<!-- not run: another tool's -->\n\n```ts\nlet a;\n```\n\n<!-- file: a.txt\none\n-->\n1. then\n\n   ```yaml part finds=a,b\n   - x\n     y\n   ```\n";
    let items = items(page);
    let [
        Item::Block(first),
        Item::Hidden { name, text, .. },
        Item::Block(last),
    ] = &items[..]
    else {
        panic!("{items:#?}");
    };
    assert_eq!(first.said("not run"), Some("another tool's"));
    assert_eq!((name.as_str(), text.as_str()), ("a.txt", "one\n"));
    assert_eq!(last.text, "- x\n  y\n");
    assert!(last.has("part") && last.comment.is_none());
    assert_eq!(last.value("finds"), Some("a,b"));
}

#[test]
fn a_first_line_names_a_file() {
    let block = |text: &str| Block {
        line: 1,
        words: vec!["yaml".to_owned()],
        text: text.to_owned(),
        comment: None,
    };
    assert_eq!(block("# pipeline.yml\na: 1\n").file(), Some("pipeline.yml"));
    assert_eq!(
        block("# .github/workflows/a.yml\n").file(),
        Some(".github/workflows/a.yml")
    );
    assert_eq!(block("# what it is.\n").file(), None);
    assert_eq!(
        block("# yaml-language-server: $schema=a.json\n").file(),
        None
    );
}
