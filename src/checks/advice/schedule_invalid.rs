//! A schedule that EventBridge refuses.

use std::ops::Range;

use crate::catalog::advice::advice;
use crate::checks::cron::{describe, field_problem, words};
use crate::checks::{Rule, Subject};
use crate::diagnostic::{Diagnostics, Severity};

pub(super) const RULE: Rule = Rule {
    code: "schedule-invalid",
    severity: Severity::Error,
    summary: "a schedule is no cron or rate expression of EventBridge",
    why: "EventBridge reads six fields: minutes, hours, day of month, month, day of week, year, all in UTC. Of the two \
          days one is `?`, because the other one says the day. Days of the week count from SUN, which is 1. A rate is a \
          whole number and `minute`, `hour` or `day`, with an `s` unless the number is 1.",
    aws: "",
    wrong: "triggers:\n  schedule: cron(0 6 * * MON-FRI *)",
    right: "triggers:\n  schedule: cron(0 6 ? * MON-FRI *)",
    link: "https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html",
    facts: &[],
    check,
};

/// What is wrong with a part of an expression, and what to type.
type Wrong = (Range<usize>, String, String);

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    for pipeline in &subject.model.pipelines {
        for schedule in pipeline.schedules.iter().filter(|schedule| schedule.known) {
            let Some((range, message, help)) = wrong(&schedule.value) else {
                continue;
            };
            let path = if pipeline.path.is_empty() {
                "triggers.schedule".to_owned()
            } else {
                format!("{}.triggers.schedule", pipeline.path)
            };
            diagnostics.push(
                RULE.finding(
                    subject.part(schedule, range.start, range.end),
                    path,
                    message,
                )
                .label("not understood")
                .help(help)
                .through(schedule.origin.as_ref()),
            );
        }
    }
}

fn wrong(text: &str) -> Option<Wrong> {
    let open = text.find('(')?;
    let close = text.rfind(')')?;
    let inside = text.get(open + 1..close)?;
    match text[..open].trim() {
        "rate" => rate(inside, open + 1),
        "cron" => cron(inside, open + 1),
        _ => None,
    }
}

fn rate(inside: &str, from: usize) -> Option<Wrong> {
    let whole = from..from + inside.len();
    let help = "write `rate(5 minutes)`, `rate(1 hour)`, `rate(7 days)` or the like".to_owned();
    let words = words(inside, from);
    let [(number_at, number), (unit_at, unit)] = &words[..] else {
        return Some((whole, "a rate is a number and a unit".to_owned(), help));
    };
    let Some(value) = number.parse::<u64>().ok().filter(|value| *value > 0) else {
        return Some((
            number_at.clone(),
            format!("`{number}` is no whole number above 0"),
            help,
        ));
    };
    let singular = unit.strip_suffix('s').unwrap_or(unit);
    if !advice()
        .schedule
        .units
        .iter()
        .any(|known| known == singular)
    {
        return Some((
            unit_at.clone(),
            format!("`{unit}` is no unit of a rate"),
            help,
        ));
    }
    let right = if value == 1 {
        singular.to_owned()
    } else {
        format!("{singular}s")
    };
    (right != *unit).then(|| {
        (
            unit_at.clone(),
            format!("EventBridge refuses `{number} {unit}`: the unit must fit the number"),
            format!("write `rate({number} {right})`"),
        )
    })
}

fn cron(inside: &str, from: usize) -> Option<Wrong> {
    let catalog = &advice().schedule.fields;
    let words = words(inside, from);
    if words.len() != catalog.len() {
        let names: Vec<&str> = catalog.iter().map(|field| field.name.as_str()).collect();
        let five = if words.len() == 5 {
            "; other crons have five, without the year"
        } else {
            ""
        };
        return Some((
            from..from + inside.len(),
            format!(
                "a cron of EventBridge has six fields, and here are {}{five}",
                words.len()
            ),
            format!("{}, such as `cron(0 6 ? * MON-FRI *)`", names.join(", ")),
        ));
    }
    for (field, (at, word)) in catalog.iter().zip(&words) {
        if let Some(problem) = field_problem(field, word) {
            return Some((
                at.clone(),
                format!("`{word}` cannot be the {}: {problem}", field.name),
                describe(field),
            ));
        }
    }
    let (month_at, month_day) = &words[2];
    let (week_at, week_day) = &words[4];
    match (*month_day == "?", *week_day == "?") {
        (false, false) => {
            let (at, which, other) = if *month_day == "*" {
                (month_at, "day of month", "day of week")
            } else {
                (week_at, "day of week", "day of month")
            };
            Some((
                at.clone(),
                format!("the {other} says the day already, so that the {which} has to be `?`"),
                format!("write `?` for the {which}"),
            ))
        }
        (true, true) => Some((
            month_at.clone(),
            "neither the day of month nor the day of week says a day".to_owned(),
            "write `*` for the day of month, if every day is meant".to_owned(),
        )),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::wrong;

    #[test]
    fn expressions_of_eventbridge() {
        for text in [
            "cron(0 6 ? * MON-FRI *)",
            "cron(0/15 * * * ? *)",
            "cron(0 10 * * ? *)",
            "cron(15 12 * * ? *)",
            "cron(0 8 1 * ? *)",
            "cron(0 18 ? * 2-6 2026-2030)",
            "cron(0 0 L * ? *)",
            "cron(0 9 ? * 2#1 *)",
            "cron(0 9 ? * mon,wed *)",
            "cron(5,35 14 * JAN-MAR ? *)",
            "cron(0 9 3W * ? *)",
            "cron(0 9 ? * 6L *)",
            "rate(1 minute)",
            "rate(5 minutes)",
            "rate(12 hours)",
            "rate(1 day)",
            "cron( 0  6 ? * SUN * )",
        ] {
            assert!(wrong(text).is_none(), "{text}: {:?}", wrong(text));
        }
        for (text, part) in [
            ("cron(0 6 * * MON-FRI *)", "*"),
            ("cron(0 6 * * *)", "0 6 * * *"),
            ("cron(60 6 ? * MON *)", "60"),
            ("cron(0 24 ? * MON *)", "24"),
            ("cron(0 6 ? * MON-FRY *)", "MON-FRY"),
            ("cron(0 6 ? 13 MON *)", "13"),
            ("cron(0 6 ? * ? *)", "?"),
            ("cron(0 6 1 * MON *)", "MON"),
            ("cron(0 6 ? * 0 *)", "0"),
            ("cron(? 6 ? * MON *)", "?"),
            ("cron(0 6, ? * MON *)", "6,"),
            ("cron(0/x 6 ? * MON *)", "0/x"),
            ("rate(1 hours)", "hours"),
            ("rate(5 minute)", "minute"),
            ("rate(0 days)", "0"),
            ("rate(5 weeks)", "weeks"),
            ("rate(5)", "5"),
        ] {
            let found = wrong(text).map(|(range, ..)| &text[range]);
            assert_eq!(found, Some(part), "{text}");
        }
    }
}
