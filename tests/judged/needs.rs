//! Made roles may do what is needed, and nothing else: worked out a second time, from the definitions that AWS gets
//! and a list of needs that pipectl does not read.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use serde_json::Value;

use super::{Case, EXAMPLES, repository};

/// `ACTION on RESOURCE`.
type Grants = BTreeSet<String>;

fn array(value: &Value) -> Vec<Value> {
    match value {
        Value::Null => Vec::new(),
        Value::Array(items) => items.clone(),
        one => vec![one.clone()],
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// What words in braces stand for.
type Words = BTreeMap<String, String>;

/// Adds the grants of some needs. A need of which a word has no value is none.
fn add(needs: &Value, words: &Words, grants: &mut Grants) {
    for need in array(needs) {
        for resource in array(&need["resources"]) {
            let Some(resource) = filled(&text(&resource), words) else {
                continue;
            };
            for action in array(&need["actions"]) {
                grants.insert(format!("{} on {resource}", text(&action)));
            }
        }
    }
}

fn filled(template: &str, words: &Words) -> Option<String> {
    let mut parts = template.split('{');
    let mut all = parts.next()?.to_owned();
    for part in parts {
        let (word, rest) = part.split_once('}')?;
        all += words.get(word)?;
        all += rest;
    }
    Some(all)
}

/// What the policies of a role grant; what the file adds itself is apart.
fn granted(role: &Value) -> Grants {
    let mut grants = Grants::new();
    let own = role["policies"].get("pipectl");
    for statement in own.into_iter().flat_map(|d| array(&d["Statement"])) {
        if statement["Effect"] != "Allow" {
            continue;
        }
        for action in array(&statement["Action"]) {
            for resource in array(&statement["Resource"]) {
                grants.insert(format!("{} on {}", text(&action), text(&resource)));
            }
        }
    }
    grants
}

struct Reader {
    needs: Value,
    compiled: Value,
    words: Words,
}

impl Reader {
    fn roles(&self) -> BTreeMap<String, Grants> {
        let mut roles: BTreeMap<String, Grants> = BTreeMap::new();
        for entry in array(&self.compiled["pipelines"]) {
            let pipeline = &entry["pipeline"];
            let mut words = self.words.clone();
            words.insert("pipeline".to_owned(), text(&pipeline["name"]));
            words.insert(
                "bucket".to_owned(),
                text(&pipeline["artifactStore"]["location"]),
            );
            let grants = roles.entry(text(&pipeline["roleArn"])).or_default();
            add(&self.needs["pipeline"], &words, grants);
            for stage in array(&pipeline["stages"]) {
                self.stage(&stage, &words, grants);
            }
        }
        for project in array(&self.compiled["projects"]) {
            let grants = roles.entry(text(&project["serviceRole"])).or_default();
            self.build(&project, grants);
        }
        for rule in array(&self.compiled["rules"]) {
            for target in array(&rule["Targets"]) {
                let pipeline = text(&target["Arn"]);
                if let (Some(role), Some(name)) =
                    (target["RoleArn"].as_str(), pipeline.rsplit(':').next())
                {
                    let mut words = self.words.clone();
                    words.insert("pipeline".to_owned(), name.to_owned());
                    let grants = roles.entry(role.to_owned()).or_default();
                    add(&self.needs["events"], &words, grants);
                }
            }
        }
        roles
    }

    fn stage(&self, stage: &Value, words: &Words, grants: &mut Grants) {
        for action in array(&stage["actions"]) {
            let kind = &action["actionTypeId"];
            let name = format!("{} {}", text(&kind["category"]), text(&kind["provider"]));
            let needs = self.needs["actions"].get(&name);
            // what an action that deploys with a build needs stands under the build
            let needs = needs.unwrap_or_else(|| panic!("nobody says what {name} needs"));
            self.configured(needs, &action["configuration"], words, grants);
        }
        for when in ["beforeEntry", "onSuccess", "onFailure"] {
            for condition in array(&stage[when]["conditions"]) {
                for rule in array(&condition["rules"]) {
                    let needs = &self.needs["rules"][text(&rule["ruleTypeId"]["provider"])];
                    self.configured(needs, &rule["configuration"], words, grants);
                }
            }
        }
    }

    fn configured(&self, needs: &Value, configuration: &Value, words: &Words, grants: &mut Grants) {
        let mut words = words.clone();
        let mut lists = Vec::new();
        for (key, value) in configuration.as_object().into_iter().flatten() {
            let value = text(value);
            if key == "ConnectionArn" {
                let id = value.rsplit('/').next().unwrap();
                words.insert("connection".to_owned(), id.to_owned());
            }
            if key == "Alarms" {
                lists = value.split(',').map(str::to_owned).collect();
            }
            words.insert(key.clone(), value);
        }
        add(needs, &words, grants);
        for item in lists {
            words.insert("each Alarms".to_owned(), item);
            add(needs, &words, grants);
        }
    }

    fn build(&self, project: &Value, grants: &mut Grants) {
        let needs = &self.needs["build"];
        let mut words = self.words.clone();
        let name = text(&project["name"]);
        words.insert("project".to_owned(), name.clone());
        words.insert(
            "group".to_owned(),
            text(&project["logsConfig"]["cloudWatchLogs"]["groupName"]),
        );
        let buckets: BTreeSet<String> = array(&self.compiled["pipelines"])
            .iter()
            .filter(|entry| {
                let used = format!("\"ProjectName\":\"{name}\"");
                entry.to_string().contains(&used)
            })
            .map(|entry| text(&entry["pipeline"]["artifactStore"]["location"]))
            .collect();
        for bucket in buckets {
            words.insert("bucket".to_owned(), bucket);
            add(&needs["always"], &words, grants);
        }
        // a buildspec in the source may have reports that nobody sees from here
        let buildspec = text(&project["source"]["buildspec"]);
        let inline = buildspec.contains('\n');
        if !inline || buildspec.contains("\nreports:") {
            add(&needs["reports"], &words, grants);
        }
        for variable in array(&project["environment"]["environmentVariables"]) {
            if variable["type"] == "PARAMETER_STORE" {
                let name = text(&variable["value"]);
                let name = name.trim_start_matches('/').to_owned();
                words.insert("parameter".to_owned(), name);
                add(&needs["parameters"], &words, grants);
            }
        }
    }
}

#[test]
fn roles_of_the_examples_may_do_what_is_needed_and_nothing_else() {
    let path = repository().join("tests/cases/policies/needs.json");
    let needs: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let mut wrong = Vec::new();
    let mut seen = 0;
    for name in EXAMPLES {
        let compiled = Case::example(name, false).json().unwrap();
        let words = Words::from([
            ("A".to_owned(), text(&compiled["account"])),
            ("R".to_owned(), text(&compiled["region"])),
        ]);
        let reader = Reader {
            needs: needs.clone(),
            compiled,
            words,
        };
        let wanted = reader.roles();
        for role in array(&reader.compiled["roles"]) {
            let name = text(&role["roleName"]);
            let arn = format!("arn:aws:iam::{}:role/{name}", reader.words["A"]);
            let empty = Grants::new();
            let wanted = wanted.get(&arn).unwrap_or(&empty);
            let found = granted(&role);
            wrong.extend(
                wanted
                    .difference(&found)
                    .map(|g| format!("{name} lacks {g}")),
            );
            if !name.contains("SelfUpdate") {
                wrong.extend(
                    found
                        .difference(wanted)
                        .map(|g| format!("{name} needs no {g}")),
                );
            }
            seen += 1;
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    // heavy-water is given its roles, the others make theirs
    assert!(seen > 15, "only {seen} roles");
}

/// What the self-update may do everywhere is reading, and what it may change is this service's.
#[test]
fn the_self_update_changes_only_its_own() {
    let compiled = Case::example("web-monitor", false).json().unwrap();
    let roles = array(&compiled["roles"]);
    let own = "web-monitor-SelfUpdate-build-us-east-1";
    let role = roles.iter().find(|role| role["roleName"] == own).unwrap();
    for grant in granted(role) {
        let (action, resource) = grant.split_once(" on ").unwrap();
        let verb = action.split(':').nth(1).unwrap();
        let reads = ["Get", "List", "Describe", "BatchGet"]
            .iter()
            .any(|start| verb.starts_with(start));
        let ours = resource.contains("web-monitor");
        let connection = action.ends_with(":PassConnection") && resource.contains(":connection/");
        assert!(ours || connection || (reads && resource == "*"), "{grant}");
    }
    let denied: Vec<String> = array(&role["policies"]["pipectl"]["Statement"])
        .iter()
        .filter(|statement| statement["Effect"] == "Deny")
        .flat_map(|statement| array(&statement["Action"]))
        .map(|action| text(&action))
        .collect();
    for action in [
        "iam:PutRolePolicy",
        "iam:UpdateAssumeRolePolicy",
        "codebuild:UpdateProject",
    ] {
        assert!(denied.iter().any(|known| known == action), "{denied:?}");
    }
}

#[test]
fn explain_says_for_each_statement_who_needs_it() {
    let folder = repository().join("examples/website");
    let said = crate::examples::pipectl(&folder, &["compile", "--offline", "--explain"]).stdout;
    for wanted in [
        "website-pipeline-eu-west-1\n",
        "  Allow ReadRepository: Source: The action reads the branch and uploads it as an artifact.\n",
        "  Allow Build: Build, Invalidate: The action starts builds of the project",
        "  Allow: The file adds it with `allow`.\n      cloudfront:CreateInvalidation\n",
    ] {
        assert!(said.contains(wanted), "no {wanted:?} in\n{said}");
    }
}
