//! What CodeBuild refuses.

use serde_json::Value;

use super::{Findings, Place, Refusal, items, text};
use crate::catalog::codebuild::{self, ImageKind, codebuild as facts};
use crate::catalog::structure;

/// Why CodeBuild would refuse this project; the first is what it would say.
pub fn project(body: &Value) -> Vec<Refusal> {
    let fields = codebuild::project();
    let mut found = Findings::default();
    let place = Place::root("project");
    found.required(&place, body, &fields.required);
    found.text(&place, body, "name", &fields.name);
    found.text(&place, body, "description", &fields.description);
    for (key, quota) in [
        ("timeoutInMinutes", &fields.timeout),
        ("queuedTimeoutInMinutes", &fields.queued_timeout),
        ("autoRetryLimit", &fields.auto_retry),
    ] {
        found.number(&place, body, key, quota);
    }
    // -1 takes a limit away.
    if body.get("concurrentBuildLimit").and_then(Value::as_i64) != Some(-1) {
        found.number(
            &place,
            body,
            "concurrentBuildLimit",
            &fields.concurrent_builds,
        );
    }
    for (key, quota) in [
        ("secondarySources", &fields.secondary_sources),
        ("secondaryArtifacts", &fields.secondary_artifacts),
        ("secondarySourceVersions", &fields.secondary_source_versions),
    ] {
        let list = items(body, key);
        if !list.is_empty() {
            found.count(&place.key(key), &body[key], list.len(), quota);
        }
    }
    // A role may also be given by its name.
    let role = text(body, "serviceRole");
    if role.contains(':') && structure::names().role_arn.check(role).is_err() {
        found.project("P18", &place.key("serviceRole"), &[]);
    }
    sources(&mut found, body, &place);
    artifacts(&mut found, body, &place);
    environment(&mut found, body, &place);
    cache(&mut found, body, &place);
    vpc(&mut found, body, &place);
    logs(&mut found, body, &place);
    found.list.sort_by_key(|refusal| refusal.rule != "V01");
    for refusal in &mut found.list {
        // CodeBuild calls a broken shape by another name than CodePipeline.
        if refusal.rule == "V01" {
            "InvalidInputException".clone_into(&mut refusal.code);
        }
    }
    found.list
}

fn member<'v>(body: &'v Value, key: &str) -> &'v Value {
    body.get(key).unwrap_or(&Value::Null)
}

fn sources(found: &mut Findings, body: &Value, place: &Place) {
    let rules = &facts().source;
    let source = member(body, "source");
    let artifacts = member(body, "artifacts");
    let paired = facts().artifacts.paired.as_str();
    if (text(source, "type") == paired) != (text(artifacts, "type") == paired)
        && !text(source, "type").is_empty()
        && !text(artifacts, "type").is_empty()
    {
        found.project("P01", &place.key("source"), &[]);
    }
    if !source.is_null() {
        one_source(found, source, &place.key("source"));
    }
    for (index, source) in items(body, "secondarySources").iter().enumerate() {
        let place = place.key("secondarySources").index(index);
        if rules
            .not_secondary
            .iter()
            .any(|t| t == text(source, "type"))
        {
            found.project("P02", &place, &[]);
            continue;
        }
        if rules
            .identifier
            .check(text(source, "sourceIdentifier"))
            .is_err()
        {
            found.project("P17", &place.key("sourceIdentifier"), &[]);
        }
        one_source(found, source, &place);
    }
}

fn one_source(found: &mut Findings, source: &Value, place: &Place) {
    let rules = &facts().source;
    if source.get("type").is_none_or(Value::is_null) {
        found.value(&place.key("type"), &Value::Null, "Member must not be null");
    }
    let Some(kind) = found.word(place, source, "type", &rules.types) else {
        return;
    };
    let location = text(source, "location");
    let without = rules.without_location.iter().any(|t| t == kind);
    if kind == "NO_SOURCE" && (!location.is_empty() || text(source, "buildspec").is_empty()) {
        found.project("P06", place, &[]);
    }
    if !without && location.is_empty() {
        found.project("P07", &place.key("location"), &[("type", kind)]);
    }
    let reports = source.get("reportBuildStatus") == Some(&Value::Bool(true));
    if reports && !rules.report_build_status.iter().any(|t| t == kind) {
        found.project("P09", &place.key("reportBuildStatus"), &[("type", kind)]);
    }
    if let Some(auth) = source.get("auth").filter(|auth| !auth.is_null()) {
        found.word(&place.key("auth"), auth, "type", &rules.auth);
    }
}

fn artifacts(found: &mut Findings, body: &Value, place: &Place) {
    let artifacts = member(body, "artifacts");
    if !artifacts.is_null() {
        one_artifact(found, artifacts, &place.key("artifacts"));
    }
    for (index, artifact) in items(body, "secondaryArtifacts").iter().enumerate() {
        let place = place.key("secondaryArtifacts").index(index);
        let secondary = &facts().artifacts.secondary;
        if !secondary.iter().any(|t| t == text(artifact, "type")) {
            found.project("P03", &place, &[]);
            continue;
        }
        let identifier = text(artifact, "artifactIdentifier");
        if facts().source.identifier.check(identifier).is_err() {
            found.project("P17", &place.key("artifactIdentifier"), &[]);
        }
        one_artifact(found, artifact, &place);
    }
}

fn one_artifact(found: &mut Findings, artifact: &Value, place: &Place) {
    let rules = &facts().artifacts;
    if artifact.get("type").is_none_or(Value::is_null) {
        found.value(&place.key("type"), &Value::Null, "Member must not be null");
    }
    // the account knows the spellings of old that AWS's samples still show
    let kind = match codebuild::older_word("ProjectArtifacts", "type", text(artifact, "type")) {
        Some(present) => Some(present),
        None => found.word(place, artifact, "type", &rules.types),
    };
    found.word(place, artifact, "packaging", &rules.packaging);
    found.word(place, artifact, "namespaceType", &rules.namespace_type);
    let given = |key: &str| artifact.get(key).is_some_and(|value| !value.is_null());
    match kind {
        Some("NO_ARTIFACTS") => {
            if given("name") {
                found.project("P04", &place.key("name"), &[]);
            }
            if given("encryptionDisabled") {
                found.project("P05", &place.key("encryptionDisabled"), &[]);
            }
        }
        Some("S3") => {
            let location = text(artifact, "location");
            if location.is_empty() || location.contains('/') {
                found.project("P08", &place.key("location"), &[]);
            }
        }
        Some(_) if artifact.get("encryptionDisabled") == Some(&Value::Bool(true)) => {
            found.project("P10", &place.key("encryptionDisabled"), &[]);
        }
        _ => {}
    }
}

fn environment(found: &mut Findings, body: &Value, place: &Place) {
    let rules = &facts().environment;
    let environment = member(body, "environment");
    if environment.is_null() {
        return;
    }
    let place = place.key("environment");
    found.required(&place, environment, &rules.required);
    let kinds: Vec<String> = rules.types.iter().map(|kind| kind.name.clone()).collect();
    let said = text(environment, "type");
    let kind = match codebuild::older_word("ProjectEnvironment", "type", said) {
        Some(present) => Some(present),
        None => found.word(&place, environment, "type", &kinds),
    }
    .and_then(codebuild::environment_type);
    let compute = found.word(&place, environment, "computeType", &rules.compute_types);
    found.word(
        &place,
        environment,
        "imagePullCredentialsType",
        &rules.pull_credentials,
    );
    let fleet = environment
        .get("fleet")
        .is_some_and(|fleet| !fleet.is_null());
    if let (Some(kind), Some(compute)) = (kind, compute) {
        let offered = codebuild::offers(&kind.name, compute) == Some(true)
            || fleet && kind.fleet_only.iter().any(|c| c == compute)
            || fleet && rules.fleet_compute.contains_key(compute);
        if !offered {
            let values = [("compute", compute), ("type", kind.name.as_str())];
            found.project("P14", &place.key("computeType"), &values);
        }
        if environment.get("privilegedMode") == Some(&Value::Bool(true)) && !kind.privileged {
            let values = [("type", kind.name.as_str())];
            found.project("P13", &place.key("privilegedMode"), &values);
        }
        if kind.lambda {
            lambda(found, body);
        }
    }
    let image = text(environment, "image");
    let pull = text(environment, "imagePullCredentialsType");
    let curated = matches!(
        codebuild::image_kind(image),
        ImageKind::Curated { .. } | ImageKind::UnknownCurated
    );
    if curated && pull == "SERVICE_ROLE" {
        let place = place.key("imagePullCredentialsType");
        found.project("P11", &place, &[("image", image)]);
    }
    let credential = environment
        .get("registryCredential")
        .is_some_and(|credential| !credential.is_null());
    let in_ecr = codebuild::ecr_account(image);
    if credential && (curated || in_ecr.is_some() || pull != "SERVICE_ROLE") {
        found.project("P12", &place.key("registryCredential"), &[]);
    }
    let home = text(body, "serviceRole")
        .split(':')
        .nth(4)
        .unwrap_or_default();
    if pull == "CODEBUILD" && !home.is_empty() && in_ecr.is_some_and(|account| account != home) {
        let place = place.key("imagePullCredentialsType");
        found.project("P29", &place, &[("image", image)]);
    }
    for (index, variable) in items(environment, "environmentVariables")
        .iter()
        .enumerate()
    {
        let place = place.key("environmentVariables").index(index);
        found.word(&place, variable, "type", &rules.variable_types);
        let name = text(variable, "name");
        if name.is_empty() || variable.get("value").is_none_or(Value::is_null) {
            let constraint = "Members name and value must not be null";
            found.value(&place, variable, constraint);
        }
        if name.starts_with(&rules.reserved_variable_prefix) {
            found.project("P28", &place.key("name"), &[("name", name)]);
        }
    }
}

/// Lambda compute has fewer members. What says the same as its absence is let pass.
fn lambda(found: &mut Findings, body: &Value) {
    let place = Place::root("project");
    let environment = member(body, "environment");
    for name in &facts().lambda.forbids {
        let (owner, place) = if body.get(name).is_some() {
            (body, place.key(name))
        } else {
            (environment, place.key("environment").key(name))
        };
        let said = match owner.get(name) {
            None | Some(Value::Null | Value::Bool(false)) => false,
            Some(Value::Array(list)) => !list.is_empty(),
            Some(Value::Object(map)) => {
                let idle = map.get("type").and_then(Value::as_str) == Some("NO_CACHE");
                !map.is_empty() && !idle
            }
            // CodeBuild pulls its own images for Lambda compute as for any other.
            Some(Value::String(text)) => text != "CODEBUILD",
            Some(_) => true,
        };
        if said {
            found.project("P15", &place, &[("member", name.as_str())]);
        }
    }
}

fn cache(found: &mut Findings, body: &Value, place: &Place) {
    let cache = member(body, "cache");
    if cache.is_null() {
        return;
    }
    let place = place.key("cache");
    match found.word(&place, cache, "type", &facts().cache.types) {
        Some("LOCAL") if items(cache, "modes").is_empty() => {
            found.project("P23", &place, &[]);
        }
        Some("S3") if text(cache, "location").is_empty() => {
            found.project("P24", &place, &[]);
        }
        _ => {}
    }
    for mode in items(cache, "modes") {
        let modes = &facts().cache.modes;
        if !mode
            .as_str()
            .is_some_and(|mode| modes.iter().any(|m| m == mode))
        {
            let set = format!("Member must satisfy enum value set: [{}]", modes.join(", "));
            found.value(&place.key("modes"), mode, &set);
        }
    }
}

fn vpc(found: &mut Findings, body: &Value, place: &Place) {
    let vpc = member(body, "vpcConfig");
    // An empty one on update takes the network away.
    let Some(map) = vpc.as_object().filter(|map| !map.is_empty()) else {
        return;
    };
    let place = place.key("vpcConfig");
    let rules = &facts().vpc;
    let empty = |key: &String| match map.get(key) {
        None | Some(Value::Null) => true,
        Some(Value::String(text)) => text.is_empty(),
        Some(Value::Array(list)) => list.is_empty(),
        Some(_) => false,
    };
    let missing = rules.required.iter().filter(|key| empty(key)).count();
    if missing > 0 && missing < rules.required.len() {
        found.project("P16", &place, &[]);
    }
    for (key, quota) in [
        ("subnets", &rules.subnets),
        ("securityGroupIds", &rules.security_groups),
    ] {
        let list = items(vpc, key);
        if list.len() as u64 > quota.max {
            found.count(&place.key(key), &vpc[key], list.len(), quota);
        }
    }
}

fn logs(found: &mut Findings, body: &Value, place: &Place) {
    let logs = member(body, "logsConfig");
    let place = place.key("logsConfig");
    for kind in ["cloudWatchLogs", "s3Logs"] {
        let one = member(logs, kind);
        if !one.is_null() {
            found.word(&place.key(kind), one, "status", &facts().logs.status);
        }
    }
}
