//! Artifacts, where they are kept, and in which region.

use serde_json::{Value, json};

use super::originals::{Original, doubtful, pick};
use super::places::{at, items, list, map, take, word};
use super::structure::{later_stages, pipelines};
use super::{Generator, Mutant};

/// A configuration may name the input, too.
const NAMED: (&str, &str) = (
    "artifact-not-input",
    "the configuration names the input that is gone",
);
/// The names of artifacts of real definitions often have hyphens.
const HYPHEN: (&str, &str) = (
    "artifact-identifier",
    "with a second artifact a hyphen in the name of the first is one too many",
);

/// Another region wants a store of its own.
const STORE: (&str, &str) = (
    "artifact-store-missing",
    "a region that the pipeline had no action in has no artifact store",
);

pub(super) fn generators() -> Vec<Generator> {
    let with = |code, also, make| Generator { code, also, make };
    let one = |code, make| Generator {
        code,
        also: &[],
        make,
    };
    vec![
        with("artifact-count", &[NAMED], artifact_count),
        with("artifact-duplicate", &[HYPHEN], artifact_duplicate),
        one("artifact-identifier", artifact_identifier),
        one("artifact-not-input", artifact_not_input),
        one("artifact-store-choice", artifact_store_choice),
        one("artifact-store-invalid", artifact_store_invalid),
        one("artifact-store-missing", artifact_store_missing),
        one("artifact-store-region", artifact_store_region),
        with("artifact-unknown", &[NAMED], artifact_unknown),
        one("artifact-unused", artifact_unused),
        one("cross-account-key", cross_account_key),
        one("full-clone", full_clone),
        with("input-duplicate", &[HYPHEN], input_duplicate),
        with("region-misplaced", &[STORE], region_misplaced),
        with("region-unknown", &[STORE], region_unknown),
    ]
}

/// The inputs and outputs that an action type takes at least and at most, as AWS documents them.
fn bounds(action: &Value) -> Option<[usize; 4]> {
    let kind = &action["actionTypeId"];
    Some(match (word(&kind["category"]), word(&kind["provider"])) {
        (_, "CodeBuild") => [1, 5, 0, 5],
        ("Source", "S3" | "CodeCommit" | "ECR" | "GitHub" | "CodeStarSourceConnection") => {
            [0, 0, 1, 1]
        }
        ("Approval", "Manual") => [0, 0, 0, 0],
        (
            "Deploy",
            "ECS" | "CodeDeploy" | "S3" | "ElasticBeanstalk" | "AppConfig" | "EC2" | "EKS",
        )
        | ("Test", "DeviceFarm")
        | ("Build", "ECRBuildAndPublish") => [1, 1, 0, 0],
        ("Deploy", "CodeDeployToECS") => [1, 5, 0, 0],
        ("Deploy", "CloudFormation") => [0, 10, 0, 1],
        ("Deploy", "CloudFormationStackSet") => [1, 3, 0, 0],
        ("Invoke", "Lambda") => [0, 5, 0, 5],
        ("Invoke", "StepFunctions") => [0, 1, 0, 1],
        ("Compute", "Commands") => [1, 10, 0, 1],
        _ => return None,
    })
}

fn artifact_count(original: &Original) -> Vec<Mutant> {
    let mut mutants = original.inside(&original.actions(), |action, number| {
        let [least, _, _, outputs] = bounds(action)?;
        if number % 2 == 0 && least > 0 {
            action["inputArtifacts"] = json!([]);
            Some(vec![""])
        } else if number % 2 == 1
            && outputs < 5
            && action["actionTypeId"]["provider"] != "CloudFormation"
        {
            let outs = list(&mut action["outputArtifacts"]);
            while outs.len() <= outputs {
                let name = format!("More{}", outs.len());
                outs.push(json!({"name": name}));
            }
            Some(vec!["outputArtifacts", "name"])
        } else {
            None
        }
    });
    mutants.extend(original.each(&original.actions(), |file, action, _| {
        // the names of earlier outputs, once more than the action takes
        let [_, most, ..] = bounds(at(file, action))?;
        let first =
            at(file, original.pipeline()?)["stages"][0]["actions"][0]["outputArtifacts"][0].clone();
        if most > 1 || action.contains("/stages/0/") {
            return None;
        }
        let inputs = list(&mut at(file, action)["inputArtifacts"]);
        while inputs.len() <= most {
            inputs.push(first.clone());
        }
        Some(vec![action.to_owned()])
    }));
    mutants
}

/// Renames what an action hands on, and what others say of it, but not what another hands on under that name.
fn renamed(pipeline: &mut Value, from: &str, to: &str) {
    let prefix = format!("{from}::");
    for stage in list(&mut pipeline["stages"]) {
        for action in list(&mut stage["actions"]) {
            for input in list(&mut action["inputArtifacts"]) {
                if input["name"] == from {
                    input["name"] = to.into();
                }
            }
            for (key, value) in map(&mut action["configuration"]) {
                let text = word(value).to_owned();
                let names = [
                    "PrimarySource",
                    "TaskDefinitionTemplateArtifact",
                    "AppSpecTemplateArtifact",
                ];
                if (names.contains(&key.as_str()) || key.ends_with("ArtifactName")) && text == from
                {
                    *value = to.into();
                } else if text.starts_with(&prefix) {
                    *value = format!("{to}::{}", &text[prefix.len()..]).into();
                } else if key == "ParameterOverrides" {
                    *value = text
                        .replace(&format!("\"{from}\""), &format!("\"{to}\""))
                        .into();
                }
            }
        }
    }
}

fn artifact_duplicate(original: &Original) -> Vec<Mutant> {
    let mut mutants = original.each(&original.actions_of(&["CodeBuild"]), |file, action, _| {
        let source = format!(
            "{}/stages/0/actions/0/outputArtifacts/0",
            original.pipeline()?
        );
        let first = at(file, &source).clone();
        let outputs = list(&mut at(file, action)["outputArtifacts"]);
        outputs.push(first);
        let last = outputs.len() - 1;
        Some(vec![format!("{action}/outputArtifacts/{last}"), source])
    });
    mutants.extend(
        original.each(&original.actions_of(&["CodeBuild"]), |file, action, _| {
            let source = format!(
                "{}/stages/0/actions/0/outputArtifacts/0",
                original.pipeline()?
            );
            let first = word(&at(file, &source)["name"]).to_owned();
            let own = word(&at(file, action)["outputArtifacts"].get(0)?["name"]).to_owned();
            let clone = at(file, original.pipeline()?)
                .to_string()
                .contains("CODEBUILD_CLONE_REF");
            if clone {
                return None;
            }
            renamed(at(file, original.pipeline()?), &own, &first);
            at(file, action)["outputArtifacts"][0]["name"] = first.into();
            Some(vec![format!("{action}/outputArtifacts/0"), source])
        }),
    );
    mutants
}

fn artifact_identifier(original: &Original) -> Vec<Mutant> {
    original.inside(&original.actions_of(&["CodeBuild"]), |action, number| {
        let name = pick(number, &["second-output", "a-", "My-Second_Output"]);
        let outputs = list(&mut action["outputArtifacts"]);
        if outputs.len() == 5 {
            return None;
        }
        outputs.push(json!({"name": name}));
        if outputs.len() == 1 {
            outputs.push(json!({"name": "Another_1"}));
        }
        Some(vec!["outputArtifacts", "inputArtifacts"])
    })
}

/// Where a configuration names an input, and whether a file of it follows.
const NAMES: [(&str, bool); 6] = [
    ("TemplatePath", true),
    ("TemplateConfiguration", true),
    ("PrimarySource", false),
    ("TaskDefinitionTemplateArtifact", false),
    ("AppSpecTemplateArtifact", false),
    ("Image1ArtifactName", false),
];

fn artifact_not_input(original: &Original) -> Vec<Mutant> {
    NAMES
        .iter()
        .flat_map(|(key, file)| {
            original.each(&original.actions(), |whole, action, number| {
                let value = at(whole, action)["configuration"].get_mut(*key)?;
                let old = word(value).to_owned();
                let artifact = old.split("::").next()?;
                let wrong = match number % 3 {
                    0 => "Elsewhere".to_owned(),
                    1 => format!("{artifact}2"),
                    _ => match artifact.to_lowercase() {
                        lower if lower == artifact => artifact.to_uppercase(),
                        lower => lower,
                    },
                };
                *value = match file {
                    true => old.replacen(artifact, &wrong, 1).into(),
                    false => wrong.into(),
                };
                Some(vec![format!("{action}/configuration/{key}")])
            })
        })
        .collect()
}

fn artifact_store_choice(original: &Original) -> Vec<Mutant> {
    original.inside(&pipelines(original), |pipeline, number| {
        if number % 2 == 0 {
            take(pipeline, "artifactStore");
            take(pipeline, "artifactStores");
            return Some(vec![""]);
        }
        let store = pipeline.get("artifactStore")?.clone();
        pipeline["artifactStores"] = json!({original.region.as_str(): store});
        Some(vec!["artifactStore", "artifactStores"])
    })
}

fn artifact_store_invalid(original: &Original) -> Vec<Mutant> {
    original.inside(&pipelines(original), |pipeline, number| {
        let store = pipeline.get_mut("artifactStore")?;
        match number % 11 {
            10 => store["encryptionKey"] = json!({"id": "arn:aws:s3:::my-bucket", "type": "KMS"}),
            0 => store["type"] = "s3".into(),
            1 => store["type"] = "GCS".into(),
            2 => store["location"] = "ab".into(),
            3 => store["location"] = "my_bucket".into(),
            4 => store["location"] = "a".repeat(64).into(),
            5 => store["location"] = "arn:aws:s3:::my-bucket".into(),
            6 => store["encryptionKey"] = json!({"id": "alias/key", "type": "AES256"}),
            7 => store["encryptionKey"] = json!({"id": "alias/key"}),
            8 => drop(take(store, "type")),
            _ => drop(take(store, "location")),
        }
        Some(vec!["artifactStore"])
    })
}

/// Regions that no definition of the corpus uses.
const FAR: [&str; 3] = ["ap-southeast-2", "sa-east-1", "eu-north-1"];

fn artifact_store_region(original: &Original) -> Vec<Mutant> {
    original.each(&pipelines(original), |file, place, number| {
        let far = pick(number, &FAR);
        let key = json!({
            "id": format!("arn:aws:kms:{far}:123456789012:key/11111111-2222-3333-4444-555555555555"),
            "type": "KMS",
        });
        let pipeline = at(file, place);
        if let Some(stores) = pipeline.get_mut("artifactStores") {
            let stores = map(stores);
            let regions: Vec<String> = stores.keys().cloned().collect();
            if regions.len() > 1 && number % 2 == 0 {
                // one bucket cannot be in two regions
                let location = stores[&regions[0]]["location"].clone();
                stores[&regions[1]]["location"] = location;
            } else if regions.first().is_none_or(|region| region == far) {
                return None;
            } else {
                stores[&regions[0]]["encryptionKey"] = key;
            }
            return Some(vec![format!("{place}/artifactStores")]);
        }
        pipeline.get_mut("artifactStore")?["encryptionKey"] = key;
        file["provider"] = json!({"region": original.region});
        (original.region != far).then(|| vec![format!("{place}/artifactStore")])
    })
}

fn artifact_store_missing(original: &Original) -> Vec<Mutant> {
    original.inside(&pipelines(original), |pipeline, number| {
        let far = pick(number, &FAR);
        if pipeline.to_string().contains(far) {
            return None;
        }
        let stages = list(&mut pipeline["stages"]);
        let action = stages
            .iter_mut()
            .skip(1)
            .flat_map(|stage| stage["actions"].as_array_mut().into_iter().flatten())
            .find(|action| {
                let kind = &action["actionTypeId"];
                kind["owner"] == "AWS"
                    && kind["category"] != "Approval"
                    && !items(&action["inputArtifacts"]).is_empty()
            })?;
        action["region"] = far.into();
        Some(vec!["stages", "artifactStore", "artifactStores"])
    })
}

fn artifact_unknown(original: &Original) -> Vec<Mutant> {
    let mut mutants = original.inside(&original.actions(), |action, number| {
        let input = action["inputArtifacts"].get_mut(0)?;
        let name = word(&input["name"]).to_owned();
        let wrong = match number % 3 {
            0 => "Nowhere".to_owned(),
            1 => format!("{name}s"),
            _ => match name.to_lowercase() {
                lower if lower == name => name.to_uppercase(),
                lower => lower,
            },
        };
        input["name"] = wrong.into();
        Some(vec!["inputArtifacts/0"])
    });
    // an action of the same stage and run order has not run yet
    mutants.extend(original.each(&later_stages(original), |file, stage, _| {
        let actions = list(&mut at(file, stage)["actions"]);
        let mut build = |name: &str, input: Value, output: &str| {
            actions.push(json!({
                "name": name,
                "actionTypeId": {"category": "Build", "owner": "AWS", "provider": "CodeBuild", "version": "1"},
                "configuration": {"ProjectName": "p"},
                "inputArtifacts": [input],
                "outputArtifacts": [{"name": output}],
                "runOrder": 900,
            }));
            actions.len() - 1
        };
        let first = original.get(original.pipeline()?)["stages"][0]["actions"][0]["outputArtifacts"][0].clone();
        build("Producer", first, "SameTime");
        let reader = build("Reader", json!({"name": "SameTime"}), "Later");
        Some(vec![format!("{stage}/actions/{reader}/inputArtifacts")])
    }));
    mutants
}

fn artifact_unused(original: &Original) -> Vec<Mutant> {
    original.inside(&original.actions_of(&["CodeBuild"]), |action, _| {
        let outputs = list(&mut action["outputArtifacts"]);
        if !outputs.is_empty() {
            return None;
        }
        outputs.push(json!({"name": "ForNobody"}));
        Some(vec!["outputArtifacts"])
    })
}

fn cross_account_key(original: &Original) -> Vec<Mutant> {
    original.each(
        &original.actions_of(&["CloudFormation", "CodeBuild", "ECS"]),
        |file, action, _| {
            let pipeline = original.get(original.pipeline()?);
            let keyed = pipeline.to_string().contains("encryptionKey");
            let found = original
                .before
                .iter()
                .any(|(code, _)| code == "cross-account-key");
            let real = word(&pipeline["roleArn"])
                .split(':')
                .nth(4)?
                .chars()
                .all(|c| c.is_ascii_digit());
            let idle = items(&original.get(action)["inputArtifacts"]).is_empty();
            if keyed || found || idle || !real || original.get(action).get("roleArn").is_some() {
                return None;
            }
            // of CloudFormation the stack's role is in that account, too
            let action = at(file, action).as_object_mut()?;
            let configuration = map(action.get_mut("configuration")?);
            if configuration.contains_key("RoleArn") {
                configuration.insert(
                    "RoleArn".to_owned(),
                    "arn:aws:iam::999999999999:role/stack".into(),
                );
            }
            action.insert(
                "roleArn".to_owned(),
                "arn:aws:iam::999999999999:role/there".into(),
            );
            Some(vec![original.pipeline()?.to_owned()])
        },
    )
}

fn full_clone(original: &Original) -> Vec<Mutant> {
    let mut mutants = cloned(original, |category| category == "Deploy");
    // of others than deployments AWS only says that the clone is for builds
    mutants.extend(doubtful(cloned(original, |category| category != "Deploy")));
    mutants
}

/// Sources of which somebody of these categories reads the full clone.
fn cloned(original: &Original, wanted: fn(&str) -> bool) -> Vec<Mutant> {
    let sources = original.actions_of(&["CodeCommit", "CodeStarSourceConnection"]);
    original.each(&sources, |file, source, _| {
        let output = at(file, source)["outputArtifacts"][0].clone();
        let readers: Vec<String> = original
            .actions()
            .into_iter()
            .filter(|action| original.provider(action) != "CodeBuild")
            .filter(|action| {
                let inputs = items(original.get(&format!("{action}/inputArtifacts")));
                inputs.iter().any(|input| input["name"] == output["name"])
            })
            .collect();
        let category = |reader: &String| original.get(&format!("{reader}/actionTypeId/category"));
        let any = readers.iter().any(|reader| wanted(word(category(reader))));
        at(file, source)["configuration"]["OutputArtifactFormat"] = "CODEBUILD_CLONE_REF".into();
        let at = readers
            .iter()
            .map(|reader| format!("{reader}/inputArtifacts"));
        any.then(|| at.collect())
    })
}

fn input_duplicate(original: &Original) -> Vec<Mutant> {
    original.inside(
        &original.actions_of(&["CodeBuild", "CloudFormation"]),
        |action, _| {
            let first = action["inputArtifacts"].get(0)?.clone();
            if action["actionTypeId"]["provider"] == "CodeBuild" {
                action["configuration"]["PrimarySource"] = first["name"].clone();
            }
            let inputs = list(&mut action["inputArtifacts"]);
            inputs.push(first);
            (inputs.len() <= 5).then(|| vec!["inputArtifacts"])
        },
    )
}

fn region_misplaced(original: &Original) -> Vec<Mutant> {
    original.inside(&original.actions(), |action, number| {
        let kind = &action["actionTypeId"];
        if kind["category"] != "Source" && kind["owner"] == "AWS" {
            return None;
        }
        action["region"] = pick(number, &FAR).into();
        Some(vec!["region"])
    })
}

fn region_unknown(original: &Original) -> Vec<Mutant> {
    const WRONG: [&str; 5] = [
        "US_EAST_1",
        "us-east",
        "Frankfurt",
        "eu-west-1a",
        "eu_west_1",
    ];
    let mut mutants = original.inside(&original.actions(), |action, number| {
        let kind = &action["actionTypeId"];
        if kind["category"] == "Source" || kind["owner"] != "AWS" {
            return None;
        }
        action["region"] = pick(number, &WRONG).into();
        Some(vec!["region"])
    });
    mutants.extend(original.inside(&pipelines(original), |pipeline, number| {
        let store = pipeline.get("artifactStore")?.clone();
        pipeline["artifactStores"] = json!({
            original.region.as_str(): store,
            pick(number, &WRONG): store,
        });
        take(pipeline, "artifactStore");
        Some(vec!["artifactStores"])
    }));
    // what looks like a region may be a new one
    mutants.extend(doubtful(original.inside(
        &original.actions_of(&["CodeBuild"]),
        |action, number| {
            action["region"] = pick(number, &["us-east-11", "eu-west-9"]).into();
            Some(vec!["region"])
        },
    )));
    mutants
}
