//! Members of spanned trees, and what a text of one may look like.

use crate::catalog::text::{TextProblem, TextRule};
use crate::model::Text;
use crate::tree::{Data, Node};

/// The value behind a path of members, `environment.image`; nothing where it is absent or null.
pub(super) fn get<'n>(node: &'n Node, path: &str) -> Option<&'n Node> {
    path.split('.')
        .try_fold(node, |node, key| node.get(key))
        .filter(|node| !node.is_null())
}

/// The text of a value, if it is known and no variable of run time stands in it.
pub(super) fn known(node: &Node) -> Option<&str> {
    node.as_str().filter(|text| !text.contains("#{"))
}

/// The known text behind a path of members.
pub(super) fn word<'n>(node: &'n Node, path: &str) -> Option<&'n str> {
    get(node, path).and_then(known)
}

/// A known text with its place.
pub(super) fn leaf(node: &Node) -> Option<Text> {
    let value = known(node)?;
    Some(Text {
        origin: node.origin.clone(),
        ..Text::new(value, node.span)
    })
}

/// The truth value behind a path.
pub(super) fn flag(node: &Node, path: &str) -> Option<bool> {
    match get(node, path)?.data {
        Data::Bool(value) => Some(value),
        _ => None,
    }
}

/// The items of the list behind a path; none if there is no list.
pub(super) fn items<'n>(node: &'n Node, path: &str) -> &'n [Node] {
    get(node, path).and_then(Node::as_list).unwrap_or_default()
}

/// Whether nothing stands behind a path: absent, null, an empty text, an empty list.
pub(super) fn empty(node: &Node, path: &str) -> bool {
    get(node, path).is_none_or(|node| match &node.data {
        Data::Text(text) => text.is_empty(),
        Data::List(items) => items.is_empty(),
        _ => false,
    })
}

pub(super) use crate::yaml::join_key as join;

/// "one of `a`, `b`"; of one word the word.
pub(super) fn one_of<'c>(words: impl IntoIterator<Item = &'c str>) -> String {
    let words: Vec<String> = words.into_iter().map(|word| format!("`{word}`")).collect();
    match &words[..] {
        [word] => word.clone(),
        _ => format!("one of {}", words.join(", ")),
    }
}

/// A word with its article, as it or a row of capitals is spoken: an ECR, an S3, a CodeBuild.
pub(super) fn with_article(word: &str) -> String {
    let mut letters = word.chars();
    let begin = letters.next().unwrap_or_default();
    let spelt = letters
        .next()
        .is_some_and(|next| next.is_ascii_uppercase() || next.is_ascii_digit());
    let sounds = if spelt { "AEFHILMNORSX" } else { "AEIOaeio" };
    let article = if sounds.contains(begin) { "an" } else { "a" };
    format!("{article} {word}")
}

/// How a variable is called that a shell can read.
pub(super) const SHELL_NAME: &str =
    "take letters, digits and underscores, first a letter or underscore";

/// Why no shell reads or sets a variable of this name, as a noun phrase; nothing where one does.
pub(super) fn unshellable(name: &str) -> Option<String> {
    let begin = name.chars().next();
    let strange = |c: &char| !c.is_ascii_alphanumeric() && *c != '_';
    match (begin, name.chars().find(strange)) {
        (None, _) => Some("no name here".to_owned()),
        (_, Some(' ')) => Some("a space in the name".to_owned()),
        (_, Some(strange)) => Some(format!("{strange:?} in the name")),
        (Some(begin), None) if begin.is_ascii_digit() => Some("a digit at the start".to_owned()),
        _ => None,
    }
}

/// What is wrong with a text.
pub(super) struct Wrong {
    /// To stand behind what the text is called: `has 151 characters; at most 150 are allowed`.
    pub(super) words: String,
    /// The offending bytes, where it is a part.
    pub(super) at: Option<(usize, usize)>,
    /// The noun phrase under the offending characters.
    label: String,
    /// What to do where no better text is proposed.
    help: String,
}

impl Wrong {
    /// The noun phrase under the offending characters.
    pub(super) fn label(&self) -> &str {
        &self.label
    }

    /// What to do where no better text is proposed.
    pub(super) fn help(&self) -> &str {
        &self.help
    }
}

/// What is wrong with a text by its rule, if anything is.
pub(super) fn wrong(rule: &TextRule, value: &str) -> Option<Wrong> {
    let characters = |count: usize| {
        if count == 1 {
            "1 character".to_owned()
        } else {
            format!("{count} characters")
        }
    };
    let (words, label, help) = match rule.check(value).err()? {
        TextProblem::Character { character, at } => {
            let allowed = rule
                .characters
                .as_ref()
                .map(|words| format!("; it may have {words}"))
                .unwrap_or_default();
            return Some(Wrong {
                words: format!("may not have {character:?}{allowed}"),
                at: Some((at, at + character.len_utf8())),
                label: "not allowed here".to_owned(),
                help: format!("take {character:?} out, or another character for it"),
            });
        }
        TextProblem::TooShort { length: 0, .. } => (
            "is empty".to_owned(),
            "nothing here".to_owned(),
            "give it a value, or leave it out".to_owned(),
        ),
        TextProblem::TooShort { length, min } => (
            format!("has {}; it needs at least {min}", characters(length)),
            "too short".to_owned(),
            format!("write {min} or more"),
        ),
        TextProblem::TooLong { length, max } => (
            format!("has {}; at most {max} are allowed", characters(length)),
            format!("{} too many", length - max),
            format!("shorten it to {max}"),
        ),
        TextProblem::Shape => (
            match &rule.characters {
                Some(words) => format!("may have {words}"),
                None => "does not have the form that AWS takes".to_owned(),
            },
            "not of this form".to_owned(),
            "write it as AWS takes it".to_owned(),
        ),
        TextProblem::Reserved => (
            "is a word that AWS keeps for itself".to_owned(),
            "reserved".to_owned(),
            "choose another word".to_owned(),
        ),
    };
    Some(Wrong {
        words,
        at: None,
        label,
        help,
    })
}

#[cfg(test)]
mod tests {
    use super::with_article;

    #[test]
    fn articles_are_as_words_are_spoken() {
        for spoken in [
            "an ECR",
            "an S3",
            "an EKS",
            "an AppConfig",
            "an output variable",
            "a CodeBuild",
            "a Lambda",
            "a command",
            "a CodeStarSourceConnection",
            "an AlexaSkillsKit",
        ] {
            let (_, word) = spoken.split_once(' ').expect("two words");
            assert_eq!(with_article(word), spoken);
        }
    }
}
