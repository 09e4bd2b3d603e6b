//! Patterns and lengths of texts.

use std::fmt;
use std::sync::OnceLock;

use regex::Regex;
use serde::{Deserialize, Deserializer};

use super::runs::Runs;

/// A regular expression of the data that a whole text must match; compiled on first use.
pub struct Pattern {
    text: String,
    compiled: OnceLock<Option<Regex>>,
    /// The same for texts of ASCII, which are almost all.
    plain: OnceLock<Plain>,
}

/// A pattern for texts of ASCII.
enum Plain {
    Runs(Runs),
    /// Without the classes of Unicode it is compiled many times faster.
    Bytes(regex::bytes::Regex),
    /// It names such a class.
    Unicode,
}

impl Pattern {
    /// The pattern as AWS writes it, without anchors.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether the whole of `value` matches.
    pub fn matches(&self, value: &str) -> bool {
        if value.is_ascii() {
            match self.plain() {
                Plain::Runs(runs) => return runs.matches(value),
                Plain::Bytes(regex) => return regex.is_match(value.as_bytes()),
                Plain::Unicode => {}
            }
        }
        self.regex().is_none_or(|regex| regex.is_match(value))
    }

    fn whole(&self) -> String {
        format!("^(?s:{})$", self.text)
    }

    fn plain(&self) -> &Plain {
        self.plain.get_or_init(|| {
            if let Some(runs) = Runs::read(&self.text) {
                return Plain::Runs(runs);
            }
            let mut builder = regex::bytes::RegexBuilder::new(&self.whole());
            let compiled = builder.unicode(false).build();
            compiled.map_or(Plain::Unicode, Plain::Bytes)
        })
    }

    /// The compiled form; `None` only if the data holds a broken pattern, which a test excludes.
    pub fn regex(&self) -> Option<&Regex> {
        self.compiled
            .get_or_init(|| Regex::new(&self.whole()).ok())
            .as_ref()
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pattern({:?})", self.text)
    }
}

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Pattern {
            text: String::deserialize(deserializer)?,
            compiled: OnceLock::new(),
            plain: OnceLock::new(),
        })
    }
}

/// A class of characters of the data, e.g. `[A-Za-z0-9_]`: a set for ASCII, so that the many texts that hold nothing
/// else cost no regular expression.
pub struct Characters {
    text: String,
    /// One bit for every ASCII character.
    ascii: u128,
    /// For the others, where the class has some.
    beyond: Option<OnceLock<Option<Regex>>>,
}

/// Classes with a name, and which ASCII characters they have.
const NAMED: [(&str, IsIn); 4] = [
    ("\\p{L}", char::is_ascii_alphabetic),
    ("\\p{N}", char::is_ascii_digit),
    ("\\p{Z}", |c| *c == ' '),
    ("\\s", |c| c.is_whitespace()),
];

type IsIn = fn(&char) -> bool;

/// The bit of an ASCII character.
pub(super) fn bit(character: char) -> u128 {
    1 << u32::from(character)
}

impl Characters {
    /// The class as AWS writes it.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether the class has the character.
    pub fn allows(&self, character: char) -> bool {
        if character.is_ascii() {
            return self.ascii & bit(character) != 0;
        }
        let Some(beyond) = &self.beyond else {
            return false;
        };
        let regex = beyond.get_or_init(|| Regex::new(&format!("^{}$", self.text)).ok());
        regex
            .as_ref()
            .is_some_and(|regex| regex.is_match(character.encode_utf8(&mut [0; 4])))
    }

    /// One bit for every ASCII character of the class.
    pub(super) fn ascii(&self) -> u128 {
        self.ascii
    }

    /// Reads a class of characters, ranges, `\\p{L}`, `\\p{N}`, `\\p{Z}` and `\\s`.
    pub(super) fn read(text: &str) -> Option<Self> {
        let mut rest = text.strip_prefix('[')?.strip_suffix(']')?;
        let mut ascii = 0;
        let mut beyond = None;
        let one = |rest: &mut &str| -> Option<char> {
            *rest = rest.strip_prefix('\\').unwrap_or(rest);
            let character = rest.chars().next().filter(char::is_ascii)?;
            *rest = &rest[1..];
            Some(character)
        };
        while !rest.is_empty() {
            let class = NAMED
                .iter()
                .find_map(|(name, holds)| Some((rest.strip_prefix(name)?, holds)));
            if let Some((behind, holds)) = class {
                rest = behind;
                beyond = Some(OnceLock::new());
                for character in ('\0'..='\x7f').filter(holds) {
                    ascii |= bit(character);
                }
                continue;
            }
            let first = one(&mut rest)?;
            let range = rest.strip_prefix('-').filter(|behind| !behind.is_empty());
            let last = match range {
                Some(behind) => {
                    rest = behind;
                    one(&mut rest)?
                }
                None => first,
            };
            if first <= last {
                // everything up to the last without everything before the first
                ascii |= bit(last) | (bit(last) - bit(first));
            }
        }
        Some(Self {
            text: text.to_owned(),
            ascii,
            beyond,
        })
    }
}

impl fmt::Debug for Characters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Characters({:?})", self.text)
    }
}

impl<'de> Deserialize<'de> for Characters {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Characters::read(&text)
            .ok_or_else(|| serde::de::Error::custom(format!("`{text}` is no class of characters")))
    }
}

/// What a name or another short text may look like.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TextRule {
    /// Pattern of the whole text.
    #[serde(default)]
    pub pattern: Option<Pattern>,
    /// The allowed characters, to point at the first wrong one.
    #[serde(default)]
    pub character: Option<Characters>,
    /// The allowed characters in words, for messages.
    #[serde(default)]
    pub characters: Option<String>,
    /// Fewest and most characters.
    pub length: [usize; 2],
    /// Where the text must be unique: `account and region`, `pipeline`, `stage`.
    #[serde(default)]
    pub unique: Option<String>,
    /// Texts that AWS keeps for itself.
    #[serde(default)]
    pub reserved: Vec<String>,
    /// Above this length sources disagree: warn.
    #[serde(default)]
    pub warn_above: Option<usize>,
    /// What else is to be known.
    #[serde(default)]
    pub note: Option<String>,
    /// Where the fact is from.
    #[serde(default)]
    pub source: Option<String>,
}

/// Why a text breaks its [`TextRule`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TextProblem {
    /// Fewer characters than needed.
    TooShort {
        /// How many there are.
        length: usize,
        /// How many are needed.
        min: usize,
    },
    /// More characters than allowed.
    TooLong {
        /// How many there are.
        length: usize,
        /// How many are allowed.
        max: usize,
    },
    /// A character that is not allowed, and its byte offset.
    Character {
        /// The first wrong character.
        character: char,
        /// Its byte offset in the text.
        at: usize,
    },
    /// The text as a whole does not match the pattern.
    Shape,
    /// A word that AWS keeps for itself.
    Reserved,
}

impl TextRule {
    /// The first problem of `value`, if any.
    ///
    /// # Errors
    /// The problem found.
    pub fn check(&self, value: &str) -> Result<(), TextProblem> {
        let [min, max] = self.length;
        if let Some(character) = &self.character {
            let wrong = value.char_indices().find(|(_, c)| !character.allows(*c));
            if let Some((at, character)) = wrong {
                return Err(TextProblem::Character { character, at });
            }
        }
        let length = value.chars().count();
        if length < min {
            return Err(TextProblem::TooShort { length, min });
        }
        if length > max {
            return Err(TextProblem::TooLong { length, max });
        }
        if self.pattern.as_ref().is_some_and(|p| !p.matches(value)) {
            return Err(TextProblem::Shape);
        }
        if self.reserved.iter().any(|word| word == value) {
            return Err(TextProblem::Reserved);
        }
        Ok(())
    }
}

/// A fact together with how sure it is. In the data either the bare value or `{value, certain, note}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certain<T> {
    /// The value.
    pub value: T,
    /// False if the sources disagree or are silent.
    pub certain: bool,
    /// What the sources say.
    pub note: Option<String>,
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Certain<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Form<T> {
            Full {
                value: T,
                #[serde(default = "super::yes")]
                certain: bool,
                #[serde(default)]
                note: Option<String>,
            },
            Bare(T),
        }
        Ok(match Form::deserialize(deserializer)? {
            Form::Full {
                value,
                certain,
                note,
            } => Certain {
                value,
                certain,
                note,
            },
            Form::Bare(value) => Certain {
                value,
                certain: true,
                note: None,
            },
        })
    }
}

impl<T: Default> Default for Certain<T> {
    fn default() -> Self {
        Certain {
            value: T::default(),
            certain: true,
            note: None,
        }
    }
}

/// A number with its bounds.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quota {
    /// Fewest; 0 if there is no lower bound.
    #[serde(default)]
    pub min: u64,
    /// Most.
    pub max: u64,
    /// Above this, sources disagree: warn.
    #[serde(default)]
    pub warn_above: Option<u64>,
    /// What AWS takes when the number is not given.
    #[serde(default)]
    pub default: Option<u64>,
    /// Whether AWS raises it on request.
    #[serde(default)]
    pub adjustable: bool,
    /// False if the sources disagree.
    #[serde(default = "super::yes")]
    pub certain: bool,
    /// The exception that breaking it raises, where known.
    #[serde(default)]
    pub exception: Option<String>,
    /// What else is to be known.
    #[serde(default)]
    pub note: Option<String>,
    /// Where the fact is from.
    #[serde(default)]
    pub source: Option<String>,
}

impl Quota {
    /// Whether `number` lies within the bounds.
    pub fn allows(&self, number: u64) -> bool {
        (self.min..=self.max).contains(&number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_ascii_are_matched_as_others_are() {
        for text in [
            "arn:aws(-[a-z]+)*:iam::[^:]+:role/.+",
            "[\\p{L}\\p{Z}]+",
            "(?i)é|\\w+\\s\\d{2}",
            "[^\\s/:]+(/[^\\s/:]+)+",
            ".*#\\{.+\\}.*",
        ] {
            let pattern: Pattern = serde_json::from_value(text.into()).expect("a text");
            let regex = pattern.regex().expect(text);
            for value in [
                "",
                "a",
                "a b",
                "é",
                "arn:aws:iam::1:role/x",
                "arn:aws-cn:iam::1:role/é",
                "x_\u{b}12",
                "o/r",
                "ö/r",
                "o\u{1c}/r",
                "a#{B.C}\nd",
            ] {
                assert_eq!(
                    pattern.matches(value),
                    regex.is_match(value),
                    "{text}: {value:?}"
                );
            }
            let unicode = matches!(pattern.plain(), Plain::Unicode);
            assert_eq!(unicode, text.contains("\\p"), "{text}");
        }
    }

    #[test]
    fn a_class_allows_what_the_regular_expression_does() {
        for class in [
            "[A-Za-z0-9.@\\-_]",
            "[\\p{L}\\p{N}\\s+\\-=._:/@]",
            "[\\p{Z}a-]",
            "[.\\-_/#A-Za-z0-9]",
            "[!-~]",
        ] {
            let characters = Characters::read(class).expect(class);
            let regex = Regex::new(&format!("^{class}$")).expect(class);
            for c in ('\0'..='\u{7f}').chain("äßé٣Ⅷ\u{a0}\u{2028}\u{903}漢🚀".chars()) {
                let matches = regex.is_match(c.encode_utf8(&mut [0; 4]));
                assert_eq!(characters.allows(c), matches, "{class}: {c:?}");
            }
        }
        for broken in ["a-z", "[ä]", "[a-", "[\\d]x"] {
            assert!(Characters::read(broken).is_none(), "{broken}");
        }
    }
}
