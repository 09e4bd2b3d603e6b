//! A build as data, in the words of CodeBuild's answers (API version 2016-10-06: BatchGetBuilds,
//! BatchGetBuildBatches).

use serde::{Deserialize, Serialize};

use super::Time;

/// What became of a build, or of a phase of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum BuildStatus {
    /// It runs.
    #[default]
    InProgress,
    /// It went through.
    Succeeded,
    /// A command failed, or what it needed was not there.
    Failed,
    /// The service itself failed.
    Fault,
    /// It took too long.
    TimedOut,
    /// Somebody stopped it.
    Stopped,
}

impl BuildStatus {
    /// The word of the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InProgress => "IN_PROGRESS",
            Self::Succeeded => "SUCCEEDED",
            Self::Failed => "FAILED",
            Self::Fault => "FAULT",
            Self::TimedOut => "TIMED_OUT",
            Self::Stopped => "STOPPED",
        }
    }

    /// Whether it has ended.
    pub fn is_over(self) -> bool {
        self != Self::InProgress
    }
}

/// A phase of a build, in the order in which they come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[allow(missing_docs, reason = "AWS's words")]
pub enum PhaseType {
    Submitted,
    Queued,
    Provisioning,
    DownloadSource,
    Install,
    PreBuild,
    Build,
    PostBuild,
    UploadArtifacts,
    Finalizing,
    Completed,
    /// A batch reads its buildspec.
    DownloadBatchspec,
    /// The builds of a batch run.
    InProgress,
    /// The artifacts of a batch become one.
    CombineArtifacts,
    /// A phase that is newer than this program, and the ends of a batch.
    #[serde(other)]
    Other,
}

impl PhaseType {
    /// The word of the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Submitted => "SUBMITTED",
            Self::Queued => "QUEUED",
            Self::Provisioning => "PROVISIONING",
            Self::DownloadSource => "DOWNLOAD_SOURCE",
            Self::Install => "INSTALL",
            Self::PreBuild => "PRE_BUILD",
            Self::Build => "BUILD",
            Self::PostBuild => "POST_BUILD",
            Self::UploadArtifacts => "UPLOAD_ARTIFACTS",
            Self::Finalizing => "FINALIZING",
            Self::Completed => "COMPLETED",
            Self::DownloadBatchspec => "DOWNLOAD_BATCHSPEC",
            Self::InProgress => "IN_PROGRESS",
            Self::CombineArtifacts => "COMBINE_ARTIFACTS",
            Self::Other => "OTHER",
        }
    }
}

/// A phase that has begun.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Phase {
    /// Which.
    pub phase_type: PhaseType,
    /// What became of it; nothing for COMPLETED.
    #[serde(default)]
    pub phase_status: Option<BuildStatus>,
    /// When it began.
    #[serde(default)]
    pub start_time: Option<Time>,
    /// When it ended.
    #[serde(default)]
    pub end_time: Option<Time>,
    /// Why it failed.
    #[serde(default)]
    pub contexts: Vec<PhaseContext>,
}

/// Why a phase failed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PhaseContext {
    /// `COMMAND_EXECUTION_ERROR`, `YAML_FILE_ERROR`, …
    pub status_code: String,
    /// For people.
    pub message: String,
}

/// Where a build writes its log.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LogsLocation {
    /// The log group; `None` where it writes none.
    pub group_name: Option<String>,
    /// The stream.
    pub stream_name: Option<String>,
    /// Where a person can look at it.
    pub deep_link: Option<String>,
}

/// A variable that a build exports.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ExportedVariable {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// A build.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Build {
    /// `project:uuid`.
    pub id: String,
    /// Its ARN.
    pub arn: String,
    /// The project.
    pub project_name: String,
    /// The how-manieth of the project.
    pub build_number: Option<i64>,
    /// What became of it.
    pub build_status: BuildStatus,
    /// When it began.
    pub start_time: Option<Time>,
    /// When it ended.
    pub end_time: Option<Time>,
    /// What it runs on.
    pub resolved_source_version: Option<String>,
    /// Its phases, as they came.
    pub phases: Vec<Phase>,
    /// Where its log is.
    pub logs: LogsLocation,
    /// Its reports.
    pub report_arns: Vec<String>,
    /// What it exports.
    pub exported_environment_variables: Vec<ExportedVariable>,
    /// Who started it.
    pub initiator: Option<String>,
    /// The batch it belongs to.
    pub build_batch_arn: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_those_of_the_json() {
        for phase in [
            PhaseType::Submitted,
            PhaseType::Queued,
            PhaseType::Provisioning,
            PhaseType::DownloadSource,
            PhaseType::Install,
            PhaseType::PreBuild,
            PhaseType::Build,
            PhaseType::PostBuild,
            PhaseType::UploadArtifacts,
            PhaseType::Finalizing,
            PhaseType::Completed,
            PhaseType::DownloadBatchspec,
            PhaseType::InProgress,
            PhaseType::CombineArtifacts,
        ] {
            assert_eq!(
                serde_json::to_value(phase).expect("as the test says"),
                phase.as_str()
            );
        }
        for status in [
            BuildStatus::InProgress,
            BuildStatus::Succeeded,
            BuildStatus::Failed,
            BuildStatus::Fault,
            BuildStatus::TimedOut,
            BuildStatus::Stopped,
        ] {
            assert_eq!(
                serde_json::to_value(status).expect("as the test says"),
                status.as_str()
            );
        }
    }
}
