//! The log of a build: masked, whole up to a size, and beyond that its beginning and its end.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use super::mask::Masker;
use super::{Event, Limits, What};
use crate::execution::Time;

/// The longest line that is handed on in one piece, in bytes.
const LONGEST_LINE: usize = 8 << 10;
/// Lines that are remembered for whoever asks why a command failed.
const REMEMBERED: usize = 40;

/// The log of one build.
pub(super) struct Log<'a> {
    file: BufWriter<File>,
    masker: Masker,
    sink: &'a (dyn Fn(Event) + Send + Sync),
    task: Option<String>,
    /// Bytes the file still takes.
    room: u64,
    tail: VecDeque<u8>,
    most_tail: usize,
    left_out: u64,
    line: Vec<u8>,
    remembered: VecDeque<String>,
    error: Option<io::Error>,
}

impl<'a> Log<'a> {
    /// A log in a new file.
    pub(super) fn new(
        path: &Path,
        limits: &Limits,
        task: Option<String>,
        sink: &'a (dyn Fn(Event) + Send + Sync),
    ) -> io::Result<Self> {
        Ok(Self {
            file: BufWriter::new(File::create(path)?),
            masker: Masker::new([]),
            sink,
            task,
            room: limits.log_head,
            tail: VecDeque::new(),
            most_tail: limits.log_tail,
            left_out: 0,
            line: Vec::new(),
            remembered: VecDeque::new(),
            error: None,
        })
    }

    /// From now on these are masked.
    pub(super) fn mask(&mut self, masker: Masker) {
        self.masker = masker;
    }

    /// Something happened.
    pub(super) fn event(&self, what: What) {
        (self.sink)(Event {
            task: self.task.clone(),
            what,
        });
    }

    /// What commands wrote.
    pub(super) fn output(&mut self, bytes: &[u8]) {
        let mut shown = Vec::with_capacity(bytes.len());
        self.masker.push(bytes, &mut shown);
        self.add(&shown);
    }

    /// A line of whoever runs the build.
    pub(super) fn say(&mut self, text: &str) {
        self.end_of_output();
        let text = self.masker.text(text);
        let line = format!("[Container] {} {text}\n", moment(now()));
        self.add(line.as_bytes());
        // Somebody may be reading along.
        self.flush();
    }

    /// A text, masked.
    pub(super) fn masked(&self, text: &str) -> String {
        self.masker.text(text)
    }

    /// A command ended: what it wrote last ends with it.
    pub(super) fn end_of_output(&mut self) {
        let mut shown = Vec::new();
        self.masker.finish(&mut shown);
        self.add(&shown);
        if !self.line.is_empty() {
            self.add(b"\n");
        }
    }

    /// From now on the lines of the next command are remembered.
    pub(super) fn forget_lines(&mut self) {
        self.remembered.clear();
    }

    /// The last lines of commands.
    pub(super) fn last_lines(&self) -> Vec<String> {
        self.remembered.iter().cloned().collect()
    }

    /// Why the log cannot be written, once.
    pub(super) fn error(&mut self) -> Option<io::Error> {
        self.error.take()
    }

    fn flush(&mut self) {
        if let Err(error) = self.file.flush() {
            self.error.get_or_insert(error);
        }
    }

    /// The end: what was kept of the end of a long log goes to the file.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        self.end_of_output();
        let (first, second) = self.tail.as_slices();
        if self.left_out > 0 {
            let note = format!("\n[… {} bytes are left out here …]\n", self.left_out);
            self.file.write_all(note.as_bytes())?;
        }
        // The end begins in the middle of a line; that is fine, of a character it is not.
        let whole = [first, second].concat();
        self.file
            .write_all(String::from_utf8_lossy(&whole).as_bytes())?;
        self.tail.clear();
        self.file.flush()
    }

    fn add(&mut self, bytes: &[u8]) {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.line.extend_from_slice(piece);
            if self.line.ends_with(b"\n") {
                self.piece(self.line.len());
            }
            while self.line.len() > LONGEST_LINE {
                self.piece(boundary(&self.line, LONGEST_LINE));
            }
        }
    }

    /// Hands on the beginning of the current line.
    fn piece(&mut self, end: usize) {
        let text = String::from_utf8_lossy(&self.line[..end]).into_owned();
        self.line.drain(..end);
        self.write(text.as_bytes());
        let shown = text.trim_end_matches(['\n', '\r']);
        if self.remembered.len() == REMEMBERED {
            self.remembered.pop_front();
        }
        self.remembered.push_back(shown.to_owned());
        self.event(What::Line(shown.to_owned()));
    }

    fn write(&mut self, bytes: &[u8]) {
        let now = bytes
            .len()
            .min(usize::try_from(self.room).unwrap_or(usize::MAX));
        if self.error.is_none()
            && let Err(error) = self.file.write_all(&bytes[..now])
        {
            self.error = Some(error);
        }
        self.room -= now as u64;
        self.tail.extend(&bytes[now..]);
        if self.tail.len() > self.most_tail {
            let over = self.tail.len() - self.most_tail;
            self.tail.drain(..over);
            self.left_out += over as u64;
        }
    }
}

/// The last end of a character up to a place; a place in the middle of bytes that are no characters stays.
fn boundary(bytes: &[u8], at: usize) -> usize {
    (at.saturating_sub(3)..=at)
        .rev()
        .find(|end| bytes.get(*end).is_none_or(|byte| byte & 0xC0 != 0x80))
        .unwrap_or(at)
}

/// Now.
pub(super) fn now() -> Time {
    let since = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default();
    Time(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// `2026/11/21 10:12:29.123` in UTC.
fn moment(time: Time) -> String {
    let days = time.0.div_euclid(86_400_000);
    let rest = time.0.rem_euclid(86_400_000);
    // Days since 1970 as a date, with years that begin in March.
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day = shifted.rem_euclid(146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let of_year = day - (365 * year + year / 4 - year / 100);
    let part = (5 * of_year + 2) / 153;
    let date = of_year - (153 * part + 2) / 5 + 1;
    let month = if part < 10 { part + 3 } else { part - 9 };
    let year = year + era * 400 + i64::from(month <= 2);
    format!(
        "{year:04}/{month:02}/{date:02} {:02}:{:02}:{:02}.{:03}",
        rest / 3_600_000,
        rest / 60_000 % 60,
        rest / 1000 % 60,
        rest % 1000
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    fn with(limits: &Limits, work: impl FnOnce(&mut Log<'_>)) -> (String, Vec<String>) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("log");
        let lines = Mutex::new(Vec::new());
        let sink = |event: Event| {
            if let What::Line(line) = event.what {
                lines.lock().expect("whole").push(line);
            }
        };
        let mut log = Log::new(&path, limits, None, &sink).expect("a log");
        work(&mut log);
        log.finish().expect("written");
        drop(log);
        let text = std::fs::read_to_string(&path).expect("UTF-8");
        (text, lines.into_inner().expect("whole"))
    }

    #[test]
    fn a_long_log_keeps_its_beginning_and_its_end() {
        let limits = Limits {
            log_head: 1000,
            log_tail: 500,
            ..Limits::default()
        };
        let (text, lines) = with(&limits, |log| {
            for index in 0..10_000 {
                log.output(format!("line {index}\n").as_bytes());
            }
        });
        assert!(text.len() < 1600, "{}", text.len());
        assert!(text.starts_with("line 0\n"));
        assert!(text.ends_with("line 9999\n"));
        assert!(text.contains("bytes are left out here"));
        assert_eq!(lines.len(), 10_000);
    }

    #[test]
    fn what_is_no_utf_8_is_replaced_and_lines_without_end_are_cut() {
        let (text, lines) = with(&Limits::default(), |log| {
            log.output(b"\xff\xfe ok\n");
            log.output("ä".repeat(10_000).as_bytes());
            log.output(b"\nend");
        });
        assert!(text.starts_with("\u{fffd}\u{fffd} ok\n"));
        assert!(!text[8..].contains('\u{fffd}'));
        assert!(text.ends_with("ä\nend\n"));
        assert!(lines.iter().all(|line| line.len() <= LONGEST_LINE));
        assert_eq!(lines.len(), 5);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_disk_that_is_full_is_noticed() {
        let sink = |_: Event| {};
        let mut log =
            Log::new(Path::new("/dev/full"), &Limits::default(), None, &sink).expect("a log");
        assert!(log.error().is_none());
        log.say("something");
        let error = log.error().expect("an error");
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    }

    #[test]
    fn moments_are_dates() {
        assert_eq!(moment(Time(0)), "1970/01/01 00:00:00.000");
        assert_eq!(moment(Time(951_782_400_000)), "2000/02/29 00:00:00.000");
        assert_eq!(moment(Time(1_795_255_949_123)), "2026/11/21 10:12:29.123");
        assert_eq!(moment(Time(1_767_225_599_999)), "2025/12/31 23:59:59.999");
    }
}
