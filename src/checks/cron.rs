//! The fields of cron expressions, of schedules and of deployment windows.

use std::ops::Range;

use crate::catalog::advice::CronField;

/// The words of a text with their places.
pub(super) fn words(text: &str, from: usize) -> Vec<(Range<usize>, &str)> {
    text.split_whitespace()
        .map(|word| {
            let at = from + (word.as_ptr() as usize - text.as_ptr() as usize);
            (at..at + word.len(), word)
        })
        .collect()
}

/// What a field may hold, in words.
pub(super) fn describe(field: &CronField) -> String {
    let [low, high] = field.range;
    match (field.words.first(), field.words.last()) {
        (Some(first), Some(last)) => format!("{low} to {high}, or {first} to {last}"),
        _ => format!("{low} to {high}, `*`, lists with `,` and ranges with `-`"),
    }
}

/// What certainly makes a field wrong; forms that are rare are let through.
pub(super) fn field_problem(field: &CronField, word: &str) -> Option<String> {
    let upper = word.to_uppercase();
    let number = |text: &str| -> Option<Result<u32, String>> {
        if text.is_empty() {
            return None;
        }
        let [low, high] = field.range;
        if let Some(at) = field.words.iter().position(|known| known == text) {
            return u32::try_from(at).ok().map(|at| Ok(low + at));
        }
        Some(match text.parse::<u32>() {
            Ok(value) if (low..=high).contains(&value) => Ok(value),
            Ok(value) => Err(format!("{value} is not between {low} and {high}")),
            Err(_) => Err(format!("`{text}` means nothing there")),
        })
    };
    let wild = |c: char| field.wildcards.contains(c);
    if word == "?" {
        return (!wild('?')).then(|| "`?` stands for a day only".to_owned());
    }
    for part in upper.split(',') {
        if part.is_empty() {
            return Some("a value is missing beside `,`".to_owned());
        }
        let (base, step) = part
            .split_once('/')
            .map_or((part, None), |(base, step)| (base, Some(step)));
        if let Some(step) = step
            && !step.parse::<u32>().is_ok_and(|step| step > 0)
        {
            return Some(format!("`{step}` is no step"));
        }
        if base == "*" {
            continue;
        }
        // L, W and # have forms of their own
        let special = ['L', 'W', '#']
            .into_iter()
            .any(|c| wild(c) && base.contains(c))
            && !field.words.iter().any(|word| word == base);
        if special {
            continue;
        }
        for end in base.splitn(2, '-') {
            match number(end) {
                None => return Some("a value is missing beside `-`".to_owned()),
                Some(Err(problem)) => return Some(problem),
                Some(Ok(_)) => {}
            }
        }
    }
    None
}
