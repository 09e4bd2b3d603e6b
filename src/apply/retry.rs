//! What is tried again, how often and after what wait: throttling and troubles of the moment a few times, and what
//! was made a moment ago until it is known everywhere, for the errors that the catalogue names.

use std::collections::BTreeSet;
use std::future::Future;
use std::time::Duration;

use super::clock::{Clock, SystemClock};
use crate::catalog::errors;
use crate::cloud::{CloudError, ErrorKind, Result};
use crate::live::bare_operation;
use crate::resources::Kind;

/// Tries in all, beside those of the SDK.
const TRIES: u32 = 5;
/// The first wait after throttling or a trouble of the moment; tests have no time for it.
const FIRST_WAIT: Duration = Duration::from_millis(if cfg!(test) { 2 } else { 250 });
/// The first wait for something new to be known.
const FIRST_CONSISTENCY_WAIT: Duration = Duration::from_secs(2);
/// No single wait is longer.
const LONGEST_WAIT: Duration = Duration::from_secs(15);

/// The retries of one piece of work.
#[derive(Debug, Default)]
pub(crate) struct Retries {
    passing: u32,
    consistency: u32,
    waited: Duration,
}

impl Retries {
    /// How long to wait before the next try; `None`: it makes no sense.
    pub(crate) fn next(
        &mut self,
        error: &CloudError,
        made: &BTreeSet<Kind>,
        clock: &dyn Clock,
    ) -> Option<Duration> {
        let operation = bare_operation(error);
        if let Some(rule) = errors::consistency(operation, &error.code, &error.message) {
            let limit = Duration::from_secs(rule.max_wait_seconds);
            if !is_new(&rule.only_if_new, made) || self.waited >= limit {
                return None;
            }
            let wait =
                grown(FIRST_CONSISTENCY_WAIT, self.consistency, clock).min(limit - self.waited);
            self.consistency += 1;
            self.waited += wait;
            return Some(wait);
        }
        if !passes(error) || self.passing + 1 >= TRIES {
            return None;
        }
        let wait = grown(FIRST_WAIT, self.passing, clock);
        self.passing += 1;
        Some(wait)
    }
}

/// Whether it may be otherwise in a moment.
fn passes(error: &CloudError) -> bool {
    matches!(error.kind, ErrorKind::Throttled | ErrorKind::Transient)
        || errors::is_throttling(bare_operation(error), &error.code)
        || errors::is_transient(&error.code, None)
}

fn is_new(what: &str, made: &BTreeSet<Kind>) -> bool {
    match what {
        // Managed policies come and go with their role.
        "role" | "policy" => made.contains(&Kind::Role),
        "bucket" => made.contains(&Kind::Bucket),
        "topic" => made.contains(&Kind::Topic),
        _ => false,
    }
}

/// Doubles with each step; between half and all of it by chance.
fn grown(first: Duration, step: u32, clock: &dyn Clock) -> Duration {
    let full = first.saturating_mul(1 << step.min(10)).min(LONGEST_WAIT);
    let half = full / 2;
    let range = u64::try_from(half.as_millis()).unwrap_or(0) + 1;
    half + Duration::from_millis(clock.random() % range)
}

/// A call that may be repeated as it is.
pub(crate) async fn plain<T, F, A>(call: F) -> Result<T>
where
    F: FnMut() -> A,
    A: Future<Output = Result<T>>,
{
    with(&SystemClock, call).await
}

/// The same with a clock of one's own.
pub(crate) async fn with<T, F, A>(clock: &dyn Clock, mut call: F) -> Result<T>
where
    F: FnMut() -> A,
    A: Future<Output = Result<T>>,
{
    let mut retries = Retries::default();
    loop {
        let error = match call().await {
            Ok(value) => return Ok(value),
            Err(error) => error,
        };
        match retries.next(&error, &BTreeSet::new(), clock) {
            Some(wait) => clock.sleep(wait).await,
            None => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(kind: ErrorKind, operation: &str, code: &str, message: &str) -> CloudError {
        CloudError {
            kind,
            operation: operation.to_owned(),
            code: code.to_owned(),
            message: message.to_owned(),
            request_id: None,
            resource: None,
        }
    }

    fn waits(error: &CloudError, made: &[Kind]) -> Vec<Duration> {
        let made = made.iter().copied().collect();
        let mut retries = Retries::default();
        std::iter::from_fn(|| retries.next(error, &made, &SystemClock)).collect()
    }

    #[test]
    fn a_new_role_is_waited_for_and_an_old_one_is_not() {
        let refused = error(
            ErrorKind::Invalid,
            "CodePipeline:CreatePipeline",
            "InvalidStructureException",
            "CodePipeline is not authorized to perform AssumeRole on role arn:aws:iam::1:role/r",
        );
        assert!(waits(&refused, &[]).is_empty());
        assert!(waits(&refused, &[Kind::Bucket]).is_empty());
        let waited = waits(&refused, &[Kind::Role]);
        assert_eq!(waited.iter().sum::<Duration>(), Duration::from_secs(120));
        assert!(waited.iter().all(|wait| *wait <= LONGEST_WAIT));
    }

    #[test]
    fn a_pace_is_slowed_a_few_times_and_a_quota_never() {
        let code = |kind, code| error(kind, "CodePipeline:CreatePipeline", code, "x");
        for passing in [
            code(ErrorKind::Throttled, "ThrottlingException"),
            code(ErrorKind::Transient, "InternalFailure"),
            code(ErrorKind::Other, "ConcurrentModificationException"),
        ] {
            assert_eq!(waits(&passing, &[]).len(), 4);
        }
        for lasting in [
            code(ErrorKind::Other, "LimitExceededException"),
            code(ErrorKind::Denied, "AccessDeniedException"),
            code(ErrorKind::Invalid, "ValidationException"),
            code(ErrorKind::Exists, "PipelineNameInUseException"),
        ] {
            assert!(waits(&lasting, &[]).is_empty());
        }
    }
}
