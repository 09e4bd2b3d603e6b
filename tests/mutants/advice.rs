//! What AWS takes and what hurts later, in pasted pipelines.

use serde_json::{Value, json};

use super::originals::{Original, pick};
use super::places::{at, items, list, word};
use super::structure::{pipelines, version_two};
use super::{Generator, Mutant};

pub(super) fn generators() -> Vec<Generator> {
    let one = |code, make| Generator {
        code,
        also: &[],
        make,
    };
    vec![
        one("approval-missing", approval_missing),
        one("deploy-unbuilt", deploy_unbuilt),
        one("deploy-file-missing", deploy_file_missing),
        one("artifact-store-unused", artifact_store_unused),
        one("secret-masked", secret_masked),
        one("variable-unused", variable_unused),
    ]
}

/// A store of a region that no definition of the corpus uses.
fn artifact_store_unused(original: &Original) -> Vec<Mutant> {
    original.inside(&pipelines(original), |pipeline, number| {
        let far = pick(number, &["ap-southeast-2", "sa-east-1", "eu-north-1"]);
        if !original.said || pipeline.to_string().contains(far) {
            return None;
        }
        let object = pipeline.as_object_mut()?;
        let mut stores = match object.remove("artifactStore") {
            Some(store) => json!({original.region.as_str(): store}),
            None => object.remove("artifactStores")?,
        };
        stores[far] = json!({"type": "S3", "location": "far-away-bucket"});
        let kept = stores.get(original.region.as_str()).is_some();
        object.insert("artifactStores".to_owned(), stores);
        kept.then(|| vec!["artifactStores"])
    })
}

/// What AWS shows in place of a token.
fn secret_masked(original: &Original) -> Vec<Mutant> {
    let sources = original.actions_of(&["GitHub"]);
    original.inside(&sources, |action, _| {
        let token = action["configuration"].get_mut("OAuthToken")?;
        let shown = token == "****";
        *token = "****".into();
        (!shown).then(|| vec!["configuration/OAuthToken"])
    })
}

/// A variable that no text of the pipeline names.
fn variable_unused(original: &Original) -> Vec<Mutant> {
    original.inside(&pipelines(original), |pipeline, number| {
        version_two(pipeline);
        let name = pick(number, &["Unused", "never_read", "x"]);
        let value = json!({"name": name, "defaultValue": "a"});
        list(&mut pipeline["variables"]).push(value);
        Some(vec!["variables"])
    })
}

/// A deployment to a bucket.
fn deployment(input: &Value) -> Value {
    json!({
        "name": "Pages",
        "actionTypeId": {"category": "Deploy", "owner": "AWS", "provider": "S3", "version": "1"},
        "configuration": {"BucketName": "pages", "Extract": "true"},
        "inputArtifacts": [input],
    })
}

/// Whether the pipeline asks somebody, or a source gives something that only builds can read.
fn asks_or_clones(original: &Original) -> bool {
    let text = original.get("/pipelines").to_string();
    ["Approval", "beforeEntry", "CODEBUILD_CLONE_REF"]
        .iter()
        .any(|word| text.contains(word))
}

fn approval_missing(original: &Original) -> Vec<Mutant> {
    original.inside(&pipelines(original), |pipeline, number| {
        if asks_or_clones(original) {
            return None;
        }
        let input = pipeline["stages"][0]["actions"][0]["outputArtifacts"]
            .get(0)?
            .clone();
        let name = pick(number, &["Prod", "production", "DeployToProd", "PROD-eu"]);
        let taken = items(&pipeline["stages"])
            .iter()
            .any(|stage| stage["name"] == name);
        list(&mut pipeline["stages"]).push(json!({"name": name, "actions": [deployment(&input)]}));
        (!taken).then(|| vec!["stages"])
    })
}

fn deploy_unbuilt(original: &Original) -> Vec<Mutant> {
    original.inside(&pipelines(original), |pipeline, _| {
        if asks_or_clones(original) {
            return None;
        }
        let input = pipeline["stages"][0]["actions"][0]["outputArtifacts"].get(0)?.clone();
        let build = json!({
            "name": "Compile",
            "actionTypeId": {"category": "Build", "owner": "AWS", "provider": "CodeBuild", "version": "1"},
            "configuration": {"ProjectName": "compile"},
            "inputArtifacts": [input],
            "outputArtifacts": [{"name": "ReadByNothing"}],
        });
        let stages = list(&mut pipeline["stages"]);
        stages.insert(1, json!({"name": "CompileIt", "actions": [build]}));
        stages.insert(2, json!({"name": "PutPages", "actions": [deployment(&input)]}));
        Some(vec!["stages/1", "stages/2"])
    })
}

/// A pipeline whose project is written into it, and which hands on a file that the deployment does not look for.
fn deploy_file_missing(original: &Original) -> Vec<Mutant> {
    let root: Vec<String> = original
        .pipeline()
        .map(|_| String::new())
        .into_iter()
        .collect();
    original.each(&root, |file, _, number| {
        if asks_or_clones(original) {
            return None;
        }
        let pipeline = at(file, original.pipeline()?);
        let input = pipeline["stages"][0]["actions"][0]["outputArtifacts"].get(0)?.clone();
        let build = json!({
            "name": "Compile",
            "actionTypeId": {"category": "Build", "owner": "AWS", "provider": "CodeBuild", "version": "1"},
            "configuration": {"ProjectName": "mutant-compile"},
            "inputArtifacts": [input],
            "outputArtifacts": [{"name": "Compiled"}],
        });
        let (provider, configuration, hands_on) = pick(
            number,
            &[
                ("ECS", json!({"ClusterName": "c", "ServiceName": "s"}), "imageDetail.json"),
                ("ECS", json!({"ClusterName": "c", "ServiceName": "s", "FileName": "images.json"}), "out/*.txt"),
                ("CodeDeploy", json!({"ApplicationName": "a", "DeploymentGroupName": "g"}), "target/*.jar"),
            ],
        );
        let deploy = json!({
            "name": "Deploy",
            "actionTypeId": {"category": "Deploy", "owner": "AWS", "provider": provider, "version": "1"},
            "configuration": configuration,
            "inputArtifacts": [{"name": "Compiled"}],
        });
        let stages = list(&mut pipeline["stages"]);
        stages.insert(1, json!({"name": "CompileIt", "actions": [build]}));
        stages.insert(2, json!({"name": "DeployIt", "actions": [deploy]}));
        let spec = format!(
            "version: 0.2\nphases:\n  build:\n    commands:\n      - make\nartifacts:\n  files:\n    - '{hands_on}'\n"
        );
        file["projects"]["mutant"] = json!({"definition": {
            "name": "mutant-compile",
            "serviceRole": "arn:aws:iam::123456789012:role/build",
            "source": {"type": "CODEPIPELINE", "buildspec": spec},
            "artifacts": {"type": "CODEPIPELINE"},
            "environment": {
                "type": "LINUX_CONTAINER", "image": "aws/codebuild/standard:7.0", "computeType": "BUILD_GENERAL1_SMALL",
            },
        }});
        let pipeline = original.pipeline()?;
        let _ = word(&Value::Null);
        Some(vec![format!("{pipeline}/stages/2"), "/projects/mutant".to_owned()])
    })
}
