//! What AWS answers: what to retry, what to wait for, what never to repeat, and what failures mean.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use super::parse;

/// A wait for something made a moment ago to be known everywhere.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Consistency {
    /// Name within the catalogue.
    pub id: String,
    /// Operations that answer so.
    pub operations: Vec<String>,
    /// Codes of the exception.
    pub codes: Vec<String>,
    /// Texts of which the message contains one.
    pub text_contains: Vec<String>,
    /// Retry only if this run made or changed it: `role`, `bucket`, `topic`, `key`.
    pub only_if_new: String,
    /// Seconds to go on at most.
    pub max_wait_seconds: u64,
    /// Causes that no waiting cures.
    #[serde(default)]
    pub permanent_causes: Vec<String>,
    /// False if the sources are weak.
    #[serde(default = "super::yes")]
    pub certain: bool,
    /// Where the fact is from.
    pub source: String,
}

/// An operation that may not simply be repeated after a lost answer.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnsafeCall {
    /// The operation.
    pub operation: String,
    /// Codes that a repetition answers if the first call has worked.
    #[serde(default)]
    pub conflict: Vec<String>,
    /// The operation that shows whether it has worked.
    #[serde(default)]
    pub verify_with: Option<String>,
    /// What else it does.
    #[serde(default)]
    pub note: Option<String>,
}

/// What a failure means and what to do.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hint {
    /// Name within the catalogue.
    pub id: String,
    /// Codes it is for; any if empty.
    #[serde(default)]
    pub codes: Vec<String>,
    /// Operations it is for; any if empty.
    #[serde(default)]
    pub operations: Vec<String>,
    /// Texts of which the message contains one; any if empty.
    #[serde(default)]
    pub text_contains: Vec<String>,
    /// What it means, one sentence.
    pub meaning: String,
    /// What to do, one sentence.
    pub advice: String,
    /// Where the fact is from.
    #[serde(default)]
    pub source: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    throttling_codes: Vec<String>,
    never_throttling: BTreeMap<String, Vec<String>>,
    transient_codes: Vec<String>,
    transient_http: Vec<u16>,
    credential_codes: Vec<String>,
    access_codes: Vec<String>,
    permissions: BTreeMap<String, BTreeMap<String, String>>,
    consistency: Vec<Consistency>,
    unsafe_calls: Vec<UnsafeCall>,
    tokens: BTreeMap<String, String>,
    hints: Vec<Hint>,
}

static FILE: LazyLock<File> = LazyLock::new(|| parse("errors.json", include_str!("errors.json")));

fn among(list: &[String], word: &str) -> bool {
    list.iter().any(|w| w == word)
}

fn contains_one(text: &str, parts: &[String]) -> bool {
    parts.iter().any(|part| text.contains(part.as_str()))
}

/// Whether the answer to the operation means "slower". LimitExceededException of a create is a quota, not a
/// pace, though SDKs retry it.
pub fn is_throttling(operation: &str, code: &str) -> bool {
    let quota = FILE
        .never_throttling
        .get(code)
        .is_some_and(|operations| among(operations, operation));
    among(&FILE.throttling_codes, code) && !quota
}

/// Whether the service had a passing trouble.
pub fn is_transient(code: &str, http: Option<u16>) -> bool {
    among(&FILE.transient_codes, code) || http.is_some_and(|h| FILE.transient_http.contains(&h))
}

/// Whether the credentials are missing, expired or unknown.
pub fn is_credentials(code: &str) -> bool {
    among(&FILE.credential_codes, code)
}

/// Whether the caller may not do it.
pub fn is_access_denied(code: &str) -> bool {
    among(&FILE.access_codes, code)
}

/// The wait that an answer asks for; whether the thing is new is for the caller to know.
pub fn consistency(operation: &str, code: &str, text: &str) -> Option<&'static Consistency> {
    FILE.consistency.iter().find(|c| {
        among(&c.operations, operation)
            && among(&c.codes, code)
            && contains_one(text, &c.text_contains)
    })
}

/// The IAM action of an operation that is called otherwise.
pub fn permission(service: &str, operation: &str) -> Option<&'static str> {
    let of_service = FILE.permissions.get(service)?;
    of_service.get(operation).map(String::as_str)
}

/// All waits.
pub fn consistencies() -> &'static [Consistency] {
    &FILE.consistency
}

/// Set if the operation may not simply be repeated after a lost answer.
pub fn unsafe_call(operation: &str) -> Option<&'static UnsafeCall> {
    FILE.unsafe_calls.iter().find(|c| c.operation == operation)
}

/// The member that makes a repetition of the operation safe.
pub fn token(operation: &str) -> Option<&'static str> {
    FILE.tokens.get(operation).map(String::as_str)
}

/// What a failure means: the first hint that fits. `operation` may be empty for failures of runs.
pub fn hint(operation: &str, code: &str, text: &str) -> Option<&'static Hint> {
    FILE.hints.iter().find(|hint| {
        (hint.codes.is_empty() || among(&hint.codes, code))
            && (hint.operations.is_empty() || among(&hint.operations, operation))
            && (hint.text_contains.is_empty() || contains_one(text, &hint.text_contains))
    })
}

/// All hints.
pub fn hints() -> &'static [Hint] {
    &FILE.hints
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quota_is_no_throttling() {
        assert!(is_throttling("CreatePipeline", "ThrottlingException"));
        assert!(!is_throttling("CreatePipeline", "LimitExceededException"));
        assert!(is_throttling(
            "PutSubscriptionFilter",
            "LimitExceededException"
        ));
        assert!(!is_throttling("CreatePipeline", "ValidationException"));
        assert!(is_transient("InternalFailure", None) && is_transient("", Some(503)));
        assert!(!is_transient("ValidationException", Some(400)));
    }

    #[test]
    fn a_new_role_is_waited_for() {
        let text =
            "CodePipeline is not authorized to perform AssumeRole on role arn:aws:iam::1:role/r";
        let wait = consistency("CreatePipeline", "InvalidStructureException", text).expect("known");
        assert_eq!(wait.only_if_new, "role");
        assert!(consistency("GetPipeline", "InvalidStructureException", text).is_none());
        assert!(consistency("CreatePipeline", "InvalidStructureException", "other").is_none());
        for text in [
            "CodeBuild is not authorized to perform: sts:AssumeRole on arn:aws:iam::1:role/r",
            "Not authorized to perform DescribeSecurityGroups",
        ] {
            assert!(consistency("CreateProject", "InvalidInputException", text).is_some());
        }
    }

    #[test]
    fn creates_are_not_repeated() {
        let create = unsafe_call("CreatePipeline").expect("known");
        assert_eq!(create.conflict, ["PipelineNameInUseException"]);
        assert_eq!(create.verify_with.as_deref(), Some("GetPipeline"));
        assert!(unsafe_call("PutRule").is_none());
        assert_eq!(token("StartPipelineExecution"), Some("clientRequestToken"));
    }

    #[test]
    fn hints_fit() {
        let id = |operation, code, text| hint(operation, code, text).map(|h| h.id.as_str());
        assert_eq!(
            id(
                "",
                "",
                "Configuration Property RoleArn should not be empty in current ActionMode"
            ),
            Some("cloudformation-role")
        );
        assert_eq!(
            id(
                "PutRule",
                "AccessDeniedException",
                "User: x is not authorized to perform: events:PutRule"
            ),
            Some("access-denied")
        );
        assert_eq!(
            id(
                "GetPipeline",
                "ExpiredTokenException",
                "The security token included in the request is expired"
            ),
            Some("credentials")
        );
        assert_eq!(id("GetPipeline", "SomethingElse", "odd"), None);
        for hint in hints() {
            assert!(
                !hint.codes.is_empty() || !hint.text_contains.is_empty(),
                "{} fits everything",
                hint.id
            );
            assert!(
                hint.meaning.ends_with('.') && hint.advice.ends_with('.'),
                "{}",
                hint.id
            );
        }
    }
}
