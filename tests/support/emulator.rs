//! AWS as the emulators play it: moto for most, ministack for CloudWatch. Started once per test process.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use serde_json::Value;

/// The region of the tests.
pub(crate) const REGION: &str = "eu-west-1";

/// The emulators that run beside this process. They end when their stdin closes, that is, with this process.
pub(crate) struct Emulators {
    /// Everything but CloudWatch.
    pub(crate) moto: String,
    /// CloudWatch.
    pub(crate) ministack: String,
    _child: Child,
}

/// Starts them on first use.
pub(crate) fn emulators() -> &'static Emulators {
    static RUNNING: OnceLock<Emulators> = OnceLock::new();
    RUNNING.get_or_init(start)
}

impl Emulators {
    /// The environment of a process that shall take the emulators for AWS, beside PATH.
    pub(crate) fn environment(&self) -> Vec<(String, String)> {
        let path = std::env::var("PATH").unwrap_or_default();
        [
            ("PATH", path.as_str()),
            ("AWS_ENDPOINT_URL", &self.moto),
            ("AWS_ENDPOINT_URL_CLOUDWATCH", &self.ministack),
            ("AWS_ACCESS_KEY_ID", "testing"),
            ("AWS_SECRET_ACCESS_KEY", "testing"),
            ("AWS_REGION", REGION),
            ("AWS_EC2_METADATA_DISABLED", "true"),
            ("AWS_CONFIG_FILE", "/dev/null"),
            ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec()
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The Python of the tests, with what they require.
pub(crate) fn python() -> PathBuf {
    static READY: OnceLock<PathBuf> = OnceLock::new();
    READY
        .get_or_init(|| {
            let home = root().join("target/python");
            let python = home.join("bin/python");
            let wanted = root().join("tests/python/requirements.txt");
            let note = home.join("requirements.installed");
            let read = |path: &Path| std::fs::read_to_string(path).ok();
            if read(&note).is_some() && read(&note) == read(&wanted) {
                return python;
            }
            if !python.exists() {
                run(Command::new("python3").args(["-m", "venv"]).arg(&home));
            }
            run(Command::new(&python)
                .args(["-m", "pip", "install", "--quiet", "-r"])
                .arg(&wanted));
            std::fs::copy(&wanted, &note).expect("the environment is writable");
            python
        })
        .clone()
}

/// Runs a step of an installation.
pub(super) fn run(command: &mut Command) {
    let status = command
        .status()
        .unwrap_or_else(|error| panic!("{command:?} does not start: {error}"));
    assert!(status.success(), "{command:?} ended with {status}");
}

/// Starts emulators of their own, for a test that shares its account with no other.
pub(crate) fn start() -> Emulators {
    let mut child = Command::new(python())
        .arg(root().join("tests/python/emulators.py"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the emulators start");
    let output = child.stdout.take().expect("piped");
    let mut line = String::new();
    BufReader::new(output)
        .read_line(&mut line)
        .expect("the emulators say where they are");
    let urls: Value = serde_json::from_str(&line).expect("one line of JSON");
    let url = |name: &str| urls[name].as_str().expect("an address").to_owned();
    Emulators {
        moto: url("moto"),
        ministack: url("ministack"),
        _child: child,
    }
}

/// A POST to an address such as `http://127.0.0.1:1234`; gives the body of the answer.
pub(crate) fn post(address: &str, path: &str, headers: &[(&str, &str)], body: &str) -> String {
    let host = address.strip_prefix("http://").expect("a plain address");
    let mut stream = TcpStream::connect(host).expect("the emulator listens");
    let headers: String = headers
        .iter()
        .map(|(name, value)| format!("{name}: {value}\r\n"))
        .collect();
    write!(
        stream,
        "POST {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{headers}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .expect("the emulator reads");
    let mut answer = String::new();
    stream
        .read_to_string(&mut answer)
        .expect("the emulator answers");
    let (head, body) = answer.split_once("\r\n\r\n").expect("an HTTP answer");
    assert!(head.contains(" 200 "), "{path}: {answer}");
    body.to_owned()
}
