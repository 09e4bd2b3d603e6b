//! Names have the characters and the length that AWS takes.

use super::wording::{below, conditions, rule_path, unfit};
use crate::catalog::structure;
use crate::catalog::text::TextRule;
use crate::checks::flow::{self, Step};
use crate::checks::{Rule, Subject};
use crate::diagnostic::{Diagnostics, Severity};
use crate::model::{Pipeline, Stage, Text};

pub(super) const RULE: Rule = Rule {
    code: "name-invalid",
    severity: Severity::Error,
    summary: "a name has a character or a length that AWS does not take",
    why: "Names of pipelines, stages, actions and rules are 1 to 100 letters, digits and `. @ - _`. Names of artifacts \
          have no point and no `@`; namespaces and pipeline variables have no point. `codepipeline` and `variables` are \
          namespaces that AWS keeps for itself. Versions of the account's own action types have 1 to 9 letters, digits \
          and `- _`.",
    aws: "Member must satisfy regular expression pattern: [A-Za-z0-9.@\\-_]+",
    wrong: "- name: Deploy to prod\n  deploy:\n    run: ./deploy.sh",
    right: "- name: Deploy-to-prod\n  deploy:\n    run: ./deploy.sh",
    link: "https://docs.aws.amazon.com/codepipeline/latest/userguide/limits.html",
    facts: &["V01"],
    check,
};

/// A name, what it may look like, what it is the name of, and its place.
type Named<'a> = (&'a Text, &'static TextRule, &'static str, String);

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    for pipeline in &subject.model.pipelines {
        let mut named = of_pipeline(pipeline);
        named.extend(pipeline.stages.iter().flat_map(of_stage));
        named.extend(flow::steps(pipeline).flat_map(|step| of_action(&step)));
        for (text, fact, what, path) in named {
            diagnostics.extend(unfit(&RULE, subject, text, fact, what, path));
        }
    }
}

fn of_pipeline(pipeline: &Pipeline) -> Vec<Named<'_>> {
    let names = structure::names();
    let path = below(&pipeline.path, "name");
    let mut named = vec![(&pipeline.name, &names.pipeline, "pipeline name", path)];
    for variable in &pipeline.variables {
        let path = below(&pipeline.path, "variables");
        let what = "name of a pipeline variable";
        named.push((&variable.name, &names.pipeline_variable, what, path));
    }
    named
}

fn of_stage(stage: &Stage) -> Vec<Named<'_>> {
    let names = structure::names();
    let path = format!("{}.name", stage.path);
    let mut named = vec![(&stage.name, &names.stage, "stage name", path)];
    for condition in conditions(stage) {
        for (index, rule) in condition.rules.iter().enumerate() {
            let path = format!("{}.name", rule_path(condition, index));
            named.push((&rule.name, &names.rule, "name of a rule", path));
            if rule.raw.is_some() {
                let path = format!("{}.ruleTypeId.provider", rule_path(condition, index));
                named.push((&rule.provider, &names.provider, "name of a provider", path));
            }
        }
    }
    named
}

fn of_action<'a>(step: &Step<'a>) -> Vec<Named<'a>> {
    let names = structure::names();
    let (stage, action) = (step.stage, step.action);
    let mut named = Vec::new();
    if action.raw {
        let path = step.path("actionTypeId.provider");
        named.push((
            &action.provider,
            &names.provider,
            "name of a provider",
            path,
        ));
    }
    // that of another owner is known or unknown as a whole
    if (action.raw || action.api.is_some()) && action.owner.value == "Custom" {
        let path = step.path("actionTypeId.version");
        let what = "version of an action type";
        named.push((&action.version, &names.version, what, path));
    }
    // the only action of a stage has the stage's name, which is said once
    if stage.name.span != action.name.span || stage.name.value != action.name.value {
        let path = step.path("name");
        named.push((&action.name, &names.action, "action name", path));
    }
    for (index, output) in action.outputs.iter().enumerate() {
        let path = step.artifact_path("output", index);
        named.push((&output.name, &names.artifact, "artifact name", path));
    }
    if let Some(namespace) = &action.namespace {
        let path = step.path("namespace");
        named.push((namespace, &names.namespace, "namespace", path));
    }
    named
}
