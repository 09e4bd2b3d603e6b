//! `sandbox …`: the parameters and secrets of the sandbox account, by hand.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::json;

use super::{End, Setting, account, files};
use crate::cli::{Global, SandboxCommand, Store};
use crate::error::{Exit, Failure};
use crate::live;
use crate::sandbox::{Listed, Sandbox};

/// Runs the command.
pub(super) async fn run(command: &SandboxCommand, setting: &Setting) -> Result<Exit, End> {
    let sandbox = open(setting).await?;
    let refused = |error| End::from(live::failure(&error));
    let report = &setting.report;
    match command {
        SandboxCommand::Set {
            store,
            name,
            value,
            secure,
        } => {
            let value = if value == "-" {
                let text = files::read_stdin()?;
                text.strip_suffix('\n')
                    .map(ToOwned::to_owned)
                    .unwrap_or(text)
            } else {
                value.clone()
            };
            match store {
                Store::Ssm => sandbox.set_parameter(name, &value, *secure),
                Store::Secret => sandbox.set_secret(name, &value),
            }
            .map_err(refused)?;
            report.note(&format!("{} {name} is set", word(*store)));
        }
        SandboxCommand::Get { store, name } => {
            let Some(found) = sandbox.get(word(*store), name).map_err(refused)? else {
                return Err(Failure::no(
                    "not-found",
                    format!("the sandbox has no {} {name}", word(*store)),
                )
                .help(format!("pipectl sandbox set {} {name} VALUE", word(*store)))
                .into());
            };
            if report.is_json() {
                report.result_json(&line_json(&found));
            } else {
                report.result(&found.value);
            }
        }
        SandboxCommand::List => {
            let list = sandbox.list().map_err(refused)?;
            if report.is_json() {
                let list: Vec<_> = list.iter().map(line_json).collect();
                report.result_json(&json!({"version": 1, "values": list}));
            } else {
                report.result(&table(&list));
            }
        }
        SandboxCommand::Reset { yes } => {
            if !yes && !report.confirm("Forget everything in the sandbox account?") {
                return Err(Failure::usage("nothing was reset").help("--yes").into());
            }
            sandbox.reset().map_err(refused)?;
            report.note("the sandbox account is as `sandbox.yml` says");
        }
    }
    Ok(Exit::Ok)
}

fn word(store: Store) -> &'static str {
    match store {
        Store::Ssm => "ssm",
        Store::Secret => "secret",
    }
}

fn line_json(listed: &Listed) -> serde_json::Value {
    json!({
        "store": listed.store,
        "name": listed.name,
        "type": listed.kind,
        "value": listed.value,
        "version": listed.version,
        "region": listed.region,
    })
}

fn table(list: &[Listed]) -> String {
    let widest = list.iter().map(|one| one.name.len()).max().unwrap_or(0);
    let mut text = String::new();
    for one in list {
        let _ = writeln!(
            text,
            "{:6} {:widest$} {}",
            one.store,
            one.name,
            one.value.replace('\n', "\\n")
        );
    }
    text
}

/// The account beside the pipeline file, or in the working directory where there is no file.
async fn open(setting: &Setting) -> Result<Arc<Sandbox>, End> {
    let folder = match files::find(setting.global.file.as_deref(), &setting.here) {
        Ok(file) => match file.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
            _ => PathBuf::from("."),
        },
        Err(_) => PathBuf::from("."),
    };
    // These commands have no other account: the flag only names the folder.
    let named = account::sandbox_folder(setting, &folder).is_some();
    let setting = Setting {
        global: Global {
            sandbox: if named {
                setting.global.sandbox.clone()
            } else {
                Some(String::new())
            },
            ..setting.global.clone()
        },
        here: setting.here.clone(),
        report: setting.report.clone(),
    };
    let region = setting.global.region.clone();
    let account = account::open(&setting, &folder, region.as_deref(), None).await?;
    Ok(account.sandbox.expect("the sandbox was asked for"))
}
