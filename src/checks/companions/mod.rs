//! What is made beside pipelines and projects: alarms, topics and who is told, statements of roles.

mod alarm_invalid;
mod allow_invalid;
mod allow_misplaced;
mod email_invalid;
mod topic_invalid;
mod topic_region;

use super::Rule;
use crate::model::{Model, Notify};

/// The rules of this folder.
pub(super) const RULES: &[&Rule] = &[
    &alarm_invalid::RULE,
    &allow_invalid::RULE,
    &allow_misplaced::RULE,
    &email_invalid::RULE,
    &topic_invalid::RULE,
    &topic_region::RULE,
];

/// Of what somebody is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Of {
    /// An event: a rule of EventBridge sends it.
    Event,
    /// An alarm.
    Alarm,
    /// An approval that waits.
    Approval,
}

/// Everybody who is told of something, with the path and of what.
fn told(model: &Model) -> Vec<(String, &Notify, Of)> {
    let events = model.notifications.iter().map(|notification| {
        let path = format!("notifications.{}", notification.event.value);
        (path, &notification.notify, Of::Event)
    });
    let alarms = model.alarms.iter().map(|alarm| {
        let path = format!("{}.notify", alarm.path);
        (path, &alarm.notify, Of::Alarm)
    });
    let pipelines = model.pipelines.iter();
    let stages = pipelines.flat_map(|pipeline| &pipeline.stages);
    let actions = stages.flat_map(|stage| &stage.actions).map(|action| {
        let path = format!("{}.notify", action.path);
        (path, &action.notify, Of::Approval)
    });
    let lists = events.chain(alarms).chain(actions);
    lists
        .flat_map(|(path, list, of)| {
            placed(&path, list)
                .map(move |(path, notify)| (path, notify, of))
                .collect::<Vec<_>>()
        })
        .collect()
}

/// What stands in a list, each with its path; what stands alone needs no list.
fn placed<'l, T>(path: &str, list: &'l [T]) -> impl Iterator<Item = (String, &'l T)> {
    let several = list.len() > 1;
    list.iter().enumerate().map(move |(index, one)| {
        let path = match several {
            true => format!("{path}[{index}]"),
            false => path.to_owned(),
        };
        (path, one)
    })
}
