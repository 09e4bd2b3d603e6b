//! Words of CloudFormation's templates in texts that were pasted from one.

use super::Rule;
use crate::catalog::structure;
use crate::diagnostic::Diagnostic;
use crate::model::Text;

/// The finding about a text that has words of a template, which nothing fills in here.
pub(super) fn told(rule: &Rule, text: &Text, path: &str) -> Option<Diagnostic> {
    let value = &text.value;
    let ours = in_our_words(value)?;
    let message = format!("`{value}` is written in the words of a CloudFormation template");
    let finding = rule.finding(text.span, path, message);
    let finding = finding.label("nothing fills this in");
    Some(
        finding
            .help(format!("write `{ours}`"))
            .through(text.origin.as_ref()),
    )
}

/// The text in the words of the pipeline file; nothing if it has none of a template's.
fn in_our_words(value: &str) -> Option<String> {
    let mut text = value.to_owned();
    for word in &structure::structure().template_words {
        text = text.replace(&word.template, &word.ours);
    }
    while let Some(at) = text.find(OPEN) {
        let inside = &text[at + OPEN.len()..];
        let end = inside.find(CLOSE)?;
        let ours = reference(&inside[..end])?;
        text.replace_range(at..at + OPEN.len() + end + CLOSE.len(), &ours);
    }
    (text != value).then_some(text)
}

const OPEN: &str = "{{resolve:";
const CLOSE: &str = "}}";

/// `ssm:NAME:VERSION`, `secretsmanager:ID:SecretString:KEY`.
fn reference(inside: &str) -> Option<String> {
    let (service, rest) = inside.split_once(':')?;
    match service {
        "ssm" | "ssm-secure" => {
            let (name, version) = rest.rsplit_once(':').unwrap_or((rest, ""));
            let numbered = version.bytes().all(|byte| byte.is_ascii_digit());
            let name = if numbered { name } else { rest };
            Some(format!("${{ssm:{name}}}"))
        }
        "secretsmanager" => {
            // an ARN has six points of its own
            let points = if rest.starts_with("arn:") { 6 } else { 0 };
            let mut ends = rest.match_indices(':').map(|(at, _)| at).skip(points);
            let (id, more) = match ends.next() {
                Some(end) => (&rest[..end], &rest[end + 1..]),
                None => (rest, ""),
            };
            let key = more.split(':').nth(1).filter(|key| !key.is_empty());
            Some(match key {
                Some(key) => format!("${{secret:{id}:{key}}}"),
                None => format!("${{secret:{id}}}"),
            })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_templates_become_variables_of_the_file() {
        for (template, file) in [
            (
                "arn:aws:iam::${AWS::AccountId}:role/x",
                "arn:aws:iam::${aws:accountId}:role/x",
            ),
            ("${AWS::Region}-shop", "${aws:region}-shop"),
            (
                "{{resolve:ssm:/shop/owner}}/shop",
                "${ssm:/shop/owner}/shop",
            ),
            ("{{resolve:ssm-secure:token:3}}", "${ssm:token}"),
            (
                "{{resolve:secretsmanager:git:SecretString:token}}",
                "${secret:git:token}",
            ),
            ("{{resolve:secretsmanager:git}}", "${secret:git}"),
            (
                "{{resolve:secretsmanager:arn:aws:secretsmanager:us-east-1:111122223333:secret:git-1:SecretString:token::}}",
                "${secret:arn:aws:secretsmanager:us-east-1:111122223333:secret:git-1:token}",
            ),
        ] {
            assert_eq!(in_our_words(template).as_deref(), Some(file));
        }
        for other in [
            "shop/shop",
            "${Stage}",
            "{{resolve:ssm:open",
            "{{resolve:else:a}}",
        ] {
            assert_eq!(in_our_words(other), None, "{other}");
        }
    }
}
