//! Secrets out of what a build writes, wherever the pieces that arrive begin and end.

use regex::bytes::Regex;

use crate::tree::Secret;

/// What stands in place of a secret.
const MASK: &[u8] = b"***";
/// Shorter values are no secrets, and masking them would make a log unreadable.
const SHORTEST: usize = 3;
/// How much is held back at most beyond the longest secret, where matches overlap without end.
const MOST_HELD: usize = 64 << 10;

/// Masks a stream.
pub(super) struct Masker {
    patterns: Vec<Regex>,
    words: Vec<Vec<u8>>,
    held: Vec<u8>,
    /// How much of `held` belongs to a secret whose mask is out already.
    covered: usize,
}

impl std::fmt::Debug for Masker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Masker").finish_non_exhaustive()
    }
}

impl Masker {
    /// A masker of these secrets: each as a whole, and each line of one that has several.
    pub(super) fn new<'s>(secrets: impl IntoIterator<Item = &'s Secret>) -> Self {
        let mut words: Vec<Vec<u8>> = Vec::new();
        for secret in secrets {
            let value = secret.expose();
            let trimmed = value.trim_end_matches(['\n', '\r']);
            let lines = trimmed.lines().map(str::trim);
            for word in [value, trimmed].into_iter().chain(lines) {
                if word.chars().count() >= SHORTEST && !words.iter().any(|w| w == word.as_bytes()) {
                    words.push(word.as_bytes().to_vec());
                }
            }
        }
        let patterns = words
            .iter()
            .filter_map(|word| std::str::from_utf8(word).ok())
            .filter_map(|word| {
                regex::bytes::RegexBuilder::new(&regex::escape(word))
                    .size_limit(64 << 20)
                    .build()
                    .ok()
            })
            .collect();
        Self {
            patterns,
            words,
            held: Vec::new(),
            covered: 0,
        }
    }

    /// Whether a value is too short to be masked.
    pub(super) fn is_too_short(value: &str) -> bool {
        !value.is_empty() && value.trim().chars().count() < SHORTEST
    }

    /// Takes what arrived and adds to `out` what can be shown by now.
    pub(super) fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        if self.patterns.is_empty() {
            out.extend_from_slice(bytes);
            return;
        }
        self.held.extend_from_slice(bytes);
        self.pass(false, out);
    }

    /// Adds what was held back.
    pub(super) fn finish(&mut self, out: &mut Vec<u8>) {
        self.pass(true, out);
    }

    /// A text that is complete.
    pub(super) fn text(&self, text: &str) -> String {
        let mut other = Self {
            patterns: self.patterns.clone(),
            words: self.words.clone(),
            held: Vec::new(),
            covered: 0,
        };
        let mut out = Vec::new();
        other.push(text.as_bytes(), &mut out);
        other.finish(&mut out);
        String::from_utf8_lossy(&out).into_owned()
    }

    fn pass(&mut self, last: bool, out: &mut Vec<u8>) {
        let mut spans = self.spans();
        let mut cut = if last {
            self.held.len()
        } else {
            self.held.len() - self.unfinished()
        };
        // A match that reaches into what is held back stays with it, or the rest of an overlapping one would show.
        let mut part = None;
        if let Some(index) = spans.iter().position(|(_, end)| *end > cut) {
            let (start, end) = spans[index];
            if start < cut {
                if self.held.len() - start > MOST_HELD + self.longest() {
                    part = Some(end);
                } else {
                    cut = start;
                }
            }
            spans.truncate(index + usize::from(part.is_some()));
        }
        let mut at = 0;
        for (start, end) in spans {
            out.extend_from_slice(&self.held[at..start.min(cut)]);
            if start > 0 || self.covered == 0 {
                out.extend_from_slice(MASK);
            }
            at = end.min(cut);
        }
        out.extend_from_slice(&self.held[at.min(cut)..cut]);
        self.covered = match part {
            Some(end) => end - cut,
            None if cut == 0 => self.covered,
            None => 0,
        };
        self.held.drain(..cut);
    }

    /// Where secrets stand in what is held, in order, those that touch as one.
    fn spans(&self) -> Vec<(usize, usize)> {
        let mut spans: Vec<(usize, usize)> = Vec::new();
        if self.covered > 0 {
            spans.push((0, self.covered));
        }
        for pattern in &self.patterns {
            // Matches of one and the same secret may overlap as well.
            let mut from = 0;
            while let Some(found) = pattern.find_at(&self.held, from) {
                spans.push((found.start(), found.end()));
                from = found.start() + 1;
            }
        }
        spans.sort_unstable();
        let mut merged: Vec<(usize, usize)> = Vec::new();
        for (start, end) in spans {
            match merged.last_mut() {
                Some(last) if start < last.1 => last.1 = last.1.max(end),
                _ => merged.push((start, end)),
            }
        }
        merged
    }

    /// How many bytes at the end could be the beginning of a secret.
    fn unfinished(&self) -> usize {
        let most = self.longest().saturating_sub(1).min(self.held.len());
        let from = self.held.len() - most;
        (from..self.held.len())
            .find(|start| {
                let tail = &self.held[*start..];
                self.words
                    .iter()
                    .any(|word| word.len() > tail.len() && word.starts_with(tail))
            })
            .map_or(0, |start| self.held.len() - start)
    }

    fn longest(&self) -> usize {
        self.words.iter().map(Vec::len).max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::{SecretReference, SecretService};
    use proptest::prelude::*;

    fn secret(value: &str) -> Secret {
        let reference = SecretReference {
            service: SecretService::SecretsManager,
            name: "s".to_owned(),
            key: None,
            region: "eu-west-1".to_owned(),
            fingerprint: String::new(),
        };
        Secret::new(value, reference)
    }

    /// The text in pieces of a size.
    fn masked(secrets: &[&str], text: &str, size: usize) -> String {
        let secrets: Vec<_> = secrets.iter().map(|s| secret(s)).collect();
        let mut masker = Masker::new(&secrets);
        let mut out = Vec::new();
        for piece in text.as_bytes().chunks(size) {
            masker.push(piece, &mut out);
        }
        masker.finish(&mut out);
        String::from_utf8_lossy(&out).into_owned()
    }

    #[test]
    fn secrets_are_masked_wherever_the_pieces_end() {
        let cases: [(&[&str], &str, &str); 11] = [
            (&["hunter2"], "password hunter2!", "password ***!"),
            (&["hunter2"], "hunter hunter22 hunter", "hunter ***2 hunter"),
            (&["abc", "cde"], "xabcdex", "x***x"),
            (&["aaa"], "aaaaaaab", "***b"),
            (&["abc", "abcdef"], "abcdef abc", "*** ***"),
            (&["one\ntwo\nthree"], "one two", "*** ***"),
            (&["first\nsecond"], "a first\nsecond b", "a *** b"),
            (&["key\n"], "key\n", "***"),
            (&["1", ""], "1 2 3", "1 2 3"),
            (&["größe"], "die größe!", "die ***!"),
            (&["a.c"], "abc a.c", "abc ***"),
        ];
        for (secrets, text, expected) in cases {
            for size in 1..=text.len() {
                assert_eq!(
                    masked(secrets, text, size),
                    expected,
                    "{secrets:?} {text:?} by {size}"
                );
            }
        }
    }

    #[test]
    fn without_end_little_is_held() {
        let secrets = [secret("aaaa")];
        let mut masker = Masker::new(&secrets);
        let mut out = Vec::new();
        for _ in 0..100 {
            masker.push(&[b'a'; 10_000], &mut out);
            assert!(masker.held.len() < 200_000);
        }
        masker.push(b"b", &mut out);
        masker.finish(&mut out);
        assert_eq!(out, b"***b");
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn pieces_make_no_difference_and_no_secret_is_left(
            secrets in prop::collection::vec("[ab]{3,6}", 1..4),
            text in "[abc]{0,80}",
            size in 1usize..20,
        ) {
            let words: Vec<&str> = secrets.iter().map(String::as_str).collect();
            let whole = masked(&words, &text, 1000);
            prop_assert_eq!(masked(&words, &text, size), whole.clone());
            for word in words {
                prop_assert!(!whole.contains(word));
            }
        }
    }
}
