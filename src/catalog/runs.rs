//! Patterns that are nothing but classes of characters one behind the other, matched without a regular expression:
//! compiling one takes longer than everything it is used for in a short run.

use super::text::{Characters, bit};

/// So many characters of a class.
#[derive(Debug)]
struct Run {
    /// One bit for every ASCII character.
    class: u128,
    min: usize,
    max: usize,
}

/// A pattern like `[A-Za-z][A-Za-z0-9-]{0,127}`, for ASCII.
#[derive(Debug)]
pub(super) struct Runs(Vec<Run>);

impl Runs {
    /// `None` for a pattern that is more than that, or with which a run could take what the next one needs.
    pub(super) fn read(pattern: &str) -> Option<Self> {
        let mut runs: Vec<Run> = Vec::new();
        let mut rest = pattern;
        while !rest.is_empty() {
            let (class, behind) = class(rest)?;
            let ((min, max), behind) = bounds(behind)?;
            rest = behind;
            runs.push(Run { class, min, max });
        }
        let greedy = |at: usize| {
            let run = &runs[at];
            let behind = &runs[at + 1..];
            // what follows up to the first that has to be there
            let needed = behind.iter().position(|next| next.min > 0);
            let followers = &behind[..needed.map_or(behind.len(), |needed| needed + 1)];
            run.min == run.max || followers.iter().all(|next| next.class & run.class == 0)
        };
        (0..runs.len()).all(greedy).then_some(Self(runs))
    }

    /// Whether the whole of a text of ASCII matches.
    pub(super) fn matches(&self, text: &str) -> bool {
        let mut rest = text.as_bytes();
        for run in &self.0 {
            let inside = |byte: &&u8| run.class & bit(char::from(**byte)) != 0;
            let count = rest.iter().take(run.max).take_while(inside).count();
            if count < run.min {
                return false;
            }
            rest = &rest[count..];
        }
        rest.is_empty()
    }
}

/// What a pattern begins with, as the characters it stands for, and what is behind it.
fn class(pattern: &str) -> Option<(u128, &str)> {
    let first = pattern.chars().next().filter(char::is_ascii)?;
    let behind = &pattern[1..];
    match first {
        '.' => Some((u128::MAX, behind)),
        '\\' => {
            let escaped = behind.chars().next().filter(char::is_ascii_punctuation)?;
            Some((bit(escaped), &behind[1..]))
        }
        '[' => {
            let end = end_of_class(behind)?;
            let (inner, behind) = (&behind[..end], &behind[end + 1..]);
            let (negated, inner) = match inner.strip_prefix('^') {
                Some(inner) => (true, inner),
                None => (false, inner),
            };
            // classes with a name, and classes in classes, are left to regular expressions
            let letters = inner.as_bytes().windows(2);
            let named = letters
                .into_iter()
                .any(|two| two[0] == b'\\' && two[1].is_ascii_alphanumeric());
            if named || inner.is_empty() || inner.contains(['[', '&', '~']) {
                return None;
            }
            let class = Characters::read(&format!("[{inner}]"))?.ascii();
            Some((if negated { !class } else { class }, behind))
        }
        '^' | '$' | '(' | ')' | '|' | '{' | '}' | '*' | '+' | '?' | ']' => None,
        literal => Some((bit(literal), behind)),
    }
}

/// Where the bracket stands that ends a class.
fn end_of_class(text: &str) -> Option<usize> {
    let mut escaped = false;
    text.bytes().position(|byte| {
        let ends = byte == b']' && !escaped;
        escaped = byte == b'\\' && !escaped;
        ends
    })
}

/// How often, and what is behind it.
fn bounds(pattern: &str) -> Option<((usize, usize), &str)> {
    let bounds = match pattern.chars().next() {
        Some('+') => (1, usize::MAX),
        Some('*') => (0, usize::MAX),
        Some('?') => (0, 1),
        Some('{') => {
            let (inner, behind) = pattern[1..].split_once('}')?;
            let bounds = match inner.split_once(',') {
                None => (inner.parse().ok()?, inner.parse().ok()?),
                Some((min, "")) => (min.parse().ok()?, usize::MAX),
                Some((min, max)) => (min.parse().ok()?, max.parse().ok()?),
            };
            return possessed(behind).map(|behind| (bounds, behind));
        }
        _ => return Some(((1, 1), pattern)),
    };
    possessed(&pattern[1..]).map(|behind| (bounds, behind))
}

/// Nothing for a repetition that takes little, or is repeated.
fn possessed(behind: &str) -> Option<&str> {
    (!behind.starts_with(['?', '+', '*', '{'])).then_some(behind)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Patterns like those of the data.
    const PATTERNS: [&str; 14] = [
        "[A-Za-z0-9][A-Za-z0-9\\-_]{1,149}",
        "[A-Za-z0-9][A-Za-z0-9._\\-]*",
        "[^*]+",
        "[a-z]{2}-[a-z]+-[0-9]",
        "arn:aws[a-z-]*:kms:.*",
        "[0-9]{12}",
        "a?b*c+",
        "x{2,3}y{2,}",
        "[A-Z][a-z]?[0-9]{0,2}-",
        "\\.\\-/",
        "[!-/:-@]+",
        "[\\]\\[a]+b",
        "s3://[^/]+/.+",
        ".",
    ];

    proptest! {
        #[test]
        fn it_says_what_a_regular_expression_says(
            at in 0..PATTERNS.len(),
            text in "[a-cA-C0-9x-z*./:@!-]{0,8}",
        ) {
            let pattern = PATTERNS[at];
            let whole = regex::Regex::new(&format!("^(?s:{pattern})$")).expect("it compiles");
            if let Some(runs) = Runs::read(pattern) {
                prop_assert_eq!(runs.matches(&text), whole.is_match(&text), "{} {}", pattern, text);
            }
        }
    }

    proptest! {
        #[test]
        fn it_says_so_of_what_matches(at in 0..PATTERNS.len(), seed in any::<u64>()) {
            let pattern = PATTERNS[at];
            let Some(runs) = Runs::read(pattern) else {
                return Ok(());
            };
            let whole = regex::Regex::new(&format!("^(?s:{pattern})$")).expect("it compiles");
            // a text that is made of the classes, sometimes of one character too few
            let mut seed = seed;
            let mut next = |below: usize| {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                usize::try_from(seed >> 33).unwrap_or(0) % below
            };
            let mut text = String::new();
            for run in &runs.0 {
                let characters: Vec<char> =
                    (' '..='~').filter(|c| run.class & bit(*c) != 0).collect();
                let most = run.max.min(run.min + 3) - run.min;
                for _ in 0..(run.min + next(most + 1)).saturating_sub(next(9) / 8) {
                    text.push(characters[next(characters.len())]);
                }
            }
            prop_assert_eq!(runs.matches(&text), whole.is_match(&text), "{} {}", pattern, text);
        }
    }

    #[test]
    fn what_is_more_is_left_to_regular_expressions() {
        for pattern in [
            "a|b",
            "(a)",
            "[a-z]+[a-z]",
            "a*?",
            "\\d+",
            "[\\w]+",
            "^a",
            ".*x",
            "é",
            "[a&&b]",
        ] {
            assert!(Runs::read(pattern).is_none(), "{pattern}");
        }
        for pattern in PATTERNS {
            let known = Runs::read(pattern).is_some();
            assert_eq!(known, !pattern.contains("\\["), "{pattern}");
        }
    }
}
