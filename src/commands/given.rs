//! What the file only uses must exist: connections, roles, buckets. Asked for only when something is about to change.

use super::End;
use super::session::{Ready, Session};
use crate::cloud::{ErrorKind, GivenBucket};
use crate::diagnostic::Diagnostic;
use crate::live;
use crate::model::{Action, ArtifactStore, Given, Text};
use crate::resources::{Desired, Id, Kind};

/// Looks after connections, roles and buckets that the file gives.
pub(super) async fn check(
    session: &mut Session<'_>,
    ready: &Ready,
    desired: &Desired,
) -> Result<(), End> {
    connections(session, ready).await?;
    roles(session, ready).await?;
    buckets(session, ready, desired).await?;
    session.end_on_errors(None)
}

/// A connection that nobody has completed is no error for AWS: the pipeline is made and waits.
async fn connections(session: &mut Session<'_>, ready: &Ready) -> Result<(), End> {
    let cloud = ready.account.cloud.as_ref();
    let mut seen: Vec<(String, Option<String>)> = Vec::new();
    for pipeline in &ready.model.pipelines {
        for action in pipeline.stages.iter().flat_map(|stage| &stage.actions) {
            let connection = action
                .configuration
                .iter()
                .find(|(key, _)| key.value == "ConnectionArn");
            let Some((_, arn)) = connection else {
                continue;
            };
            if !arn.known || arn.secret.is_some() || !arn.value.starts_with("arn:") {
                continue;
            }
            let status = match seen.iter().find(|(known, _)| *known == arn.value) {
                Some((_, status)) => status.clone(),
                None => {
                    let status = match cloud.connection_status(&arn.value).await {
                        Ok(status) => status,
                        // Who applies need not be allowed to look at connections.
                        Err(error) if error.kind == ErrorKind::Denied => {
                            Some("AVAILABLE".to_owned())
                        }
                        Err(error) => return Err(live::failure(&error).into()),
                    };
                    seen.push((arn.value.clone(), status.clone()));
                    status
                }
            };
            let path = format!("{}.connection", action.path);
            match status.as_deref() {
                Some("AVAILABLE") => {}
                None => session.found.push(
                    Diagnostic::warning(
                        "connection-missing",
                        arn.span,
                        path,
                        format!("the connection {} does not exist", arn.value),
                    )
                    .through(arn.origin.as_ref()),
                ),
                Some(status) => session.found.push(
                    Diagnostic::warning(
                        "connection-pending",
                        arn.span,
                        path,
                        format!("the connection is {status}: the source finds nothing until somebody completes it"),
                    )
                    .help(format!("open {}", console_link(&arn.value)))
                    .through(arn.origin.as_ref()),
                ),
            }
        }
    }
    Ok(())
}

/// Where a connection is completed.
fn console_link(arn: &str) -> String {
    let mut parts = arn.splitn(6, ':').skip(2);
    let service = parts.next().unwrap_or("codeconnections");
    let region = parts.next().unwrap_or_default();
    let account = parts.next().unwrap_or_default();
    let id = parts
        .next()
        .and_then(|rest| rest.rsplit('/').next())
        .unwrap_or_default();
    format!(
        "https://{region}.console.aws.amazon.com/codesuite/settings/{account}/{region}/{service}/connections/{id}"
    )
}

/// Roles of this account that do not exist are an error at their place.
async fn roles(session: &mut Session<'_>, ready: &Ready) -> Result<(), End> {
    let mut roles: Vec<(&Text, String)> = Vec::new();
    let provider = &ready.model.provider;
    for (role, key) in [
        (&provider.pipeline_role, "provider.pipelineRole"),
        (&provider.build_role, "provider.buildRole"),
        (&provider.events_role, "provider.eventsRole"),
    ] {
        if let Some(Given::Existing(text)) = role {
            roles.push((text, key.to_owned()));
        }
    }
    for project in &ready.model.projects {
        if let Some(Given::Existing(text)) = &project.role {
            roles.push((text, format!("{}.role", project.path)));
        }
    }
    for pipeline in &ready.model.pipelines {
        if let Some(text) = &pipeline.role_arn {
            roles.push((text, format!("{}.roleArn", pipeline.path)));
        }
        for action in pipeline.stages.iter().flat_map(|stage| &stage.actions) {
            if let Some(text) = &action.role_arn {
                roles.push((text, format!("{}.roleArn", action.path)));
            }
        }
    }
    let own = format!("::{}:role/", ready.identity.account);
    let mut seen: Vec<(String, bool)> = Vec::new();
    for (role, path) in roles {
        if !role.known || role.secret.is_some() || !role.value.contains(&own) {
            continue;
        }
        let exists = match seen.iter().find(|(arn, _)| *arn == role.value) {
            Some((_, exists)) => *exists,
            None => {
                let exists = match ready.account.cloud.role_exists(&role.value).await {
                    Ok(exists) => exists,
                    // Who applies need not be allowed to look at roles: AWS will say it when the role is used.
                    Err(error) if error.kind == ErrorKind::Denied => true,
                    Err(error) => return Err(live::failure(&error).into()),
                };
                seen.push((role.value.clone(), exists));
                exists
            }
        };
        if !exists {
            session.found.push(
                Diagnostic::error(
                    "role-missing",
                    role.span,
                    path,
                    format!("the role {} does not exist", role.value),
                )
                .label("this role")
                .help("give the ARN of a role that exists, or leave it out: then pipectl makes one")
                .through(role.origin.as_ref()),
            );
        }
    }
    Ok(())
}

/// A bucket that the file gives, and for what.
struct Bucket<'m> {
    name: &'m Text,
    path: String,
    /// Where it must be.
    region: String,
    purpose: Purpose,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Store,
    /// Whether apply switches its events on.
    Source(bool),
    Deploy,
}

/// Buckets that are not there, not ours or in another region than where they are needed, each at its place.
pub(super) async fn buckets(
    session: &mut Session<'_>,
    ready: &Ready,
    desired: &Desired,
) -> Result<(), End> {
    let given = given_buckets(ready, desired);
    let mut seen: Vec<(&str, String, Option<Option<GivenBucket>>)> = Vec::new();
    for bucket in given {
        let name = bare(&bucket.name.value);
        let known = seen
            .iter()
            .find(|(known, region, _)| *known == name && *region == bucket.region);
        let there = match known {
            Some((_, _, there)) => there.clone(),
            None => {
                let there = match ready.account.cloud.given_bucket(&bucket.region, name).await {
                    Ok(there) => Some(there),
                    // Who applies need not be allowed to look at buckets: AWS will say it when the bucket is used.
                    Err(error) if error.kind == ErrorKind::Denied => None,
                    Err(error) => return Err(live::failure(&error).into()),
                };
                seen.push((name, bucket.region.clone(), there.clone()));
                there
            }
        };
        let Some(there) = there else { continue };
        let (code, message, help) = match &there {
            // One that an earlier stage makes is not there yet.
            None if bucket.purpose == Purpose::Deploy => continue,
            None => missing(name, bucket.purpose),
            Some(there) => match &there.region {
                Some(region) if *region != bucket.region => elsewhere(&bucket, name, region),
                _ if there.foreign && bucket.purpose == Purpose::Store => foreign(name),
                _ => continue,
            },
        };
        let found = if bucket.purpose == Purpose::Source(false) {
            // It is only polled, and nothing of this apply fails by it.
            Diagnostic::warning(code, bucket.name.span, bucket.path, message)
        } else {
            Diagnostic::error(code, bucket.name.span, bucket.path, message)
        };
        session.found.push(
            found
                .label("this bucket")
                .help(help)
                .through(bucket.name.origin.as_ref()),
        );
    }
    Ok(())
}

/// The name in a bucket's ARN.
fn bare(bucket: &str) -> &str {
    bucket.rsplit(":::").next().unwrap_or(bucket)
}

/// The buckets whose names are known, but for those that the file makes.
fn given_buckets<'r>(ready: &'r Ready, desired: &Desired) -> Vec<Bucket<'r>> {
    let home = ready.account.cloud.region();
    let provider = &ready.model.provider;
    let mut given = Vec::new();
    let mut store = |store: &'r ArtifactStore, region: &str, path: String| {
        if let Some(Given::Existing(name)) = &store.bucket {
            given.push(Bucket {
                name,
                path,
                region: region.to_owned(),
                purpose: Purpose::Store,
            });
        }
    };
    if ready.model.pipelines.iter().any(|pipeline| !pipeline.raw) {
        store(
            &provider.artifact_store,
            home,
            "provider.artifactStore.bucket".to_owned(),
        );
        for (region, other) in &provider.region_stores {
            let region = &region.value;
            store(
                other,
                region,
                format!("provider.artifactStore.regions.{region}.bucket"),
            );
        }
    }
    let pipelines = ready.model.pipelines.iter();
    for action in pipelines
        .flat_map(|pipeline| &pipeline.stages)
        .flat_map(|stage| &stage.actions)
    {
        given.extend(of_action(action, home, desired));
    }
    let made = |name: &str| {
        let mut ids = desired.resources.iter().map(|resource| &resource.id);
        ids.any(|id| id.kind == Kind::Bucket && id.name == name)
    };
    given.retain(|bucket| {
        let name = bucket.name;
        name.known
            && name.secret.is_none()
            && !name.value.contains("#{")
            && !made(bare(&name.value))
    });
    given
}

fn of_action<'r>(action: &'r Action, home: &str, desired: &Desired) -> Option<Bucket<'r>> {
    if action.owner.value != "AWS" || action.provider.value != "S3" {
        return None;
    }
    let (key, region) = match action.category.value.as_str() {
        "Source" => ("S3Bucket", home),
        "Deploy" => (
            "BucketName",
            action.region.as_ref().map_or(home, |region| &region.value),
        ),
        _ => return None,
    };
    let (_, name) = action
        .configuration
        .iter()
        .find(|(name, _)| name.value == key)?;
    let events = Id::new(Kind::BucketEvents, home, name.value.clone());
    let purpose = match key {
        "BucketName" => Purpose::Deploy,
        _ => Purpose::Source(
            desired
                .resources
                .iter()
                .any(|resource| resource.id == events),
        ),
    };
    Some(Bucket {
        name,
        path: action.path.clone(),
        region: region.to_owned(),
        purpose,
    })
}

type Finding = (&'static str, String, String);

fn missing(name: &str, purpose: Purpose) -> Finding {
    let help = match purpose {
        Purpose::Store => "give a bucket that exists, or leave it out: then pipectl makes one",
        Purpose::Source(_) | Purpose::Deploy => "give a bucket that exists, or make it first",
    };
    (
        "bucket-missing",
        format!("the bucket {name} does not exist"),
        help.to_owned(),
    )
}

fn elsewhere(bucket: &Bucket<'_>, name: &str, region: &str) -> Finding {
    let wanted = &bucket.region;
    let is = format!("the bucket {name} is in {region}");
    let (why, help) = match bucket.purpose {
        Purpose::Store => (
            format!("CodePipeline wants the one for {wanted} there"),
            format!(
                "give a bucket of {wanted}, leave it out (then pipectl makes one), or run with -r {region}"
            ),
        ),
        Purpose::Source(_) => (
            format!("a source is in the region of its pipeline, {wanted}"),
            format!("run with -r {region}, or give a bucket of {wanted}"),
        ),
        Purpose::Deploy => (
            format!("this action is in {wanted}"),
            format!("write `region: {region}` beside it"),
        ),
    };
    ("bucket-region", format!("{is}, and {why}"), help)
}

fn foreign(name: &str) -> Finding {
    (
        "bucket-foreign",
        format!(
            "the bucket {name} belongs to another account, and CodePipeline keeps artifacts in its own only"
        ),
        "give a bucket of this account, or leave it out: then pipectl makes one".to_owned(),
    )
}
