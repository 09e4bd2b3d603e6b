//! Transitions into stages.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::call::send_json;
use super::json::{items, text};
use super::{Aws, all, found};
use crate::cloud::Result;
use crate::resources::{Id, Resource};

/// The id's name is `PIPELINE STAGE`; neither can hold a blank.
fn parts(id: &Id) -> (&str, &str) {
    id.name.split_once(' ').unwrap_or((&id.name, ""))
}

impl Aws {
    /// A transition exists as long as its stage does, switched on or off.
    pub(super) async fn read_transitions(
        &self,
        region: &str,
        ids: &[&Id],
    ) -> Result<Vec<Option<Resource>>> {
        let mut states: BTreeMap<&str, Option<Value>> = BTreeMap::new();
        for id in ids {
            states.insert(parts(id).0, None);
        }
        let answers = all(states.keys().map(|pipeline| async move {
            found(send_json!(
                self,
                "CodePipeline:GetPipelineState",
                self.codepipeline(region).get_pipeline_state(),
                json!({"name": pipeline})
            ))
        }))
        .await?;
        for (state, answer) in states.values_mut().zip(answers) {
            *state = answer;
        }
        Ok(ids
            .iter()
            .map(|id| {
                let (pipeline, stage) = parts(id);
                let state = states.get(pipeline)?.as_ref()?;
                let state = items(state, "stageStates").find(|s| text(s, "stageName") == stage)?;
                let inbound = state.get("inboundTransitionState");
                let enabled = inbound
                    .and_then(|inbound| inbound.get("enabled"))
                    .and_then(Value::as_bool)
                    .unwrap_or(true);
                let mut body = json!({"pipeline": pipeline, "stage": stage, "enabled": enabled});
                let reason = inbound.and_then(|inbound| inbound.get("disabledReason"));
                if let Some(reason) = reason.filter(|_| !enabled) {
                    body["reason"] = reason.clone();
                }
                Some(Resource::new((*id).clone(), body))
            })
            .collect())
    }

    pub(super) async fn set_transition(&self, desired: &Resource) -> Result<()> {
        let enabled = desired.body.get("enabled").and_then(Value::as_bool);
        if enabled != Some(false) {
            return self.enable_transition(&desired.id).await;
        }
        let (pipeline, stage) = parts(&desired.id);
        send_json!(
            self,
            "CodePipeline:DisableStageTransition",
            self.codepipeline(&desired.id.region)
                .disable_stage_transition(),
            json!({
                "pipelineName": pipeline,
                "stageName": stage,
                "transitionType": "Inbound",
                "reason": text(&desired.body, "reason"),
            })
        )
        .map(drop)
    }

    pub(super) async fn enable_transition(&self, id: &Id) -> Result<()> {
        let (pipeline, stage) = parts(id);
        send_json!(
            self,
            "CodePipeline:EnableStageTransition",
            self.codepipeline(&id.region).enable_stage_transition(),
            json!({
                "pipelineName": pipeline,
                "stageName": stage,
                "transitionType": "Inbound",
            })
        )
        .map(drop)
    }
}
