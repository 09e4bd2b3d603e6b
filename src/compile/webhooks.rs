//! Webhooks of GitHub version 1 sources.

use serde_json::{Value, json};

use super::json::{MASK, Object};
use super::permissions::account_value;
use super::{Output, Run, configuration, names, rules};
use crate::catalog::actions::DetectionWay;
use crate::catalog::template;
use crate::resources::{Id, Kind, Resource};

/// Where the secret stands in the body.
const POINTER: &str = "/authenticationConfiguration/SecretToken";

/// Webhooks as resources.
pub(super) fn compile(run: &Run<'_>, out: &mut Output<'_>) {
    for pipeline in &run.model.pipelines {
        let actions = pipeline.stages.iter().flat_map(|stage| &stage.actions);
        for action in actions.filter(|action| !action.raw) {
            let wanted = action
                .detect
                .as_ref()
                .is_none_or(|way| way.value == "events");
            let kind = rules::detected_by(action, DetectionWay::Webhook).filter(|_| wanted);
            let (Some(kind), Some(token)) = (kind, configuration(action, "OAuthToken")) else {
                continue;
            };
            let lookup = |name: &str| match configuration(action, name) {
                Some(value) => Some(vec![value.value.clone()]),
                None => account_value(run.facts, &run.facts.region, name),
            };
            let filters = kind
                .effects()
                .change_detection
                .as_ref()
                .and_then(|detection| detection.webhook_filters.as_ref())
                .and_then(|filters| template::render_json(filters, &lookup).ok())
                .unwrap_or_else(|| Value::Array(Vec::new()));
            // GitHub signs with it what it sends; anything that only both sides know will do
            let shared = match &token.secret {
                Some(_) => MASK.to_owned(),
                None => token.value.clone(),
            };
            let name = names::webhook(&pipeline.name.value, &action.name.value);
            let mut body = Object::new();
            body.set("name", name.clone())
                .set("targetPipeline", pipeline.name.value.clone())
                .set("targetAction", action.name.value.clone())
                .set("filters", filters)
                .set("authentication", "GITHUB_HMAC")
                .set(
                    "authenticationConfiguration",
                    json!({"SecretToken": shared}),
                )
                .set("registerWithThirdParty", true);
            let region = &run.facts.region;
            let mut resource =
                Resource::new(Id::new(Kind::Webhook, region.clone(), name), body.done());
            if let Some(secret) = &token.secret {
                resource
                    .secrets
                    .insert(POINTER.to_owned(), (**secret).clone());
            }
            resource.depends.push(Id::new(
                Kind::Pipeline,
                region.clone(),
                pipeline.name.value.clone(),
            ));
            out.add(resource);
        }
    }
}
