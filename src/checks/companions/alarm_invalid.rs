//! An alarm has what CloudWatch takes.

use crate::catalog::companions::{Alarms, companions};
use crate::catalog::text::TextRule;
use crate::checks::structure::wording::unfit;
use crate::checks::{Rule, Subject, fields};
use crate::diagnostic::{Diagnostic, Diagnostics, Severity, nearest};
use crate::model::{Alarm, AlarmWatch, Text};
use crate::source::Span;

pub(super) const RULE: Rule = Rule {
    code: "alarm-invalid",
    severity: Severity::Error,
    summary: "an alarm has a value that CloudWatch does not take",
    why: "A statistic is SampleCount, Average, Sum, Minimum or Maximum, or a percentile or the like: p99, tm90, IQM. A period \
          is 10, 20 or 30 seconds, or whole minutes; an alarm looks back one or more of them, and over seven days at most \
          (one day where a period is shorter than an hour). It has at most 30 dimensions.",
    aws: "Value 'X' at 'statistic' failed to satisfy constraint: Member must satisfy enum value set",
    wrong: "alarms:\n  slow:\n    namespace: Shop\n    metric: Latency\n    statistic: avg\n    period: 45s\n    above: 3",
    right: "alarms:\n  slow:\n    namespace: Shop\n    metric: Latency\n    statistic: Average\n    period: 1m\n    above: 3",
    link: "https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html",
    facts: &[],
    check,
};

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    for alarm in &subject.model.alarms {
        let facts = &companions().alarms;
        match &alarm.watch {
            AlarmWatch::Existing(name) => existing(subject, alarm, name, diagnostics),
            AlarmWatch::FailedBuilds { period, .. } => {
                diagnostics.extend(period.and_then(|period| of_period(alarm, period, facts)));
            }
            AlarmWatch::Metric {
                namespace,
                metric,
                dimensions,
                statistic,
                period,
                periods,
                ..
            } => {
                let texts = [
                    (namespace, &facts.namespace, "namespace"),
                    (metric, &facts.metric, "metric"),
                ];
                for (text, fact, key) in texts {
                    diagnostics.extend(unfit(&RULE, subject, text, fact, key, at(alarm, key)));
                }
                of_dimensions(subject, alarm, dimensions, facts, diagnostics);
                let statistic = statistic.as_ref();
                diagnostics.extend(statistic.and_then(|word| of_statistic(alarm, word, facts)));
                let odd = period.and_then(|period| of_period(alarm, period, facts));
                if odd.is_none() {
                    let defaults = &companions().alarm_defaults;
                    let seconds = period.map_or(defaults.period, |(seconds, _)| seconds);
                    let told = periods.and_then(|count| of_periods(alarm, count, seconds, facts));
                    diagnostics.extend(told);
                }
                diagnostics.extend(odd);
            }
        }
    }
}

fn at(alarm: &Alarm, key: &str) -> String {
    fields::join(&alarm.path, key)
}

/// The name of an alarm that exists, or its ARN.
fn existing(subject: &Subject<'_>, alarm: &Alarm, name: &Text, diagnostics: &mut Diagnostics) {
    let all = companions();
    if !name.value.starts_with("arn:") {
        let (fact, path) = (&all.alarm_name, alarm.path.clone());
        diagnostics.extend(unfit(&RULE, subject, name, fact, "alarm name", path));
        return;
    }
    if name.known && all.alarms.arn.check(&name.value).is_err() {
        let message = format!("`{}` is no ARN of an alarm", name.value);
        diagnostics.push(
            RULE.finding(name.span, alarm.path.clone(), message)
                .label("no alarm")
                .help("write it as `arn:aws:cloudwatch:REGION:ACCOUNT:alarm:NAME`, or give the name alone")
                .through(name.origin.as_ref()),
        );
    }
}

fn of_dimensions(
    subject: &Subject<'_>,
    alarm: &Alarm,
    dimensions: &[(Text, Text)],
    facts: &'static Alarms,
    diagnostics: &mut Diagnostics,
) {
    let path = at(alarm, "dimensions");
    let texts = |text: &Text, fact: &'static TextRule, what: &str, path: String| {
        unfit(&RULE, subject, text, fact, what, path)
    };
    for (name, value) in dimensions {
        let path = fields::join(&path, &name.value);
        diagnostics.extend(texts(
            name,
            &facts.dimension_name,
            "name of a dimension",
            path.clone(),
        ));
        diagnostics.extend(texts(
            value,
            &facts.dimension_value,
            "value of a dimension",
            path,
        ));
    }
    let most = facts.dimensions.max;
    let first = usize::try_from(most)
        .ok()
        .and_then(|most| dimensions.get(most));
    if let Some((name, _)) = first {
        let message = format!(
            "{} dimensions; an alarm takes at most {most}",
            dimensions.len()
        );
        diagnostics.push(
            RULE.finding(name.span, path, message)
                .label("one too many")
                .help(format!("keep {most} of them")),
        );
    }
}

fn of_statistic(alarm: &Alarm, statistic: &Text, facts: &Alarms) -> Option<Diagnostic> {
    let word = statistic.value.as_str();
    let plain = &facts.statistics;
    if !statistic.known || plain.iter().any(|one| one == word) || facts.extended.matches(word) {
        return None;
    }
    let path = at(alarm, "statistic");
    let message = format!("CloudWatch has no statistic `{word}`");
    // `avg`, `Max`
    let begins = |one: &&str| {
        let two = |word: &str| word.get(..2).map(str::to_ascii_lowercase);
        two(one).is_some() && two(one) == two(word)
    };
    let words = || plain.iter().map(String::as_str);
    let near = words().find(begins).or_else(|| nearest(word, words()));
    // forms of percentiles and means may have become more
    let plain = word.chars().all(|c| c.is_ascii_alphabetic());
    let finding = match plain && !facts.extended.matches(&word.to_ascii_uppercase()) {
        true => RULE.finding(statistic.span, path, message),
        false => RULE.doubtful(statistic.span, path, message),
    };
    let finding = finding
        .label("unknown statistic")
        .through(statistic.origin.as_ref());
    Some(finding.help(match near {
        Some(near) => format!("write `{near}`"),
        None => format!(
            "write {}, or a percentile or the like: `p99`, `tm90`",
            fields::one_of(words())
        ),
    }))
}

fn of_period(alarm: &Alarm, (seconds, span): (u32, Span), facts: &Alarms) -> Option<Diagnostic> {
    if facts.short_periods.contains(&seconds) || seconds > 0 && seconds % facts.minute == 0 {
        return None;
    }
    let short: Vec<String> = facts
        .short_periods
        .iter()
        .map(|p| format!("{p}s"))
        .collect();
    let next = seconds.div_ceil(facts.minute).max(1);
    let message = format!("a period of {seconds} seconds is none that CloudWatch takes");
    let finding = RULE
        .finding(span, at(alarm, "period"), message)
        .label("neither whole minutes nor one of the short ones");
    Some(finding.help(format!(
        "write whole minutes, such as `{next}m`, or one of {}",
        short.join(", ")
    )))
}

fn of_periods(
    alarm: &Alarm,
    (count, span): (u32, Span),
    seconds: u32,
    facts: &Alarms,
) -> Option<Diagnostic> {
    let path = at(alarm, "periods");
    if count == 0 {
        let message = "an alarm looks at one period at least";
        let finding = RULE.finding(span, path, message).label("none");
        return Some(finding.help("write 1 or more, or leave it out"));
    }
    let (most, words) = match seconds < facts.hour {
        true => (
            facts.span_of_short,
            "a day, with periods shorter than an hour",
        ),
        false => (facts.span, "seven days"),
    };
    if u64::from(count) * u64::from(seconds) <= u64::from(most) {
        return None;
    }
    let message = format!("{count} periods of {seconds} seconds are more than {words}");
    let finding = RULE.finding(span, path, message).label("too many");
    Some(finding.help(format!("write at most {}", most / seconds)))
}
