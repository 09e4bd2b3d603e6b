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
    let mut all = Vec::new();
    for notification in &model.notifications {
        let path = format!("notifications.{}", notification.event.value);
        let notify = notification.notify.iter();
        all.extend(notify.map(|notify| (path.clone(), notify, Of::Event)));
    }
    for alarm in &model.alarms {
        let path = format!("{}.notify", alarm.path);
        let notify = alarm.notify.iter();
        all.extend(notify.map(|notify| (path.clone(), notify, Of::Alarm)));
    }
    let pipelines = model.pipelines.iter();
    let stages = pipelines.flat_map(|pipeline| &pipeline.stages);
    for action in stages.flat_map(|stage| &stage.actions) {
        let path = format!("{}.notify", action.path);
        let notify = action.notify.iter();
        all.extend(notify.map(|notify| (path.clone(), notify, Of::Approval)));
    }
    all
}
