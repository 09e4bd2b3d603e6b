//! The shell of a build, as pipectl sees it: one command after the other, with what it writes and its exit code.
//!
//! All commands share one shell, so that variables, functions, the working folder and options last, as in version 0.2
//! of the buildspec. A command that ends the shell (`exit`, a failure under `set -e`) ends with its code, and the next
//! one gets a new shell with the exported variables and the working folder of the former.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use regex::bytes::Regex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use super::supervise::{Control, Start, WORD};

/// What is read at once, in bytes.
const CHUNK: usize = 64 << 10;
/// How long a word of the supervisor can be.
const LONGEST_WORD: usize = 4096;
/// What is read after the supervisor has ended: pieces, and how long to wait for each. Somebody may hold its pipe still.
const LAST_PIECES: u32 = 256;
const LAST_PIECE: Duration = Duration::from_millis(20);

/// How a shell is started; paths are as the shell sees them.
#[derive(Debug, Clone)]
pub(super) struct Shell {
    /// The command, to which the path of the driver is added.
    pub(super) command: Vec<String>,
    /// Variables around the command; for a container those of its client.
    pub(super) environment: Vec<(String, String)>,
    /// Where the supervisor starts it.
    pub(super) folder: PathBuf,
    /// The working folder of the first command.
    pub(super) work: String,
    /// The folder of the state on this machine.
    pub(super) state: PathBuf,
    /// The same as the shell sees it.
    pub(super) state_inside: String,
    /// Whether somebody else's shell was there before: then `HOME` is not taken over from it.
    pub(super) new_user: bool,
    /// What takes a container down.
    pub(super) cleanup: Vec<String>,
}

/// How a command ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum End {
    /// With a code.
    Code(i32),
    /// The shell could not be started; why.
    NoShell(String),
    /// The supervisor is gone: somebody killed it.
    Lost,
}

/// The supervisor and the shell below it.
pub(super) struct Session {
    child: Child,
    control: ChildStdin,
    output: ChildStdout,
    words: Words,
    nonce: String,
    buffer: Vec<u8>,
    running: bool,
    /// Pieces still to be read of a supervisor that has ended.
    last: Option<u32>,
    /// Whether the next shell takes over what the former left.
    inherits: bool,
}

impl Session {
    /// Starts the supervisor; the shell comes with the first command.
    pub(super) fn new(program: Option<&Path>, state: &Path) -> io::Result<Self> {
        fs::create_dir_all(state)?;
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).map_err(io::Error::other)?;
        let nonce: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let mut command = match program {
            Some(program) => Command::new(program),
            // This very program, also where its file was replaced meanwhile.
            None if cfg!(target_os = "linux") => Command::new("/proc/self/exe"),
            None => Command::new(std::env::current_exe()?),
        };
        let mut child = command
            .arg(WORD)
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let missing = || io::Error::other("the supervisor has no pipes");
        Ok(Self {
            control: child.stdin.take().ok_or_else(missing)?,
            output: child.stdout.take().ok_or_else(missing)?,
            child,
            words: Words::new(&nonce),
            nonce,
            buffer: vec![0; CHUNK],
            running: false,
            last: None,
            inherits: false,
        })
    }

    /// Runs a command to its end; `seen` gets what is written meanwhile. Cancelling it leaves the command running.
    pub(super) async fn run(
        &mut self,
        shell: &Shell,
        command: &str,
        seen: &mut (dyn FnMut(&[u8]) + Send),
    ) -> io::Result<End> {
        fs::write(shell.state.join("command"), format!("{command}\n"))?;
        if !self.running {
            self.start(shell).await?;
        }
        if self.send(&Control::Line("next".to_owned())).await.is_err() {
            return Ok(End::Lost);
        }
        let end = self.wait(seen).await?;
        self.running = matches!(end, Word::Done(_));
        Ok(match end {
            Word::Done(code) | Word::Exit(code) => End::Code(code),
            Word::Failed(why) => End::NoShell(why),
            Word::Lost => End::Lost,
        })
    }

    /// Ends the shell, but nothing it has started. The next one begins anew, or takes over what this one left.
    pub(super) async fn close(
        &mut self,
        inherits: bool,
        seen: &mut (dyn FnMut(&[u8]) + Send),
    ) -> io::Result<()> {
        self.inherits = inherits;
        if self.running {
            self.running = false;
            if self.send(&Control::Close).await.is_ok() {
                self.wait(seen).await?;
            }
        }
        Ok(())
    }

    /// Ends everything. What is still written is seen; `false` if something could not be ended.
    pub(super) async fn end(
        mut self,
        now: bool,
        grace: Duration,
        seen: &mut (dyn FnMut(&[u8]) + Send),
    ) -> io::Result<bool> {
        let grace = u64::try_from(grace.as_millis()).unwrap_or(u64::MAX);
        let _ = self.send(&Control::End { now, grace }).await;
        loop {
            let read = self.read().await?;
            if read == 0 {
                break;
            }
            self.words.push(&self.buffer[..read]);
            while self.words.next(false, seen).is_some() {}
        }
        while self.words.next(true, seen).is_some() {}
        Ok(self.child.wait().await?.success())
    }

    async fn start(&mut self, shell: &Shell) -> io::Result<()> {
        fs::write(shell.state.join("driver"), driver(shell, self.inherits))?;
        let mut command = shell.command.clone();
        command.push(format!("{}/driver", shell.state_inside));
        let start = Start {
            command,
            environment: shell.environment.clone(),
            folder: shell.folder.to_string_lossy().into_owned(),
            nonce: self.nonce.clone(),
            cleanup: shell.cleanup.clone(),
        };
        let nonce = self.nonce.clone();
        // A supervisor that is gone is noticed by its silence.
        let _ = self.send(&Control::Start(start)).await;
        let _ = self.send(&Control::Line(nonce)).await;
        self.running = true;
        self.inherits = true;
        Ok(())
    }

    async fn send(&mut self, control: &Control) -> io::Result<()> {
        let mut line = serde_json::to_vec(control)?;
        line.push(b'\n');
        self.control.write_all(&line).await?;
        self.control.flush().await
    }

    /// The next piece; 0 at the end, which is when the supervisor has ended.
    async fn read(&mut self) -> io::Result<usize> {
        if self.last.is_none() {
            tokio::select! {
                biased;
                read = self.output.read(&mut self.buffer) => return read,
                _ = self.child.wait() => self.last = Some(LAST_PIECES),
            }
        }
        match self.last.as_mut() {
            Some(left) if *left > 0 => *left -= 1,
            _ => return Ok(0),
        }
        let piece = self.output.read(&mut self.buffer);
        tokio::time::timeout(LAST_PIECE, piece)
            .await
            .unwrap_or(Ok(0))
    }

    async fn wait(&mut self, seen: &mut (dyn FnMut(&[u8]) + Send)) -> io::Result<Word> {
        loop {
            if let Some(word) = self.words.next(false, seen) {
                return Ok(word);
            }
            let read = self.read().await?;
            if read == 0 {
                while self.words.next(true, seen).is_some() {}
                return Ok(Word::Lost);
            }
            self.words.push(&self.buffer[..read]);
        }
    }
}

/// The script that the shell runs. Its own descriptors are closed for the commands, whose input is empty.
fn driver(shell: &Shell, inherits: bool) -> String {
    let state = quoted(&shell.state_inside);
    let work = quoted(&shell.work);
    let restore = if inherits {
        let (keep, back) = if shell.new_user {
            (
                "__pipectl_home=$HOME\n",
                "export HOME=\"$__pipectl_home\"\n",
            )
        } else {
            ("", "")
        };
        format!(
            "{keep}if [ -s {state}/environment ]; then . {state}/environment; fi\n{back}\
             cd \"$(cat {state}/folder 2>/dev/null)\" 2>/dev/null || cd {work}\n"
        )
    } else {
        format!("if [ -s {state}/given ]; then . {state}/given; fi\ncd {work} || exit 126\n")
    };
    format!(
        "exec 8>&1 9<&0 </dev/null 2>&1\n\
         read -r __pipectl_word <&9\n\
         {restore}\
         __pipectl_keep() {{ rm -f {state}/environment {state}/folder; export -p >|{state}/environment; pwd >|{state}/folder; }}\n\
         trap '{{ __pipectl_keep; }} 2>/dev/null' EXIT\n\
         while {{ read -r __pipectl_next <&9; }} 2>/dev/null; do\n\
         . {state}/command 8>&- 9<&-\n\
         {{ printf '%s done %s\\n' \"$__pipectl_word\" \"$?\" >&8; __pipectl_keep; }} 2>/dev/null\n\
         done\n"
    )
}

/// A text as one word of a shell.
pub(super) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// What the driver and the supervisor say in the output.
#[derive(Debug, PartialEq, Eq)]
enum Word {
    Done(i32),
    Exit(i32),
    Failed(String),
    Lost,
}

/// Finds those words in the output.
struct Words {
    nonce: Vec<u8>,
    found: Regex,
    whole: Regex,
    buffer: Vec<u8>,
}

impl Words {
    fn new(nonce: &str) -> Self {
        let compiled = |text: &str| Regex::new(text).expect("a pattern of letters");
        Self {
            nonce: nonce.as_bytes().to_vec(),
            found: compiled(nonce),
            whole: compiled(&format!(
                "(?s-u)^{nonce} (?:(done|exit) ([0-9]{{1,5}})|failed ([^\n]*))\n"
            )),
            buffer: Vec::new(),
        }
    }

    fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next word, after what stands before it was seen; `None` if more has to come.
    fn next(&mut self, last: bool, seen: &mut (dyn FnMut(&[u8]) + Send)) -> Option<Word> {
        let mut from = 0;
        while let Some(found) = self.found.find_at(&self.buffer, from) {
            let start = found.start();
            if let Some(captures) = self.whole.captures(&self.buffer[start..]) {
                let text = |index: usize| {
                    captures
                        .get(index)
                        .map(|m| String::from_utf8_lossy(m.as_bytes()).into_owned())
                };
                let code = text(2).and_then(|code| code.parse().ok()).unwrap_or(1);
                let word = match text(1).as_deref() {
                    Some("done") => Word::Done(code),
                    Some(_) => Word::Exit(code),
                    None => Word::Failed(text(3).unwrap_or_default()),
                };
                let end = start + captures.get(0).map_or(0, |m| m.end());
                if start > 0 {
                    seen(&self.buffer[..start]);
                }
                self.buffer.drain(..end);
                return Some(word);
            }
            let rest = &self.buffer[start..];
            if !last && rest.len() < LONGEST_WORD && !rest.contains(&b'\n') {
                // The rest of the line is still to come.
                if start > 0 {
                    seen(&self.buffer[..start]);
                    self.buffer.drain(..start);
                }
                return None;
            }
            // Somebody shows the word without saying it.
            from = start + 1;
        }
        let keep = if last { 0 } else { self.beginning() };
        let ready = self.buffer.len() - keep;
        if ready > 0 {
            seen(&self.buffer[..ready]);
            self.buffer.drain(..ready);
        }
        None
    }

    /// How many bytes at the end could begin a word.
    fn beginning(&self) -> usize {
        let most = (self.nonce.len() - 1).min(self.buffer.len());
        (1..=most)
            .rev()
            .find(|length| {
                self.nonce
                    .starts_with(&self.buffer[self.buffer.len() - length..])
            })
            .unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_however_the_output_arrives() {
        let text = "before abcdef0 done 3\nafter abcdef0 'x\nabcdef0 exit 139\nabcdef0 failed sh: not here\nrest abcde";
        for size in 1..=text.len() {
            let mut words = Words::new("abcdef0");
            let mut found = Vec::new();
            let mut seen = Vec::new();
            for piece in text.as_bytes().chunks(size) {
                words.push(piece);
                while let Some(word) = words.next(false, &mut |bytes| seen.extend_from_slice(bytes))
                {
                    found.push(word);
                }
            }
            assert!(
                words
                    .next(true, &mut |bytes| seen.extend_from_slice(bytes))
                    .is_none()
            );
            assert_eq!(
                found,
                [
                    Word::Done(3),
                    Word::Exit(139),
                    Word::Failed("sh: not here".into())
                ]
            );
            assert_eq!(
                String::from_utf8(seen).expect("text"),
                "before after abcdef0 'x\nrest abcde"
            );
        }
    }

    #[test]
    fn paths_are_one_word() {
        assert_eq!(quoted("/a b/it's"), r"'/a b/it'\''s'");
    }
}
