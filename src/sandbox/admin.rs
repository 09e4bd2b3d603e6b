//! `pipectl sandbox set|get|list|reset`: the account's parameters and secrets by hand.

use rusqlite::params;

use super::names::{
    home_of, parameter_name_fault, put_parameter, put_secret, secret_name, secret_name_fault,
};
use super::{Sandbox, refuse};
use crate::catalog::structure;
use crate::cloud::Result;

/// What the account keeps in files: copies of objects, what executions hand on and where they deploy to.
const FOLDERS: [&str; 8] = [
    "objects",
    "artifacts",
    "buckets",
    "builds",
    "deployments",
    "instances",
    "logs",
    "stacks",
];

/// A line of `sandbox list`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// `ssm` or `secret`.
    pub store: &'static str,
    /// The name.
    pub name: String,
    /// `String`, `StringList`, `SecureString`; nothing for a secret.
    pub kind: String,
    /// The value, or the mask if it is secret.
    pub value: String,
    /// Version of a parameter, VersionId of a secret.
    pub version: String,
    /// The region it is in; nothing if in every one.
    pub region: Option<String>,
}

impl Sandbox {
    /// Writes a parameter: a new version where it is, else one that is there in every region. `secure` makes it a
    /// SecureString; one that already is stays one.
    ///
    /// # Errors
    /// If Parameter Store would refuse it, or the database does.
    pub fn set_parameter(&self, name: &str, value: &str, secure: bool) -> Result<()> {
        self.transaction(Some(name.to_owned()), |tx| {
            if let Some(fault) = parameter_name_fault(name) {
                return refuse("SSM:PutParameter", "ValidationException", fault);
            }
            let region = home_of(tx, "parameters", &self.region, name)?;
            let before: Option<String> = tx
                .prepare(
                    "SELECT type FROM parameters WHERE region = ?1 AND name = ?2
                     ORDER BY version DESC LIMIT 1",
                )?
                .query_map(params![region, name], |row| row.get(0))?
                .next()
                .transpose()?;
            let kind = match before {
                _ if secure => "SecureString".to_owned(),
                Some(kind) => kind,
                None => "String".to_owned(),
            };
            put_parameter(tx, &region, name, &kind, value)?;
            Ok(())
        })
    }

    /// Writes a secret: a new version where it is, else one that is there in every region.
    ///
    /// # Errors
    /// If the database refuses it.
    pub fn set_secret(&self, name: &str, value: &str) -> Result<()> {
        self.transaction(Some(name.to_owned()), |tx| {
            let name = secret_name(name);
            if let Some(fault) = secret_name_fault(name) {
                return refuse(
                    "SecretsManager:CreateSecret",
                    "InvalidParameterException",
                    fault,
                );
            }
            let region = home_of(tx, "secrets", &self.region, name)?;
            put_secret(tx, &region, name, value)?;
            Ok(())
        })
    }

    /// All parameters and secrets, by name; what is secret is masked.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn list(&self) -> Result<Vec<Listed>> {
        let mask = structure::structure().secret_mask.as_str();
        let in_region = |region: String| (region != super::names::ANYWHERE).then_some(region);
        self.reading(None, |db| {
            let mut all: Vec<Listed> = db
                .prepare(
                    "SELECT name, type, value, version, region FROM parameters AS p
                     WHERE version = (SELECT MAX(version) FROM parameters
                         WHERE region = p.region AND name = p.name)
                     ORDER BY name, region",
                )?
                .query_map([], |row| {
                    let kind: String = row.get(1)?;
                    let value = match kind.as_str() {
                        "SecureString" => mask.to_owned(),
                        _ => row.get(2)?,
                    };
                    Ok(Listed {
                        store: "ssm",
                        name: row.get(0)?,
                        kind,
                        value,
                        version: row.get::<_, i64>(3)?.to_string(),
                        region: in_region(row.get(4)?),
                    })
                })?
                .collect::<rusqlite::Result<_>>()?;
            let mut query =
                db.prepare("SELECT name, version_id, region FROM secrets ORDER BY name, region")?;
            let secrets = query.query_map([], |row| {
                Ok(Listed {
                    store: "secret",
                    name: row.get(0)?,
                    kind: String::new(),
                    value: mask.to_owned(),
                    version: row.get(1)?,
                    region: in_region(row.get(2)?),
                })
            })?;
            for secret in secrets {
                all.push(secret?);
            }
            Ok(all)
        })
    }

    /// One parameter (`ssm`) or secret (`secret`), masked if it is secret.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn get(&self, store: &str, name: &str) -> Result<Option<Listed>> {
        let name = if store == "secret" {
            secret_name(name)
        } else {
            name
        };
        let mut found: Vec<Listed> = self
            .list()?
            .into_iter()
            .filter(|listed| listed.store == store && listed.name == name)
            .filter(|listed| listed.region.as_deref().is_none_or(|r| r == self.region))
            .collect();
        // The region's own goes before what is everywhere.
        found.sort_by_key(|listed| listed.region.is_none());
        Ok(found.into_iter().next())
    }

    /// Empties the account, then fills in `sandbox.yml` again.
    ///
    /// # Errors
    /// If the database or the folder refuses it.
    pub fn reset(&self) -> Result<()> {
        self.transaction(None, |tx| {
            for table in [
                "meta",
                "resources",
                "made",
                "resource_secrets",
                "parameters",
                "secrets",
                "given",
                "executions",
                "structures",
                "stage_runs",
                "action_runs",
                "rule_runs",
                "build_numbers",
                "builds",
                "reports",
                "leases",
            ] {
                tx.execute(&format!("DELETE FROM {table}"), [])?;
            }
            self.seed.fill(tx)
        })?;
        // What was deleted is secret, too: it does not stay behind in the file's free pages.
        let db = self.lock();
        let cleared = db
            .execute_batch("VACUUM; PRAGMA wal_checkpoint(TRUNCATE);")
            .map_err(super::Fault::from);
        drop(db);
        cleared.map_err(|fault| fault.into_error(None))?;
        for part in FOLDERS {
            match std::fs::remove_dir_all(self.folder.join(part)) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return refuse(
                        "Sandbox:Reset",
                        "sandbox-folder",
                        format!("The folder {part} of the account cannot be removed: {error}"),
                    )
                    .map_err(|fault: super::Fault| fault.into_error(None));
                }
                _ => {}
            }
        }
        Ok(())
    }
}
