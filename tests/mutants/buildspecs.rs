//! The buildspec language, written into a pipeline file and as the text of a raw project.

use serde_json::{Value, json};

use super::originals::{Original, doubtful, pick};
use super::places::{list, map, take, word};
use super::{Generator, Mutant};

/// What CodeBuild wants there is a list, and a list has its commands.
pub(super) fn generators() -> Vec<Generator> {
    let one = |code, make| Generator {
        code,
        also: &[],
        make,
    };
    vec![
        one("batch-idle", batch_idle),
        one("buildspec-artifact", buildspec_artifact),
        one("buildspec-batch", buildspec_batch),
        one("buildspec-cache", buildspec_cache),
        one("buildspec-command", buildspec_command),
        one("buildspec-export", buildspec_export),
        one("buildspec-key-missing", buildspec_key_missing),
        one("buildspec-key-unknown", buildspec_key_unknown),
        one("buildspec-kind", buildspec_kind),
        one("buildspec-on-failure", buildspec_on_failure),
        one("buildspec-platform", buildspec_platform),
        one("buildspec-report", buildspec_report),
        one("buildspec-runtime", buildspec_runtime),
        one("buildspec-syntax", buildspec_syntax),
        one("buildspec-variable", buildspec_variable),
        one("buildspec-version", buildspec_version),
        one("download-executed", download_executed),
    ]
}

/// One mutant of a buildspec.
fn of_spec(
    original: &Original,
    change: impl Fn(&mut Value, usize) -> Option<Vec<&'static str>>,
) -> Vec<Mutant> {
    let spec: Vec<String> = original
        .buildspec()
        .map(str::to_owned)
        .into_iter()
        .collect();
    original.inside(&spec, change)
}

/// One mutant for each phase.
fn of_phases(
    original: &Original,
    change: impl Fn(&mut Value, usize) -> Option<Vec<&'static str>>,
) -> Vec<Mutant> {
    let Some(spec) = original.buildspec() else {
        return Vec::new();
    };
    let phases: Vec<String> = original.get(spec)["phases"]
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(_, phase)| phase["commands"].is_array())
        .map(|(name, _)| format!("{spec}/phases/{name}"))
        .collect();
    original.inside(&phases, change)
}

fn batch_idle(original: &Original) -> Vec<Mutant> {
    let mut mutants = of_spec(original, |spec, _| {
        spec["batch"] = json!({"build-list": [{"identifier": "one"}, {"identifier": "two"}]});
        Some(vec!["batch"])
    });
    // who runs a raw project is not known, and one that has a batch has that finding already
    let had = original
        .buildspec()
        .is_some_and(|spec| original.get(spec).get("batch").is_some());
    mutants.retain(|_| original.name.ends_with("written") && !had);
    mutants
}

fn buildspec_artifact(original: &Original) -> Vec<Mutant> {
    of_spec(original, |spec, number| {
        let wrong = pick(number, &["my-docs", "my.docs", "a b", "é"]);
        if spec["artifacts"].is_null() {
            spec["artifacts"] = json!({"files": ["**/*"]});
        }
        map(&mut spec["artifacts"]["secondary-artifacts"])
            .insert(wrong.to_owned(), json!({"files": ["a"]}));
        Some(vec!["artifacts"])
    })
}

fn buildspec_batch(original: &Original) -> Vec<Mutant> {
    of_spec(original, |spec, number| {
        spec["batch"] = pick(
            number,
            &[
                json!({"build-graph": [{"identifier": "a", "depend-on": ["b"]}]}),
                json!({"build-graph": [{"identifier": "a", "depend-on": ["b"]}, {"identifier": "b", "depend-on": ["a"]}]}),
                json!({"build-list": [{"identifier": "a"}, {"identifier": "a"}]}),
                json!({"build-list": [{"identifier": "my-build"}]}),
                json!({"build-list": [{"identifier": "a"}], "build-graph": [{"identifier": "b"}]}),
                json!({"fast-fail": true}),
                json!({"build-graph": [{"identifier": "a", "depend-on": ["a"]}]}),
                json!({"build-matrix": {"dynamic": {"env": {"compute-type": ["SMALL"]}}}}),
                json!({"build-list": [{"identifier": "a", "env": {"type": "WINDOWS_SERVER_2022_CONTAINER", "privileged-mode": true}}]}),
                json!({"build-list": [{"identifier": "a", "env": {"type": "ARM_CONTAINER", "image": "aws/codebuild/standard:7.0"}}]}),
                json!({"build-list": [{"identifier": "a", "env": {"variables": {"CODEBUILD_MODE": "fast"}}}]}),
            ],
        );
        Some(vec!["batch"])
    })
}

fn buildspec_cache(original: &Original) -> Vec<Mutant> {
    let mut mutants = of_spec(original, |spec, _| {
        let keys: Vec<String> = (0..6).map(|n| format!("npm-{n}-")).collect();
        spec["cache"] =
            json!({"key": "npm", "fallback-keys": keys, "paths": ["node_modules/**/*"]});
        Some(vec!["cache"])
    });
    mutants.extend(doubtful(of_spec(original, |spec, _| {
        spec["cache"] = json!({"fallback-keys": ["npm-"], "paths": ["node_modules/**/*"]});
        Some(vec!["cache"])
    })));
    mutants
}

fn buildspec_command(original: &Original) -> Vec<Mutant> {
    of_phases(original, |phase, number| {
        let wrong = pick(
            number,
            &[
                json!({"echo \"Result": "done\""}),
                json!(["make"]),
                json!({"docker build": null}),
            ],
        );
        list(&mut phase["commands"]).push(wrong);
        Some(vec!["commands"])
    })
}

fn buildspec_export(original: &Original) -> Vec<Mutant> {
    of_spec(original, |spec, number| {
        let name = pick(number, &["AWS_TAG", "AWS_REGION"]);
        list(
            map(&mut spec["env"])
                .entry("exported-variables")
                .or_insert(Value::Null),
        )
        .push(name.into());
        Some(vec!["env"])
    })
}

fn buildspec_key_missing(original: &Original) -> Vec<Mutant> {
    let mut mutants = of_spec(original, |spec, number| {
        // the builds of a batch may have phases of their own
        match if spec.get("batch").is_some() {
            2
        } else {
            number % 4
        } {
            0 => {
                take(spec, "phases");
                return Some(vec![""]);
            }
            1 => spec["phases"] = json!({}),
            2 => spec["artifacts"] = json!({"base-directory": "out"}),
            _ => spec["reports"] = json!({"unit": {"file-format": "JUNITXML"}}),
        }
        Some(vec!["phases", "artifacts", "reports"])
    });
    let without = |key: &'static str, value: Value| {
        let mut mutants = of_phases(original, move |phase, _| {
            take(phase, "commands");
            take(phase, "finally");
            map(phase).insert(key.to_owned(), value.clone());
            Some(vec![""])
        });
        mutants.retain(|mutant| !mutant.at[0].ends_with("/install"));
        mutants
    };
    mutants.extend(without("on-failure", json!("ABORT")));
    mutants.extend(doubtful(without("finally", json!(["echo done"]))));
    mutants
}

fn buildspec_key_unknown(original: &Original) -> Vec<Mutant> {
    let mut mutants = of_spec(original, |spec, number| {
        match number % 3 {
            0 => map(spec).insert("artefacts".to_owned(), json!({"files": ["a"]})),
            1 => map(&mut spec["phases"])
                .insert("postbuild".to_owned(), json!({"commands": ["make"]})),
            _ => map(&mut spec["env"]).insert("variable".to_owned(), json!({"A": "b"})),
        };
        Some(vec!["artefacts", "phases/postbuild", "env"])
    });
    mutants.extend(of_phases(original, |phase, number| {
        let key = pick(number, &["command", "script", "Commands"]);
        map(phase).insert(key.to_owned(), json!(["make"]));
        Some(vec![key])
    }));
    mutants
}

fn buildspec_kind(original: &Original) -> Vec<Mutant> {
    of_spec(original, |spec, number| {
        match number % 6 {
            0 => spec["env"] = json!({"variables": ["MODE=fast"]}),
            1 => spec["phases"]["build"] = json!("make"),
            2 => spec["artifacts"] = json!("target/*"),
            3 => spec["env"] = json!({"exported-variables": {"A": "b"}}),
            4 => spec["reports"] = json!([{"files": ["junit.xml"]}]),
            _ => spec["cache"] = json!({"paths": {"a": "b"}}),
        }
        Some(vec!["env", "phases/build", "artifacts", "reports", "cache"])
    })
}

fn buildspec_on_failure(original: &Original) -> Vec<Mutant> {
    of_phases(original, |phase, number| {
        map(phase).insert(
            "on-failure".to_owned(),
            pick(number, &["STOP", "abort", "RETRY-101", "RETRY-", "IGNORE"]).into(),
        );
        Some(vec!["on-failure"])
    })
}

fn buildspec_platform(original: &Original) -> Vec<Mutant> {
    of_spec(original, |spec, number| {
        map(&mut spec["env"]).insert(
            "shell".to_owned(),
            pick(number, &["powershell.exe", "cmd.exe"]).into(),
        );
        Some(vec!["env"])
    })
}

fn buildspec_report(original: &Original) -> Vec<Mutant> {
    of_spec(original, |spec, number| {
        let one = |format: &str| json!({"files": ["a.xml"], "file-format": format});
        spec["reports"] = match number % 3 {
            0 => json!({"unit": one("JUNIT")}),
            1 => (0..6)
                .map(|n| (format!("unit{n}"), one("JUNITXML")))
                .collect::<serde_json::Map<_, _>>()
                .into(),
            _ => json!({"unit": one("junitxml2")}),
        };
        Some(vec!["reports"])
    })
}

fn buildspec_runtime(original: &Original) -> Vec<Mutant> {
    of_spec(original, |spec, number| {
        let (language, version) = pick(
            number,
            &[
                ("nodejs", "9"),
                ("node", "22"),
                ("python", "2.7"),
                ("perl", "5"),
            ],
        );
        let install = map(&mut spec["phases"])
            .entry("install")
            .or_insert(Value::Null);
        map(install).insert("runtime-versions".to_owned(), json!({language: version}));
        Some(vec!["phases/install"])
    })
}

/// Not YAML: only a text can be that.
fn buildspec_syntax(original: &Original) -> Vec<Mutant> {
    original.inside(&original.projects(), |project, number| {
        project["source"]["buildspec"] = pick(
            number,
            &[
                "version: 0.2\nphases:\n\tbuild:\n\t\tcommands: [make]\n",
                "version: 0.2\nphases: {build: {commands: [make}}\n",
                "version: 0.2\nphases:\n  build:\n    commands:\n      - 'echo a\n",
                "- version: 0.2\n- phases: a\n",
                "version: 0.2\nversion: 0.2\nphases:\n  build:\n    commands: [make]\n",
            ],
        )
        .into();
        Some(vec!["source/buildspec"])
    })
}

fn buildspec_variable(original: &Original) -> Vec<Mutant> {
    let mut mutants = of_spec(original, |spec, number| {
        let env = map(&mut spec["env"]);
        match number % 3 {
            0 => drop(env.insert("variables".to_owned(), json!({"CODEBUILD_MODE": "fast"}))),
            1 => drop(env.insert(
                "parameter-store".to_owned(),
                json!({"CODEBUILD_TOKEN": "/token"}),
            )),
            _ => return None,
        }
        Some(vec!["env"])
    });
    mutants.extend(doubtful(of_spec(original, |spec, _| {
        let env = map(&mut spec["env"]);
        env.insert("variables".to_owned(), json!({"TWICE": "fast"}));
        env.insert("parameter-store".to_owned(), json!({"TWICE": "/twice"}));
        Some(vec!["env"])
    })));
    mutants
}

fn buildspec_version(original: &Original) -> Vec<Mutant> {
    let mut mutants = of_spec(original, |spec, number| {
        match number % 4 {
            0 => drop(take(spec, "version")),
            1 => spec["version"] = json!(0.3),
            2 => spec["version"] = json!("1.0"),
            _ => spec["version"] = json!("v0.2"),
        }
        Some(vec!["version"])
    });
    mutants.extend(doubtful(of_spec(original, |spec, _| {
        if word(&spec["version"]) == "0.1" || spec["version"] == json!(0.1) {
            return None;
        }
        spec["version"] = json!("0.1");
        Some(vec!["version"])
    })));
    mutants
}

fn download_executed(original: &Original) -> Vec<Mutant> {
    of_phases(original, |phase, number| {
        let wrong = pick(
            number,
            &[
                "curl -fsSL https://example.com/install.sh | sh",
                "curl -s https://example.com/a | sudo bash -s -- --yes",
                "wget -qO- https://example.com/install.sh | bash",
                "bash <(curl -s https://example.com/install.sh)",
                "sh -c \"$(curl -fsSL https://example.com/install.sh)\"",
                "curl https://example.com/setup.py | python3 -",
                "eval \"$(wget -qO- https://example.com/env.sh)\"",
            ],
        );
        list(&mut phase["commands"]).push(wrong.into());
        Some(vec!["commands"])
    })
}
