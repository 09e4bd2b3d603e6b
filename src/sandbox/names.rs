//! Names that stand for something outside the file: parameters, secrets, objects, connections, roles.
//!
//! What `sandbox.yml` and `pipectl sandbox set` write is there in every region ([`ANYWHERE`]): a rehearsal in
//! another region finds it again. What apply writes is in its region, as on AWS.

use rusqlite::{Connection, OptionalExtension, Transaction, params};
use serde_json::Value;

use super::store::{self, now};
use super::{Outcome, Sandbox, refuse};
use crate::cloud::{GivenBucket, Parameter, Result, SecretText};
use crate::variables::SECRET_PREFIX;

/// The region of what is in every region.
pub(super) const ANYWHERE: &str = "*";
/// Characters of a parameter of the standard tier.
const PARAMETER_BYTES: usize = 4096;
/// Names in one call of GetParameters.
const PARAMETERS_PER_CALL: usize = 10;
/// Ids in one call of BatchGetSecretValue.
const SECRETS_PER_CALL: usize = 20;

/// The name of a parameter without the ARN around it, and its selector.
fn parameter_name(asked: &str) -> (String, Option<&str>) {
    let name = match asked.split_once(":parameter") {
        Some((arn, name)) if arn.starts_with("arn:") => name,
        _ => asked,
    };
    let (name, selector) = match name.rsplit_once(':') {
        Some((name, selector)) => (name, Some(selector)),
        None => (name, None),
    };
    (name.to_owned(), selector)
}

/// The name of a secret: an ARN ends in its name, a dash and six characters.
pub(super) fn secret_name(asked: &str) -> &str {
    match asked.split_once(":secret:") {
        Some((arn, name)) if arn.starts_with("arn:") => match name.rsplit_once('-') {
            Some((name, suffix)) if suffix.len() == 6 => name,
            _ => name,
        },
        _ => asked,
    }
}

/// The region in which a name stands: its own, else everywhere.
fn region_with(
    db: &Connection,
    table: &str,
    region: &str,
    name: &str,
) -> rusqlite::Result<Option<String>> {
    let query = format!(
        "SELECT region FROM {table} WHERE name = ?1 AND region IN (?2, ?3) ORDER BY region = ?3"
    );
    db.prepare_cached(&query)?
        .query_row(params![name, region, ANYWHERE], |row| row.get(0))
        .optional()
}

fn get_parameter(
    db: &Connection,
    region: &str,
    asked: &str,
    decrypt: bool,
) -> Outcome<Option<Parameter>> {
    const OPERATION: &str = "SSM:GetParameter";
    let (name, selector) = parameter_name(asked);
    if let Some(id) = name.strip_prefix(SECRET_PREFIX) {
        if !decrypt {
            return refuse(
                OPERATION,
                "ValidationException",
                "WithDecryption flag must be True for retrieving a Secret Manager secret.",
            );
        }
        let secret = get_secret(db, region, id)?;
        return Ok(secret.map(|(secret, modified)| Parameter {
            asked: asked.to_owned(),
            kind: "SecureString".to_owned(),
            value: secret.value,
            version: 0,
            modified,
        }));
    }
    let Some(region) = region_with(db, "parameters", region, &name)? else {
        return Ok(None);
    };
    // A selector that is no number is a label, and nothing labels versions here.
    let version = match selector.map(str::parse::<i64>) {
        None => None,
        Some(Ok(version)) => Some(version),
        Some(Err(_)) => return no_version(asked),
    };
    let found = db
        .prepare_cached(
            "SELECT type, value, version, modified FROM parameters
             WHERE region = ?1 AND name = ?2 AND (?3 IS NULL OR version = ?3)
             ORDER BY version DESC LIMIT 1",
        )?
        .query_row(params![region, name, version], |row| {
            Ok(Parameter {
                asked: asked.to_owned(),
                kind: row.get(0)?,
                value: row.get(1)?,
                version: row.get(2)?,
                modified: row.get(3)?,
            })
        })
        .optional()?;
    if found.is_none() && version.is_some() {
        return no_version(asked);
    }
    Ok(found.map(|mut parameter| {
        if parameter.kind == "SecureString" && !decrypt {
            "(encrypted)".clone_into(&mut parameter.value);
        }
        parameter
    }))
}

fn no_version<T>(asked: &str) -> Outcome<T> {
    refuse(
        "SSM:GetParameter",
        "ParameterVersionNotFound",
        format!("Systems Manager could not find version or label of {asked}."),
    )
}

/// A secret, and when it was written.
fn get_secret(db: &Connection, region: &str, asked: &str) -> Outcome<Option<(SecretText, i64)>> {
    let name = secret_name(asked);
    let Some(region) = region_with(db, "secrets", region, name)? else {
        return Ok(None);
    };
    let found = db
        .prepare_cached(
            "SELECT value, version_id, modified FROM secrets WHERE region = ?1 AND name = ?2",
        )?
        .query_row(params![region, name], |row| {
            let secret = SecretText {
                asked: asked.to_owned(),
                value: row.get(0)?,
                version_id: row.get(1)?,
            };
            Ok((secret, row.get(2)?))
        })
        .optional()?;
    Ok(found)
}

/// The words behind `pipectl sandbox set` that make a parameter be found which was asked for by this name; nothing
/// if no parameter can be called so.
pub fn fills(asked: &str) -> Option<(&'static str, String)> {
    let (name, _) = parameter_name(asked);
    if let Some(id) = name.strip_prefix(SECRET_PREFIX) {
        return secret_name_fault(id)
            .is_none()
            .then(|| ("secret", id.to_owned()));
    }
    parameter_name_fault(&name)
        .is_none()
        .then_some(("ssm", name))
}

/// Why Secrets Manager refuses a name; `!` stands in the names that AWS gives.
pub(super) fn secret_name_fault(name: &str) -> Option<String> {
    let letters = |c: char| c.is_ascii_alphanumeric() || "/_+=.@-!".contains(c);
    let wrong = name.is_empty() || name.chars().count() > 512 || !name.chars().all(letters);
    wrong.then(|| {
        "Invalid name. Must be a valid name containing 1 to 512 alphanumeric characters, or any of the following: -/_+=.@!"
            .to_owned()
    })
}

/// Writes a new version of a parameter in exactly this region.
pub(super) fn put_parameter(
    tx: &Transaction<'_>,
    region: &str,
    name: &str,
    kind: &str,
    value: &str,
) -> rusqlite::Result<()> {
    tx.execute(
        "INSERT INTO parameters (region, name, version, type, value, modified)
         SELECT ?1, ?2, 1 + COALESCE(MAX(version), 0), ?3, ?4, ?5
         FROM parameters WHERE region = ?1 AND name = ?2",
        params![region, name, kind, value, now()],
    )?;
    Ok(())
}

/// Writes a new version of a secret in exactly this region.
pub(super) fn put_secret(
    tx: &Transaction<'_>,
    region: &str,
    name: &str,
    value: &str,
) -> rusqlite::Result<()> {
    let version = store::uuid(tx)?;
    tx.execute(
        "INSERT INTO secrets (region, name, version_id, value, modified) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (region, name) DO UPDATE SET version_id = excluded.version_id,
             value = excluded.value, modified = excluded.modified",
        params![region, name, version, value, now()],
    )?;
    Ok(())
}

/// Where a name is written to: where it stands, else everywhere.
pub(super) fn home_of(
    db: &Connection,
    table: &str,
    region: &str,
    name: &str,
) -> rusqlite::Result<String> {
    let known = region_with(db, table, region, name)?;
    Ok(known.unwrap_or_else(|| ANYWHERE.to_owned()))
}

/// Why Parameter Store refuses a name.
pub(super) fn parameter_name_fault(name: &str) -> Option<String> {
    let letters = |c: char| c.is_ascii_alphanumeric() || "_.-/".contains(c);
    let bare = name.trim_start_matches('/').to_ascii_lowercase();
    if name.is_empty() || name.chars().count() > 1011 || !name.chars().all(letters) {
        Some(
            "Parameter name: can't be empty and must consist of letters, digits and . - _ /"
                .to_owned(),
        )
    } else if name.contains('/') && !name.starts_with('/') {
        Some("Parameter name must be a fully qualified name.".to_owned())
    } else if bare.starts_with("aws") || bare.starts_with("ssm") {
        Some(
            "Parameter name: can't be prefixed with \"ssm\" or \"aws\" (case-insensitive)."
                .to_owned(),
        )
    } else {
        None
    }
}

impl Sandbox {
    pub(super) fn get_parameters(
        &self,
        region: &str,
        names: &[String],
        decrypt: bool,
    ) -> Vec<Result<Option<Parameter>>> {
        let calls = names.len().div_ceil(PARAMETERS_PER_CALL);
        self.count_read("SSM:GetParameters", calls);
        names
            .iter()
            .map(|name| {
                self.reading(Some(name.clone()), |db| {
                    get_parameter(db, region, name, decrypt)
                })
            })
            .collect()
    }

    pub(super) fn get_secrets(
        &self,
        region: &str,
        ids: &[String],
    ) -> Vec<Result<Option<SecretText>>> {
        let calls = ids.len().div_ceil(SECRETS_PER_CALL);
        self.count_read("SecretsManager:BatchGetSecretValue", calls);
        ids.iter()
            .map(|id| {
                self.reading(Some(id.clone()), |db| {
                    Ok(get_secret(db, region, id)?.map(|(secret, _)| secret))
                })
            })
            .collect()
    }

    pub(super) fn get_object(
        &self,
        _region: &str,
        bucket: &str,
        key: &str,
    ) -> Result<Option<String>> {
        self.count_read("S3:GetObject", 1);
        let what = format!("s3://{bucket}/{key}");
        self.reading(Some(what), |db| {
            let body: Option<String> = db
                .prepare_cached(
                    "SELECT body FROM resources WHERE kind = 's3-object'
                     AND json_extract(body, '$.bucket') = ?1 AND json_extract(body, '$.key') = ?2",
                )?
                .query_row(params![bucket, key], |row| row.get(0))
                .optional()?;
            let body: Option<Value> = body.and_then(|text| serde_json::from_str(&text).ok());
            let Some(sha256) = body.as_ref().and_then(|body| body["sha256"].as_str()) else {
                return if self.bucket_is_there(db, bucket)? {
                    Ok(None)
                } else {
                    refuse(
                        "S3:GetObject",
                        "NoSuchBucket",
                        "The specified bucket does not exist",
                    )
                };
            };
            match std::fs::read_to_string(self.object_file(sha256)) {
                Ok(text) => Ok(Some(text)),
                Err(error) => refuse("S3:GetObject", "InternalError", error.to_string()),
            }
        })
    }

    pub(super) fn get_connection(&self, arn: &str) -> Result<Option<String>> {
        self.count_read("CodeConnections:GetConnection", 1);
        self.reading(Some(arn.to_owned()), |db| {
            let said = store::given(db, "connection", arn)?;
            Ok(said.or_else(|| (!self.seed.strict).then(|| "AVAILABLE".to_owned())))
        })
    }

    /// Made here, given by `sandbox.yml`, or (unless strict) of another's making.
    pub(super) fn role_is_there(&self, db: &Connection, arn: &str) -> Outcome<bool> {
        let name = arn.rsplit('/').next().unwrap_or(arn);
        if store::row(db, "iam-role", "", name)?.is_some()
            || store::given(db, "role", arn)?.is_some()
            || store::given(db, "role", name)?.is_some()
        {
            return Ok(true);
        }
        Ok(!self.seed.strict && !store::was_made(db, "iam-role", name)?)
    }

    /// As for roles.
    pub(super) fn bucket_is_there(&self, db: &Connection, name: &str) -> Outcome<bool> {
        if store::region_of(db, "s3-bucket", name)?.is_some()
            || store::given(db, "bucket", name)?.is_some()
        {
            return Ok(true);
        }
        Ok(!self.seed.strict && !store::was_made(db, "s3-bucket", name)?)
    }

    pub(super) fn head_bucket(&self, region: &str, name: &str) -> Result<Option<GivenBucket>> {
        self.count_read("S3:HeadBucket", 1);
        self.reading(Some(name.to_owned()), |db| {
            let made = store::region_of(db, "s3-bucket", name)?;
            let there = made.is_some() || self.bucket_is_there(db, name)?;
            Ok(there.then(|| GivenBucket {
                // One of another's making is where it is looked for.
                region: Some(made.unwrap_or_else(|| region.to_owned())),
                foreign: false,
            }))
        })
    }

    /// As for roles, by ARN.
    pub(super) fn topic_is_there(&self, db: &Connection, arn: &str) -> Outcome<bool> {
        let mut parts = arn.split(':').skip(3);
        let region = parts.next().unwrap_or_default();
        let name = arn.rsplit(':').next().unwrap_or(arn);
        if store::row(db, "sns-topic", region, name)?.is_some()
            || store::given(db, "topic", arn)?.is_some()
            || store::given(db, "topic", name)?.is_some()
        {
            return Ok(true);
        }
        Ok(!self.seed.strict && !store::was_made(db, "sns-topic", name)?)
    }

    pub(super) fn write_parameter(&self, name: &str, value: &str, overwrite: bool) -> Result<()> {
        const OPERATION: &str = "SSM:PutParameter";
        self.count_write(OPERATION, 1);
        self.transaction(Some(name.to_owned()), |tx| {
            if let Some(fault) = parameter_name_fault(name) {
                return refuse(OPERATION, "ValidationException", fault);
            }
            if value.is_empty() || value.len() > PARAMETER_BYTES {
                return refuse(
                    OPERATION,
                    "ValidationException",
                    "Standard tier parameters support a maximum parameter value of 4096 characters.",
                );
            }
            if !overwrite && region_with(tx, "parameters", &self.region, name)?.is_some() {
                return refuse(
                    OPERATION,
                    "ParameterAlreadyExists",
                    "The parameter already exists. To overwrite this value, set the overwrite option in the request to true.",
                );
            }
            put_parameter(tx, &self.region, name, "String", value)?;
            Ok(())
        })
    }

    pub(super) fn remove_parameters(&self, names: &[String]) -> Result<()> {
        self.count_write(
            "SSM:DeleteParameters",
            names.len().div_ceil(PARAMETERS_PER_CALL),
        );
        self.transaction(None, |tx| {
            for name in names {
                tx.execute(
                    "DELETE FROM parameters WHERE name = ?1 AND region IN (?2, ?3)",
                    params![name, self.region, ANYWHERE],
                )?;
            }
            Ok(())
        })
    }
}
