//! The SDK's clients: one per service and region, made when first needed.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aws_config::SdkConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use aws_types::region::Region;

use super::Aws;
use super::call::{Counter, Retries};

/// The clients of one service by region.
#[derive(Debug)]
pub(super) struct Regional<C>(Mutex<BTreeMap<String, C>>);

impl<C> Default for Regional<C> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<C: Clone> Regional<C> {
    fn get(&self, region: &str, make: impl FnOnce(Region) -> C) -> C {
        let mut clients = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        clients
            .entry(region.to_owned())
            .or_insert_with(|| make(Region::new(region.to_owned())))
            .clone()
    }
}

/// The clients made so far, and what they are made from.
#[derive(Debug)]
pub(super) struct Clients {
    pub(super) shared: SdkConfig,
    pub(super) path_style: bool,
    pub(super) counter: Counter,
    codepipeline: Regional<aws_sdk_codepipeline::Client>,
    codebuild: Regional<aws_sdk_codebuild::Client>,
    codeconnections: Regional<aws_sdk_codeconnections::Client>,
    ssm: Regional<aws_sdk_ssm::Client>,
    secretsmanager: Regional<aws_sdk_secretsmanager::Client>,
    iam: Regional<aws_sdk_iam::Client>,
    s3: Regional<aws_sdk_s3::Client>,
    sns: Regional<aws_sdk_sns::Client>,
    sts: Regional<aws_sdk_sts::Client>,
    cloudwatch: Regional<aws_sdk_cloudwatch::Client>,
    logs: Regional<aws_sdk_cloudwatchlogs::Client>,
    events: Regional<aws_sdk_eventbridge::Client>,
    cloudformation: Regional<aws_sdk_cloudformation::Client>,
}

impl Clients {
    pub(super) fn new(shared: SdkConfig, path_style: bool) -> Self {
        Self {
            shared,
            path_style,
            counter: Counter::default(),
            codepipeline: Regional::default(),
            codebuild: Regional::default(),
            codeconnections: Regional::default(),
            ssm: Regional::default(),
            secretsmanager: Regional::default(),
            iam: Regional::default(),
            s3: Regional::default(),
            sns: Regional::default(),
            sts: Regional::default(),
            cloudwatch: Regional::default(),
            logs: Regional::default(),
            events: Regional::default(),
            cloudformation: Regional::default(),
        }
    }
}

macro_rules! clients {
    ($($field:ident: $sdk:ident,)*) => {
        impl Aws {
            $(
                /// The service's client in a region.
                pub(super) fn $field(&self, region: &str) -> $sdk::Client {
                    self.clients.$field.get(region, |region| {
                        let config = $sdk::config::Builder::from(&self.clients.shared)
                            .region(region)
                            .interceptor(self.clients.counter.clone())
                            .retry_classifier(Retries)
                            .build();
                        $sdk::Client::from_conf(config)
                    })
                }
            )*
        }
    };
}

clients! {
    codepipeline: aws_sdk_codepipeline,
    codebuild: aws_sdk_codebuild,
    codeconnections: aws_sdk_codeconnections,
    ssm: aws_sdk_ssm,
    secretsmanager: aws_sdk_secretsmanager,
    iam: aws_sdk_iam,
    sns: aws_sdk_sns,
    sts: aws_sdk_sts,
    cloudwatch: aws_sdk_cloudwatch,
    logs: aws_sdk_cloudwatchlogs,
    events: aws_sdk_eventbridge,
    cloudformation: aws_sdk_cloudformation,
}

impl Aws {
    /// S3's client in a region. Endpoints that somebody gave are hosts without names for buckets, and objects may
    /// take longer than other calls.
    pub(super) fn s3(&self, region: &str) -> aws_sdk_s3::Client {
        self.clients.s3.get(region, |region| {
            let config = aws_sdk_s3::config::Builder::from(&self.clients.shared)
                .region(region)
                .force_path_style(self.clients.path_style)
                .timeout_config(
                    TimeoutConfig::builder()
                        .operation_attempt_timeout(Duration::from_secs(900))
                        .build(),
                )
                .interceptor(self.clients.counter.clone())
                .retry_classifier(Retries)
                .build();
            aws_sdk_s3::Client::from_conf(config)
        })
    }
}
