//! Patterns of paths as a buildspec writes them.

use regex::Regex;

/// A pattern of paths relative to a folder, with `/` between their parts.
#[derive(Debug, Clone)]
pub struct Glob {
    regex: Regex,
    prefix: String,
}

impl Glob {
    /// Reads a pattern: `*` and `?` within a part, `**` for any number of parts, `[a-z]`, `{a,b}`; `\` before a sign
    /// takes its meaning away. A leading `./` and a trailing `/` mean nothing.
    ///
    /// # Errors
    /// If the pattern cannot be read; the text says why.
    pub fn new(pattern: &str) -> Result<Self, String> {
        let mut plain = pattern;
        while let Some(rest) = plain.strip_prefix("./") {
            plain = rest;
        }
        let plain = plain.trim_end_matches('/');
        let text = translate(plain);
        let regex = regex::RegexBuilder::new(&format!("^(?s:{text})$"))
            .size_limit(1 << 20)
            .build()
            .map_err(|_| format!("`{pattern}` is not a pattern of paths"))?;
        let prefix: Vec<&str> = plain
            .split('/')
            .take_while(|part| !part.contains(['*', '?', '[', '{', '\\']))
            .collect();
        let fixed = prefix.len() == plain.split('/').count();
        let kept = prefix.len() - usize::from(fixed && !prefix.is_empty());
        Ok(Self {
            regex,
            prefix: prefix[..kept].join("/"),
        })
    }

    /// Whether a path matches.
    pub fn matches(&self, path: &str) -> bool {
        self.regex.is_match(path)
    }

    /// The folder below which every match lies; empty if any.
    pub fn folder(&self) -> &str {
        &self.prefix
    }
}

/// The pattern as a regular expression.
fn translate(pattern: &str) -> String {
    let mut out = String::new();
    let mut chars = pattern.chars().peekable();
    let mut start = true;
    let mut depth = 0usize;
    while let Some(c) = chars.next() {
        match c {
            '*' if start && chars.peek() == Some(&'*') => {
                chars.next();
                match chars.peek() {
                    Some('/') => {
                        chars.next();
                        out.push_str("(?:[^/]+/)*");
                        continue;
                    }
                    None => out.push_str(".*"),
                    Some(_) => out.push_str("[^/]*"),
                }
            }
            '*' => {
                while chars.peek() == Some(&'*') {
                    chars.next();
                }
                out.push_str("[^/]*");
            }
            '?' => out.push_str("[^/]"),
            '[' => class(&mut chars, &mut out),
            '{' => {
                depth += 1;
                out.push_str("(?:");
            }
            '}' if depth > 0 => {
                depth -= 1;
                out.push(')');
            }
            ',' if depth > 0 => out.push('|'),
            '\\' => match chars.next() {
                Some(next) => out.push_str(&regex::escape(&next.to_string())),
                None => out.push_str("\\\\"),
            },
            other => out.push_str(&regex::escape(&other.to_string())),
        }
        start = c == '/';
    }
    out
}

/// `[abc]`, `[a-z]`, `[!a]`; a bracket that nothing closes stands for itself.
fn class(chars: &mut std::iter::Peekable<std::str::Chars<'_>>, out: &mut String) {
    let ahead: String = chars.clone().collect();
    let body_start = usize::from(ahead.starts_with(['!', '^']));
    let Some(end) = ahead
        .char_indices()
        .skip(body_start + 1)
        .find(|(_, c)| *c == ']')
        .map(|(at, _)| at)
    else {
        out.push_str("\\[");
        return;
    };
    out.push_str(if body_start == 1 { "[^/" } else { "[" });
    for c in ahead[body_start..end].chars() {
        if matches!(c, '\\' | '[' | ']' | '^' | '&' | '~') {
            out.push('\\');
        }
        out.push(c);
    }
    out.push(']');
    for _ in ahead[..=end].chars() {
        chars.next();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_the_buildspec_reference_says() {
        let cases = [
            ("my-file.jar", "my-file.jar", true),
            ("my-file.jar", "a/my-file.jar", false),
            ("./my-file.jar", "my-file.jar", true),
            ("sub/my-file.jar", "sub/my-file.jar", true),
            ("**/*", "a", true),
            ("**/*", "a/b/c.txt", true),
            ("**/*", ".hidden/.file", true),
            ("sub/*", "sub/a", true),
            ("sub/*", "sub/a/b", false),
            ("sub/**/*", "sub/a/b", true),
            ("sub/**/*", "sub/a", true),
            ("sub/**/*", "other/a", false),
            ("**", "a/b", true),
            ("*/my-file3.txt", "my-subdirectory/my-file3.txt", true),
            ("*/my-file3.txt", "my-file3.txt", false),
            ("my-build*", "my-build1", true),
            ("**/*.{jar,war}", "t/x.war", true),
            ("**/*.{jar,war}", "t/x.zip", false),
            ("[ab].txt", "b.txt", true),
            ("[!ab].txt", "b.txt", false),
            ("a[.txt", "a[.txt", true),
            ("a?c", "abc", true),
            ("a?c", "a/c", false),
            ("a+b (1).txt", "a+b (1).txt", true),
            ("TEST-*.xml", "TEST-com.example.xml", true),
        ];
        for (pattern, path, expected) in cases {
            let glob = Glob::new(pattern).expect("as the test says");
            assert_eq!(glob.matches(path), expected, "{pattern} and {path}");
        }
    }

    #[test]
    fn the_folder_below_which_matches_lie_is_known() {
        for (pattern, folder) in [
            ("**/*", ""),
            ("a/b/**/*", "a/b"),
            ("a/b.txt", "a"),
            ("a*/b", ""),
            ("/root/.m2/**/*", "/root/.m2"),
        ] {
            assert_eq!(
                Glob::new(pattern).expect("as the test says").folder(),
                folder,
                "{pattern}"
            );
        }
    }

    #[test]
    fn nonsense_is_refused_or_taken_literally_but_never_panics() {
        for pattern in [
            "", "[", "[]", "{", "}", "{a", "\\", "[!]", "[z-a]", "***", "a/**b",
        ] {
            let _ = Glob::new(pattern);
        }
        assert!(Glob::new("[z-a]").is_err());
    }
}
