//! One pipeline out of several: what it uses, and what starts it.

use std::collections::BTreeSet;

use super::Compiled;
use crate::resources::{Desired, Id, Kind, Resource};

/// The identities of a pipeline, of what it uses, directly or not, and of what acts on it alone.
pub(super) fn reach(resources: &[&Resource], pipeline: &str) -> BTreeSet<Id> {
    let find = |id: &Id| resources.iter().find(|resource| resource.id == *id);
    let mut open: Vec<Id> = resources
        .iter()
        .map(|resource| &resource.id)
        .filter(|id| id.kind == Kind::Pipeline && id.name == pipeline)
        .cloned()
        .collect();
    let acting: Vec<Id> = resources
        .iter()
        .filter(|resource| resource.depends.iter().any(|id| open.contains(id)))
        .map(|resource| resource.id.clone())
        .collect();
    open.extend(acting);
    let mut reached = BTreeSet::new();
    while let Some(id) = open.pop() {
        if let Some(resource) = find(&id) {
            open.extend(
                resource
                    .depends
                    .iter()
                    .filter(|d| !reached.contains(*d))
                    .cloned(),
            );
        }
        reached.insert(id);
    }
    // a subscription belongs to its topic
    let of_topics: Vec<Id> = resources
        .iter()
        .filter(|resource| resource.id.kind == Kind::Subscription)
        .filter(|resource| resource.depends.iter().any(|id| reached.contains(id)))
        .map(|resource| resource.id.clone())
        .collect();
    reached.extend(of_topics);
    reached
}

impl Compiled {
    /// The desired state of one pipeline, what it uses and what starts it; `None` if there is no such pipeline.
    pub fn only(&self, pipeline: &str) -> Option<Desired> {
        let all: Vec<&Resource> = self.desired.resources.iter().collect();
        let reached = reach(&all, pipeline);
        if reached.is_empty() {
            return None;
        }
        let mut desired = self.desired.clone();
        desired
            .resources
            .retain(|resource| reached.contains(&resource.id));
        desired.only_pipeline = Some(pipeline.to_owned());
        Some(desired)
    }
}
