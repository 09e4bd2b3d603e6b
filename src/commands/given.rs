//! What the file only uses must exist: connections, roles. Asked for only when something is about to change.

use super::End;
use super::session::{Ready, Session};
use crate::cloud::ErrorKind;
use crate::diagnostic::Diagnostic;
use crate::live;
use crate::model::{Given, Text};

/// Looks after connections and roles that the file gives.
pub(super) async fn check(session: &mut Session<'_>, ready: &Ready) -> Result<(), End> {
    connections(session, ready).await?;
    roles(session, ready).await?;
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
