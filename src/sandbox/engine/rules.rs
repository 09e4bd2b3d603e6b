//! Rules of conditions.

use super::super::Sandbox;
use super::super::store::now_ms;
use super::drive::Work;
use super::end::{End, Ended};
use super::structure::Rule;
use regex::Regex;

impl Sandbox {
    /// What a rule says: it succeeds, or it fails with its reason.
    pub(super) async fn check_rule(&self, work: &Work, rule: &Rule) -> End {
        let mut work = work.clone();
        match work.scope.resolve_all(&rule.configuration) {
            Ok(configuration) => work.configuration = configuration,
            Err(unresolved) => {
                return End::wrong(format!("{} could not be resolved", unresolved.reference));
            }
        }
        if let Some(end) = self.stand_in(&work).await {
            return end;
        }
        let outcome = match rule.rule_type_id.provider.as_str() {
            "VariableCheck" => variable(&work),
            "CloudWatchAlarm" => self.alarm(&work),
            "DeploymentWindow" => super::window::check(&work, now_ms()),
            "CodeBuild" => self.code_build(&work).await,
            "Commands" => self.commands(&work, &rule.commands, &[], &[]).await,
            provider => Ok(End::succeeded(format!("{provider} is believed here"))),
        };
        outcome.unwrap_or_else(|end| end)
    }

    /// docs:rule-reference-CloudWatchAlarm. Nothing changes the state of an alarm while a pipeline runs here, so that
    /// waiting for it (`WaitTime`) is of no use: that it is not done is said.
    ///
    /// docs:concepts-how-it-works-conditions: what is configured as the result follows where the condition fails, and an
    /// alarm that goes off makes it so on every side of a stage.
    fn alarm(&self, work: &Work) -> Ended {
        let name = work
            .get("AlarmName")
            .ok_or_else(|| End::wrong("AlarmName is missing"))?;
        let state = self.seed.alarms.get(name).map_or("OK", String::as_str);
        let bad = work.get("AlarmStates").unwrap_or("ALARM");
        let mut said = format!("The alarm {name} is in state {state}");
        if let Some(minutes) = work.get("WaitTime") {
            said.push_str(&format!(
                "; the WaitTime of {minutes} minutes is left out here"
            ));
        }
        if bad.split(',').any(|bad| bad.trim() == state) {
            return Err(End::failed("RuleFailed", said));
        }
        Ok(End::succeeded(said))
    }
}

/// docs:rule-reference-VariableCheck.
fn variable(work: &Work) -> Ended {
    let actual = work.get("Variable").unwrap_or_default();
    let wanted = work.get("Value").unwrap_or_default();
    let operator = work.get("Operator").unwrap_or_default();
    let holds = match operator {
        "EQ" => actual == wanted,
        "NE" => actual != wanted,
        "CONTAINS" => actual.contains(wanted),
        "MATCHES" => Regex::new(&format!("^(?:{wanted})$"))
            .map_err(|error| End::wrong(format!("{wanted} is no regular expression: {error}")))?
            .is_match(actual),
        _ => return Err(End::wrong(format!("{operator} is no operator"))),
    };
    let said = format!("{actual:?} {operator} {wanted:?}");
    if holds {
        Ok(End::succeeded(said))
    } else {
        Err(End::failed("RuleFailed", format!("{said} does not hold")))
    }
}
