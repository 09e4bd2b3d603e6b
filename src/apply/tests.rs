//! Plan and apply against the sandbox, undisturbed and disturbed.

mod disturbed;
mod faulty;
mod gates;
mod world;

use std::time::Duration;

use faulty::{Fault, FaultyCloud};
use serde_json::{Value, json};
use world::{REGION, TOKEN_AT, World, at, block_on, changed, desired, role, token};

use super::clock::Clock;
use super::{CancellationFlag, Event, Outcome, Settings, run};
use crate::cloud::Cloud;
use crate::destroy;
use crate::error::Exit;
use crate::plan::{self, Action, Options, Plan, Reason};
use crate::resources::{Desired, Kind, OWNER_TAG};

fn worked(outcome: &Outcome) {
    assert_eq!(outcome.failed, []);
    assert_eq!(outcome.failures, []);
    assert_eq!(outcome.skipped, []);
    assert_eq!(outcome.exit(), Exit::Ok);
}

fn changes(plan: &Plan) -> Vec<(String, Action, Reason)> {
    plan.changes
        .iter()
        .map(|change| (change.id.name.clone(), change.action, change.reason))
        .collect()
}

#[test]
fn apply_then_plan_is_empty_and_writes_nothing() {
    let world = World::new();
    let desired = desired();
    worked(&world.apply(&desired));
    let other = world.again();
    let plan = block_on(plan::make(&desired, &other, &Options::default())).expect("a plan");
    assert_eq!(changes(&plan), []);
    assert_eq!(plan.unchanged, desired.resources.len());
    let outcome = world.run_on(&other, &plan, &desired, false);
    worked(&outcome);
    assert_eq!(outcome.to_json().calls.write, 0);
    assert_eq!(outcome.to_json().changes, []);
}

#[test]
fn a_change_of_the_file_and_a_drift_are_told_apart() {
    let world = World::new();
    worked(&world.apply(&desired()));
    let plan = world.plan(&changed(), Options::default()).expect("a plan");
    assert!(
        plan.changes
            .iter()
            .all(|c| (c.action, c.reason) == (Action::Update, Reason::File))
    );
    let paths: Vec<String> = plan
        .changes
        .iter()
        .flat_map(|change| &change.fields)
        .map(|field| field.path.clone())
        .collect();
    assert_eq!(
        paths,
        [
            "retentionInDays",
            "policies.main.Statement[0].Action",
            "environment.image",
            "stages[0].actions[0].configuration.Branch",
            "Threshold",
        ]
    );
    assert_eq!(plan.needs_confirmation(), ["iam-role hw-build gets wider"]);
    world.drift(Kind::LogGroup, "/aws/codebuild/hw", |r| {
        r.body["retentionInDays"] = json!(3);
    });
    let plan = world.plan(&desired(), Options::default()).expect("a plan");
    assert_eq!(
        changes(&plan),
        [(
            "/aws/codebuild/hw".to_owned(),
            Action::Update,
            Reason::Drift
        )]
    );
    worked(&world.apply(&desired()));
    assert!(
        world
            .plan(&desired(), Options::default())
            .expect("a plan")
            .is_empty()
    );
}

#[test]
fn tags_come_and_go() {
    let world = World::new();
    worked(&world.apply(&desired()));
    let mut other = desired();
    for resource in &mut other.resources {
        resource.tags.clear();
    }
    let before = world.live(Kind::Pipeline, "hw").expect("there").body["version"].clone();
    let plan = world.plan(&other, Options::default()).expect("a plan");
    assert!(
        plan.changes
            .iter()
            .flat_map(|c| &c.fields)
            .all(|f| f.path == "tags.team")
    );
    worked(&world.apply(&other));
    let after = world.live(Kind::Pipeline, "hw").expect("there");
    assert_eq!(after.body["version"], before);
    assert!(!after.tags.contains_key("team"));
    assert!(
        world
            .plan(&other, Options::default())
            .expect("a plan")
            .is_empty()
    );
}

#[test]
fn another_digest_alone_changes_nothing() {
    let world = World::new();
    worked(&world.apply(&desired()));
    world.drift(Kind::Role, "hw-build", |r| {
        r.tags.insert(
            "pipectl:digest".to_owned(),
            "of-an-older-version".to_owned(),
        );
    });
    assert!(
        world
            .plan(&desired(), Options::default())
            .expect("a plan")
            .is_empty()
    );
}

#[test]
fn a_rotated_secret_is_one_change_and_shows_nothing() {
    let world = World::new();
    worked(&world.apply(&desired()));
    let mut rotated = desired();
    at(&mut rotated, "hw")
        .secrets
        .insert(TOKEN_AT.to_owned(), token("v2"));
    let plan = world.plan(&rotated, Options::default()).expect("a plan");
    assert_eq!(
        changes(&plan),
        [("hw".to_owned(), Action::Update, Reason::Rotation)]
    );
    assert_eq!(plan.changes[0].fields.len(), 1);
    assert!(plan.changes[0].fields[0].secret);
    let sent = plan.changes[0].desired.as_ref().expect("sent");
    assert!(sent.secrets.contains_key(TOKEN_AT));
    let text = format!(
        "{plan:?} {}",
        serde_json::to_string(&plan.to_json()).expect("JSON")
    );
    assert!(!text.contains("marker-secret"));
    worked(&world.apply(&rotated));
    assert!(
        world
            .plan(&rotated, Options::default())
            .expect("a plan")
            .is_empty()
    );
}

#[test]
fn the_secret_goes_only_where_its_action_changes() {
    let world = World::new();
    worked(&world.apply(&desired()));
    let sends = |desired: &Desired| {
        let plan = world.plan(desired, Options::default()).expect("a plan");
        let sent = plan.changes[0].desired.clone().expect("sent");
        sent.secrets.contains_key(TOKEN_AT)
    };
    let mut elsewhere = desired();
    at(&mut elsewhere, "hw").body["stages"][1]["actions"][0]["runOrder"] = json!(2);
    assert!(!sends(&elsewhere));
    let mut branch = desired();
    at(&mut branch, "hw").body["stages"][0]["actions"][0]["configuration"]["Branch"] = json!("x");
    assert!(sends(&branch));
    let mut renamed = desired();
    at(&mut renamed, "hw").body["stages"][0]["name"] = json!("Origin");
    assert!(sends(&renamed));
    at(&mut renamed, "hw").secrets.clear();
    let refused = world
        .plan(&renamed, Options::default())
        .expect_err("needs the secret");
    assert_eq!(
        (refused.code.as_str(), refused.exit),
        ("secret-needed", Exit::No)
    );
}

#[test]
fn what_others_own_is_refused() {
    let world = World::new();
    let mut foreign = role("hw-build", "codebuild.amazonaws.com", "s3:GetObject");
    foreign.tags.insert("made".to_owned(), "by hand".to_owned());
    block_on(world.cloud.create(&foreign)).expect("created");
    let refused = world
        .plan(&desired(), Options::default())
        .expect_err("foreign");
    assert_eq!(
        (refused.code.as_str(), refused.exit),
        ("foreign", Exit::Failed)
    );
    assert!(refused.message.contains("iam-role hw-build"));
    let adopt = Options {
        adopt: true,
        ..Options::default()
    };
    let plan = world.plan(&desired(), adopt).expect("a plan");
    let adopted = plan
        .changes
        .iter()
        .find(|c| c.id.name == "hw-build")
        .expect("in it");
    assert_eq!(
        (adopted.action, adopted.reason),
        (Action::Update, Reason::Adopt)
    );
    assert!(
        plan.needs_confirmation()
            .contains(&"iam-role hw-build is taken over".to_owned())
    );
    worked(&world.apply_with(&desired(), adopt));
    assert!(
        world
            .plan(&desired(), Options::default())
            .expect("a plan")
            .is_empty()
    );
    let mut prod = desired();
    prod.stage = "prod".to_owned();
    for options in [Options::default(), adopt] {
        let refused = world.plan(&prod, options).expect_err("of another stage");
        assert_eq!(
            (refused.code.as_str(), refused.exit),
            ("owned-elsewhere", Exit::Failed)
        );
    }
}

#[test]
fn a_name_that_a_failed_create_left_belongs_to_whoever_takes_it() {
    let world = World::new();
    let plan = world.plan(&desired(), Options::default()).expect("a plan");
    let faulty = FaultyCloud::new(&world.cloud, Fault::Refuse("hw"));
    let outcome = world.run_on(&faulty, &plan, &desired(), false);
    assert_eq!(outcome.failed.len(), 1);
    // The inventory names it, and somebody else makes it meanwhile.
    let mut theirs = at(&mut desired(), "hw").clone();
    theirs.tags.clear();
    theirs.body["stages"][1]["name"] = json!("Theirs");
    block_on(world.cloud.create(&theirs)).expect("created");
    let refused = world
        .plan(&desired(), Options::default())
        .expect_err("foreign");
    assert_eq!(refused.code, "foreign");
    assert!(refused.message.contains("pipeline hw"), "{refused:?}");
    // Also one who comes between plan and create.
    let outcome = world.run_on(&world.cloud, &plan, &desired(), false);
    assert_eq!(outcome.failure().map(|f| f.code.as_str()), Some("foreign"));
    let adopt = Options {
        adopt: true,
        ..Options::default()
    };
    let plan = world.plan(&desired(), adopt).expect("a plan");
    assert_eq!(
        changes(&plan),
        [("hw".to_owned(), Action::Update, Reason::Adopt)]
    );
}

#[test]
fn what_holds_data_is_not_replaced_unasked() {
    let world = World::new();
    worked(&world.apply(&desired()));
    let group = "/aws/codebuild/hw";
    world.drift(Kind::LogGroup, group, |r| {
        r.body["logGroupClass"] = json!("INFREQUENT_ACCESS");
    });
    // A file that does not say the class does not mind.
    let plan = world.plan(&desired(), Options::default()).expect("a plan");
    assert_eq!(changes(&plan), []);
    let mut wanted = desired();
    at(&mut wanted, group).body["logGroupClass"] = json!("STANDARD");
    let refused = world
        .plan(&wanted, Options::default())
        .expect_err("loses the logs");
    assert_eq!(
        (refused.code.as_str(), refused.exit),
        ("data-lost", Exit::Failed)
    );
    let all = Options {
        delete_data: true,
        ..Options::default()
    };
    let plan = world.plan(&wanted, all).expect("a plan");
    assert_eq!(
        plan.needs_confirmation(),
        ["log-group /aws/codebuild/hw is deleted and made anew"]
    );
    worked(&world.apply_with(&wanted, all));
    assert!(world.plan(&wanted, all).expect("a plan").is_empty());
}

#[test]
fn leftovers_go_only_when_asked_and_only_if_ours() {
    let world = World::new();
    worked(&world.apply(&desired()));
    let mut fewer = desired();
    fewer.resources.retain(|r| {
        !matches!(
            r.id.kind,
            Kind::Alarm | Kind::Topic | Kind::Subscription | Kind::EventRule
        )
    });
    let plan = world.plan(&fewer, Options::default()).expect("a plan");
    assert!(plan.is_empty());
    let left: Vec<&str> = plan.leftovers.iter().map(|id| id.kind.as_str()).collect();
    assert_eq!(
        left,
        [
            "cloudwatch-alarm",
            "event-rule",
            "sns-subscription",
            "sns-topic"
        ]
    );
    world.drift(Kind::Alarm, "hw-failed-builds", |r| {
        r.tags.remove(OWNER_TAG);
    });
    let prune = Options {
        prune: true,
        ..Options::default()
    };
    let plan = world.plan(&fewer, prune).expect("a plan");
    let gone: Vec<&str> = plan.changes.iter().map(|c| c.id.kind.as_str()).collect();
    assert_eq!(gone, ["event-rule"]);
    // Nobody has clicked on the link in the mail: without its topic's end it has none either.
    assert!(
        plan.leftovers
            .iter()
            .any(|id| id.kind == Kind::Subscription)
    );
    let said = plan.consequences.join("\n");
    assert!(
        said.contains("hw-failed email ops@example.com stays: nobody has confirmed it"),
        "{said}"
    );
    worked(&world.apply_with(&fewer, prune));
    assert!(world.live(Kind::Alarm, "hw-failed-builds").is_some());
    assert!(world.live(Kind::Topic, "hw-failed").is_some());
    assert!(world.live(Kind::EventRule, "hw-failed-stage").is_none());
    let all = Options {
        delete_data: true,
        ..prune
    };
    worked(&world.apply_with(&fewer, all));
    assert!(world.live(Kind::Topic, "hw-failed").is_none());
}

#[test]
fn destroy_takes_what_is_ours_and_leaves_data() {
    let world = World::new();
    let desired = desired();
    worked(&world.apply(&desired));
    let others = role("other", "codebuild.amazonaws.com", "s3:GetObject");
    block_on(world.cloud.create(&others)).expect("created");
    let destroy = |options: Options| {
        let plan = block_on(destroy::plan(&desired, &world.cloud, &options)).expect("a plan");
        let outcome = block_on(destroy::run(
            &plan,
            &desired,
            &world.cloud,
            &world.settings(false),
            &mut |_| {},
            &CancellationFlag::default(),
        ));
        worked(&outcome);
    };
    destroy(Options::default());
    let left: Vec<String> = world.state(&desired).into_keys().collect();
    assert_eq!(
        left,
        [
            format!("/pipectl/hw/dev/{REGION}/inventory"),
            "log-group /aws/codebuild/hw".to_owned(),
            "s3-bucket hw-artifacts-123456789012-us-east-1".to_owned(),
            "sns-subscription hw-failed email ops@example.com".to_owned(),
            "sns-topic hw-failed".to_owned(),
        ]
    );
    destroy(Options {
        delete_data: true,
        ..Options::default()
    });
    assert!(world.state(&desired).is_empty());
    assert!(world.live(Kind::Role, "other").is_some());
}

#[test]
fn a_failure_stops_what_depends_on_it_and_nothing_else() {
    let world = World::new();
    let desired = desired();
    let plan = world.plan(&desired, Options::default()).expect("a plan");
    let faulty = FaultyCloud::new(&world.cloud, Fault::Refuse("hw-unit"));
    let outcome = world.run_on(&faulty, &plan, &desired, false);
    let failed: Vec<&str> = outcome
        .failed
        .iter()
        .map(|(id, _)| id.name.as_str())
        .collect();
    assert_eq!(failed, ["hw-unit"]);
    let mut skipped: Vec<&str> = outcome
        .skipped
        .iter()
        .map(|(id, _)| id.name.as_str())
        .collect();
    skipped.sort_unstable();
    assert_eq!(skipped, ["hw", "hw-failed-builds"]);
    assert_eq!(outcome.done.len(), desired.resources.len() - 3);
    assert_eq!(outcome.exit(), Exit::Failed);
    worked(&world.apply(&desired));
    assert!(
        world
            .plan(&desired, Options::default())
            .expect("a plan")
            .is_empty()
    );
}

#[test]
fn an_interruption_ends_between_writes() {
    let world = World::new();
    let desired = desired();
    let plan = world.plan(&desired, Options::default()).expect("a plan");
    let cancel = CancellationFlag::default();
    let flag = cancel.clone();
    let outcome = block_on(run(
        &plan,
        &desired,
        &world.cloud,
        &world.settings(false),
        &mut move |event| {
            if matches!(event, Event::Done { .. }) {
                flag.cancel();
            }
        },
        &cancel,
    ));
    assert!(outcome.interrupted);
    assert_eq!(outcome.exit(), Exit::Interrupted);
    assert!(!outcome.done.is_empty() && !outcome.skipped.is_empty());
    assert_eq!(
        outcome.done.len() + outcome.skipped.len(),
        desired.resources.len()
    );
    assert_eq!(outcome.failed, []);
    worked(&world.apply(&desired));
}

#[test]
fn two_at_once_are_one_after_the_other() {
    let world = World::new();
    let desired = desired();
    let plan = world.plan(&desired, Options::default()).expect("a plan");
    let name = format!("/pipectl/hw/{REGION}/lock");
    let lock = |expires: u64| {
        json!({"owner": "x", "started": 1_800_000_000, "expires": expires, "who": "somebody"})
            .to_string()
    };
    block_on(world.cloud.put_parameter(&name, &lock(1_900_000_000), true)).expect("put");
    let outcome = world.run_on(&world.cloud, &plan, &desired, false);
    let failure = outcome.failure().expect("locked");
    assert_eq!(
        (failure.code.as_str(), failure.exit),
        ("locked", Exit::Failed)
    );
    assert!(failure.message.contains("somebody"));
    assert_eq!(outcome.done, []);
    assert_eq!(world.parameter(&name), Some(lock(1_900_000_000)));
    // One that expired counts no more.
    block_on(world.cloud.put_parameter(&name, &lock(1_700_000_000), true)).expect("put");
    worked(&world.run_on(&world.cloud, &plan, &desired, false));
    assert_eq!(world.parameter(&name), None);
}

#[test]
fn who_lost_the_lock_leaves_the_inventory_alone() {
    let world = World::new();
    worked(&world.apply(&changed()));
    let mut fewer = changed();
    let gone = [Kind::Alarm, Kind::EventRule];
    fewer.resources.retain(|r| !gone.contains(&r.id.kind));
    let prune = Options {
        prune: true,
        ..Options::default()
    };
    let plan = world.plan(&fewer, prune).expect("a plan");
    let name = format!("/pipectl/hw/{REGION}/lock");
    let list = format!("/pipectl/hw/dev/{REGION}/inventory");
    let other =
        json!({"owner": "other", "started": 1, "expires": 2_000_000_000, "who": "somebody"})
            .to_string();
    let theirs = json!(["codebuild-project us-east-1 theirs"]).to_string();
    let cloud = world.again();
    let outcome = block_on(run(
        &plan,
        &fewer,
        &world.cloud,
        &world.settings(false),
        &mut |event| {
            // Another apply breaks the lock and writes what it makes.
            if matches!(event, Event::Done { .. }) {
                std::thread::scope(|scope| {
                    scope.spawn(|| {
                        block_on(cloud.put_parameter(&name, &other, true)).expect("put");
                        block_on(cloud.put_parameter(&list, &theirs, true)).expect("put");
                    });
                });
            }
        },
        &CancellationFlag::default(),
    ));
    assert_eq!(outcome.done.len(), plan.changes.len());
    assert_eq!(
        outcome.failure().map(|f| f.code.as_str()),
        Some("lock-lost")
    );
    assert_eq!(world.parameter(&list), Some(theirs));
    assert_eq!(world.parameter(&name), Some(other));
}

#[test]
fn a_plan_that_is_not_admitted_under_the_lock_is_not_done() {
    let world = World::new();
    worked(&world.apply(&desired()));
    let plan = world.plan(&changed(), Options::default()).expect("a plan");
    let text = plan::write_file(&plan, json!({}));
    let file = plan::read_file(&text).expect("a plan");
    let stale = |fresh: &Plan| plan::check_stale(&file, fresh);
    world.drift(Kind::Project, "hw-unit", |r| {
        r.body["timeoutInMinutes"] = json!(7);
    });
    let settings = Settings {
        admit: &stale,
        ..world.settings(false)
    };
    let outcome = block_on(run(
        &plan,
        &changed(),
        &world.cloud,
        &settings,
        &mut |_| {},
        &CancellationFlag::default(),
    ));
    assert_eq!(
        outcome.failure().map(|f| f.code.as_str()),
        Some("stale-plan")
    );
    assert_eq!(outcome.done, []);
    assert_eq!(world.parameter(&format!("/pipectl/hw/{REGION}/lock")), None);
}

#[test]
fn the_lock_outlasts_a_call_that_takes_longer_than_it() {
    let world = World::new();
    let plan = world.plan(&desired(), Options::default()).expect("a plan");
    let name = format!("/pipectl/hw/{REGION}/lock");
    let wait: faulty::Wait<'_> = Box::new(|| {
        Box::pin(async {
            for _ in 0..12 {
                world.clock.sleep(Duration::from_secs(100)).await;
                let mut held = world
                    .cloud
                    .parameters(REGION, std::slice::from_ref(&name), false)
                    .await;
                let held = held.remove(0).expect("an answer").expect("a lock").value;
                let held: Value = serde_json::from_str(&held).expect("JSON");
                assert!(held["expires"].as_u64() > Some(world.clock.now()), "{held}");
            }
        })
    });
    let cloud = FaultyCloud::slow(&world.cloud, "hw-unit", wait);
    worked(&world.run_on(&cloud, &plan, &desired(), false));
}

#[test]
fn a_plan_that_moved_asks_again() {
    let world = World::new();
    worked(&world.apply(&desired()));
    let mut wanted = desired();
    at(&mut wanted, "hw-unit").body["environment"]["image"] = json!("aws/codebuild/standard:7.0");
    let plan = world.plan(&wanted, Options::default()).expect("a plan");
    assert!(plan.needs_confirmation().is_empty());
    world.drift(Kind::Role, "hw-build", |r| r.body["policies"] = json!({}));
    let settings = Settings {
        confirmed: false,
        ..world.settings(false)
    };
    let outcome = block_on(run(
        &plan,
        &wanted,
        &world.cloud,
        &settings,
        &mut |_| {},
        &CancellationFlag::default(),
    ));
    assert_eq!(
        outcome.failure().map(|f| f.code.as_str()),
        Some("plan-moved")
    );
    assert_eq!(outcome.done, []);
    assert_eq!(world.parameter(&format!("/pipectl/hw/{REGION}/lock")), None);
    worked(&world.run_on(&world.cloud, &plan, &wanted, false));
}

#[test]
fn a_plan_file_goes_stale() {
    let world = World::new();
    let plan = world.plan(&desired(), Options::default()).expect("a plan");
    let text = plan::write_file(&plan, json!({"stage": "dev"}));
    assert!(!text.contains("marker-secret"));
    let file = plan::read_file(&text).expect("a plan");
    assert_eq!(file.arguments, json!({"stage": "dev"}));
    plan::check_stale(&file, &plan).expect("fresh");
    let other = world.plan(&changed(), Options::default()).expect("a plan");
    let stale = plan::check_stale(&file, &other).expect_err("stale");
    assert_eq!(
        (stale.code.as_str(), stale.exit),
        ("stale-plan", Exit::Failed)
    );
    assert_eq!(plan::read_file("{}").expect_err("none").code, "not-a-plan");
}

#[test]
fn no_run_stops_the_first_execution() {
    let world = World::new();
    let options = Options {
        no_run: true,
        ..Options::default()
    };
    let outcome = world.apply_with(&desired(), options);
    worked(&outcome);
    assert_eq!(outcome.notes.len(), 1);
    assert!(
        !outcome.notes[0].contains("could not"),
        "{}",
        outcome.notes[0]
    );
    let executions = block_on(world.cloud.executions("hw", 5)).expect("listed");
    assert!(
        executions
            .iter()
            .all(|execution| execution.status != "InProgress")
    );
    assert!(
        world
            .plan(&desired(), Options::default())
            .expect("a plan")
            .is_empty()
    );
}
