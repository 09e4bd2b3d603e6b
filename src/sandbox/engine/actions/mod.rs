//! What actions do here.

mod cloudformation;
mod codedeploy;
mod deploy;
mod git;
mod record;
mod sources;

use rusqlite::params;

use super::super::{Sandbox, archive};
use super::drive::{What, Work};
use super::end::End;
use super::standins::ActionStandIn;
use super::structure::Action;

impl Sandbox {
    /// Does an action.
    pub(super) async fn act(&self, work: &Work, action: &Action) -> End {
        if let Some(end) = self.stand_in(work).await {
            let end = self.completed(work, action, end).await;
            self.write_down(work, action, &end);
            return end;
        }
        let id = &action.action_type_id;
        let ended = match (id.category.as_str(), id.provider.as_str()) {
            ("Source", _) => self.source(work, action).await,
            (_, "CodeBuild") => self.code_build(work).await,
            (_, "Commands") => {
                let (commands, variables) = (&action.commands, &action.environment_variables);
                self.commands(work, commands, variables, &action.output_variables)
                    .await
            }
            ("Deploy", "S3") => self.deploy_s3(work, action).await,
            (_, "CodeDeploy") => self.code_deploy(work, action).await,
            _ => self.record(work, action).await,
        };
        let mut end = ended.unwrap_or_else(|end| end);
        if let Some(given) = self.given(work).filter(|_| end.error.is_none()) {
            end = end.with(given.outputs.clone());
        }
        if !matches!(
            id.category.as_str(),
            "Source" | "Build" | "Test" | "Compute"
        ) {
            self.write_down(work, action, &end);
        }
        end
    }

    /// A stand-in that made no artifact hands on what it was given: whoever comes after it finds something.
    async fn completed(&self, work: &Work, action: &Action, mut end: End) -> End {
        if end.error.is_some() || !end.artifacts.is_empty() {
            return end;
        }
        let first = action
            .input_artifacts
            .first()
            .map(|input| self.input_file(work, &input.name));
        for output in &action.output_artifacts {
            let made = self.new_artifact(work, &output.name).and_then(|artifact| {
                let file = self.file_of(&artifact)?;
                let done = match &first {
                    Some(Ok(from)) => std::fs::copy(from, &file).map(|_| ()),
                    _ => archive::pack(&file, &archive::Files::new(), archive::Links::Keep),
                };
                done.map_err(|error| End::failed("SystemUnavailable", error.to_string()))?;
                Ok(artifact)
            });
            match made {
                Ok(artifact) => end.artifacts.push(artifact),
                Err(failed) => return failed,
            }
        }
        end
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
        if let Some(command) = &given.run {
            let end = self
                .stand_in_command(work, command)
                .await
                .unwrap_or_else(|end| end);
            return Some(if end.error.is_none() {
                end.with(outputs)
            } else {
                end
            });
        }
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
