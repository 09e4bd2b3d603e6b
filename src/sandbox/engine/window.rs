//! Deployment windows: a cron expression in a time zone (docs:rule-reference-DeploymentWindow). Also what else is to be
//! known of dates here.

use std::path::Path;

use super::drive::Work;
use super::end::{End, Ended};

/// Where systems keep what they know of time zones.
const ZONES: [&str; 3] = [
    "/usr/share/zoneinfo",
    "/usr/lib/zoneinfo",
    "/usr/share/lib/zoneinfo",
];
const MONTHS: [&str; 12] = [
    "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC",
];
const DAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

/// A minute on a calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Moment {
    minute: i64,
    hour: i64,
    day: i64,
    month: i64,
    year: i64,
    /// 1 is Sunday.
    weekday: i64,
}

impl Moment {
    /// Of seconds since 1970, in local time.
    fn new(seconds: i64) -> Self {
        let days = seconds.div_euclid(86_400);
        let rest = seconds.rem_euclid(86_400);
        let (year, month, day) = date_of(days);
        Self {
            minute: rest / 60 % 60,
            hour: rest / 3600,
            day,
            month,
            year,
            weekday: (days + 4).rem_euclid(7) + 1,
        }
    }

    fn last_day(self) -> i64 {
        let (year, month) = if self.month == 12 {
            (self.year + 1, 1)
        } else {
            (self.year, self.month + 1)
        };
        days_of(year, month, 1) - days_of(self.year, self.month, 1)
    }

    fn weekday_of(self, day: i64) -> i64 {
        (days_of(self.year, self.month, day) + 4).rem_euclid(7) + 1
    }
}

/// Year, month and day of days since 1970, by years that begin in March.
fn date_of(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day = shifted.rem_euclid(146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let of_year = day - (365 * year + year / 4 - year / 100);
    let part = (5 * of_year + 2) / 153;
    let month = if part < 10 { part + 3 } else { part - 9 };
    (
        year + era * 400 + i64::from(month <= 2),
        month,
        of_year - (153 * part + 2) / 5 + 1,
    )
}

/// Days since 1970 of a date.
fn days_of(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let shifted = if month > 2 { month - 3 } else { month + 9 };
    let of_year = (153 * shifted + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// Milliseconds since 1970 of `2026/11/21 10:12:29.123`.
pub(super) fn milliseconds(text: &str) -> Option<i64> {
    let (date, time) = text.split_once(' ')?;
    let mut date = date.split('/').map(str::parse::<i64>);
    let (year, month, day) = (date.next()?.ok()?, date.next()?.ok()?, date.next()?.ok()?);
    let mut time = time.split([':', '.']).map(str::parse::<i64>);
    let (hour, minute, second) = (time.next()?.ok()?, time.next()?.ok()?, time.next()?.ok()?);
    let part = time.next().and_then(Result::ok).unwrap_or_default();
    let seconds = days_of(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second;
    Some(seconds * 1000 + part)
}

/// `2026-11-21T10-12-29`, as it stands in keys of objects.
pub(super) fn stamp(milliseconds: i64) -> String {
    moment(milliseconds, '-')
}

/// `2026-11-21T10:12:29Z`, as it stands in variables of sources.
pub(super) fn date(milliseconds: i64) -> String {
    moment(milliseconds, ':') + "Z"
}

fn moment(milliseconds: i64, between: char) -> String {
    let seconds = milliseconds.div_euclid(1000);
    let now = Moment::new(seconds);
    format!(
        "{:04}-{:02}-{:02}T{:02}{between}{:02}{between}{:02}",
        now.year,
        now.month,
        now.day,
        now.hour,
        now.minute,
        seconds.rem_euclid(60)
    )
}

/// Whether now is in the window of the rule. Outside of it the rule fails; who wants to wait for it tries the stage
/// again.
pub(super) fn check(work: &Work, now: i64) -> Ended {
    let cron = work
        .get("Cron")
        .ok_or_else(|| End::wrong("Cron is missing"))?;
    let zone = work.get("TimeZone").unwrap_or("UTC");
    let seconds = now.div_euclid(1000);
    let offset = offset(zone, seconds)
        .ok_or_else(|| End::wrong(format!("The time zone {zone} is not known here")))?;
    let here = Moment::new(seconds + offset);
    let holds =
        matches(cron, here).ok_or_else(|| End::wrong(format!("{cron} is no cron expression")))?;
    let clock = format!(
        "{:04}-{:02}-{:02} {:02}:{:02} {zone}",
        here.year, here.month, here.day, here.hour, here.minute
    );
    if holds {
        Ok(End::succeeded(format!("{clock} is in the window {cron}")))
    } else {
        Err(End::failed(
            "RuleFailed",
            format!("{clock} is outside of the window {cron}"),
        ))
    }
}

/// Seconds that a zone is before UTC at a moment.
fn offset(zone: &str, seconds: i64) -> Option<i64> {
    if let Some(rest) = zone
        .strip_prefix("UTC")
        .or_else(|| zone.strip_prefix("GMT"))
    {
        return match rest.split_at_checked(1) {
            None => Some(0),
            Some((sign, clock)) => {
                let (hours, minutes) = clock.split_once(':').unwrap_or((clock, "0"));
                let passed = hours.parse::<i64>().ok()? * 3600 + minutes.parse::<i64>().ok()? * 60;
                match sign {
                    "+" => Some(passed),
                    "-" => Some(-passed),
                    _ => None,
                }
            }
        };
    }
    if zone
        .split('/')
        .any(|part| part.is_empty() || part.starts_with('.'))
    {
        return None;
    }
    let file = ZONES
        .iter()
        .map(|folder| Path::new(folder).join(zone))
        .find(|file| file.is_file())?;
    offset_of(&std::fs::read(file).ok()?, seconds)
}

/// What a file of the time zone database (RFC 9636) says; the part with 64 bits.
fn offset_of(bytes: &[u8], seconds: i64) -> Option<i64> {
    let header = |at: usize| -> Option<[usize; 6]> {
        let head = bytes.get(at..at + 44)?;
        head.starts_with(b"TZif").then_some(())?;
        let mut counts = [0; 6];
        for (count, part) in counts.iter_mut().zip(head[20..].chunks(4)) {
            *count = u32::from_be_bytes(part.try_into().ok()?) as usize;
        }
        Some(counts)
    };
    let size = |[utc, standard, leap, times, types, letters]: [usize; 6], width: usize| {
        times * width + times + types * 6 + letters + leap * (width + 4) + standard + utc
    };
    let second = 44 + size(header(0)?, 4);
    let counts = header(second)?;
    let (times, types) = (counts[3], counts[4]);
    let begin = second + 44;
    let at = |index: usize| -> Option<i64> {
        let part = bytes.get(begin + index * 8..begin + index * 8 + 8)?;
        Some(i64::from_be_bytes(part.try_into().ok()?))
    };
    let mut chosen = None;
    for index in 0..times {
        if at(index)? <= seconds {
            chosen = Some(*bytes.get(begin + times * 8 + index)? as usize);
        }
    }
    let kinds = begin + times * 9;
    let footer = second + 44 + size(counts, 8);
    // After the last change that is listed, the rule at the end of the file holds.
    let rule = std::str::from_utf8(bytes.get(footer + 1..)?).ok()?.trim();
    let listed = times > 0 && seconds < at(times - 1)?;
    if !listed && let Some(offset) = by_rule(rule, seconds) {
        return Some(offset);
    }
    let kind = chosen.unwrap_or(0).min(types.saturating_sub(1));
    let part = bytes.get(kinds + kind * 6..kinds + kind * 6 + 4)?;
    Some(i64::from(i32::from_be_bytes(part.try_into().ok()?)))
}

/// A rule of POSIX: `CET-1CEST,M3.5.0,M10.5.0/3`.
fn by_rule(rule: &str, seconds: i64) -> Option<i64> {
    let (standard, rest) = zone_of(rule)?;
    let Some((summer, rest)) = summer_of(rest, standard) else {
        return Some(standard);
    };
    let mut parts = rest.strip_prefix(',')?.split(',');
    let (begin, end) = (parts.next()?, parts.next()?);
    let (year, ..) = date_of((seconds + standard).div_euclid(86_400));
    let begin = change(begin, year)? - standard;
    let end = change(end, year)? - summer;
    let within = if begin < end {
        (begin..end).contains(&seconds)
    } else {
        !(end..begin).contains(&seconds)
    };
    Some(if within { summer } else { standard })
}

/// The name of a zone and seconds before UTC, and what follows.
fn zone_of(rule: &str) -> Option<(i64, &str)> {
    let rest = name(rule)?;
    let end = rest
        .find(|c: char| !(c.is_ascii_digit() || ":+-".contains(c)))
        .unwrap_or(rest.len());
    Some((-clock(&rest[..end])?, &rest[end..]))
}

/// Summer time is an hour before the standard one unless it says otherwise.
fn summer_of(rest: &str, standard: i64) -> Option<(i64, &str)> {
    let after = name(rest)?;
    if after.starts_with(',') {
        return Some((standard + 3600, after));
    }
    zone_of(rest)
}

/// What follows the name of a zone.
fn name(rule: &str) -> Option<&str> {
    if let Some(quoted) = rule.strip_prefix('<') {
        return quoted.split_once('>').map(|(_, rest)| rest);
    }
    let end = rule
        .find(|c: char| !c.is_ascii_alphabetic())
        .unwrap_or(rule.len());
    (end > 0).then(|| &rule[end..])
}

/// `[+-]h[:mm[:ss]]` in seconds.
fn clock(text: &str) -> Option<i64> {
    let (sign, text) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let mut seconds = 0;
    for (part, unit) in text.split(':').zip([3600, 60, 1]) {
        seconds += part.parse::<i64>().ok()? * unit;
    }
    Some(sign * seconds)
}

/// When in a year a change is, in local seconds: `M3.5.0/2`, the fifth (that is, last) Sunday of March at two.
fn change(text: &str, year: i64) -> Option<i64> {
    let (date, time) = text.split_once('/').unwrap_or((text, "2"));
    let mut parts = date.strip_prefix('M')?.split('.').map(str::parse::<i64>);
    let (month, week, weekday) = (
        parts.next()?.ok()?,
        parts.next()?.ok()?,
        parts.next()?.ok()?,
    );
    let first = Moment::new(days_of(year, month, 1) * 86_400);
    let mut day = (weekday + 1 - first.weekday).rem_euclid(7) + 1 + (week - 1) * 7;
    while day > first.last_day() {
        day -= 7;
    }
    Some(days_of(year, month, day) * 86_400 + clock(time)?)
}

/// Whether a moment is one of a cron expression: seconds, minutes, hours, days, months, weekdays, and years if it likes.
fn matches(cron: &str, moment: Moment) -> Option<bool> {
    let fields: Vec<&str> = cron.split_whitespace().collect();
    let (fields, years) = match fields.as_slice() {
        [_, minutes, hours, days, months, weekdays] => {
            ([*minutes, *hours, *days, *months, *weekdays], "*")
        }
        [_, minutes, hours, days, months, weekdays, years] => {
            ([*minutes, *hours, *days, *months, *weekdays], *years)
        }
        _ => return None,
    };
    let [minutes, hours, days, months, weekdays] = fields;
    let all = [
        any(minutes, moment.minute, 0, 59, &[])?,
        any(hours, moment.hour, 0, 23, &[])?,
        any(months, moment.month, 1, 12, &MONTHS)?,
        any(years, moment.year, 1970, 2199, &[])?,
        day(days, moment)?,
        weekday(weekdays, moment)?,
    ];
    Some(all.into_iter().all(|holds| holds))
}

fn number(text: &str, names: &[&str], first: i64) -> Option<i64> {
    let named = names
        .iter()
        .position(|name| name.eq_ignore_ascii_case(text));
    match named {
        Some(index) => Some(first + i64::try_from(index).ok()?),
        None => text.parse().ok(),
    }
}

/// `*`, `a`, `a-b`, `a/n`, `a-b/n`, and lists of them.
fn any(field: &str, value: i64, first: i64, last: i64, names: &[&str]) -> Option<bool> {
    let mut holds = false;
    for part in field.split(',') {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (
                range,
                Some(step.parse::<i64>().ok().filter(|step| *step > 0)?),
            ),
            None => (part, None),
        };
        let (from, to) = match range.split_once('-') {
            _ if range == "*" => (first, last),
            Some((from, to)) => (number(from, names, first)?, number(to, names, first)?),
            None => {
                let from = number(range, names, first)?;
                (from, if step.is_some() { last } else { from })
            }
        };
        let inside = if from <= to {
            (from..=to).contains(&value)
        } else {
            value >= from || value <= to
        };
        let steps = (value - from).rem_euclid(last - first + 1);
        holds |= inside && step.is_none_or(|step| steps % step == 0);
    }
    Some(holds)
}

/// Days of the month: also `?`, `L`, `L-3`, `15W`, `LW`.
fn day(field: &str, moment: Moment) -> Option<bool> {
    if field == "?" {
        return Some(true);
    }
    let last = moment.last_day();
    let nearest = |day: i64| match moment.weekday_of(day) {
        7 if day > 1 => day - 1,
        7 => day + 2,
        1 if day < last => day + 1,
        1 => day - 2,
        _ => day,
    };
    let mut holds = false;
    for part in field.split(',') {
        holds |= match part {
            "L" => moment.day == last,
            "LW" => moment.day == nearest(last),
            part => match (part.strip_prefix("L-"), part.strip_suffix('W')) {
                (Some(before), _) => moment.day == last - before.parse::<i64>().ok()?,
                (_, Some(day)) => moment.day == nearest(day.parse().ok()?),
                _ => any(part, moment.day, 1, 31, &[])?,
            },
        };
    }
    Some(holds)
}

/// Days of the week, Sunday is 1: also `?`, `L`, `6L` (the last Friday), `6#3` (the third).
fn weekday(field: &str, moment: Moment) -> Option<bool> {
    if field == "?" {
        return Some(true);
    }
    let mut holds = false;
    for part in field.split(',') {
        holds |= if part == "L" {
            moment.weekday == 7
        } else if let Some(of) = part.strip_suffix('L') {
            moment.weekday == number(of, &DAYS, 1)? && moment.day + 7 > moment.last_day()
        } else if let Some((of, which)) = part.split_once('#') {
            moment.weekday == number(of, &DAYS, 1)?
                && (moment.day + 6) / 7 == which.parse::<i64>().ok()?
        } else {
            any(part, moment.weekday, 1, 7, &DAYS)?
        };
    }
    Some(holds)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Saturday, 2026-11-21 10:12:29 UTC.
    const NOW: i64 = 1_795_255_949;

    #[test]
    fn moments_are_dates() {
        let now = Moment::new(NOW);
        assert_eq!((now.year, now.month, now.day), (2026, 11, 21));
        assert_eq!((now.hour, now.minute, now.weekday), (10, 12, 7));
        assert_eq!(
            milliseconds("2026/11/21 10:12:29.123"),
            Some(NOW * 1000 + 123)
        );
        assert_eq!(milliseconds("today"), None);
    }

    #[test]
    fn cron_expressions_hold_or_not() {
        let now = Moment::new(NOW);
        for (cron, holds) in [
            ("* * * * * *", true),
            ("* * 9-17 ? * MON-FRI", false),
            ("* * 9-17 ? * SAT,SUN", true),
            ("* 12 10 21 NOV ?", true),
            ("* 0/12 * * * ?", true),
            ("* 0/5 * * * ?", false),
            ("* * 22-11 * * ?", true),
            ("* * * ? * 7#3", true),
            ("* * * ? * 7#2", false),
            ("* * * ? * 7L", false),
            ("* * * L-9 * ?", true),
            ("* * * 22W * ?", false),
            ("* * * 21W * ?", false),
            ("* * * * * ? 2027-2030", false),
        ] {
            assert_eq!(matches(cron, now), Some(holds), "{cron}");
        }
        assert_eq!(matches("* * * *", now), None);
        assert_eq!(matches("* x * * * *", now), None);
    }

    #[test]
    fn zones_are_before_or_after_utc() {
        assert_eq!(offset("UTC", NOW), Some(0));
        assert_eq!(offset("UTC+05:30", NOW), Some(19_800));
        assert_eq!(offset("UTC-8", NOW), Some(-28_800));
        assert_eq!(offset("../../etc/passwd", NOW), None);
        assert_eq!(offset("Nowhere/AtAll", NOW), None);
    }

    #[test]
    fn summer_time_follows_the_rule() {
        let rule = "CET-1CEST,M3.5.0,M10.5.0/3";
        assert_eq!(by_rule(rule, NOW), Some(3600));
        // 2026-07-01 and the change of 2026-03-29 at 01:00 UTC.
        assert_eq!(by_rule(rule, 1_782_864_000), Some(7200));
        assert_eq!(by_rule(rule, 1_774_745_999), Some(3600));
        assert_eq!(by_rule(rule, 1_774_746_000), Some(7200));
        // South of the equator the year begins in summer.
        let sydney = "AEST-10AEDT,M10.1.0,M4.1.0/3";
        assert_eq!(by_rule(sydney, NOW), Some(39_600));
        assert_eq!(by_rule(sydney, 1_782_864_000), Some(36_000));
        assert_eq!(by_rule("<+0330>-3:30", NOW), Some(12_600));
    }
}
