//! Definitions that AWS refuses: an error at each place that the corpus gives as a reason, and at no other.
//!
//! A row says the rule, the place in the structure (`P` for the pipeline's definition, `J0` for the first project's) and
//! the first line of the offending characters.

use std::fs;

use serde_json::Value;

use crate::corpus::{definitions, each};
use crate::examples::pipectl;

type Refusal = (&'static str, &'static str, &'static str);

#[rustfmt::skip]
const REFUSED: [(&str, &[Refusal]); 16] = [
    ("pipelines/refused/007.json", &[
        ("name-invalid", "P.name", "%"),
    ]),
    ("pipelines/refused/013.json", &[
        ("name-invalid", "P.name", "<"),
        ("role-arn", "P.roleArn", "<PADOQU_SERVICE_ACCOUNT>"),
        ("artifact-store-invalid", "P.artifactStore.location", "<"),
        ("role-arn", "P.stages[1].actions[0].roleArn", "<TEST_ACCOUNT>"),
        ("region-unknown", "P.stages[1].actions[0].region", "\"<NATIHE>\""),
        ("role-arn", "P.stages[1].actions[1].roleArn", "<TEST_ACCOUNT>"),
        ("region-unknown", "P.stages[1].actions[1].region", "\"<NATIHE>\""),
    ]),
    ("pipelines/refused/014.json", &[
        ("artifact-store-invalid", "P.artifactStore", "\"TacaboqeWocym\""),
        ("artifact-store-choice", "P.artifactStores", "\"artifactStores\""),
        ("artifact-store-invalid", "P.artifactStores", "["),
        ("role-arn", "P.roleArn", "\"String\""),
        ("value-kind", "P.stages[0]", "\"QulowEzuhivyjyhu\""),
    ]),
    ("pipelines/refused/019.json", &[
        ("key-missing", "P.stages[0].actions[0].actionTypeId", "\"actionTypeId\""),
        ("key-missing", "P.stages[0].actions[0].actionTypeId", "\"actionTypeId\""),
        ("api-key-unknown", "P.stages[0].actions[0].actionTypeId.configuration", "\"configuration\""),
        ("name-invalid", "P.stages[1].name", " "),
        ("artifact-store-choice", "P", "definition"),
        ("artifact-unknown", "P.stages[1].actions[0].inputArtifacts[0].name", "\"TiruqiXibola\""),
        ("project-source-pair", "J0.source.type", "\"CODECOMMIT\""),
    ]),
    ("pipelines/refused/027.json", &[
        ("action-type-unknown", "P.stages[0].actions[0].actionTypeId.provider", "\"ViliMonyPutexenoxe\""),
    ]),
    ("pipelines/refused/029.json", &[
        ("artifact-store-choice", "P", "definition"),
    ]),
    ("pipelines/refused/032.json", &[
        ("api-key-unknown", "P.stages[0].actions[0].onFailure", "\"onFailure\""),
        ("api-key-unknown", "P.stages[1].actions[0].onFailure", "\"onFailure\""),
        ("configuration-key-unknown", "P.stages[2].actions[0].configuration.FailureToleranceCount", "\"FailureToleranceCount\""),
        ("configuration-key-unknown", "P.stages[2].actions[0].configuration.MaxConcurrentCount", "\"MaxConcurrentCount\""),
        ("configuration-key-unknown", "P.stages[2].actions[0].configuration.ParameterOverrides", "\"ParameterOverrides\""),
        ("api-key-unknown", "P.stages[2].actions[0].onFailure", "\"onFailure\""),
    ]),
    ("pipelines/refused/045.json", &[
        ("action-type-unknown", "P.stages[2].actions[0].actionTypeId.category", "\"Deploy\""),
    ]),
    ("pipelines/refused/046.json", &[
        ("configuration-value", "P.stages[2].actions[2].configuration.NotificationArn", "\"[QIS ARN]\""),
    ]),
    ("pipelines/refused/055.json", &[
        ("role-arn", "P.roleArn", "${AWS::WivikahIh}"),
        ("project-service-role", "J0.serviceRole", "\"arn:aws:iam::${AWS::WivikahIh}:role/XasaNabamEwydovexiVyza\""),
    ]),
    ("pipelines/refused/061.json", &[
        ("trigger-filter", "P.triggers[0].gitConfiguration.tags", "\"tags\""),
    ]),
    ("pipelines/refused/068.json", &[
        ("artifact-store-choice", "P", "definition"),
        ("configuration-missing", "P.stages[0].actions[0].configuration.OAuthToken", "\"configuration\""),
    ]),
    ("pipelines/refused/078.json", &[
        ("artifact-store-choice", "P", "definition"),
        ("role-arn", "P.roleArn", "FILO_ACCOUNT_ID"),
    ]),
    ("pipelines/refused/096.json", &[
        ("artifact-count", "P.stages[1].actions[0].inputArtifacts", "\"HywyhoVoHOQ\""),
    ]),
    ("pipelines/refused/133.json", &[
        ("role-arn", "P.roleArn", "\"arn:aws:iam:::role/TIXUlywYnycivibYzyd\""),
        ("source-late", "P.stages[1].actions[0].actionTypeId.category", "\"Source\""),
    ]),
    ("projects/refused/070.json", &[
        ("project-member-unknown", "J0.buildSpec", "\"buildSpec\""),
    ]),
];

/// The first line of what a span of the file holds.
fn characters<'t>(text: &'t str, span: &Value) -> &'t str {
    let number =
        |end: &str, part: &str| usize::try_from(span[end][part].as_u64().unwrap()).unwrap();
    let line = text.lines().nth(number("start", "line") - 1).unwrap();
    let from = number("start", "column") - 1;
    let same = number("start", "line") == number("end", "line");
    let to = if same {
        number("end", "column") - 1
    } else {
        line.len()
    };
    &line[from..to]
}

#[test]
fn refused_definitions_are_refused_at_the_right_place() {
    let known: Vec<&str> = REFUSED.iter().map(|(name, _)| *name).collect();
    for folder in ["pipelines/refused", "projects/refused"] {
        for definition in definitions(folder) {
            assert!(
                known.contains(&definition.name.as_str()),
                "{}",
                definition.name
            );
        }
        each(folder, |definition, folder| {
            let ran = pipectl(
                folder,
                &["validate", "--format", "json", "-r", &definition.region()],
            );
            let text = fs::read_to_string(folder.join("pipeline.yml")).unwrap();
            let result: Value = serde_json::from_str(&ran.stdout)
                .map_err(|error| format!("{error}: {}{}", ran.stdout, ran.stderr))?;
            let mut found: Vec<(String, String, String)> = Vec::new();
            for one in result["diagnostics"].as_array().unwrap() {
                if one["severity"] != "error" {
                    continue;
                }
                let path = one["path"].as_str().unwrap();
                let path = path
                    .replace("pipelines.pasted.definition", "P")
                    .replace("projects.pasted", "J")
                    .replacen(".definition", "", 1);
                let characters = characters(&text, &one["span"]);
                let code = one["code"].as_str().unwrap();
                found.push((code.to_owned(), path, characters.to_owned()));
            }
            let (_, expected) = REFUSED
                .iter()
                .find(|(name, _)| *name == definition.name)
                .unwrap();
            let mut expected: Vec<(String, String, String)> = expected
                .iter()
                .map(|(code, path, text)| {
                    ((*code).to_owned(), (*path).to_owned(), (*text).to_owned())
                })
                .collect();
            found.sort();
            expected.sort();
            if ran.code == 1 && found == expected {
                return Ok(());
            }
            Err(format!("ended with {}: {found:#?}", ran.code))
        });
    }
}
