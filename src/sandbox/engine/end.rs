//! What became of an action or a rule.

use std::collections::BTreeMap;

use crate::execution::{ArtifactDetail, ErrorDetails, ExecutionResult, SourceRevision};

/// What became of an action or a rule.
#[derive(Debug, Default)]
pub(super) struct End {
    /// Why it failed; nothing where it succeeded.
    pub(super) error: Option<ErrorDetails>,
    /// A line on it.
    pub(super) summary: Option<String>,
    /// What it started.
    pub(super) result: ExecutionResult,
    /// What it hands on.
    pub(super) artifacts: Vec<ArtifactDetail>,
    /// What it tells.
    pub(super) variables: BTreeMap<String, String>,
    /// What a source found.
    pub(super) revision: Option<SourceRevision>,
}

impl End {
    /// It went through.
    pub(super) fn succeeded(summary: impl Into<String>) -> Self {
        Self {
            summary: Some(summary.into()),
            ..Self::default()
        }
    }

    /// It failed: with a code of AWS, and why.
    pub(super) fn failed(code: &str, message: impl Into<String>) -> Self {
        Self {
            error: Some(ErrorDetails {
                code: Some(code.to_owned()),
                message: Some(message.into()),
            }),
            ..Self::default()
        }
    }

    /// Its configuration or its input is not as it has to be.
    pub(super) fn wrong(message: impl Into<String>) -> Self {
        Self::failed("ConfigurationError", message)
    }

    /// With these variables.
    pub(super) fn with(mut self, variables: impl IntoIterator<Item = (String, String)>) -> Self {
        self.variables.extend(variables);
        self
    }
}

/// An action as it goes: the good end, or the bad one early.
pub(super) type Ended = Result<End, End>;
