//! Names have the characters and the length that AWS takes.

use super::wording::{below, conditions, place, unfit, word};
use crate::catalog::structure;
use crate::checks::{Rule, Subject};
use crate::diagnostic::{Diagnostics, Severity};
use crate::model::{Action, Condition, Pipeline, Stage};

pub(super) const RULE: Rule = Rule {
    code: "name-invalid",
    severity: Severity::Error,
    summary: "a name has a character or a length that AWS does not take",
    why: "Names of pipelines, stages, actions and rules are 1 to 100 letters, digits and `. @ - _`. Names of artifacts \
          have no point and no `@`; namespaces and pipeline variables have no point. `codepipeline` and `variables` are \
          namespaces that AWS keeps for itself.",
    aws: "Member must satisfy regular expression pattern: [A-Za-z0-9.@\\-_]+",
    wrong: "- name: Deploy to prod\n  deploy:\n    run: ./deploy.sh",
    right: "- name: Deploy-to-prod\n  deploy:\n    run: ./deploy.sh",
    link: "https://docs.aws.amazon.com/codepipeline/latest/userguide/limits.html",
    facts: &["V01"],
    check,
};

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    for pipeline in &subject.model.pipelines {
        one(subject, pipeline, diagnostics);
    }
}

fn one(subject: &Subject<'_>, pipeline: &Pipeline, out: &mut Diagnostics) {
    let names = structure::names();
    let path = below(&pipeline.path, "name");
    out.extend(unfit(
        &RULE,
        subject,
        &pipeline.name,
        &names.pipeline,
        "pipeline name",
        path,
    ));
    for variable in &pipeline.variables {
        let fact = &names.pipeline_variable;
        let what = "name of a pipeline variable";
        let path = below(&pipeline.path, "variables");
        out.extend(unfit(&RULE, subject, &variable.name, fact, what, path));
    }
    for stage in &pipeline.stages {
        of_stage(subject, stage, out);
    }
}

fn of_stage(subject: &Subject<'_>, stage: &Stage, out: &mut Diagnostics) {
    let names = structure::names();
    let path = format!("{}.name", stage.path);
    out.extend(unfit(
        &RULE,
        subject,
        &stage.name,
        &names.stage,
        "stage name",
        path,
    ));
    for action in &stage.actions {
        // the only action of a stage has the stage's name, which is said once
        let said = stage.name.span != action.name.span || stage.name.value != action.name.value;
        of_action(subject, action, said, out);
    }
    for condition in conditions(stage) {
        of_condition(subject, condition, out);
    }
}

fn of_action(subject: &Subject<'_>, action: &Action, said: bool, out: &mut Diagnostics) {
    let names = structure::names();
    if said {
        let path = format!("{}.name", action.path);
        let what = "action name";
        out.extend(unfit(
            &RULE,
            subject,
            &action.name,
            &names.action,
            what,
            path,
        ));
    }
    for output in &action.outputs {
        let path = place(action, "outputArtifacts", "output");
        let fact = &names.artifact;
        out.extend(unfit(
            &RULE,
            subject,
            &output.name,
            fact,
            "artifact name",
            path,
        ));
    }
    if let Some(namespace) = &action.namespace {
        let path = format!("{}.namespace", action.path);
        let fact = &names.namespace;
        out.extend(unfit(&RULE, subject, namespace, fact, "namespace", path));
    }
}

fn of_condition(subject: &Subject<'_>, condition: &Condition, out: &mut Diagnostics) {
    for rule in &condition.rules {
        let list = word(condition.raw.is_some(), "conditions[0].rules", "check");
        let path = format!("{}.{list}", condition.path);
        let fact = &structure::names().rule;
        out.extend(unfit(
            &RULE,
            subject,
            &rule.name,
            fact,
            "name of a rule",
            path,
        ));
    }
}
