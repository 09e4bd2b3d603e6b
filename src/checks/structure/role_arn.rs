//! A role is given by its ARN.

use super::wording::{below, conditions, rule_path, said_by, unfit};
use crate::catalog::{iam, structure};
use crate::checks::references::references;
use crate::checks::{Rule, Subject, flow, templates};
use crate::diagnostic::{Diagnostic, Diagnostics, Severity};
use crate::model::{Given, MadeRole, Stage, Text};

pub(super) const RULE: Rule = Rule {
    code: "role-arn",
    severity: Severity::Error,
    summary: "a role is missing or is no ARN of a role, or what bounds it is no policy",
    why: "In raw definitions AWS wants the whole ARN of a role, `arn:aws:iam::ACCOUNT:role/NAME`, the account with all \
          of its 12 digits. Elsewhere the name of the role is enough, and a role that is not given is made. What bounds the roles that \
          are made (`permissionsBoundary`) is a policy, `arn:aws:iam::ACCOUNT:policy/NAME`, or its name.",
    aws: "Member must satisfy regular expression pattern: arn:aws(-[\\w]+)*:iam::[0-9]{12}:role/.*",
    wrong: "provider:\n  pipelineRole: arn:aws:iam::YOUR_ACCOUNT:role/pipeline",
    right: "provider:\n  pipelineRole: arn:aws:iam::111122223333:role/pipeline",
    link: "https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_PipelineDeclaration.html",
    facts: &["V01"],
    check,
};

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    let provider = &subject.model.provider;
    let given = [
        ("pipelineRole", &provider.pipeline_role),
        ("buildRole", &provider.build_role),
        ("eventsRole", &provider.events_role),
    ];
    for (key, role) in given {
        let path = format!("provider.{key}");
        match role {
            Some(Given::Existing(role)) => one(subject, role, false, path, diagnostics),
            Some(Given::Made(made)) => named(subject, made, &path, diagnostics),
            None => {}
        }
    }
    if let Some(boundary) = &provider.permissions_boundary {
        diagnostics.extend(of_boundary(subject, boundary));
    }
    for project in &subject.model.projects {
        if let Some(Given::Made(made)) = &project.role {
            named(subject, made, &below(&project.path, "role"), diagnostics);
        }
    }
    for pipeline in &subject.model.pipelines {
        let path = below(&pipeline.path, "roleArn");
        match &pipeline.role_arn {
            Some(role) => one(subject, role, true, path, diagnostics),
            None if pipeline.raw && subject.has_read_members(&pipeline.path, &["roleArn"]) => {
                diagnostics.push(
                    RULE.finding(
                        pipeline.span,
                        path,
                        format!("the pipeline `{}` has no `roleArn`", pipeline.name.value),
                    )
                    .label("without a role")
                    .help(
                        "give the ARN of the role it works with, `arn:aws:iam::ACCOUNT:role/NAME`",
                    ),
                );
            }
            None => {}
        }
        for step in flow::steps(pipeline) {
            // a run-time variable has a rule of its own
            let role = step.action.role_arn.as_ref();
            if let Some(role) = role.filter(|role| references(role).is_empty()) {
                let path = step.path("role");
                let api = step.action.api.as_ref();
                let raw = step.action.raw || said_by(api, "roleArn").is_some();
                one(subject, role, raw, path, diagnostics);
            }
        }
        for stage in &pipeline.stages {
            of_rules(subject, stage, diagnostics);
        }
    }
}

/// The policy that bounds every made role: its ARN, or its name in this account.
fn of_boundary(subject: &Subject<'_>, boundary: &Text) -> Option<Diagnostic> {
    let limits = iam::limits();
    let path = "provider.permissionsBoundary".to_owned();
    let value = &boundary.value;
    if !value.starts_with("arn:") {
        // behind a path, if there is one
        let name = Text {
            value: value.rsplit('/').next().unwrap_or(value).to_owned(),
            ..boundary.clone()
        };
        let fact = &limits.managed_policy_name;
        return unfit(&RULE, subject, &name, fact, "name of a policy", path);
    }
    if !boundary.known || limits.permissions_boundary.check(value).is_ok() {
        return None;
    }
    Some(
        RULE.finding(
            boundary.span,
            path,
            format!("`{value}` is no ARN of a policy"),
        )
        .label("no policy")
        .help(
            "write it as `arn:aws:iam::ACCOUNT:policy/NAME`, or give the name of the policy alone",
        )
        .through(boundary.origin.as_ref()),
    )
}

/// The name of a role that is made.
fn named(subject: &Subject<'_>, made: &MadeRole, path: &str, diagnostics: &mut Diagnostics) {
    let fact = &iam::limits().role_name;
    let name = made.name.as_ref();
    let path = format!("{path}.name");
    diagnostics
        .extend(name.and_then(|name| unfit(&RULE, subject, name, fact, "name of a role", path)));
}

fn of_rules(subject: &Subject<'_>, stage: &Stage, diagnostics: &mut Diagnostics) {
    for condition in conditions(stage) {
        for (index, rule) in condition.rules.iter().enumerate() {
            if let Some(role) = &rule.role_arn {
                let raw = rule.raw.is_some();
                let path = format!("{}.roleArn", rule_path(condition, index));
                one(subject, role, raw, path, diagnostics);
            }
        }
    }
}

/// A role of AWS's China for a pipeline that is not there, and the like.
fn of_partition(subject: &Subject<'_>, role: &Text, path: String) -> Option<Diagnostic> {
    let partition = role.value.split(':').nth(1)?;
    let region = subject.region?;
    let regions = structure::regions();
    let home = regions.is_name(region).then(|| regions.partition(region))?;
    if partition == home || role.value.contains("#{") {
        return None;
    }
    let start = "arn:".len();
    Some(
        RULE.doubtful(
            subject.part(role, start, start + partition.len()),
            path,
            format!("the role is of the partition {partition}, and the pipeline runs in {region}, which is of {home}"),
        )
        .label("another partition")
        .help(format!("write `arn:{home}:iam::…`, with an account of that partition"))
        .through(role.origin.as_ref()),
    )
}

/// A role of a raw form is an ARN; elsewhere it may be a name.
fn one(subject: &Subject<'_>, role: &Text, raw: bool, path: String, diagnostics: &mut Diagnostics) {
    let value = &role.value;
    if !role.known || !raw && !value.starts_with("arn:") {
        return;
    }
    if structure::names().role_arn.check(value).is_ok() {
        diagnostics.extend(of_partition(subject, role, path));
        return;
    }
    if let Some(told) = templates::told(&RULE, role, &path) {
        diagnostics.push(told);
        return;
    }
    let account = value
        .split_once(":iam::")
        .and_then(|(_, rest)| rest.split_once(":role/"))
        .map(|(account, _)| account);
    let is_account = |text: &&str| text.len() == 12 && text.chars().all(|c| c.is_ascii_digit());
    let finding = if let Some(account) = account.filter(|account| !is_account(account)) {
        let start = value.find(":iam::").map_or(0, |at| at + ":iam::".len());
        let span = if account.is_empty() {
            role.span
        } else {
            subject.part(role, start, start + account.len())
        };
        RULE.finding(
            span,
            path,
            if account.is_empty() {
                format!("the role `{value}` says no account")
            } else {
                format!("`{account}` is no account: an account has 12 digits")
            },
        )
        .label("the account of the role")
    } else {
        RULE.finding(role.span, path, format!("`{value}` is no ARN of a role"))
            .label("no role")
    };
    diagnostics.push(
        finding
            .help(if raw {
                "write it as `arn:aws:iam::ACCOUNT:role/NAME`"
            } else {
                "write it as `arn:aws:iam::ACCOUNT:role/NAME`, or give the name of the role alone"
            })
            .through(role.origin.as_ref()),
    );
}
