//! What actions do here.

mod git;
mod sources;

use rusqlite::params;

use super::super::Sandbox;
use super::drive::{What, Work};
use super::end::End;
use super::standins::ActionStandIn;
use super::structure::Action;

impl Sandbox {
    /// Does an action.
    pub(super) async fn act(&self, work: &Work, action: &Action) -> End {
        if let Some(end) = self.stand_in(work).await {
            return end;
        }
        let ended = match action.action_type_id.category.as_str() {
            "Source" => self.source(work, action).await,
            _ => Ok(End::succeeded(format!(
                "{} is recorded",
                action.action_type_id.provider
            ))),
        };
        let end = ended.unwrap_or_else(|end| end);
        match self.given(work) {
            Some(given) if end.error.is_none() => end.with(given.outputs.clone()),
            _ => end,
        }
    }

    /// What `sandbox.yml` says in place of an action or a rule.
    pub(super) async fn stand_in(&self, work: &Work) -> Option<End> {
        let given = self.given(work)?;
        if !given.takes.is_zero() {
            tokio::time::sleep(given.takes).await;
        }
        if let Some(failing) = &given.fail
            && self.fails(work, failing.times)
        {
            return Some(End::failed("JobFailed", failing.message.clone()));
        }
        let outputs = given.outputs.clone();
        given
            .succeed
            .then(|| End::succeeded("sandbox.yml lets it succeed").with(outputs))
    }

    /// What `sandbox.yml` says of an action or a rule.
    pub(super) fn given(&self, work: &Work) -> Option<&ActionStandIn> {
        let name = work.name();
        let actions = &self.seed.actions;
        actions
            .get(&format!("{}.{name}", work.stage))
            .or_else(|| actions.get(name))
    }

    /// Whether it fails this time, too.
    fn fails(&self, work: &Work, times: Option<usize>) -> bool {
        let Some(times) = times else {
            return true;
        };
        let table = match work.what {
            What::Action(_) => {
                "SELECT COUNT(*) FROM action_runs WHERE region = ?1 AND pipeline = ?2
                 AND stage = ?3 AND action = ?4 AND status = 'Failed'"
            }
            What::Rule(_) => {
                "SELECT COUNT(*) FROM rule_runs WHERE region = ?1 AND pipeline = ?2
                 AND stage = ?3 AND rule = ?4 AND status = 'Failed'"
            }
        };
        let failed = self.reading(None, |db| {
            let run = &work.run;
            let count: i64 = db.prepare_cached(table)?.query_row(
                params![run.region, run.pipeline, work.stage, work.name()],
                |row| row.get(0),
            )?;
            Ok(usize::try_from(count).unwrap_or(usize::MAX))
        });
        failed.unwrap_or_default() < times
    }
}
