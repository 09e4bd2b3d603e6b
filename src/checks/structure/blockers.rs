//! Blockers are not used.

use crate::checks::{Rule, Subject};
use crate::diagnostic::{Diagnostics, Severity};

pub(super) const RULE: Rule = Rule {
    code: "blockers",
    severity: Severity::Error,
    summary: "a stage has blockers, which AWS keeps for later",
    why: "The API has a member `blockers` in stages that AWS has reserved and never opened. To keep executions from \
          entering a stage, disable its transition.",
    aws: "",
    wrong: "- definition:\n    name: Release\n    blockers: [{name: Night, type: Schedule}]\n    actions:\n      - name: Approve\n        actionTypeId: {category: Approval, owner: AWS, provider: Manual, version: \"1\"}",
    right: "- name: Release\n  approval: ops@example.com\n  transition: {enabled: false, reason: not at night}",
    link: "https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_StageDeclaration.html",
    facts: &["S24"],
    check,
};

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    let stages = subject.model.pipelines.iter().flat_map(|p| &p.stages);
    for stage in stages {
        let api = stage.api.as_ref().and_then(|api| api.entry("blockers"));
        let written = stage.extra.iter().filter(|entry| entry.key == "blockers");
        for entry in written.chain(api) {
            if entry.value.as_list().is_some_and(<[_]>::is_empty) || entry.value.is_null() {
                continue;
            }
            diagnostics.push(
                RULE.finding(
                    entry.key_span,
                    format!("{}.blockers", stage.path),
                    format!(
                        "the stage `{}` has `blockers`, which AWS keeps for later use",
                        stage.name.value
                    ),
                )
.label("not offered")
                .help("leave it out; `transition: {enabled: false}` on a stage keeps executions out of it"),
            );
        }
    }
}
