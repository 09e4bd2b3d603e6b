//! Who drives an execution: a row that the driver keeps alive. One that is dead is taken over.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::super::store::{self, now_ms};
use super::super::{Outcome, refuse};

/// How often a driver says that it is there.
pub(super) const BEAT: Duration = Duration::from_secs(1);
/// Milliseconds after which one that said nothing is dead.
const DEAD: i64 = 15_000;

/// The right to drive an execution.
#[derive(Debug)]
pub(super) struct Lease {
    pub(super) execution: String,
    owner: String,
}

struct Held {
    owner: String,
    process: u32,
    heartbeat: i64,
}

fn held(db: &Connection, execution: &str) -> rusqlite::Result<Option<Held>> {
    db.prepare_cached("SELECT owner, process, heartbeat FROM leases WHERE execution = ?1")?
        .query_row([execution], |row| {
            Ok(Held {
                owner: row.get(0)?,
                process: row.get(1)?,
                heartbeat: row.get(2)?,
            })
        })
        .optional()
}

/// Whether a process of that id runs; where nobody can tell, it does.
fn runs(process: u32) -> bool {
    let all = Path::new("/proc");
    process == std::process::id()
        || !all.join("self").exists()
        || all.join(process.to_string()).exists()
}

/// Whether a living process drives the execution.
pub(in crate::sandbox) fn is_driven(db: &Connection, execution: &str) -> rusqlite::Result<bool> {
    Ok(held(db, execution)?
        .is_some_and(|held| now_ms() - held.heartbeat < DEAD && runs(held.process)))
}

impl Lease {
    /// Takes an execution that no living process drives.
    pub(super) fn take(tx: &Transaction<'_>, execution: &str) -> Outcome<Option<Self>> {
        if is_driven(tx, execution)? {
            return Ok(None);
        }
        let owner = store::random(tx)?;
        tx.prepare_cached(
            "INSERT OR REPLACE INTO leases (execution, owner, process, heartbeat) VALUES (?1, ?2, ?3, ?4)",
        )?
        .execute(params![execution, owner, std::process::id(), now_ms()])?;
        Ok(Some(Self {
            execution: execution.to_owned(),
            owner,
        }))
    }

    /// Says that the driver is there. One that slept so long that another one took over is refused.
    pub(super) fn keep(&self, tx: &Transaction<'_>) -> Outcome<()> {
        match held(tx, &self.execution)? {
            Some(held) if held.owner == self.owner => {
                let beat = i64::try_from(BEAT.as_millis()).unwrap_or(i64::MAX);
                if now_ms() - held.heartbeat >= beat {
                    tx.prepare_cached("UPDATE leases SET heartbeat = ?2 WHERE execution = ?1")?
                        .execute(params![self.execution, now_ms()])?;
                }
                Ok(())
            }
            _ => refuse(
                "Sandbox:Drive",
                "sandbox-taken-over",
                format!("Another process drives execution {} now", self.execution),
            ),
        }
    }

    /// Gives the execution back.
    pub(super) fn release(&self, tx: &Transaction<'_>) -> rusqlite::Result<()> {
        tx.prepare_cached("DELETE FROM leases WHERE execution = ?1 AND owner = ?2")?
            .execute(params![self.execution, self.owner])?;
        Ok(())
    }
}
