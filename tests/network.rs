//! Between pipectl and AWS: authorities of one's own, and proxies.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::cloud_failures::{Server, keys};
use crate::support::emulator::python;

/// What `print` makes of a parameter: exit code, stdout and stderr.
fn print(folder: &Path, environment: &[(&str, &str)]) -> (i32, String, String) {
    let file = "service: s\nprovider: {region: us-east-1}\ncustom: {a: \"${ssm:/a}\"}\n";
    fs::write(folder.join("pipeline.yml"), file).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_pipectl"))
        .args(["print", "--path", "custom.a"])
        .current_dir(folder)
        .env_clear()
        .envs(keys())
        .env("HOME", folder)
        .env("AWS_MAX_ATTEMPTS", "1")
        .envs(environment.iter().copied())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (
        output.status.code().unwrap_or(-1),
        text(&output.stdout),
        text(&output.stderr),
    )
}

#[test]
fn the_authorities_of_a_bundle_are_trusted_and_no_others() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let mut server = Command::new(python())
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python/tls_server.py"))
        .arg(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut url = String::new();
    BufReader::new(server.stdout.take().unwrap())
        .read_line(&mut url)
        .unwrap();
    let endpoint = ("AWS_ENDPOINT_URL", url.trim());
    let bundle = folder.join("ca.pem");
    let with = |bundle: &Path| {
        print(
            folder,
            &[endpoint, ("AWS_CA_BUNDLE", bundle.to_str().unwrap())],
        )
    };
    assert_eq!(with(&bundle).1.trim(), "trusted");
    let (code, _, said) = print(folder, &[endpoint]);
    assert!(
        code == 3 && said.contains("certificate") && said.contains("AWS_CA_BUNDLE"),
        "{code} {said}"
    );
    let (code, _, said) = with(&folder.join("leaf.pem"));
    assert!(code == 3 && said.contains("certificate"), "{code} {said}");
    for (name, content, why) in [
        ("none.pem", "nothing\n".to_owned(), "holds no certificate"),
        (
            "cut.pem",
            fs::read_to_string(&bundle)
                .unwrap()
                .replacen("MII", "AAA", 1),
            "certificate 1 cannot be read",
        ),
    ] {
        let file = folder.join(name);
        fs::write(&file, content).unwrap();
        let (code, _, said) = with(&file);
        assert!(
            code == 3 && said.contains("AWS_CA_BUNDLE") && said.contains(why),
            "{name}: {code} {said}"
        );
    }
    let (code, _, said) = with(&folder.join("absent.pem"));
    assert!(
        code == 3 && said.contains("cannot be read"),
        "{code} {said}"
    );
    drop(server.stdin.take());
    server.wait().unwrap();
}

#[test]
fn a_proxy_is_used() {
    let proxy = Server::playing(|_, body| {
        let asked: Value = serde_json::from_str(body).unwrap();
        let found =
            json!({"Name": asked["Names"][0], "Type": "String", "Value": "by proxy", "Version": 1});
        (200, json!({"Parameters": [found]}).to_string())
    });
    let folder = tempfile::tempdir().unwrap();
    // Nobody has this name, so that only the proxy can answer.
    let endpoint = ("AWS_ENDPOINT_URL", "http://ssm.example.invalid");
    let (code, printed, said) = print(folder.path(), &[endpoint, ("HTTP_PROXY", proxy.url())]);
    assert_eq!((code, printed.trim()), (0, "by proxy"), "{said}");
    assert_eq!(proxy.bodies("GetParameters").len(), 1);
    let (code, _, said) = print(
        folder.path(),
        &[
            endpoint,
            ("HTTP_PROXY", proxy.url()),
            ("NO_PROXY", "example.invalid"),
        ],
    );
    assert!(code == 3 && said.contains("ssm.example.invalid"), "{said}");
}
