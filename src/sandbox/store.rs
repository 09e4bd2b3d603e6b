//! The database of the sandbox account: tables, transactions, and the few questions every part asks.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};
use serde_json::Value;

use crate::error::Failure;

/// The steps that make the tables, one a version. A database of a later version is refused, an earlier one is brought
/// up by the steps that it lacks.
const STEPS: [&str; 2] = [TABLES, EXECUTIONS];
/// How long a call waits for another process that writes.
const BUSY: Duration = Duration::from_secs(20);

const TABLES: &str = "
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS resources (
    kind TEXT NOT NULL, region TEXT NOT NULL, name TEXT NOT NULL,
    body TEXT NOT NULL, tags TEXT NOT NULL, version INTEGER NOT NULL,
    created INTEGER NOT NULL, modified INTEGER NOT NULL,
    PRIMARY KEY (kind, region, name)
);
CREATE TABLE IF NOT EXISTS made (kind TEXT NOT NULL, name TEXT NOT NULL, PRIMARY KEY (kind, name));
CREATE TABLE IF NOT EXISTS resource_secrets (
    kind TEXT NOT NULL, region TEXT NOT NULL, name TEXT NOT NULL, place TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (kind, region, name, place)
);
CREATE TABLE IF NOT EXISTS parameters (
    region TEXT NOT NULL, name TEXT NOT NULL, version INTEGER NOT NULL,
    type TEXT NOT NULL, value TEXT NOT NULL, modified INTEGER NOT NULL,
    PRIMARY KEY (region, name, version)
);
CREATE TABLE IF NOT EXISTS secrets (
    region TEXT NOT NULL, name TEXT NOT NULL, version_id TEXT NOT NULL,
    value TEXT NOT NULL, modified INTEGER NOT NULL,
    PRIMARY KEY (region, name)
);
CREATE TABLE IF NOT EXISTS given (
    kind TEXT NOT NULL, name TEXT NOT NULL, status TEXT NOT NULL,
    PRIMARY KEY (kind, name)
);
CREATE TABLE IF NOT EXISTS executions (
    id TEXT PRIMARY KEY, region TEXT NOT NULL, pipeline TEXT NOT NULL, number INTEGER NOT NULL,
    status TEXT NOT NULL, trigger TEXT NOT NULL, source TEXT, revision TEXT, token TEXT,
    reason TEXT, pipeline_version INTEGER NOT NULL, started INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS executions_of ON executions (region, pipeline, number);
";

/// Executions as something that runs: their stages, actions, rules and builds, and who drives them. Times are
/// milliseconds since 1970, `started` from now on, too. What stands in `body` is AWS's JSON of `crate::execution`.
const EXECUTIONS: &str = "
UPDATE executions SET started = started * 1000;
ALTER TABLE executions ADD COLUMN mode TEXT NOT NULL DEFAULT 'SUPERSEDED';
ALTER TABLE executions ADD COLUMN type TEXT NOT NULL DEFAULT 'STANDARD';
ALTER TABLE executions ADD COLUMN trigger_detail TEXT NOT NULL DEFAULT '';
ALTER TABLE executions ADD COLUMN variables TEXT NOT NULL DEFAULT '{}';
ALTER TABLE executions ADD COLUMN overrides TEXT NOT NULL DEFAULT '[]';
ALTER TABLE executions ADD COLUMN revisions TEXT NOT NULL DEFAULT '[]';
ALTER TABLE executions ADD COLUMN structure TEXT;
ALTER TABLE executions ADD COLUMN target TEXT;
ALTER TABLE executions ADD COLUMN cause TEXT;
ALTER TABLE executions ADD COLUMN position INTEGER NOT NULL DEFAULT 0;
ALTER TABLE executions ADD COLUMN phase TEXT NOT NULL DEFAULT 'Waiting';
ALTER TABLE executions ADD COLUMN stop_reason TEXT;
ALTER TABLE executions ADD COLUMN updated INTEGER NOT NULL DEFAULT 0;
UPDATE executions SET updated = started;
CREATE INDEX executions_token ON executions (region, pipeline, token) WHERE token IS NOT NULL;
CREATE INDEX executions_cause ON executions (cause) WHERE cause IS NOT NULL;
CREATE INDEX executions_open ON executions (region, pipeline, position)
    WHERE status IN ('InProgress', 'Stopping');
CREATE TABLE structures (sha256 TEXT PRIMARY KEY, body TEXT NOT NULL);
CREATE TABLE stage_runs (
    execution TEXT NOT NULL, position INTEGER NOT NULL, attempt INTEGER NOT NULL,
    region TEXT NOT NULL, pipeline TEXT NOT NULL, stage TEXT NOT NULL, number INTEGER NOT NULL,
    status TEXT NOT NULL, base INTEGER NOT NULL, automatic INTEGER NOT NULL, manual INTEGER NOT NULL,
    trigger TEXT, conditions TEXT NOT NULL, started INTEGER NOT NULL, updated INTEGER NOT NULL,
    PRIMARY KEY (execution, position, attempt)
);
CREATE INDEX stage_runs_of ON stage_runs (region, pipeline, stage, started);
CREATE TABLE action_runs (
    seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, execution TEXT NOT NULL,
    region TEXT NOT NULL, pipeline TEXT NOT NULL, stage TEXT NOT NULL, action TEXT NOT NULL,
    attempt INTEGER NOT NULL, status TEXT NOT NULL, summary TEXT, token TEXT,
    updated_by TEXT, input TEXT NOT NULL, output TEXT NOT NULL,
    started INTEGER NOT NULL, updated INTEGER NOT NULL
);
CREATE INDEX action_runs_of ON action_runs (execution, stage, seq);
CREATE INDEX action_runs_last ON action_runs (region, pipeline, stage, action, seq);
CREATE TABLE rule_runs (
    seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, execution TEXT NOT NULL,
    region TEXT NOT NULL, pipeline TEXT NOT NULL, stage TEXT NOT NULL, side TEXT NOT NULL,
    condition INTEGER NOT NULL, rule TEXT NOT NULL, attempt INTEGER NOT NULL, status TEXT NOT NULL,
    summary TEXT, output TEXT NOT NULL, started INTEGER NOT NULL, updated INTEGER NOT NULL
);
CREATE INDEX rule_runs_of ON rule_runs (execution, stage, seq);
CREATE INDEX rule_runs_last ON rule_runs (region, pipeline, stage, side, seq);
CREATE TABLE build_numbers (
    region TEXT NOT NULL, project TEXT NOT NULL, last INTEGER NOT NULL,
    PRIMARY KEY (region, project)
);
CREATE TABLE builds (
    id TEXT PRIMARY KEY, region TEXT NOT NULL, batch TEXT, execution TEXT NOT NULL,
    run TEXT NOT NULL, status TEXT NOT NULL, body TEXT NOT NULL,
    log_group TEXT NOT NULL, log_stream TEXT NOT NULL, log_file TEXT NOT NULL,
    self_update INTEGER NOT NULL
);
CREATE INDEX builds_of ON builds (execution);
CREATE INDEX builds_run ON builds (run);
CREATE INDEX builds_batch ON builds (batch) WHERE batch IS NOT NULL;
CREATE INDEX builds_log ON builds (log_group, log_stream);
CREATE TABLE reports (arn TEXT PRIMARY KEY, build TEXT NOT NULL, body TEXT NOT NULL);
CREATE TABLE leases (
    execution TEXT PRIMARY KEY, owner TEXT NOT NULL, process INTEGER NOT NULL,
    heartbeat INTEGER NOT NULL
);
";

/// Milliseconds since 1970.
pub(super) fn now_ms() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |passed| {
            i64::try_from(passed.as_millis()).unwrap_or(i64::MAX)
        })
}

/// Seconds since 1970.
pub(super) fn now() -> i64 {
    now_ms() / 1000
}

fn unusable(folder: &Path, what: impl std::fmt::Display) -> Failure {
    Failure::failed(
        "sandbox-unusable",
        format!(
            "The sandbox account in {} cannot be used: {what}",
            folder.display()
        ),
    )
    .help("name another folder with --sandbox=DIR")
}

/// Whether there was no room for what the database wanted to write: beside the data also its index of shared memory.
pub(super) fn is_full(error: &rusqlite::Error) -> bool {
    use rusqlite::ffi::{SQLITE_FULL, SQLITE_IOERR_SHMSIZE, SQLITE_IOERR_WRITE};
    error.sqlite_error().is_some_and(|error| {
        [SQLITE_FULL, SQLITE_IOERR_SHMSIZE, SQLITE_IOERR_WRITE].contains(&error.extended_code)
    })
}

/// The database in the folder is none, or none of this program's.
fn broken(folder: &Path, what: impl std::fmt::Display) -> Failure {
    unusable(folder, what)
        .help("name another folder with --sandbox=DIR, or remove this one to begin anew")
}

/// Makes the folder, its `.gitignore` and the database where they are not there yet, all for the owner's eyes only.
pub(super) fn open(folder: &Path) -> Result<Connection, Failure> {
    let failed = |error: std::io::Error| unusable(folder, error);
    if folder.exists() && !folder.is_dir() {
        return Err(unusable(folder, "it is a file, not a folder"));
    }
    make_folder(folder).map_err(failed)?;
    let ignore = folder.join(".gitignore");
    if !ignore.exists() {
        fs::write(&ignore, "*\n").map_err(failed)?;
    }
    let file = folder.join("account.db");
    make_private(&file).map_err(failed)?;
    let open = || -> rusqlite::Result<(Connection, i64)> {
        let mut db = Connection::open(&file)?;
        db.busy_timeout(BUSY)?;
        db.pragma_update(None, "journal_mode", "WAL")?;
        db.pragma_update(None, "synchronous", "NORMAL")?;
        let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let version: i64 = tx.pragma_query_value(None, "user_version", |row| row.get(0))?;
        let done = usize::try_from(version).unwrap_or_default();
        for step in STEPS.iter().skip(done) {
            tx.execute_batch(step)?;
        }
        if done < STEPS.len() {
            tx.pragma_update(None, "user_version", STEPS.len())?;
        }
        tx.commit()?;
        Ok((db, version))
    };
    let (db, version) = open().map_err(|error| {
        if is_full(&error) {
            unusable(folder, "there is no room left on the disk").help("make room and do it again")
        } else {
            broken(folder, error)
        }
    })?;
    if usize::try_from(version).is_ok_and(|version| version > STEPS.len()) {
        return Err(broken(folder, "a later pipectl made it"));
    }
    Ok(db)
}

#[cfg(unix)]
fn make_folder(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
    if folder.is_dir() {
        // A folder that a person made with looser rights holds secrets from now on. The working directory itself
        // is never this folder unless somebody said so, and then only we may be stricter than they were.
        if folder.join("account.db").exists() || fs::read_dir(folder)?.next().is_none() {
            fs::set_permissions(folder, fs::Permissions::from_mode(0o700))?;
        }
        return Ok(());
    }
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
}

#[cfg(not(unix))]
fn make_folder(folder: &Path) -> std::io::Result<()> {
    fs::create_dir_all(folder)
}

/// An empty file that only the owner can read, before SQLite writes into it; its journals take the mode over.
fn make_private(file: &Path) -> std::io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
        options.mode(0o600);
        options.open(file)?;
        fs::set_permissions(file, fs::Permissions::from_mode(0o600))
    }
    #[cfg(not(unix))]
    {
        options.open(file).map(|_| ())
    }
}

/// A resource as it is stored.
pub(super) struct Row {
    /// Its body; secrets are masked.
    pub(super) body: Value,
    /// Its tags.
    pub(super) tags: std::collections::BTreeMap<String, String>,
    /// How often it was written; a pipeline's version.
    pub(super) version: i64,
    /// Seconds since 1970.
    pub(super) created: i64,
    /// Seconds since 1970.
    pub(super) modified: i64,
}

fn json<T: serde::de::DeserializeOwned>(text: &str) -> rusqlite::Result<T> {
    serde_json::from_str(text).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, Box::new(error))
    })
}

/// A resource by kind, region and name.
pub(super) fn row(
    db: &Connection,
    kind: &str,
    region: &str,
    name: &str,
) -> rusqlite::Result<Option<Row>> {
    db.prepare_cached(
        "SELECT body, tags, version, created, modified FROM resources
         WHERE kind = ?1 AND region = ?2 AND name = ?3",
    )?
    .query_row(params![kind, region, name], |row| {
        Ok(Row {
            body: json(&row.get::<_, String>(0)?)?,
            tags: json(&row.get::<_, String>(1)?)?,
            version: row.get(2)?,
            created: row.get(3)?,
            modified: row.get(4)?,
        })
    })
    .optional()
}

/// Writes a resource: a new one, or a new version of one that is there. Gives the version.
pub(super) fn put(
    tx: &Transaction<'_>,
    kind: &str,
    region: &str,
    name: &str,
    body: &Value,
    tags: &std::collections::BTreeMap<String, String>,
) -> rusqlite::Result<i64> {
    tx.prepare_cached("INSERT OR IGNORE INTO made (kind, name) VALUES (?1, ?2)")?
        .execute(params![kind, name])?;
    let tags = serde_json::to_string(tags).unwrap_or_default();
    tx.prepare_cached(
        "INSERT INTO resources (kind, region, name, body, tags, version, created, modified)
         VALUES (?1, ?2, ?3, ?4, ?5, 1, ?6, ?6)
         ON CONFLICT (kind, region, name) DO UPDATE SET
             body = excluded.body, tags = excluded.tags, version = version + 1,
             modified = excluded.modified
         RETURNING version",
    )?
    .query_row(
        params![kind, region, name, body.to_string(), tags, now()],
        |row| row.get(0),
    )
}

/// Changes only the tags: no new version.
pub(super) fn put_tags(
    tx: &Transaction<'_>,
    kind: &str,
    region: &str,
    name: &str,
    tags: &std::collections::BTreeMap<String, String>,
) -> rusqlite::Result<()> {
    let tags = serde_json::to_string(tags).unwrap_or_default();
    tx.execute(
        "UPDATE resources SET tags = ?4 WHERE kind = ?1 AND region = ?2 AND name = ?3",
        params![kind, region, name, tags],
    )?;
    Ok(())
}

/// Removes a resource and its secrets; whether it was there.
pub(super) fn remove(
    tx: &Transaction<'_>,
    kind: &str,
    region: &str,
    name: &str,
) -> rusqlite::Result<bool> {
    tx.execute(
        "DELETE FROM resource_secrets WHERE kind = ?1 AND region = ?2 AND name = ?3",
        params![kind, region, name],
    )?;
    let gone = tx.execute(
        "DELETE FROM resources WHERE kind = ?1 AND region = ?2 AND name = ?3",
        params![kind, region, name],
    )?;
    Ok(gone > 0)
}

/// The role that has a managed policy of this name: its name and tags.
pub(super) fn policy_of(
    db: &Connection,
    policy: &str,
) -> rusqlite::Result<Option<(String, std::collections::BTreeMap<String, String>)>> {
    db.prepare_cached(
        "SELECT resources.name, resources.tags
         FROM resources, json_each(resources.body, '$.managedPolicies') AS policy
         WHERE resources.kind = 'iam-role' AND json_extract(policy.value, '$.name') = ?1",
    )?
    .query_row(params![policy], |row| {
        Ok((row.get(0)?, json(&row.get::<_, String>(1)?)?))
    })
    .optional()
}

/// Whether this account ever made a resource of that kind and name.
pub(super) fn was_made(db: &Connection, kind: &str, name: &str) -> rusqlite::Result<bool> {
    db.prepare_cached("SELECT 1 FROM made WHERE kind = ?1 AND name = ?2")?
        .exists(params![kind, name])
}

/// The region a resource of a kind with names unique in the world is in.
pub(super) fn region_of(
    db: &Connection,
    kind: &str,
    name: &str,
) -> rusqlite::Result<Option<String>> {
    db.prepare_cached("SELECT region FROM resources WHERE kind = ?1 AND name = ?2")?
        .query_row(params![kind, name], |row| row.get(0))
        .optional()
}

/// What `sandbox.yml` says of a thing that is not made here.
pub(super) fn given(db: &Connection, kind: &str, name: &str) -> rusqlite::Result<Option<String>> {
    db.prepare_cached("SELECT status FROM given WHERE kind = ?1 AND name = ?2")?
        .query_row(params![kind, name], |row| row.get(0))
        .optional()
}

/// Thirty-two random hexadecimal digits, from the database's own generator.
pub(super) fn random(db: &Connection) -> rusqlite::Result<String> {
    db.query_row("SELECT lower(hex(randomblob(16)))", [], |row| row.get(0))
}

/// A random id of the usual shape: 8-4-4-4-12.
pub(super) fn uuid(db: &Connection) -> rusqlite::Result<String> {
    let hex = random(db)?;
    Ok(format!(
        "{}-{}-{}-{}-{}",
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..]
    ))
}
