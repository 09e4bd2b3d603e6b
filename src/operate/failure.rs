//! Why an execution failed: the action, the phase, the command, what it said last, which tests, and which permission
//! is missing.

use super::logs::{self, BuildLog};
use super::snapshot::Snapshot;
use crate::cloud::Result;
use crate::cloud::runs::Runs;
use crate::execution::ActionRun;
use crate::execution::build::{Build, BuildStatus, Phase};
use crate::execution::report::TestCase;

/// How many lines of a log are looked through for the command that failed.
const LOOKED_THROUGH: usize = 400;
/// How many lines of it are shown.
const SHOWN: usize = 15;

/// An action that failed.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Failed {
    /// Its stage.
    pub stage: String,
    /// Its name.
    pub action: String,
    /// What went wrong, in the words of the service.
    pub message: Option<String>,
    /// The phase of the build, as people write it.
    pub phase: Option<String>,
    /// The command.
    pub command: Option<String>,
    /// What was written last before it ended.
    pub log: Vec<String>,
    /// Tests that failed.
    pub tests: Vec<TestCase>,
    /// The permission that was missing.
    pub missing: Option<Missing>,
    /// Where a person can look.
    pub url: Option<String>,
}

/// A permission that was missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// Who may not: an ARN.
    pub who: Option<String>,
    /// `s3:PutObject`.
    pub action: String,
    /// On what; `*` where AWS does not say.
    pub resource: String,
}

/// What is known of every action that failed.
///
/// # Errors
/// If the account refuses.
pub async fn of(
    runs: &dyn Runs,
    home: &str,
    snapshot: &Snapshot,
    actions: &[ActionRun],
) -> Result<Vec<Failed>> {
    let mut all = Vec::new();
    for (stage, action) in snapshot.failed() {
        let run = actions
            .iter()
            .rfind(|run| run.stage_name == stage.name && run.action_name == action.name);
        let mut failed = Failed {
            stage: stage.name.clone(),
            action: action.name.clone(),
            message: action
                .error
                .as_ref()
                .and_then(|error| error.message.clone())
                .or_else(|| action.summary.clone()),
            url: action.url.clone(),
            ..Failed::default()
        };
        if let Some(run) = run {
            add_build(runs, home, run, &mut failed).await?;
        }
        failed.missing = failed
            .log
            .iter()
            .rev()
            .chain(&failed.message)
            .find_map(|line| missing(line));
        all.push(failed);
    }
    Ok(all)
}

async fn add_build(
    runs: &dyn Runs,
    home: &str,
    run: &ActionRun,
    failed: &mut Failed,
) -> Result<()> {
    let builds = logs::builds(runs, home, &[run]).await?;
    let bad: Vec<&Build> = builds
        .iter()
        .filter(|build| {
            !matches!(
                build.build_status,
                BuildStatus::Succeeded | BuildStatus::InProgress
            )
        })
        .collect();
    if let Some(build) = bad.first() {
        if let Some(phase) = failed_phase(build) {
            failed.phase = Some(phase_word(phase));
            if let Some(context) = phase
                .contexts
                .iter()
                .find(|context| !context.message.is_empty())
            {
                failed.command = command(&context.message).map(ToOwned::to_owned);
                failed.message = Some(reason(&context.message).to_owned());
            }
        }
        if let Some(link) = &build.logs.deep_link {
            failed.url.get_or_insert_with(|| link.clone());
        }
    }
    let streams = BuildLog::of(runs, home, &[run]).await?;
    // Of several builds the log of the one that failed.
    let position = builds
        .iter()
        .position(|build| bad.first().is_some_and(|bad| bad.id == build.id))
        .unwrap_or(0);
    if let Some(log) = streams.get(position).or_else(|| streams.first()) {
        let lines = log.tail(runs, LOOKED_THROUGH).await?;
        let lines: Vec<&str> = lines.iter().map(|line| line.text.as_str()).collect();
        failed.log = before_the_end(&lines, failed.command.as_deref());
    }
    let reports: Vec<String> = bad
        .iter()
        .flat_map(|build| build.report_arns.iter().cloned())
        .collect();
    if !reports.is_empty() {
        let reports = runs.reports(logs::region(run, home), &reports).await?;
        failed.tests = reports
            .into_iter()
            .flat_map(|report| report.test_cases)
            .filter(|case| case.status.is_bad())
            .collect();
    }
    Ok(())
}

fn failed_phase(build: &Build) -> Option<&Phase> {
    build.phases.iter().find(|phase| {
        phase
            .phase_status
            .is_some_and(|status| status.is_over() && status != BuildStatus::Succeeded)
    })
}

/// `PRE_BUILD`, as CodeBuild writes it.
fn phase_word(phase: &Phase) -> String {
    serde_json::to_value(phase.phase_type)
        .ok()
        .and_then(|word| word.as_str().map(ToOwned::to_owned))
        .unwrap_or_default()
}

/// The command of `Error while executing command: ./test.sh. Reason: exit status 1`.
fn command(message: &str) -> Option<&str> {
    let (_, rest) = message.split_once("executing command: ")?;
    let end = rest.rfind(". Reason:").unwrap_or(rest.len());
    Some(rest[..end].trim()).filter(|command| !command.is_empty())
}

/// What is left of that sentence without the command, which is shown beside it.
fn reason(message: &str) -> &str {
    let reason = message.rsplit_once(". Reason: ").map(|(_, reason)| reason);
    reason
        .filter(|reason| command(message).is_some() && !reason.is_empty())
        .unwrap_or(message)
}

/// What the command that failed wrote last: the agent's own lines mark where it began and ended.
fn before_the_end(lines: &[&str], command: Option<&str>) -> Vec<String> {
    let end = lines
        .iter()
        .rposition(|line| is_agents(line) && line.contains("did not exit successfully"))
        .unwrap_or_else(|| {
            // no such line: the last words of anybody but the agent
            lines
                .iter()
                .rposition(|line| !is_agents(line) && !line.trim().is_empty())
                .map_or(0, |at| at + 1)
        });
    let start = lines[..end]
        .iter()
        .rposition(|line| is_agents(line))
        .map_or(0, |at| at + 1);
    // The agent tells a command of several lines as it is written: the rest of it is nothing that was said.
    let rest = command.unwrap_or_default().lines().skip(1);
    let rest = rest.zip(&lines[start..end]).take_while(|(a, b)| a == *b);
    let start = start + rest.count();
    let said: Vec<String> = lines[start..end]
        .iter()
        .map(|line| line.trim_end().to_owned())
        .collect();
    let begin = said.len().saturating_sub(SHOWN);
    let mut said = said[begin..].to_vec();
    while said.last().is_some_and(String::is_empty) {
        said.pop();
    }
    said
}

/// `[Container] 2026/01/31 12:00:00.000000 …`
fn is_agents(line: &str) -> bool {
    line.starts_with("[Container] ")
}

/// The permission that a message says is missing.
pub fn missing(text: &str) -> Option<Missing> {
    let (before, rest) = text.split_once("is not authorized to perform: ")?;
    let word = |text: &str| {
        text.trim_matches(|c: char| "\"'`,;()".contains(c))
            .trim_end_matches('.')
            .to_owned()
    };
    let action = word(rest.split_whitespace().next()?);
    if !action.contains(':') {
        return None;
    }
    let resource = rest
        .split_once("on resource: ")
        .and_then(|(_, after)| after.split_whitespace().next())
        .map(word)
        .filter(|resource| !resource.is_empty());
    let who = before
        .trim_end()
        .rsplit(char::is_whitespace)
        .next()
        .map(word)
        .filter(|who| who.starts_with("arn:"));
    Some(Missing {
        who,
        action,
        resource: resource.unwrap_or_else(|| "*".to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_missing_permission_is_read_from_aws_s_sentence() {
        let sentence = "An error occurred (AccessDenied) when calling the PutObject operation: User: \
            arn:aws:sts::123456789012:assumed-role/shop-build/AWSCodeBuild-1 is not authorized to perform: \
            s3:PutObject on resource: \"arn:aws:s3:::shop/index.html\" because no identity-based policy allows \
            the s3:PutObject action";
        let found = missing(sentence).expect("a permission");
        assert_eq!(found.action, "s3:PutObject");
        assert_eq!(found.resource, "arn:aws:s3:::shop/index.html");
        assert_eq!(
            found.who.as_deref(),
            Some("arn:aws:sts::123456789012:assumed-role/shop-build/AWSCodeBuild-1")
        );
        let bare = missing("x is not authorized to perform: ecr:GetAuthorizationToken.");
        assert_eq!(bare.expect("a permission").resource, "*");
        assert_eq!(missing("all is well"), None);
        assert_eq!(missing("is not authorized to perform: "), None);
    }

    #[test]
    fn only_what_the_failed_command_wrote_is_shown() {
        let lines = [
            "[Container] 2026/01/31 12:00:00.000001 Running command make",
            "compiling",
            "[Container] 2026/01/31 12:00:01.000001 Running command make test",
            "1 test failed",
            "",
            "[Container] 2026/01/31 12:00:02.000001 Command did not exit successfully make test exit status 2",
            "[Container] 2026/01/31 12:00:02.000002 Phase complete: BUILD State: FAILED",
        ];
        assert_eq!(before_the_end(&lines, Some("make test")), ["1 test failed"]);
        assert_eq!(before_the_end(&[], None), Vec::<String>::new());
        assert_eq!(before_the_end(&["killed"], None), ["killed"]);
        let several = ["[Container] x Running command cd a", "make", "no rule"];
        assert_eq!(before_the_end(&several, Some("cd a\nmake")), ["no rule"]);
    }

    #[test]
    fn the_command_is_read_from_codebuild_s_sentence() {
        let said = "Error while executing command: ./test.sh --all. Reason: exit status 1";
        assert_eq!(command(said), Some("./test.sh --all"));
        assert_eq!(reason(said), "exit status 1");
        assert_eq!(command("Build timed out"), None);
        assert_eq!(reason("Build timed out"), "Build timed out");
    }
}
