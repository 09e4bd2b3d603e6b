//! What is accepted, broken in one place: for every rule a generator that knows the mistake from what AWS documents,
//! and nothing of our rules. The rule has to fire at that place and nowhere else, and no other error may come.

mod actions;
mod advice;
mod artifacts;
mod buildspecs;
mod configuration;
mod environment;
mod friendly;
mod order;
mod originals;
mod places;
mod projects;
mod run_time;
mod settings;
mod structure;
mod triggers;
mod verdict;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use pipectl::checks;
use pipectl::diagnostic::Severity;
use serde_json::Value;

use originals::{Original, Seen, see};

/// A definition with one mistake.
struct Mutant {
    /// The whole file.
    file: Value,
    /// The places of which the mistake consists; a finding stands in one of them.
    at: Vec<String>,
    /// AWS only may refuse it: a warning will do.
    doubtful: bool,
}

/// Makes the mistake that a rule is about.
struct Generator {
    /// The rule.
    code: &'static str,
    /// Other errors that the mistake may bring along, each with the reason.
    also: &'static [(&'static str, &'static str)],
    /// All mutants of a file; none where the rule does not apply.
    make: fn(&Original) -> Vec<Mutant>,
}

/// So many mutants of one definition by one generator are looked at, spread over those there are.
const OF_ONE: usize = 2;

/// Rules that no generator can provoke, and why.
const LEFT_OUT: [(&str, &str); 0] = [];

fn generators() -> Vec<Generator> {
    let families = [
        structure::generators(),
        order::generators(),
        artifacts::generators(),
        triggers::generators(),
        actions::generators(),
        configuration::generators(),
        run_time::generators(),
        projects::generators(),
        environment::generators(),
        settings::generators(),
        buildspecs::generators(),
        advice::generators(),
        friendly::generators(),
    ];
    families.into_iter().flatten().collect()
}

/// What came of the mutants of one rule.
#[derive(Default, Clone)]
struct Row {
    definitions: usize,
    mutants: usize,
    caught: usize,
    faults: Vec<String>,
    /// One of them, for cfn-lint.
    sample: Option<(Value, String)>,
}

/// What is wrong with the answer to a mutant.
fn faults(generator: &Generator, original: &Original, mutant: &Mutant) -> Vec<String> {
    let rule = checks::rule(generator.code).unwrap();
    let (text, places) = original.text(&mutant.file);
    let found = see(&text, &original.region, original.said);
    let new: Vec<&Seen> = found
        .iter()
        .filter(|one| !original.before.contains(&one.key()))
        .collect();
    let ranges: Vec<(usize, usize)> = mutant.at.iter().map(|at| places.of(at)).collect();
    let inside = |one: &Seen| {
        ranges
            .iter()
            .any(|(start, end)| one.main && one.start >= *start && one.end <= *end)
    };
    let (mine, others): (Vec<&Seen>, Vec<&Seen>) =
        new.iter().partition(|one| one.code == generator.code);
    let mut faults = Vec::new();
    let wanted = match mutant.doubtful {
        true => Severity::Warning,
        false => rule.severity,
    };
    if !mine.iter().any(|one| one.severity == wanted && inside(one)) {
        faults.push(format!("silent, but: {new:?}"));
    }
    faults.extend(
        mine.iter()
            .filter(|one| !inside(one))
            .map(|one| format!("elsewhere: {one:?}")),
    );
    faults.extend(
        others
            .iter()
            .filter(|one| one.severity == Severity::Error)
            .filter(|one| !generator.also.iter().any(|(code, _)| *code == one.code))
            .map(|one| format!("another error: {one:?}")),
    );
    faults
        .into_iter()
        .map(|fault| {
            format!(
                "{} {} {:?}: {fault}",
                generator.code, original.name, mutant.at
            )
        })
        .collect()
}

/// All mutants of all generators.
fn run() -> BTreeMap<&'static str, Row> {
    let originals = originals::all();
    let only = std::env::var("MUTANT").ok();
    let generators: Vec<Generator> = generators()
        .into_iter()
        .filter(|one| only.as_deref().is_none_or(|only| one.code.contains(only)))
        .collect();
    let rows: Mutex<BTreeMap<&'static str, Row>> = Mutex::default();
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(original) = originals.get(next.fetch_add(1, Ordering::Relaxed)) {
                    for generator in &generators {
                        let mutants = (generator.make)(original);
                        if mutants.is_empty() {
                            continue;
                        }
                        let step = mutants.len().div_ceil(OF_ONE);
                        let chosen: Vec<&Mutant> = mutants
                            .iter()
                            .skip(original.number % step)
                            .step_by(step)
                            .collect();
                        let found: Vec<Vec<String>> = chosen
                            .iter()
                            .map(|mutant| faults(generator, original, mutant))
                            .collect();
                        let mut rows = rows.lock().unwrap();
                        let row = rows.entry(generator.code).or_default();
                        row.definitions += 1;
                        row.mutants += chosen.len();
                        row.caught += found.iter().filter(|faults| faults.is_empty()).count();
                        row.faults.extend(found.into_iter().flatten());
                        if row.sample.is_none() && original.pasted() {
                            let sample = chosen[0].file.clone();
                            row.sample = Some((sample, original.region.clone()));
                        }
                    }
                }
            });
        }
    });
    rows.into_inner().unwrap()
}

/// The table for people.
fn table(rows: &BTreeMap<&'static str, Row>, verdicts: &BTreeMap<&'static str, String>) -> String {
    let mut table = format!(
        "{:28} {:>11} {:>7} {:>6}  cfn-lint\n",
        "rule", "definitions", "mutants", "caught"
    );
    for (code, row) in rows {
        let verdict = verdicts.get(code).map_or("not expressible", String::as_str);
        writeln!(
            table,
            "{code:28} {:>11} {:>7} {:>6}  {verdict}",
            row.definitions, row.mutants, row.caught
        )
        .unwrap();
    }
    let sum = |count: fn(&Row) -> usize| rows.values().map(count).sum::<usize>();
    writeln!(
        table,
        "{} rules, {} mutants, {} caught; cfn-lint finds an error in the sample of {}",
        rows.len(),
        sum(|row| row.mutants),
        sum(|row| row.caught),
        verdicts
            .values()
            .filter(|said| said.starts_with("error"))
            .count()
    )
    .unwrap();
    table
}

#[test]
#[allow(clippy::print_stdout, reason = "the table is for people")]
fn every_mutant_is_caught_at_its_place_and_only_there() {
    let rows = run();
    let verdicts = verdict::ask(&rows);
    let table = table(&rows, &verdicts);
    println!("{table}");
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("target");
    fs::write(target.join("mutants.txt"), &table).unwrap();
    let count: usize = rows.values().map(|row| row.faults.len()).sum();
    let first: Vec<&str> = rows
        .values()
        .flat_map(|row| row.faults.iter().take(OF_ONE))
        .map(String::as_str)
        .collect();
    assert!(
        count == 0,
        "{count} faults, the first:\n{}",
        first.join("\n")
    );
    if std::env::var_os("MUTANT").is_none() {
        let idle: Vec<&str> = checks::ALL
            .iter()
            .map(|rule| rule.code)
            .filter(|code| !rows.contains_key(code))
            .filter(|code| !LEFT_OUT.iter().any(|(left, _)| left == code))
            .collect();
        assert!(idle.is_empty(), "no definition was broken for {idle:?}");
    }
}

#[test]
fn every_rule_has_a_generator_or_a_reason() {
    let made: BTreeSet<&str> = generators().iter().map(|one| one.code).collect();
    let left: BTreeSet<&str> = LEFT_OUT.iter().map(|(code, _)| *code).collect();
    let missing: Vec<&str> = checks::ALL
        .iter()
        .map(|rule| rule.code)
        .filter(|code| !made.contains(code) && !left.contains(code))
        .collect();
    assert!(missing.is_empty(), "nothing breaks {missing:?}");
    let stray: Vec<&&str> = made
        .union(&left)
        .filter(|code| checks::rule(code).is_none())
        .chain(made.intersection(&left))
        .collect();
    assert!(
        stray.is_empty(),
        "{stray:?} are no rules, or need no reason"
    );
}
