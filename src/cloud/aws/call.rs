//! One call: how it is sent, what of its answer is kept, and what a failure means in our words.

use std::collections::HashMap;
use std::error::Error;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::{
    AfterDeserializationInterceptorContextRef, BeforeDeserializationInterceptorContextMut,
    BeforeSerializationInterceptorContextRef, BeforeTransmitInterceptorContextRef,
    InterceptorContext,
};
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse, Metadata};
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_runtime_api::client::retries::classifiers::{
    ClassifyRetry, RetryAction, RetryClassifierPriority,
};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::ConfigBag;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_types::request_id::RequestId;
use serde_json::Value;

use crate::catalog::errors;
use crate::cloud::{Calls, CloudError, ELSEWHERE, ErrorKind, Result};

/// Sends a typed request: `send!(aws, "IAM:GetRole", client.get_role().role_name(name))`.
macro_rules! send {
    ($aws:expr, $name:literal, $request:expr) => {{
        let watch = $crate::cloud::aws::call::Watch::default();
        let permit = $aws.permit().await;
        let sent = $request.customize().interceptor(watch.clone()).send().await;
        drop(permit);
        sent.map_err(|error| watch.failure($name, $aws.profile(), &error))
    }};
}

/// Sends our JSON as the body of a JSON 1.1 operation and gives the answer's JSON. The SDK resolves the endpoint,
/// signs, retries and reads errors; new members of the API need no new SDK.
macro_rules! send_json {
    ($aws:expr, $name:literal, $request:expr, $body:expr) => {{
        let watch = $crate::cloud::aws::call::Watch::default();
        send_json!($aws, watch, $name, $request, $body)
    }};
    ($aws:expr, $watch:expr, $name:literal, $request:expr, $body:expr) => {{
        let body = $body;
        let permit = $aws.permit().await;
        let sent = $request
            .customize()
            .mutate_request($crate::cloud::aws::call::json_body(&body))
            .interceptor($watch.clone())
            .send()
            .await;
        drop(permit);
        $watch.json($name, $aws.profile(), sent.map(drop))
    }};
}

pub(super) use {send, send_json};

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Puts the JSON in the place of what the SDK wrote; it runs before the signature.
pub(super) fn json_body(body: &Value) -> impl Fn(&mut HttpRequest) + Send + Sync + 'static + use<> {
    let text = body.to_string();
    move |request| {
        if request.headers().contains_key("content-length") {
            request
                .headers_mut()
                .insert("content-length", text.len().to_string());
        }
        *request.body_mut() = SdkBody::from(text.as_str());
    }
}

/// Watches one call: where it went, how often it was sent, and the last answer as it came.
#[derive(Clone, Default)]
pub(super) struct Watch(Arc<Mutex<Seen>>);

#[derive(Default)]
struct Seen {
    host: Option<String>,
    attempts: u32,
    status: Option<u16>,
    body: Option<Vec<u8>>,
}

// Answers can hold secrets, so nothing of them is shown.
impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Watch")
    }
}

#[dyn_dispatch_hint]
impl Intercept for Watch {
    fn name(&self) -> &'static str {
        "Watch"
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> std::result::Result<(), BoxError> {
        let mut seen = lock(&self.0);
        seen.attempts += 1;
        seen.host = host(context.request().uri());
        seen.status = None;
        seen.body = None;
        Ok(())
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> std::result::Result<(), BoxError> {
        let mut seen = lock(&self.0);
        seen.status = Some(context.response().status().as_u16());
        seen.body = context.response().body().bytes().map(<[u8]>::to_vec);
        Ok(())
    }
}

fn host(uri: &str) -> Option<String> {
    let rest = uri.split_once("://")?.1;
    let host = rest.split(['/', '?']).next()?;
    Some(host.to_owned())
}

impl Watch {
    /// Whether it was sent more than once: a refusal may then be about the call's own first attempt.
    pub(super) fn repeated(&self) -> bool {
        lock(&self.0).attempts > 1
    }

    /// The answer's JSON. A good answer counts even where the SDK could not read it into its types.
    pub(super) fn json<E>(
        &self,
        operation: &str,
        profile: Option<&str>,
        sent: std::result::Result<(), SdkError<E, HttpResponse>>,
    ) -> Result<Value>
    where
        E: Error + ProvideErrorMetadata + RequestId + 'static,
    {
        let body = {
            let seen = lock(&self.0);
            let good = seen.status.is_some_and(|s| (200..300).contains(&s));
            seen.body.clone().filter(|_| good)
        };
        if let Some(body) = body {
            if body.is_empty() {
                return Ok(Value::Object(serde_json::Map::new()));
            }
            if let Ok(json) = serde_json::from_slice(&body) {
                return Ok(json);
            }
        }
        match sent {
            Ok(()) => Err(CloudError {
                kind: ErrorKind::Other,
                operation: operation.to_owned(),
                code: "unreadable-answer".to_owned(),
                message: "The answer is not JSON. Look whether the endpoint is really AWS."
                    .to_owned(),
                request_id: None,
                resource: None,
            }),
            Err(error) => Err(self.failure(operation, profile, &error)),
        }
    }

    /// The failure in our words.
    pub(super) fn failure<E>(
        &self,
        operation: &str,
        profile: Option<&str>,
        error: &SdkError<E, HttpResponse>,
    ) -> CloudError
    where
        E: Error + ProvideErrorMetadata + RequestId + 'static,
    {
        let (host, status) = {
            let seen = lock(&self.0);
            (seen.host.clone(), seen.status)
        };
        let failed = |kind, code: &str, message: String| CloudError {
            kind,
            operation: operation.to_owned(),
            code: code.to_owned(),
            message,
            request_id: error.request_id().map(str::to_owned),
            resource: None,
        };
        if let Some(credentials) = credentials_cause(error) {
            return failed(
                ErrorKind::Credentials,
                "no-credentials",
                no_credentials(credentials, profile),
            );
        }
        if let Some(message) = elsewhere(operation, host.as_deref(), error) {
            return failed(ErrorKind::Invalid, ELSEWHERE, message);
        }
        if let SdkError::ServiceError(service) = error {
            let status = Some(service.raw().status().as_u16());
            let meta = service.err().meta();
            if let Some(code) = meta.code() {
                let kind = kind_of(operation, code, status);
                let message = match meta.message() {
                    Some(text) => text.to_owned(),
                    None => format!("AWS says only {code}."),
                };
                if kind == ErrorKind::Credentials {
                    return failed(kind, code, refused_credentials(&message, profile));
                }
                return failed(kind, code, message);
            }
        }
        let host = host.unwrap_or_else(|| "the endpoint".to_owned());
        match error {
            SdkError::TimeoutError(_) => failed(
                ErrorKind::Transient,
                "no-answer",
                format!("{host} did not answer in time."),
            ),
            SdkError::DispatchFailure(failure) if failure.is_timeout() => failed(
                ErrorKind::Transient,
                "no-answer",
                format!("{host} did not answer in time."),
            ),
            SdkError::DispatchFailure(_) if last_cause(error).contains("certificate") => failed(
                ErrorKind::Other,
                "certificate",
                format!(
                    "{host} is not trusted: {}. If a proxy or the endpoint has an authority of its own, AWS_CA_BUNDLE names the file with its certificate.",
                    last_cause(error)
                ),
            ),
            SdkError::DispatchFailure(failure) if failure.is_io() => failed(
                ErrorKind::Transient,
                "no-connection",
                format!(
                    "No connection to {host}: {}. Look at the network, the proxy and the region.",
                    last_cause(error)
                ),
            ),
            _ => match status {
                Some(200..300) => failed(
                    ErrorKind::Other,
                    "unreadable-answer",
                    format!(
                        "{host} answered something unreadable: {}.",
                        last_cause(error)
                    ),
                ),
                Some(status) => failed(
                    kind_of(operation, "", Some(status)),
                    "unreadable-answer",
                    format!("{host} answered HTTP {status} without naming an error."),
                ),
                None => failed(ErrorKind::Other, "no-call", last_cause(error)),
            },
        }
    }
}

/// Where a bucket is: S3 says it in a header, and of a signature for a wrong region in its text.
pub(super) fn bucket_region(answer: &HttpResponse) -> Option<String> {
    if let Some(region) = answer.headers().get("x-amz-bucket-region") {
        return Some(region.to_owned());
    }
    let text = std::str::from_utf8(answer.body().bytes()?).ok()?;
    let (region, _) = text.split_once("<Region>")?.1.split_once("</Region>")?;
    Some(region.to_owned())
}

/// S3 serves a bucket in its own region only, and says so in several ways: a redirection, a signature that it wants for
/// another region, and, of a HEAD, a bad request without words.
fn elsewhere<E>(
    operation: &str,
    host: Option<&str>,
    error: &SdkError<E, HttpResponse>,
) -> Option<String>
where
    E: ProvideErrorMetadata,
{
    if !operation.starts_with("S3:") {
        return None;
    }
    let answer = error.raw_response()?;
    let code = error.code();
    let region = bucket_region(answer);
    let moved = match answer.status().as_u16() {
        301 | 302 | 307 => true,
        400 if operation.starts_with("S3:Head") => {
            let asked = host.unwrap_or_default();
            region
                .as_deref()
                .is_some_and(|there| !asked.contains(there))
        }
        400 => matches!(code, Some("AuthorizationHeaderMalformed")) && region.is_some(),
        _ => false,
    };
    let there = region.as_deref().unwrap_or("another region");
    moved.then(|| {
        let ask = match (operation, &region) {
            ("S3:GetObject", Some(region)) => {
                format!(" A variable asks there with `${{s3({region}):BUCKET/KEY}}`.")
            }
            _ => String::new(),
        };
        format!("The bucket is in {there}, and S3 serves it nowhere else.{ask}")
    })
}

/// What a code means for decisions.
fn kind_of(operation: &str, code: &str, status: Option<u16>) -> ErrorKind {
    let operation = operation.rsplit(':').next().unwrap_or(operation);
    if errors::is_credentials(code) {
        ErrorKind::Credentials
    } else if errors::is_access_denied(code) {
        ErrorKind::Denied
    } else if errors::is_throttling(operation, code) {
        ErrorKind::Throttled
    } else if code.contains("AlreadyExist")
        || code.contains("AlreadyOwned")
        || code.contains("NameInUse")
    {
        ErrorKind::Exists
    } else if code.starts_with("NoSuch") || code.contains("NotFound") {
        ErrorKind::NotFound
    } else if errors::is_transient(code, status) {
        ErrorKind::Transient
    } else {
        match status {
            Some(403) => ErrorKind::Denied,
            Some(404) => ErrorKind::NotFound,
            Some(429) => ErrorKind::Throttled,
            Some(400..500) => ErrorKind::Invalid,
            _ => ErrorKind::Other,
        }
    }
}

fn credentials_cause<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e CredentialsError> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(credentials) = error.downcast_ref::<CredentialsError>() {
            return Some(credentials);
        }
        next = error.source();
    }
    None
}

fn last_cause(error: &(dyn Error + 'static)) -> String {
    let mut last = error;
    while let Some(next) = last.source() {
        last = next;
    }
    last.to_string()
}

fn how_to_sign_in(profile: Option<&str>) -> String {
    match profile {
        Some(profile) => format!(
            "Sign in with `aws sso login --profile {profile}`, or look at [{profile}] in ~/.aws/config and ~/.aws/credentials."
        ),
        None => "Sign in with `aws sso login --profile NAME` and pass `--profile NAME`, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.".to_owned(),
    }
}

fn no_credentials(cause: &CredentialsError, profile: Option<&str>) -> String {
    let advice = how_to_sign_in(profile);
    match (cause, profile) {
        (CredentialsError::CredentialsNotLoaded(_), Some(profile)) => {
            format!("The profile {profile} gives no AWS credentials. {advice}")
        }
        (CredentialsError::CredentialsNotLoaded(_), None) => {
            format!("There are no AWS credentials. {advice}")
        }
        _ => format!(
            "The AWS credentials cannot be had: {}. {advice}",
            last_cause(cause).trim_end_matches('.')
        ),
    }
}

fn refused_credentials(message: &str, profile: Option<&str>) -> String {
    let end = if message.ends_with('.') { "" } else { "." };
    format!(
        "AWS does not accept the credentials: {message}{end} {}",
        how_to_sign_in(profile)
    )
}

/// Header that [`Counter`] puts on answers for [`Retries`], which has no other way to know the operation.
const OPERATION: &str = "x-pipectl-operation";

/// Counts calls, not attempts, of all clients of a run, and notes on every answer whose it is.
#[derive(Debug, Clone, Default)]
pub(super) struct Counter(Arc<Mutex<HashMap<String, u64>>>);

#[dyn_dispatch_hint]
impl Intercept for Counter {
    fn name(&self) -> &'static str {
        "Counter"
    }

    // Before the execution a client's interceptor cannot know the operation yet.
    fn read_before_serialization(
        &self,
        _: &BeforeSerializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        cfg: &mut ConfigBag,
    ) -> std::result::Result<(), BoxError> {
        if let Some(metadata) = cfg.load::<Metadata>() {
            let service = metadata.service().replace(' ', "");
            let name = format!("{service}:{}", metadata.name());
            *lock(&self.0).entry(name).or_default() += 1;
        }
        Ok(())
    }

    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        cfg: &mut ConfigBag,
    ) -> std::result::Result<(), BoxError> {
        if let Some(metadata) = cfg.load::<Metadata>() {
            let name = metadata.name().to_owned();
            context.response_mut().headers_mut().insert(OPERATION, name);
        }
        Ok(())
    }
}

impl Counter {
    /// The numbers so far.
    pub(super) fn calls(&self) -> Calls {
        let mut calls = Calls::default();
        for (name, count) in lock(&self.0).iter() {
            let to = if only_reads(name) {
                &mut calls.read
            } else {
                &mut calls.write
            };
            to.insert(name.clone(), *count);
        }
        calls
    }
}

fn only_reads(name: &str) -> bool {
    let operation = name.rsplit(':').next().unwrap_or(name);
    ["Get", "List", "Describe", "BatchGet", "Head"]
        .iter()
        .any(|verb| operation.starts_with(verb))
}

/// The SDK's judgement on retries, corrected by the catalogue: a quota is no pace, some conflicts pass, and a
/// good answer that the SDK cannot read is not asked for again.
#[derive(Debug)]
pub(super) struct Retries;

impl ClassifyRetry for Retries {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        let Some(Err(_)) = context.output_or_error() else {
            return RetryAction::NoActionIndicated;
        };
        let Some(response) = context.response() else {
            return RetryAction::NoActionIndicated;
        };
        let Some(body) = response.body().bytes() else {
            return RetryAction::NoActionIndicated;
        };
        if response.status().is_success() {
            return RetryAction::RetryForbidden;
        }
        let operation = response.headers().get(OPERATION).unwrap_or_default();
        let Some(code) = error_code(body) else {
            return RetryAction::NoActionIndicated;
        };
        if errors::is_throttling(operation, &code) {
            RetryAction::throttling_error()
        } else if errors::is_transient(&code, None) {
            RetryAction::transient_error()
        } else if code == "LimitExceededException" {
            RetryAction::RetryForbidden
        } else {
            RetryAction::NoActionIndicated
        }
    }

    fn name(&self) -> &'static str {
        "Retries"
    }

    fn priority(&self) -> RetryClassifierPriority {
        RetryClassifierPriority::run_after(
            RetryClassifierPriority::modeled_as_retryable_classifier(),
        )
    }
}

/// The exception's name in a JSON or XML error.
fn error_code(body: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(body).ok()?;
    if let Ok(json) = serde_json::from_str::<Value>(text) {
        let name = json.get("__type").or_else(|| json.get("code"))?.as_str()?;
        let name = name.rsplit('#').next()?;
        return Some(name.split(':').next()?.to_owned());
    }
    let rest = text.split_once("<Code>")?.1;
    Some(rest.split_once("</Code>")?.0.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_found_in_both_protocols() {
        let json =
            br#"{"__type":"com.amazonaws.codepipeline#LimitExceededException","message":"m"}"#;
        assert_eq!(error_code(json).as_deref(), Some("LimitExceededException"));
        let xml = b"<Error><Code>OperationAborted</Code><Message>m</Message></Error>";
        assert_eq!(error_code(xml).as_deref(), Some("OperationAborted"));
        assert_eq!(error_code(b"<html>"), None);
    }

    #[test]
    fn kinds_follow_the_catalogue() {
        let kind = |operation, code, status| kind_of(operation, code, Some(status));
        assert_eq!(
            kind("CodePipeline:CreatePipeline", "LimitExceededException", 400),
            ErrorKind::Invalid
        );
        assert_eq!(
            kind("CodePipeline:GetPipeline", "PipelineNotFoundException", 400),
            ErrorKind::NotFound
        );
        assert_eq!(
            kind("S3:CreateBucket", "BucketAlreadyOwnedByYou", 409),
            ErrorKind::Exists
        );
        assert_eq!(kind("S3:HeadObject", "NotFound", 404), ErrorKind::NotFound);
        assert_eq!(
            kind("CodePipeline:GetPipeline", "ExpiredTokenException", 400),
            ErrorKind::Credentials
        );
        assert_eq!(kind("SNS:CreateTopic", "Odd", 503), ErrorKind::Transient);
        assert_eq!(kind("SNS:CreateTopic", "", 200), ErrorKind::Other);
    }

    #[test]
    fn hosts_have_no_paths() {
        assert_eq!(
            host("https://sts.eu-west-1.amazonaws.com/?x=1").as_deref(),
            Some("sts.eu-west-1.amazonaws.com")
        );
        assert_eq!(host("nothing"), None);
    }

    #[test]
    fn reads_are_told_from_writes() {
        assert!(only_reads("CodeBuild:BatchGetProjects") && only_reads("S3:HeadObject"));
        assert!(!only_reads("IAM:PutRolePolicy") && !only_reads("SNS:Subscribe"));
    }
}
