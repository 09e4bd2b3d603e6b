//! What the world can refuse, and the exit codes.

use std::fmt;

/// How the program ends; the numbers are a contract with scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done, or nothing to do, or the file is clean.
    Ok = 0,
    /// The answer is no: something in the file is at fault, the run failed, the approval was rejected.
    No = 1,
    /// `plan --exit-code` found changes.
    Changes = 2,
    /// It could not be done: unreadable file, AWS refused, no credentials, stale plan, locked.
    Failed = 3,
    /// The command line is wrong.
    Usage = 64,
    /// Interrupted.
    Interrupted = 130,
}

impl Exit {
    /// The number for the operating system.
    pub fn code(self) -> u8 {
        self as u8
    }
}

/// The world said no. Never about the content of the pipeline file: that is a `Diagnostic`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// With which code the program ends.
    pub exit: Exit,
    /// A kebab-case word of ours, or the exception's name where AWS spoke.
    pub code: String,
    /// What happened, in one sentence.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
    /// `CodePipeline:UpdatePipeline` or the like, where a call failed.
    pub operation: Option<String>,
    /// The resource concerned, as people call it.
    pub resource: Option<String>,
    /// AWS's id of the request.
    pub request_id: Option<String>,
}

impl Failure {
    /// Something could not be done: exit code 3.
    pub fn failed(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            exit: Exit::Failed,
            code: code.into(),
            message: message.into(),
            help: None,
            operation: None,
            resource: None,
            request_id: None,
        }
    }

    /// The answer is no: exit code 1.
    pub fn no(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            exit: Exit::No,
            ..Self::failed(code, message)
        }
    }

    /// The command line is wrong: exit code 64.
    pub fn usage(message: impl Into<String>) -> Self {
        Self {
            exit: Exit::Usage,
            ..Self::failed("usage", message)
        }
    }

    /// Says what to do.
    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.help = Some(text.into());
        self
    }

    /// Says which resource it is about.
    #[must_use]
    pub fn about(mut self, resource: impl Into<String>) -> Self {
        self.resource = Some(resource.into());
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}
