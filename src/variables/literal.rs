//! Bare words that are values: `true`, `null`, `-3`, `0x10`.

use super::grammar::Literal;

/// What a bare word stands for, if it is one of those that need no quotes.
pub(super) fn word(text: &str) -> Option<Literal> {
    match text {
        "true" => Some(Literal::Bool(true)),
        "false" => Some(Literal::Bool(false)),
        "null" => Some(Literal::Null),
        _ => number(text).map(Literal::Number),
    }
}

/// A number as JavaScript's `Number(text)` reads it.
fn number(text: &str) -> Option<f64> {
    let first = text.bytes().next()?;
    if !(first.is_ascii_alphanumeric() || matches!(first, b'.' | b'-')) {
        return None;
    }
    match text {
        "Infinity" => return Some(f64::INFINITY),
        "-Infinity" => return Some(f64::NEG_INFINITY),
        _ => {}
    }
    let lower = text.to_ascii_lowercase();
    for (prefix, radix) in [("0x", 16), ("0b", 2), ("0o", 8)] {
        if let Some(digits) = lower.strip_prefix(prefix) {
            if digits.is_empty() {
                return None;
            }
            return digits.chars().try_fold(0.0, |value: f64, digit| {
                digit
                    .to_digit(radix)
                    .map(|digit| value.mul_add(f64::from(radix), f64::from(digit)))
            });
        }
    }
    let plausible = lower
        .bytes()
        .all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'e'))
        && lower.bytes().any(|b| b.is_ascii_digit());
    if !plausible {
        return None;
    }
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_as_javascript_reads_them() {
        for (text, value) in [
            ("12", 12.0),
            ("-3", -3.0),
            ("2.50", 2.5),
            (".5", 0.5),
            ("5.", 5.0),
            ("1e3", 1000.0),
            ("1e-3", 0.001),
            ("0x10", 16.0),
            ("0b101", 5.0),
            ("0o17", 15.0),
            ("010", 10.0),
            ("-Infinity", f64::NEG_INFINITY),
        ] {
            assert_eq!(word(text), Some(Literal::Number(value)), "{text}");
        }
        for text in [
            "+5", "1_000", "1.2.3", "NaN", "-", "", ".", "True", "dev", "-0x10", "e3",
        ] {
            assert_eq!(word(text), None, "{text}");
        }
    }
}
