//! A cloud that fails when it is told to.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use async_trait::async_trait;
use futures::future::BoxFuture;

use crate::cloud::{
    Calls, Cloud, CloudError, ErrorKind, ExecutionSummary, GivenBucket, Identity, Parameter,
    Result, Revision, SecretText, VERSION_JUMPED,
};
use crate::resources::{Id, Resource};

/// When, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// Never.
    None,
    /// The process dies before the nth write: nothing after that arrives.
    KillBefore(usize),
    /// It dies after the nth write.
    KillAfter(usize),
    /// The nth call fails once and does nothing.
    Once(usize, ErrorKind),
    /// The nth call works, but its answer is lost.
    LostAnswer(usize),
    /// Every write of a resource of this name works and tells that another one came between.
    Jumps(&'static str),
    /// Every write of a resource of this name fails for good.
    Refuse(&'static str),
    /// No execution can be stopped.
    RefuseStop,
}

pub(super) struct FaultyCloud<'c> {
    inner: &'c dyn Cloud,
    fault: Fault,
    writes: AtomicUsize,
    calls: AtomicUsize,
    dead: AtomicBool,
    slow: Option<(&'static str, Wait<'c>)>,
}

/// What somebody does while a call takes its time.
pub(super) type Wait<'w> = Box<dyn Fn() -> BoxFuture<'w, ()> + Send + Sync + 'w>;

enum Verdict {
    Go,
    Error(CloudError),
    GoThenError(CloudError),
}

fn error(kind: ErrorKind, code: &str) -> CloudError {
    CloudError {
        kind,
        operation: "Test:Call".to_owned(),
        code: code.to_owned(),
        message: "injected".to_owned(),
        request_id: None,
        resource: None,
    }
}

impl<'c> FaultyCloud<'c> {
    pub(super) fn new(inner: &'c dyn Cloud, fault: Fault) -> Self {
        Self {
            inner,
            fault,
            writes: AtomicUsize::new(0),
            calls: AtomicUsize::new(0),
            dead: AtomicBool::new(false),
            slow: None,
        }
    }

    /// The create of a resource of this name takes so long.
    pub(super) fn slow(inner: &'c dyn Cloud, name: &'static str, wait: Wait<'c>) -> Self {
        Self {
            slow: Some((name, wait)),
            ..Self::new(inner, Fault::None)
        }
    }

    pub(super) fn writes(&self) -> usize {
        self.writes.load(Ordering::SeqCst)
    }

    pub(super) fn all_calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    fn judge(&self, write: bool, name: &str) -> Verdict {
        let killed = || error(ErrorKind::Other, "killed");
        if self.dead.load(Ordering::SeqCst) {
            return Verdict::Error(killed());
        }
        let call = self.calls.fetch_add(1, Ordering::SeqCst) + 1;
        let writes = if write {
            self.writes.fetch_add(1, Ordering::SeqCst) + 1
        } else {
            0
        };
        match self.fault {
            Fault::KillBefore(n) if writes == n => {
                self.dead.store(true, Ordering::SeqCst);
                Verdict::Error(killed())
            }
            Fault::KillAfter(n) if writes == n => {
                self.dead.store(true, Ordering::SeqCst);
                Verdict::GoThenError(killed())
            }
            Fault::Once(n, kind) if call == n => Verdict::Error(error(kind, "injected")),
            Fault::LostAnswer(n) if call == n => {
                Verdict::GoThenError(error(ErrorKind::Transient, "timeout"))
            }
            Fault::Jumps(jumps) if write && name == jumps => {
                Verdict::GoThenError(error(ErrorKind::Other, VERSION_JUMPED))
            }
            Fault::Refuse(refused) if write && name == refused => {
                Verdict::Error(error(ErrorKind::Denied, "AccessDeniedException"))
            }
            _ => Verdict::Go,
        }
    }
}

macro_rules! pass {
    ($self:ident, $write:expr, $name:expr, $call:expr) => {
        match $self.judge($write, $name) {
            Verdict::Go => $call.await,
            Verdict::Error(error) => Err(error),
            Verdict::GoThenError(error) => $call.await.and(Err(error)),
        }
    };
}

#[async_trait]
impl Cloud for FaultyCloud<'_> {
    fn region(&self) -> &str {
        self.inner.region()
    }

    fn label(&self) -> &str {
        self.inner.label()
    }

    async fn identity(&self) -> Result<Identity> {
        self.inner.identity().await
    }

    async fn parameters(
        &self,
        region: &str,
        names: &[String],
        decrypt: bool,
    ) -> Vec<Result<Option<Parameter>>> {
        match self.judge(false, "") {
            Verdict::Go => self.inner.parameters(region, names, decrypt).await,
            Verdict::Error(error) | Verdict::GoThenError(error) => {
                names.iter().map(|_| Err(error.clone())).collect()
            }
        }
    }

    async fn secrets(&self, region: &str, ids: &[String]) -> Vec<Result<Option<SecretText>>> {
        self.inner.secrets(region, ids).await
    }

    async fn object(&self, region: &str, bucket: &str, key: &str) -> Result<Option<String>> {
        self.inner.object(region, bucket, key).await
    }

    async fn stack_outputs(
        &self,
        region: &str,
        stack: &str,
    ) -> Result<Option<BTreeMap<String, String>>> {
        self.inner.stack_outputs(region, stack).await
    }

    async fn connection_status(&self, arn: &str) -> Result<Option<String>> {
        self.inner.connection_status(arn).await
    }

    async fn role_exists(&self, arn: &str) -> Result<bool> {
        self.inner.role_exists(arn).await
    }

    async fn given_bucket(&self, region: &str, name: &str) -> Result<Option<GivenBucket>> {
        self.inner.given_bucket(region, name).await
    }

    async fn read(&self, ids: &[Id]) -> Result<Vec<Option<Resource>>> {
        pass!(self, false, "", self.inner.read(ids))
    }

    async fn policy_tags(&self, names: &[String]) -> Result<Vec<Option<BTreeMap<String, String>>>> {
        pass!(self, false, "", self.inner.policy_tags(names))
    }

    async fn create(&self, desired: &Resource) -> Result<()> {
        if let Some((slow, wait)) = &self.slow
            && desired.id.name == *slow
        {
            wait().await;
        }
        pass!(self, true, &desired.id.name, self.inner.create(desired))
    }

    async fn update(&self, live: &Resource, desired: &Resource) -> Result<()> {
        pass!(
            self,
            true,
            &desired.id.name,
            self.inner.update(live, desired)
        )
    }

    async fn delete(&self, id: &Id, data: bool) -> Result<()> {
        pass!(self, true, &id.name, self.inner.delete(id, data))
    }

    async fn put_parameter(&self, name: &str, value: &str, overwrite: bool) -> Result<()> {
        pass!(
            self,
            true,
            name,
            self.inner.put_parameter(name, value, overwrite)
        )
    }

    async fn delete_parameters(&self, names: &[String]) -> Result<()> {
        pass!(self, true, "", self.inner.delete_parameters(names))
    }

    async fn start_execution(
        &self,
        pipeline: &str,
        revision: Option<&Revision>,
        token: Option<&str>,
    ) -> Result<String> {
        self.inner.start_execution(pipeline, revision, token).await
    }

    async fn executions(&self, pipeline: &str, most: usize) -> Result<Vec<ExecutionSummary>> {
        pass!(self, false, pipeline, self.inner.executions(pipeline, most))
    }

    async fn stop_execution(
        &self,
        pipeline: &str,
        execution: &str,
        abandon: bool,
        reason: &str,
    ) -> Result<()> {
        if self.fault == Fault::RefuseStop {
            return Err(error(ErrorKind::Denied, "AccessDeniedException"));
        }
        pass!(
            self,
            true,
            pipeline,
            self.inner
                .stop_execution(pipeline, execution, abandon, reason)
        )
    }

    fn calls(&self) -> Calls {
        self.inner.calls()
    }
}
