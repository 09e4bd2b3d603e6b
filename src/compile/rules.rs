//! EventBridge rules: changes of sources, schedules, notifications.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::json::Object;
use super::permissions::{account_value, rendered};
use super::policies::Pending;
use super::roles::{Ask, Roles};
use super::topics::Topics;
use super::{Output, Run, configuration, configured, kind, names};
use crate::catalog::actions::{ActionType, DetectionWay};
use crate::catalog::companions::{self, NotificationOf, companions};
use crate::catalog::iam::{self, Role};
use crate::catalog::{structure, template, when};
use crate::model::{Action, Given, MadeRole, Notification, Pipeline};
use crate::resources::{Id, Kind, Resource};

/// Rules as resources; the answer is the buckets that must send events.
pub(super) fn compile(
    run: &Run<'_>,
    roles: &mut Roles,
    topics: &mut Topics,
    out: &mut Output<'_>,
) -> BTreeSet<String> {
    let mut buckets = BTreeSet::new();
    for (at, pipeline) in run.model.pipelines.iter().enumerate() {
        for action in detected(pipeline) {
            source(run, at, action, roles, &mut buckets, out);
        }
        for (number, schedule) in pipeline.schedules.iter().enumerate() {
            let about = match number {
                0 => "schedule".to_owned(),
                _ => format!("schedule-{}", number + 1),
            };
            let mut body = Object::new();
            body.set("Name", names::rule(&pipeline.name.value, &about))
                .set(
                    "Description",
                    format!("Starts {} at its time", pipeline.name.value),
                )
                .set("ScheduleExpression", schedule.value.clone());
            start(run, pipeline, body, roles, out);
        }
    }
    notifications(run, topics, out);
    buckets
}

/// The source actions of which a rule tells changes.
fn detected(pipeline: &Pipeline) -> impl Iterator<Item = &Action> {
    pipeline
        .stages
        .iter()
        .flat_map(|stage| &stage.actions)
        .filter(|action| !action.raw && action.category.value == "Source")
        .filter(|action| {
            action
                .detect
                .as_ref()
                .is_none_or(|way| way.value == "events")
        })
}

/// The type of a source action, if its changes are detected that way.
pub(super) fn detected_by(action: &Action, way: DetectionWay) -> Option<&'static ActionType> {
    let kind = kind(action)?;
    let detection = kind.effects().change_detection.as_ref()?;
    (detection.by == way).then_some(kind)
}

fn source(
    run: &Run<'_>,
    at: usize,
    action: &Action,
    roles: &mut Roles,
    buckets: &mut BTreeSet<String>,
    out: &mut Output<'_>,
) {
    let Some(kind) = detected_by(action, DetectionWay::EventBridge) else {
        return;
    };
    let polled = kind
        .polling_key
        .as_ref()
        .and_then(|key| configuration(action, key))
        .is_some_and(|value| value.value == "true");
    if polled {
        return;
    }
    let pipeline = &run.model.pipelines[at];
    let facts = run.facts;
    let given = when::Given {
        config: configured(&action.configuration),
        ..when::Given::default()
    };
    let lookup = |name: &str| account_value(facts, &facts.region, name);
    let Ok(Some(pattern)) = kind.event_pattern(&given, &lookup) else {
        return;
    };
    let mut body = Object::new();
    body.set(
        "Name",
        names::rule(&pipeline.name.value, &action.name.value),
    )
    .set(
        "Description",
        format!(
            "Starts {} when {} changes",
            pipeline.name.value, action.name.value
        ),
    )
    .set("EventPattern", pattern);
    let rule = start(run, pipeline, body, roles, out);
    let events = kind.effects().change_detection.as_ref();
    if !events.is_some_and(|detection| detection.bucket_events) {
        return;
    }
    let Some(bucket) = configuration(action, "S3Bucket") else {
        return;
    };
    let bucket = names::after(&bucket.value, ":::").to_owned();
    let ours = run
        .stores
        .iter()
        .flat_map(|stores| stores.by_region.values())
        .any(|store| store.made.is_some() && store.bucket == bucket);
    if !ours {
        let id = Id::new(Kind::BucketEvents, facts.region.clone(), bucket.clone());
        let body = json!({"bucket": bucket, "eventBridge": true});
        out.add(Resource::new(id.clone(), body));
        if let Some(rule) = out.resources.get_mut(&rule) {
            rule.depends.push(id);
        }
    }
    buckets.insert(bucket);
}

/// Adds a rule that starts a pipeline.
fn start(
    run: &Run<'_>,
    pipeline: &Pipeline,
    mut body: Object,
    roles: &mut Roles,
    out: &mut Output<'_>,
) -> Id {
    let facts = run.facts;
    let role = role(run, pipeline, roles, out);
    let target = json!([{
        "Id": "pipeline",
        "Arn": facts.pipeline_arn(&pipeline.name.value),
        "RoleArn": role,
    }]);
    body.set("State", "ENABLED").set("Targets", target);
    let of = Id::new(
        Kind::Pipeline,
        facts.region.clone(),
        pipeline.name.value.clone(),
    );
    let mut depends = vec![of];
    depends.extend(roles.id(facts, &role));
    add(&facts.region, body, depends, out)
}

fn add(region: &str, body: Object, depends: Vec<Id>, out: &mut Output<'_>) -> Id {
    let body = body.done();
    let name = body["Name"].as_str().unwrap_or_default().to_owned();
    let id = Id::new(Kind::EventRule, region, name);
    let mut resource = Resource::new(id.clone(), body);
    resource.depends = depends;
    out.add(resource);
    id
}

/// The role by which EventBridge starts pipelines: one for the service.
fn role(run: &Run<'_>, pipeline: &Pipeline, roles: &mut Roles, out: &mut Output<'_>) -> String {
    let facts = run.facts;
    let made: Option<&MadeRole> = match &run.model.provider.events_role {
        Some(Given::Existing(role)) => return facts.given_role(role),
        Some(Given::Made(made)) => Some(made),
        None => None,
    };
    let service = &run.model.service.value;
    let name = made.and_then(|made| made.name.as_ref()).map_or_else(
        || names::role(service, "events", &facts.region),
        |name| name.value.clone(),
    );
    let ask = Ask {
        kind: Role::Events,
        name,
        self_update: false,
        description: format!("Starts the pipelines of {service}"),
        of: &pipeline.name.value,
        region: &facts.region,
        made,
        span: pipeline.place(),
        path: pipeline.path.clone(),
    };
    let arn = roles.ask(facts, ask);
    let lookup = |name: &str| match name {
        "pipeline" => Some(vec![pipeline.name.value.clone()]),
        _ => account_value(facts, &facts.region, name),
    };
    let statements = iam::statements(Role::Events, &when::Given::default(), &lookup);
    let list = rendered(statements, pipeline.place(), &pipeline.path, out)
        .into_iter()
        .map(|statement| Pending::allow(statement, &pipeline.name.value))
        .collect();
    roles.allow(facts, &arn, list);
    arn
}

fn notifications(run: &Run<'_>, topics: &mut Topics, out: &mut Output<'_>) {
    for notification in &run.model.notifications {
        let Some(known) = companions().notifications.get(&notification.event.value) else {
            continue;
        };
        if notification.notify.is_empty() {
            continue;
        }
        for (region, subjects) in subjects(run, known.of) {
            tell(run, notification, known, region, &subjects, topics, out);
        }
    }
}

/// The names of what a notification is about, by region: a build sends its events to the one that it runs in.
fn subjects<'r>(run: &'r Run<'_>, of: NotificationOf) -> BTreeMap<&'r str, BTreeSet<&'r str>> {
    let mut subjects: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let mut add = |region, name| {
        subjects.entry(region).or_default().insert(name);
    };
    match of {
        NotificationOf::Projects => {
            for project in &run.model.projects {
                add(run.region_of(project), &project.name.value);
            }
        }
        NotificationOf::Pipelines => {
            for pipeline in &run.model.pipelines {
                add(&run.facts.region, &pipeline.name.value);
            }
        }
    }
    subjects
}

/// The rules of a notification in one region: one, and more of them where it is about more, or tells more topics, than
/// one takes.
fn tell(
    run: &Run<'_>,
    notification: &Notification,
    known: &companions::Notification,
    region: &str,
    subjects: &BTreeSet<&str>,
    topics: &mut Topics,
    out: &mut Output<'_>,
) {
    let (facts, model) = (run.facts, run.model);
    let event = &notification.event.value;
    let mut arns: Vec<String> = Vec::new();
    for notify in &notification.notify {
        let arn = topics.ask(model, facts, notify, event, region, Some("events"));
        if !arns.contains(&arn) {
            arns.push(arn);
        }
    }
    for (part, pattern) in patterns(known, subjects).into_iter().enumerate() {
        let about = names::part(event, "", part);
        for (part, arns) in names::parts(&arns, &event_rules().targets) {
            let targets: Vec<Value> = arns
                .iter()
                .enumerate()
                .map(|(number, arn)| {
                    json!({
                        "Id": format!("topic{}", number + 1),
                        "Arn": arn,
                        "InputTransformer": {
                            "InputPathsMap": known.paths,
                            "InputTemplate": known.template,
                        },
                    })
                })
                .collect();
            let name = names::rule(&model.service.value, &names::part(&about, "-to", part));
            let mut body = Object::new();
            body.set("Name", name)
                .set("Description", format!("Tells that {}", known.what))
                .set("EventPattern", pattern.clone())
                .set("State", "ENABLED")
                .set("Targets", targets);
            let depends = arns.iter().filter_map(|arn| topics.id(facts, arn));
            add(region, body, depends.collect(), out);
        }
    }
}

/// Patterns that name every subject, each with as many as one holds. The subjects are in the order of their names, so
/// that a new one changes what the rules behind it say and none of their names.
fn patterns(known: &companions::Notification, subjects: &BTreeSet<&str>) -> Vec<Value> {
    let render = |subjects: &[&str]| {
        let names = || subjects.iter().map(|name| (*name).to_owned()).collect();
        template::render_json(&known.pattern, &|name: &str| {
            (name == known.of.placeholder()).then(names)
        })
        .ok()
    };
    let fits = |subjects: &[&str]| {
        let length = render(subjects).map_or(0, |pattern| pattern.to_string().chars().count());
        event_rules().pattern.allows(length as u64)
    };
    let mut parts: Vec<Vec<&str>> = Vec::new();
    for subject in subjects {
        if let Some(last) = parts.last_mut() {
            last.push(subject);
            if fits(last) {
                continue;
            }
            last.pop();
        }
        parts.push(vec![subject]);
    }
    parts.iter().filter_map(|part| render(part)).collect()
}

fn event_rules() -> &'static structure::EventRules {
    &structure::structure().event_rules
}
