//! Topics, their policies and subscriptions.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::json::Object;
use super::policies::document;
use super::{Facts, Output, names};
use crate::catalog::companions::companions;
use crate::catalog::template;
use crate::model::{Model, Notify};
use crate::resources::{Id, Kind, Resource};

/// The made topics and who publishes to which topic.
#[derive(Default)]
pub(super) struct Topics {
    /// (region, name) → addresses.
    made: BTreeMap<(String, String), BTreeSet<String>>,
    /// ARN → keys of `companions().publishers`.
    publishers: BTreeMap<String, BTreeSet<&'static str>>,
}

impl Topics {
    /// The ARN of the topic that `notify` means. `about` names a made one that has no name; one for a single address
    /// is named after it, so that its owner confirms one subscription only.
    pub(super) fn ask(
        &mut self,
        model: &Model,
        facts: &Facts,
        notify: &Notify,
        about: &str,
        region: &str,
        publisher: Option<&'static str>,
    ) -> String {
        let service = &model.service.value;
        let arn = match notify {
            Notify::Topic(topic) => facts.given_topic(topic, region),
            Notify::Email(address) => {
                let name = names::topic(service, &names::address(&address.value));
                self.make(facts, region, name, [address.value.clone()])
            }
            Notify::Made { name, emails, .. } => {
                let name = match name {
                    Some(name) => name.value.clone(),
                    None => names::topic(service, about),
                };
                let emails = emails.iter().map(|email| email.value.clone());
                self.make(facts, region, name, emails)
            }
        };
        if let Some(publisher) = publisher {
            self.publishers
                .entry(arn.clone())
                .or_default()
                .insert(publisher);
        }
        arn
    }

    /// One topic for several addresses.
    pub(super) fn ask_for_all(
        &mut self,
        model: &Model,
        facts: &Facts,
        addresses: impl IntoIterator<Item = String>,
        about: &str,
        region: &str,
    ) -> String {
        let name = names::topic(&model.service.value, about);
        self.make(facts, region, name, addresses)
    }

    fn make(
        &mut self,
        facts: &Facts,
        region: &str,
        name: String,
        addresses: impl IntoIterator<Item = String>,
    ) -> String {
        let arn = facts.arn("sns", region, &name);
        self.made
            .entry((region.to_owned(), name))
            .or_default()
            .extend(addresses);
        arn
    }

    /// The id of a made topic.
    pub(super) fn id(&self, facts: &Facts, arn: &str) -> Option<Id> {
        self.made
            .keys()
            .find(|(region, name)| facts.arn("sns", region, name) == arn)
            .map(|(region, name)| Id::new(Kind::Topic, region.clone(), name.clone()))
    }

    /// Topics and subscriptions as resources.
    pub(super) fn finish(self, facts: &Facts, out: &mut Output<'_>) {
        for ((region, name), addresses) in &self.made {
            let arn = facts.arn("sns", region, name);
            let publishers = self.publishers.get(&arn);
            let mut body = Object::new();
            body.set("name", name.clone()).set(
                "policy",
                policy(facts, &arn, region, publishers.into_iter().flatten()),
            );
            let id = Id::new(Kind::Topic, region.clone(), name.clone());
            out.add(Resource::new(id.clone(), body.done()));
            for address in addresses {
                let body = json!({"topicArn": arn, "protocol": "email", "endpoint": address});
                let name = format!("{name} email {address}");
                let id_of = Id::new(Kind::Subscription, region.clone(), name);
                let mut resource = Resource::new(id_of, body);
                resource.depends.push(id.clone());
                out.add(resource);
            }
        }
    }
}

fn policy<'k>(
    facts: &Facts,
    arn: &str,
    region: &str,
    publishers: impl Iterator<Item = &'k &'static str>,
) -> Value {
    let root = format!("arn:{}:iam::{}:root", facts.partition, facts.account);
    let mut statements = vec![json!({
        "Sid": "Owner",
        "Effect": "Allow",
        "Principal": {"AWS": root},
        "Action": companions().topic_owner_actions,
        "Resource": arn,
    })];
    let lookup = |name: &str| {
        Some(vec![match name {
            "P" => facts.partition.clone(),
            "A" => facts.account.clone(),
            "R" => region.to_owned(),
            _ => return None,
        }])
    };
    for key in publishers {
        let Some(publisher) = companions().publishers.get(*key) else {
            continue;
        };
        let condition = publisher.condition.as_ref();
        let mut statement = Object::new();
        statement
            .set(
                "Sid",
                format!("From{}{}", key[..1].to_uppercase(), &key[1..]),
            )
            .set("Effect", "Allow")
            .set("Principal", json!({"Service": publisher.principal}))
            .set("Action", "sns:Publish")
            .set("Resource", arn)
            .some(
                "Condition",
                condition.and_then(|c| template::render_json(c, &lookup).ok()),
            );
        statements.push(statement.done());
    }
    document(statements)
}
