//! A role that needs more than IAM takes inline, in the sandbox: from the first apply to the last destroy.

use std::fs;

use pipectl::cloud::Cloud as _;
use pipectl::resources::{Id, Kind, Resource};
use pipectl::sandbox::Sandbox;
use serde_json::{Value, json};

use crate::examples::{Ran, pipectl};
use crate::support::large;

struct Desk {
    folder: tempfile::TempDir,
}

impl Desk {
    fn new(file: &str) -> Self {
        let desk = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        desk.write(file);
        desk
    }

    fn write(&self, file: &str) {
        fs::write(self.folder.path().join("pipeline.yml"), file).unwrap();
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        let fixed = ["-r", "us-east-1", "--sandbox=account"];
        pipectl(self.folder.path(), &[arguments, &fixed].concat())
    }

    #[track_caller]
    fn json(&self, code: i32, arguments: &[&str]) -> Value {
        let ran = self.run(&[arguments, &["--format", "json"]].concat());
        assert_eq!(ran.code, code, "{}{}", ran.stdout, ran.stderr);
        serde_json::from_str(&ran.stdout).unwrap()
    }

    fn account(&self) -> Sandbox {
        let given = self.folder.path().join("sandbox.yml");
        let account = self.folder.path().join("account");
        Sandbox::open(&account, "us-east-1", Some(&given)).unwrap()
    }

    async fn role(&self, name: &str) -> Option<Resource> {
        let id = Id::new(Kind::Role, "us-east-1", name);
        self.account().read(&[id]).await.unwrap().remove(0)
    }

    /// Nothing is left to do. Gives the plan.
    #[track_caller]
    fn in_sync(&self) -> Value {
        let plan = self.json(0, &["plan", "--exit-code"]);
        assert_eq!(plan["changes"], json!([]), "{plan:#}");
        let again = self.json(0, &["apply"]);
        assert_eq!(again["calls"]["write"], 0, "{again:#}");
        plan
    }
}

fn names(role: &Resource) -> Vec<String> {
    let list = role.body["managedPolicies"].as_array();
    let names = list
        .into_iter()
        .flatten()
        .map(|policy| policy["name"].as_str().unwrap());
    names.map(str::to_owned).collect()
}

#[tokio::test]
async fn a_large_role_lives_in_the_sandbox() {
    let desk = Desk::new(&large::file(120));
    desk.json(0, &["apply", "--yes"]);
    let plan = desk.in_sync();
    let role = desk.role("builds").await.unwrap();
    assert!(names(&role).len() >= 2, "{:?}", names(&role));
    assert_eq!(
        role.tags["pipectl:policies"],
        names(&role).len().to_string()
    );
    let read = |plan: &Value, operation: &str| {
        plan["calls"]["operations"][format!("IAM:{operation}")]
            .as_u64()
            .unwrap_or(0)
    };
    let needed = read(&plan, "GetPolicy");
    assert_eq!(needed, read(&plan, "GetPolicyVersion"));
    assert!(needed >= names(&role).len() as u64);

    let text = large::file(120).replace("/large/parameters/77}", "/large/other}");
    desk.write(&text);
    let plan = desk.json(2, &["plan", "--exit-code"]);
    let change = plan["changes"].as_array().unwrap();
    let change = change.iter().find(|c| c["name"] == "builds").unwrap();
    assert_eq!(change["action"], "update");
    let wider = plan["consequences"].to_string();
    assert!(
        wider.contains("The role builds gets wider: ssm:GetParameters on")
            && wider.contains("large/other"),
        "{wider}"
    );
    assert!(
        !wider.contains("large/parameters"),
        "only what is new: {wider}"
    );
    desk.json(0, &["apply", "--yes"]);
    desk.in_sync();

    desk.write(&large::file(20));
    desk.json(0, &["apply", "--yes", "--prune"]);
    let plan = desk.in_sync();
    let role = desk.role("builds").await.unwrap();
    assert!(names(&role).is_empty() && !role.tags.contains_key("pipectl:policies"));
    assert_eq!(
        read(&plan, "GetPolicy") + read(&plan, "ListAttachedRolePolicies"),
        0
    );

    desk.write(&large::file(90));
    desk.json(0, &["apply", "--yes"]);
    desk.in_sync();
    assert!(!names(&desk.role("builds").await.unwrap()).is_empty());
    desk.json(0, &["destroy", "--yes", "--delete-data"]);
    assert!(desk.role("builds").await.is_none());
    let free = desk
        .account()
        .policy_tags(&["builds-policy-1".to_owned()])
        .await;
    assert_eq!(free, Ok(vec![None]));
}

#[tokio::test]
async fn a_name_that_somebody_has_is_refused_or_taken_over() {
    let desk = Desk::new(&large::allowing(250));
    fs::write(
        desk.folder.path().join("sandbox.yml"),
        "policies: [builds-policy-1]\n",
    )
    .unwrap();
    let refused = desk.json(3, &["apply", "--yes"]);
    assert_eq!(refused["error"]["code"], "foreign", "{refused:#}");
    assert!(desk.role("builds").await.is_none());
    let unsure = desk.run(&["apply", "--adopt", "--format", "json"]);
    assert_eq!(unsure.code, 64, "{}", unsure.stderr);
    assert!(
        unsure.stderr.contains("builds-policy-1 is taken over"),
        "{}",
        unsure.stderr
    );
    desk.json(0, &["apply", "--yes", "--adopt"]);
    desk.in_sync();
}

#[test]
fn explain_says_where_each_statement_stands_and_why() {
    let desk = Desk::new(&large::file(120));
    let ran = desk.run(&["compile", "--explain"]);
    let said = format!("{}{}", ran.stdout, ran.stderr);
    assert!(said.contains("(in the policy builds-policy-1): "), "{said}");
    let json = desk.json(0, &["compile", "--explain"]);
    let explained = json["explain"].as_array().unwrap();
    let of = |policy: Option<&str>| {
        let here = explained
            .iter()
            .filter(|s| s["role"] == "builds" && s["policy"].as_str() == policy);
        here.map(|s| assert!(s["why"].as_str().unwrap().len() > 20, "{s:#}"))
            .count()
    };
    assert!(of(None) > 0 && of(Some("builds-policy-1")) > 0 && of(Some("builds-policy-2")) > 0);
}
