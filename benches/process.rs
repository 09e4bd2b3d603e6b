//! What `pipectl validate` costs as a whole process, against the bounds that it is to keep:
//! `cargo bench --bench process`. Linux only: processor time and memory are read from `/proc`.
//!
//! It ends with 1 if a bound is not kept. Times depend on the machine; the bounds leave room for a slow one.

#![allow(clippy::print_stdout, reason = "a measurement is printed")]

mod texts;

use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

/// The unit of times in `/proc/…/stat`, the same on every Linux.
const TICK: Duration = Duration::from_millis(10);

/// What a process cost.
struct Cost {
    wall: Duration,
    processor: Duration,
    /// The most memory it had at once, in bytes.
    memory: usize,
}

/// Processor time of all processes that this one has waited for.
fn of_children() -> Duration {
    let stat = fs::read_to_string("/proc/self/stat").expect("this is Linux");
    // Behind the name, which ends with the last bracket, stand the third field and those after it.
    let (_, fields) = stat.rsplit_once(')').expect("the name is in brackets");
    let ticks = fields.split_whitespace().skip(13).take(2);
    let ticks: u32 = ticks
        .map(|field| field.parse::<u32>().expect("a number"))
        .sum();
    TICK * ticks
}

/// The most memory that a process had so far.
fn peak(process: u32) -> Option<usize> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kilobytes: usize = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kilobytes * 1024)
}

/// Validates files, so often; each has to be without errors.
fn cost(folder: &Path, files: &[String], times: u32) -> Cost {
    let (start, before) = (Instant::now(), of_children());
    let mut memory = 0;
    for _ in 0..times {
        let mut child = Command::new(env!("CARGO_BIN_EXE_pipectl"))
            .arg("validate")
            .args(files)
            .current_dir(folder)
            .env_clear()
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("it runs");
        let status = loop {
            if let Some(status) = child.try_wait().expect("it is a child") {
                break status;
            }
            memory = memory.max(peak(child.id()).unwrap_or(0));
            std::thread::sleep(Duration::from_millis(1));
        };
        assert!(status.success(), "{status}");
    }
    Cost {
        wall: start.elapsed(),
        processor: of_children() - before,
        memory,
    }
}

/// Says a number and whether it keeps its bound.
fn told(what: &str, number: f64, unit: &str, at_most: bool, bound: f64) -> bool {
    let kept = if at_most {
        number <= bound
    } else {
        number >= bound
    };
    let (word, sign) = (
        if kept { "kept" } else { "MISSED" },
        if at_most { "≤" } else { "≥" },
    );
    println!("{what:<58} {number:>9.2} {unit:<5} {sign} {bound:<6} {word}");
    kept
}

fn main() -> ExitCode {
    // Tests build and start benches, too; they ask for nothing to be measured.
    if !std::env::args().any(|argument| argument == "--bench") {
        return ExitCode::SUCCESS;
    }
    let place = tempfile::tempdir().expect("a folder");
    let folder = place.path();
    let write =
        |name: &str, text: &str| fs::write(folder.join(name), text).expect("it is writable");
    let typical = vec!["typical.yml".to_owned()];
    write("typical.yml", texts::TYPICAL);
    let many: Vec<String> = (0..1_000)
        .map(|number| format!("many{number:03}.yml"))
        .collect();
    for name in &many {
        write(name, texts::TYPICAL);
    }
    let large = texts::large(texts::LARGE);
    write("large.yml", &large);
    let large_file = vec!["large.yml".to_owned()];

    let milliseconds = |time: Duration| time.as_secs_f64() * 1_000.0;
    cost(folder, &typical, 20);
    let one = cost(folder, &typical, 400);
    let of_one = milliseconds(one.processor) / 400.0;
    let hundred = cost(folder, &many[..100], 10);
    let of_hundred = milliseconds(hundred.processor) / 1_000.0;
    let thousand = cost(folder, &many, 3);
    let of_thousand = milliseconds(thousand.processor) / 3_000.0;
    let at_once = thousand.processor.as_secs_f64() / thousand.wall.as_secs_f64();
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let ten = cost(folder, &large_file, 3);
    let bytes = large.len() as f64;
    let speed = 3.0 * bytes / 1e6 / ten.wall.as_secs_f64();

    let kept = [
        told(
            "a typical file, processor time of the process",
            of_one,
            "ms",
            true,
            5.0,
        ),
        told(
            "1,000 files: of each, against 100 files",
            of_thousand / of_hundred,
            "times",
            true,
            1.2,
        ),
        told(
            "1,000 files: processors at work",
            at_once,
            "",
            false,
            0.75 * processors.min(2) as f64,
        ),
        told("10 MB, megabytes a second", speed, "MB/s", false, 15.0),
        told(
            "10 MB, memory against the file",
            ten.memory as f64 / bytes,
            "times",
            true,
            12.0,
        ),
    ];
    println!("1,000 files: {of_thousand:.2} ms of each; a process of one file: {of_one:.2} ms");
    ExitCode::from(u8::from(!kept.iter().all(|kept| *kept)))
}
