//! The process between pipectl and the commands of a build: this program again, under a hidden word.
//!
//! It exists so that nothing of a build outlives it. It holds a pipe from pipectl and sees its end even if pipectl is
//! killed; on Linux whatever loses its parent becomes its child, so that it finds every process a build has started,
//! in whatever session or group. Then it ends them all: first kindly, after a grace without asking. It leads a session
//! of its own: keys pressed in a terminal do not reach it, and no command can ask for a password there.

use serde::{Deserialize, Serialize};

/// The word that turns pipectl into this.
pub const WORD: &str = "__build-supervisor";

/// What pipectl asks for, a line of JSON each.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Control {
    /// Start the shell. There is one at a time.
    Start(Start),
    /// A line for its input.
    Line(String),
    /// Close its input: it ends by itself.
    Close,
    /// End it and everything it started, with a grace in milliseconds, and then yourself.
    End {
        /// Whether to ask at once, without waiting for a shell that has nothing to do to end by itself.
        now: bool,
        /// Milliseconds between asking and killing.
        grace: u64,
    },
}

/// A shell to start.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Start {
    /// The program and its arguments.
    pub(super) command: Vec<String>,
    /// Its whole environment.
    pub(super) environment: Vec<(String, String)>,
    /// Where it starts.
    pub(super) folder: String,
    /// What stands before the supervisor's own words in the output.
    pub(super) nonce: String,
    /// A command that takes down what no process of ours is: a container.
    pub(super) cleanup: Vec<String>,
}

/// Becomes the supervisor if the arguments say so; the exit code once everything has ended.
pub fn run_if_asked(arguments: &[std::ffi::OsString]) -> Option<u8> {
    (arguments.len() == 2 && arguments[1] == WORD).then(|| {
        #[cfg(unix)]
        {
            unix::run()
        }
        #[cfg(not(unix))]
        {
            1
        }
    })
}

/// Ends every process that has this variable: what is left where somebody killed the supervisor.
pub(super) fn sweep(name: &str, value: &str) {
    #[cfg(target_os = "linux")]
    unix::sweep(&format!("{name}={value}"));
    #[cfg(not(target_os = "linux"))]
    let _ = (name, value);
}

#[cfg(unix)]
mod unix {
    use std::fs::File;
    use std::io::{BufRead, Write};
    use std::os::fd::AsFd;
    use std::os::unix::process::CommandExt;
    use std::process::{ChildStdin, Command, Stdio};
    use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
    use std::thread;
    use std::time::{Duration, Instant};

    use rustix::process::{
        Pid, Signal, WaitId, WaitIdOptions, WaitOptions, kill_process, kill_process_group, wait,
        waitid,
    };

    use super::{Control, Start};

    /// How long a shell that has nothing to do may take to end by itself.
    const QUIET: Duration = Duration::from_millis(30);
    /// How long to go on killing what does not die; more can only be a disk that does not answer.
    const LONGEST: Duration = Duration::from_secs(20);
    /// The grace where nobody is left to say one.
    const ORPHANED: Duration = Duration::from_secs(2);
    /// How long taking down a container may take.
    const CLEANUP: Duration = Duration::from_secs(15);

    #[derive(Default)]
    struct State {
        /// The shell.
        shell: Option<Pid>,
        nonce: String,
        /// Whether there is no child at all.
        alone: bool,
    }

    struct Shared {
        state: Mutex<State>,
        changed: Condvar,
        output: File,
    }

    impl Shared {
        fn lock(&self) -> MutexGuard<'_, State> {
            self.state.lock().unwrap_or_else(PoisonError::into_inner)
        }

        /// A word of ours in the output, behind everything the shell has written.
        fn say(&self, nonce: &str, what: &str) {
            // Whoever does not listen any more has closed the other pipe, too, and that ends everything.
            let _ = (&self.output).write_all(format!("{nonce} {what}\n").as_bytes());
        }
    }

    pub(super) fn run() -> u8 {
        let _ = rustix::process::setsid();
        #[cfg(target_os = "linux")]
        {
            let _ = rustix::process::set_child_subreaper(Some(rustix::process::getpid()));
            // Who ends programs by name means pipectl, and this has to outlive it for a moment.
            let _ = rustix::thread::set_name(c"build-keeper");
        }
        // Not for people: a pipe to pipectl, shared with the shell.
        let Ok(output) = rustix::stdio::stdout().try_clone_to_owned() else {
            return 1;
        };
        let shared = Arc::new(Shared {
            state: Mutex::new(State {
                alone: true,
                ..State::default()
            }),
            changed: Condvar::new(),
            output: File::from(output),
        });
        let reaper = Arc::clone(&shared);
        thread::spawn(move || reap(&reaper));
        let mut input: Option<ChildStdin> = None;
        let mut cleanup = Vec::new();
        let mut now = true;
        let mut grace = ORPHANED;
        for line in std::io::stdin().lock().lines() {
            let Ok(line) = line else { break };
            match serde_json::from_str(&line) {
                Ok(Control::Start(start)) => {
                    cleanup.clone_from(&start.cleanup);
                    input = spawn(&shared, &start);
                }
                Ok(Control::Line(line)) => {
                    if let Some(input) = &mut input {
                        // A shell that has ended is told by the reaper.
                        let _ = writeln!(input, "{line}");
                    }
                }
                Ok(Control::Close) => input = None,
                Ok(Control::End {
                    now: at_once,
                    grace: milliseconds,
                }) => {
                    now = at_once;
                    grace = Duration::from_millis(milliseconds);
                    break;
                }
                Err(_) => break,
            }
        }
        drop(input);
        let done = end(&shared, now, grace);
        if let Some((program, arguments)) = cleanup.split_first() {
            clean_up(program, arguments);
        }
        u8::from(!done)
    }

    fn spawn(shared: &Shared, start: &Start) -> Option<ChildStdin> {
        let mut state = shared.lock();
        state.nonce.clone_from(&start.nonce);
        let refused = |what: String| {
            shared.say(&start.nonce, &format!("failed {what}"));
            None
        };
        let Some((program, arguments)) = start.command.split_first() else {
            return refused("there is no shell to start".to_owned());
        };
        let out = || shared.output.as_fd().try_clone_to_owned().map(Stdio::from);
        let (Ok(stdout), Ok(stderr)) = (out(), out()) else {
            return refused("there are too many open files".to_owned());
        };
        let mut command = Command::new(program);
        command
            .args(arguments)
            .env_clear()
            .envs(start.environment.iter().map(|(name, value)| (name, value)))
            .current_dir(&start.folder)
            .stdin(Stdio::piped())
            .stdout(stdout)
            .stderr(stderr)
            .process_group(0);
        match command.spawn() {
            Ok(mut child) => {
                state.shell = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
                state.alone = false;
                shared.changed.notify_all();
                child.stdin.take()
            }
            Err(error) => refused(format!("{program}: {error}")),
        }
    }

    /// Buries the dead: the shell, whose end is told, and whatever lost its parent.
    fn reap(shared: &Shared) {
        loop {
            // Only looked at here, and taken under the lock: a child whose start fails is taken by the one who starts it.
            let looked = waitid(WaitId::All, WaitIdOptions::EXITED | WaitIdOptions::NOWAIT);
            let mut state = shared.lock();
            match looked {
                Ok(_) => {
                    while let Ok(Some((pid, status))) = wait(WaitOptions::NOHANG) {
                        if state.shell == Some(pid) {
                            state.shell = None;
                            let code = status
                                .exit_status()
                                .or_else(|| status.terminating_signal().map(|signal| 128 + signal))
                                .unwrap_or(1);
                            let nonce = state.nonce.clone();
                            drop(state);
                            shared.say(&nonce, &format!("exit {code}"));
                            state = shared.lock();
                        }
                    }
                }
                Err(rustix::io::Errno::CHILD) => {
                    if matches!(wait(WaitOptions::NOHANG), Err(rustix::io::Errno::CHILD)) {
                        state.alone = true;
                        shared.changed.notify_all();
                        let waited = shared
                            .changed
                            .wait_while(state, |state| state.alone)
                            .unwrap_or_else(PoisonError::into_inner);
                        drop(waited);
                    }
                }
                Err(_) => {
                    drop(state);
                    thread::sleep(Duration::from_millis(5));
                }
            }
        }
    }

    /// Ends everything; whether nothing is left.
    fn end(shared: &Shared, now: bool, grace: Duration) -> bool {
        let alone = |time: Duration| {
            let state = shared.lock();
            let (state, _) = shared
                .changed
                .wait_timeout_while(state, time, |state| !state.alone)
                .unwrap_or_else(PoisonError::into_inner);
            state.alone
        };
        if alone(if now { Duration::ZERO } else { QUIET }) {
            return true;
        }
        let begun = Instant::now();
        signal_all(shared, Signal::TERM);
        let mut pause = Duration::from_millis(1);
        while begun.elapsed() < grace {
            if alone(pause) {
                return true;
            }
            pause = (pause * 2).min(Duration::from_millis(50));
        }
        let begun = Instant::now();
        let mut pause = Duration::from_millis(1);
        while begun.elapsed() < LONGEST {
            signal_all(shared, Signal::KILL);
            if alone(pause) {
                return true;
            }
            pause = (pause * 2).min(Duration::from_millis(100));
        }
        false
    }

    fn signal_all(shared: &Shared, signal: Signal) {
        let shell = shared.lock().shell;
        if let Some(shell) = shell {
            let _ = kill_process_group(shell, signal);
        }
        for process in descendants() {
            let _ = kill_process(process, signal);
        }
    }

    #[cfg(target_os = "linux")]
    pub(super) fn sweep(variable: &str) {
        let begun = Instant::now();
        loop {
            let mut found = 0;
            let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
            for entry in entries {
                let pid = entry
                    .file_name()
                    .to_str()
                    .and_then(|name| name.parse().ok());
                let Some(pid) = pid.and_then(Pid::from_raw) else {
                    continue;
                };
                // Of processes of others, and of those that are dead, nothing can be read.
                let Ok(environment) = std::fs::read(entry.path().join("environ")) else {
                    continue;
                };
                let has = |part: &[u8]| part == variable.as_bytes();
                if pid != rustix::process::getpid() && environment.split(|b| *b == 0).any(has) {
                    found += 1;
                    let _ = kill_process(pid, Signal::KILL);
                }
            }
            if found == 0 || begun.elapsed() > LONGEST {
                return;
            }
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Every living process below this one.
    #[cfg(target_os = "linux")]
    fn descendants() -> Vec<Pid> {
        let mut children: std::collections::HashMap<i32, Vec<i32>> =
            std::collections::HashMap::new();
        let Ok(entries) = std::fs::read_dir("/proc") else {
            return Vec::new();
        };
        for entry in entries.flatten() {
            let Some(pid) = entry
                .file_name()
                .to_str()
                .and_then(|name| name.parse().ok())
            else {
                continue;
            };
            let Ok(stat) = std::fs::read_to_string(entry.path().join("stat")) else {
                continue;
            };
            // The name stands in brackets and may hold anything.
            let mut fields = stat
                .rsplit(')')
                .next()
                .unwrap_or_default()
                .split(' ')
                .skip(1);
            let state = fields.next().unwrap_or_default();
            let parent = fields.next().and_then(|field| field.parse().ok());
            if let (Some(parent), false) = (parent, matches!(state, "Z" | "X")) {
                children.entry(parent).or_default().push(pid);
            }
        }
        let mut found = Vec::new();
        let mut open = vec![rustix::process::getpid().as_raw_nonzero().get()];
        while let Some(parent) = open.pop() {
            for child in children.remove(&parent).unwrap_or_default() {
                open.push(child);
                found.extend(Pid::from_raw(child));
            }
        }
        found
    }

    /// Elsewhere the group of the shell is what can be found.
    #[cfg(not(target_os = "linux"))]
    fn descendants() -> Vec<Pid> {
        Vec::new()
    }

    fn clean_up(program: &str, arguments: &[String]) {
        let child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let Ok(mut child) = child else { return };
        let begun = Instant::now();
        // The reaper may have been quicker: then there is nothing to wait for.
        while matches!(child.try_wait(), Ok(None)) {
            if begun.elapsed() > CLEANUP {
                let _ = child.kill();
                return;
            }
            thread::sleep(Duration::from_millis(20));
        }
    }
}
