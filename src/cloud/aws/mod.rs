//! AWS through its SDK.
//!
//! Where a service speaks JSON, our JSON is the body byte for byte and the answer's JSON is what is kept (see
//! [`call`]); where it speaks XML, queries or CBOR, the SDK's types are mapped from and to the bodies of
//! [`crate::resources`]. One file per service.

use std::collections::BTreeMap;
use std::future::Future;
use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use aws_config::BehaviorVersion;
use aws_config::profile::ProfileFileRegionProvider;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_types::app_name::AppName;
use aws_types::region::Region;
use futures::future::{BoxFuture, join_all};
use tokio::sync::{OnceCell, Semaphore, SemaphorePermit};

use super::{
    Calls, Cloud, CloudError, ErrorKind, ExecutionSummary, GivenBucket, Identity, Parameter,
    Result, Revision, SecretText,
};
use crate::resources::{Context, Id, Kind, Resource};

mod call;
mod clients;
mod cloudwatch;
mod codebuild;
mod codepipeline;
mod events;
mod iam;
mod json;
mod lifecycle;
mod logs;
mod policies;
mod runs;
mod s3;
mod sns;
mod stages;
mod trust;
mod values;
mod webhooks;

use call::send;
use clients::Clients;
use json::Forms;

/// How many calls are under way at once.
const SIDE_BY_SIDE: usize = 8;
/// How often a call is sent at most, unless AWS_MAX_ATTEMPTS says otherwise.
const ATTEMPTS: u32 = 5;
/// How long one attempt of a call may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// What the command line says about the connection.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Home region; without it the region of the environment or the profile.
    pub region: Option<String>,
    /// Profile; without it AWS_PROFILE or `default`.
    pub profile: Option<String>,
    /// Endpoint for all services; without it AWS_ENDPOINT_URL and its like.
    pub endpoint_url: Option<String>,
}

/// An AWS account.
#[derive(Debug)]
pub struct Aws {
    region: String,
    profile: Option<String>,
    clients: Clients,
    permits: Semaphore,
    identity: OnceCell<Identity>,
}

/// The region that the profile names.
pub async fn default_region(profile: Option<&str>) -> Option<String> {
    let mut builder = ProfileFileRegionProvider::builder();
    if let Some(profile) = profile {
        builder = builder.profile_name(profile);
    }
    use aws_config::meta::region::ProvideRegion;
    let region = builder.build().region().await?;
    Some(region.as_ref().to_owned()).filter(|region| !region.is_empty())
}

fn setting(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn unusable(code: &str, message: String) -> CloudError {
    CloudError {
        kind: ErrorKind::Invalid,
        operation: "connect".to_owned(),
        code: code.to_owned(),
        message,
        request_id: None,
        resource: None,
    }
}

/// The SDK panics at values of these two variables that other tools take, so they are read here.
fn attempts(mode: Option<&str>, most: Option<&str>) -> Result<u32> {
    if let Some(mode) = mode
        && !["standard", "adaptive", "legacy"].contains(&mode.to_ascii_lowercase().as_str())
    {
        return Err(unusable(
            "retry-mode",
            format!("AWS_RETRY_MODE is `{mode}`; it can be standard, adaptive or legacy."),
        ));
    }
    match most {
        None => Ok(ATTEMPTS),
        Some(text) => match text.trim().parse::<u32>() {
            Ok(number) if number > 0 => Ok(number),
            _ => Err(unusable(
                "max-attempts",
                format!("AWS_MAX_ATTEMPTS is `{text}`; it must be a number from 1."),
            )),
        },
    }
}

impl Aws {
    /// Reads the configuration. No call is made yet.
    pub async fn connect(options: &Options) -> Result<Self> {
        let attempts = attempts(
            setting("AWS_RETRY_MODE").as_deref(),
            setting("AWS_MAX_ATTEMPTS").as_deref(),
        )?;
        let profile = options.profile.clone().or_else(|| setting("AWS_PROFILE"));
        let region = match &options.region {
            Some(region) => region.clone(),
            // Set to nothing is not set: the SDK's own chain would take the empty text.
            None => match setting("AWS_REGION").or_else(|| setting("AWS_DEFAULT_REGION")) {
                Some(region) => region,
                None => default_region(profile.as_deref()).await.ok_or_else(|| {
                    unusable(
                        "no-region",
                        "No region is given. Pass `--region`, set AWS_REGION, or give the profile a region.".to_owned(),
                    )
                })?,
            },
        };
        let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12())
            .region(Region::new(region.clone()))
            .retry_config(RetryConfig::standard().with_max_attempts(attempts))
            .timeout_config(
                TimeoutConfig::builder()
                    .operation_attempt_timeout(PATIENCE)
                    .build(),
            );
        if let Some(bundle) = setting("AWS_CA_BUNDLE") {
            loader = loader.http_client(trust::client(Path::new(&bundle))?);
        }
        if let Ok(name) = AppName::new("pipectl") {
            loader = loader.app_name(name);
        }
        if let Some(profile) = &options.profile {
            loader = loader.profile_name(profile);
        }
        if let Some(url) = &options.endpoint_url {
            loader = loader.endpoint_url(url);
        }
        let shared = loader.load().await;
        let path_style =
            shared.endpoint_url().is_some() || setting("AWS_ENDPOINT_URL_S3").is_some();
        Ok(Self {
            region,
            profile,
            clients: Clients::new(shared, path_style),
            permits: Semaphore::new(SIDE_BY_SIDE),
            identity: OnceCell::new(),
        })
    }

    /// Waits until another call may be under way.
    async fn permit(&self) -> Option<SemaphorePermit<'_>> {
        self.permits.acquire().await.ok()
    }

    fn profile(&self) -> Option<&str> {
        self.profile.as_deref()
    }

    async fn who(&self) -> Result<&Identity> {
        self.identity
            .get_or_try_init(|| async {
                let answer = send!(
                    self,
                    "STS:GetCallerIdentity",
                    self.sts(&self.region).get_caller_identity()
                )?;
                let arn = answer.arn().unwrap_or_default().to_owned();
                let partition = arn.split(':').nth(1).unwrap_or("aws").to_owned();
                Ok(Identity {
                    account: answer.account().unwrap_or_default().to_owned(),
                    arn,
                    partition,
                })
            })
            .await
    }

    /// The account: whom buckets are expected to belong to.
    async fn account(&self) -> Result<&str> {
        Ok(&self.who().await?.account)
    }

    /// An ARN of this account.
    async fn arn(&self, service: &str, region: &str, rest: &str) -> Result<String> {
        let who = self.who().await?;
        Ok(format!(
            "arn:{}:{service}:{region}:{}:{rest}",
            who.partition, who.account
        ))
    }

    /// Both bodies in the form in which they can be compared.
    async fn forms(&self, live: &Resource, desired: &Resource) -> Result<Forms> {
        Ok(Forms::of(live, desired, &self.context(desired).await?))
    }

    async fn context(&self, resource: &Resource) -> Result<Context> {
        let who = self.who().await?;
        Ok(Context {
            region: resource.id.region.clone(),
            account: who.account.clone(),
            partition: who.partition.clone(),
        })
    }

    async fn read_kind(
        &self,
        kind: Kind,
        region: &str,
        ids: &[&Id],
    ) -> Result<Vec<Option<Resource>>> {
        match kind {
            Kind::LogGroup => self.read_log_groups(region, ids).await,
            Kind::Bucket => self.read_buckets(region, ids).await,
            Kind::BucketEvents => self.read_bucket_events(region, ids).await,
            Kind::Object => self.read_objects(region, ids).await,
            Kind::Topic => self.read_topics(region, ids).await,
            Kind::Subscription => self.read_subscriptions(region, ids).await,
            Kind::Role => self.read_roles(ids).await,
            Kind::Project => self.read_projects(region, ids).await,
            Kind::Pipeline => self.read_pipelines(region, ids).await,
            Kind::StageTransition => self.read_transitions(region, ids).await,
            Kind::Webhook => self.read_webhooks(region, ids).await,
            Kind::EventRule => self.read_rules(region, ids).await,
            Kind::Alarm => self.read_alarms(region, ids).await,
        }
    }
}

/// Says which resource a failed call was about.
fn about<T>(id: &Id, result: Result<T>) -> Result<T> {
    result.map_err(|mut error| {
        error.resource.get_or_insert_with(|| id.to_string());
        error
    })
}

/// An absent thing is `None`, no failure.
fn found<T>(result: Result<T>) -> Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// An absent thing needs no deleting.
fn gone<T>(result: Result<T>) -> Result<()> {
    found(result).map(drop)
}

/// Waits for all and gives them in order, or the first failure in that order.
async fn all<T>(
    calls: impl IntoIterator<Item = impl Future<Output = Result<T>>>,
) -> Result<Vec<T>> {
    join_all(calls).await.into_iter().collect()
}

#[async_trait]
impl Cloud for Aws {
    fn region(&self) -> &str {
        &self.region
    }

    fn label(&self) -> &str {
        "AWS"
    }

    async fn identity(&self) -> Result<Identity> {
        self.who().await.cloned()
    }

    async fn parameters(
        &self,
        region: &str,
        names: &[String],
        decrypt: bool,
    ) -> Vec<Result<Option<Parameter>>> {
        self.read_parameters(region, names, decrypt).await
    }

    async fn secrets(&self, region: &str, ids: &[String]) -> Vec<Result<Option<SecretText>>> {
        self.read_secrets(region, ids).await
    }

    async fn object(&self, region: &str, bucket: &str, key: &str) -> Result<Option<String>> {
        self.read_text(region, bucket, key).await
    }

    async fn stack_outputs(
        &self,
        region: &str,
        stack: &str,
    ) -> Result<Option<BTreeMap<String, String>>> {
        self.read_stack(region, stack).await
    }

    async fn connection_status(&self, arn: &str) -> Result<Option<String>> {
        self.read_connection(arn).await
    }

    async fn role_exists(&self, arn: &str) -> Result<bool> {
        self.knows_role(arn).await
    }

    async fn given_bucket(&self, region: &str, name: &str) -> Result<Option<GivenBucket>> {
        self.find_bucket(region, name).await
    }

    async fn read(&self, ids: &[Id]) -> Result<Vec<Option<Resource>>> {
        let mut groups: BTreeMap<(Kind, &str), Vec<usize>> = BTreeMap::new();
        for (index, id) in ids.iter().enumerate() {
            groups
                .entry((id.kind, id.region.as_str()))
                .or_default()
                .push(index);
        }
        let calls = groups.into_iter().map(|((kind, region), places)| {
            let call: BoxFuture<'_, _> = Box::pin(async move {
                let asked: Vec<&Id> = places.iter().map(|place| &ids[*place]).collect();
                let found = self.read_kind(kind, region, &asked).await?;
                Ok(places.into_iter().zip(found).collect::<Vec<_>>())
            });
            call
        });
        let mut answer: Vec<Option<Resource>> = Vec::new();
        answer.resize_with(ids.len(), || None);
        for (place, resource) in all(calls).await?.into_iter().flatten() {
            answer[place] = resource;
        }
        Ok(answer)
    }

    async fn policy_tags(&self, names: &[String]) -> Result<Vec<Option<BTreeMap<String, String>>>> {
        self.tags_of_policies(names).await
    }

    async fn create(&self, desired: &Resource) -> Result<()> {
        let done = match desired.id.kind {
            Kind::LogGroup => self.create_log_group(desired).await,
            Kind::Bucket => self.create_bucket(desired).await,
            Kind::BucketEvents => self.set_bucket_events(&desired.id, true).await,
            Kind::Object => self.put_object(desired).await,
            Kind::Topic => self.create_topic(desired).await,
            Kind::Subscription => self.subscribe(desired).await,
            Kind::Role => self.create_role(desired).await,
            Kind::Project => self.create_project(desired).await,
            Kind::Pipeline => self.create_pipeline(desired).await,
            Kind::StageTransition => self.set_transition(desired).await,
            Kind::Webhook => self.put_webhook(desired).await,
            Kind::EventRule => self.put_rule(None, desired).await,
            Kind::Alarm => self.put_alarm(None, desired).await,
        };
        about(&desired.id, done).map_err(|error| error.without(&desired.secrets))
    }

    async fn update(&self, live: &Resource, desired: &Resource) -> Result<()> {
        let done = match desired.id.kind {
            Kind::LogGroup => self.update_log_group(live, desired).await,
            Kind::Bucket => self.update_bucket(live, desired).await,
            Kind::BucketEvents => self.set_bucket_events(&desired.id, true).await,
            Kind::Object => self.put_object(desired).await,
            Kind::Topic => self.update_topic(live, desired).await,
            Kind::Subscription => self.subscribe(desired).await,
            Kind::Role => self.update_role(live, desired).await,
            Kind::Project => self.update_project(live, desired).await,
            Kind::Pipeline => self.update_pipeline(live, desired).await,
            Kind::StageTransition => self.set_transition(desired).await,
            Kind::Webhook => self.update_webhook(live, desired).await,
            Kind::EventRule => self.put_rule(Some(live), desired).await,
            Kind::Alarm => self.put_alarm(Some(live), desired).await,
        };
        about(&desired.id, done).map_err(|error| error.without(&desired.secrets))
    }

    async fn delete(&self, id: &Id, data: bool) -> Result<()> {
        let done = match id.kind {
            Kind::LogGroup => self.delete_log_group(id).await,
            Kind::Bucket => self.delete_bucket(id, data).await,
            Kind::BucketEvents => self.set_bucket_events(id, false).await,
            Kind::Object => self.delete_object(id).await,
            Kind::Topic => self.delete_topic(id).await,
            Kind::Subscription => self.unsubscribe(id).await,
            Kind::Role => self.delete_role(id).await,
            Kind::Project => self.delete_project(id).await,
            Kind::Pipeline => self.delete_pipeline(id).await,
            Kind::StageTransition => self.enable_transition(id).await,
            Kind::Webhook => self.delete_webhook(id).await,
            Kind::EventRule => self.delete_rule(id).await,
            Kind::Alarm => self.delete_alarm(id).await,
        };
        about(id, gone(done))
    }

    async fn put_parameter(&self, name: &str, value: &str, overwrite: bool) -> Result<()> {
        self.write_parameter(name, value, overwrite).await
    }

    async fn delete_parameters(&self, names: &[String]) -> Result<()> {
        self.remove_parameters(names).await
    }

    async fn start_execution(
        &self,
        pipeline: &str,
        revision: Option<&Revision>,
        token: Option<&str>,
    ) -> Result<String> {
        {
            let start = super::runs::Start {
                revisions: revision.cloned().into_iter().collect(),
                token: token.map(ToOwned::to_owned),
                ..super::runs::Start::default()
            };
            self.start_with(pipeline, &start).await
        }
    }

    async fn executions(&self, pipeline: &str, most: usize) -> Result<Vec<ExecutionSummary>> {
        self.list_executions(pipeline, most).await
    }

    async fn stop_execution(
        &self,
        pipeline: &str,
        execution: &str,
        abandon: bool,
        reason: &str,
    ) -> Result<()> {
        self.end_execution(pipeline, execution, abandon, reason)
            .await
    }

    fn calls(&self) -> Calls {
        self.clients.counter.calls()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_settings_never_panic() {
        assert_eq!(attempts(None, None), Ok(ATTEMPTS));
        assert_eq!(attempts(Some("legacy"), Some("2")), Ok(2));
        let code = |mode, most| attempts(mode, most).map_err(|error| error.code);
        assert_eq!(code(Some("often"), None), Err("retry-mode".to_owned()));
        assert_eq!(code(None, Some("0")), Err("max-attempts".to_owned()));
        assert_eq!(code(None, Some("abc")), Err("max-attempts".to_owned()));
    }
}
