//! The roles that are made.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::json::{self, Object};
use super::policies::{self, Pending};
use super::{Facts, Output, overflow};
use crate::catalog::iam::{self, Role};
use crate::catalog::template;
use crate::diagnostic::Diagnostic;
use crate::model::{MadeRole, Model, Statement};
use crate::resources::{Id, Kind, Resource};
use crate::source::Span;

/// The made roles of a run, by name. One name given twice is one role that both may take on.
#[derive(Default)]
pub(super) struct Roles {
    made: BTreeMap<String, Made>,
}

/// A role in the making.
struct Made {
    description: String,
    trusts: BTreeMap<&'static str, Trust>,
    statements: Vec<Pending>,
    denials: Vec<Pending>,
    allow: Vec<Value>,
    asked: usize,
    self_updates: usize,
    depends: BTreeSet<Id>,
    /// Where the file speaks of it first, and last for a self-update.
    place: Place,
    of_self_update: Option<Place>,
    /// Where the file wants the trust to be narrow.
    narrow: Option<Span>,
    /// The longest statement of the file, and its characters.
    longest: Option<(u64, Span)>,
}

/// Where findings about a role point.
#[derive(Clone)]
struct Place {
    span: Span,
    path: String,
}

/// Who takes a role on: one statement for each principal.
struct Trust {
    action: &'static str,
    condition: Value,
    /// ARNs of the only resources it may be taken on for.
    sources: Option<BTreeSet<String>>,
}

/// What a role is for, when it is asked for.
pub(super) struct Ask<'a> {
    /// The kind, for the trust.
    pub(super) kind: Role,
    /// The name.
    pub(super) name: String,
    /// Whether it is for the stage that brings the pipeline up to date.
    pub(super) self_update: bool,
    /// What it is for, in words.
    pub(super) description: String,
    /// The pipeline or project that takes it on, for the narrower trust.
    pub(super) of: &'a str,
    /// The region of that.
    pub(super) region: &'a str,
    /// What the file says of it.
    pub(super) made: Option<&'a MadeRole>,
    /// Where findings about it point, if the file does not describe it.
    pub(super) span: Span,
    /// The path of that.
    pub(super) path: String,
}

impl Ask<'_> {
    /// Where findings about the role point: to its name, or to what describes it.
    fn place(&self) -> Place {
        match self.made {
            Some(made) => Place {
                span: made.name.as_ref().map_or(made.span, |name| name.span),
                path: made.path.clone(),
            },
            None => Place {
                span: self.span,
                path: self.path.clone(),
            },
        }
    }
}

impl Roles {
    /// Asks for a role; the answer is its ARN.
    pub(super) fn ask(&mut self, facts: &Facts, ask: Ask<'_>) -> String {
        let arn = facts.role_arn(&ask.name);
        let place = ask.place();
        let made = self.made.entry(ask.name).or_insert_with(|| Made {
            description: ask.description,
            trusts: BTreeMap::new(),
            statements: Vec::new(),
            denials: Vec::new(),
            allow: Vec::new(),
            asked: 0,
            self_updates: 0,
            depends: BTreeSet::new(),
            place: place.clone(),
            of_self_update: None,
            narrow: None,
            longest: None,
        });
        made.asked += 1;
        if ask.self_update {
            made.self_updates += 1;
            made.of_self_update = Some(place);
        } else if made.asked == made.self_updates + 1 {
            // who else takes it on stands first
            made.place = place;
        }
        made.narrow = made.narrow.or(ask.made.and_then(|role| role.source_arn));
        let lookup = |name: &str| {
            Some(vec![match name {
                "P" => facts.partition.clone(),
                "A" => facts.account.clone(),
                "R" => ask.region.to_owned(),
                "pipeline" | "project" => ask.of.to_owned(),
                _ => return None,
            }])
        };
        if let Some(trust) = iam::trust(ask.kind) {
            let rendered =
                |value: &Value| template::render_json(value, &lookup).unwrap_or_default();
            let narrower = trust
                .narrower
                .as_ref()
                .filter(|_| ask.made.is_some_and(|made| made.source_arn.is_some()))
                .map(|narrower| rendered(narrower)["ArnLike"]["aws:SourceArn"].clone())
                .and_then(|arn| arn.as_str().map(str::to_owned));
            let entry = made
                .trusts
                .entry(&trust.principal)
                .or_insert_with(|| Trust {
                    action: &trust.action,
                    condition: rendered(&trust.condition),
                    sources: narrower.is_some().then(BTreeSet::new),
                });
            match (narrower, &mut entry.sources) {
                (Some(arn), Some(sources)) => {
                    sources.insert(arn);
                }
                // somebody takes it on without being named: then nobody can be named
                (None, sources) => *sources = None,
                (Some(_), None) => {}
            }
        }
        if let Some(file) = ask.made {
            made.add(&file.allow);
        }
        arn
    }

    /// Adds statements to a made role; roles that are given are left alone.
    pub(super) fn allow(&mut self, facts: &Facts, arn: &str, statements: Vec<Pending>) {
        if let Some(made) = self.by_arn(facts, arn) {
            made.statements.extend(statements);
        }
    }

    /// Adds denials to a made role.
    pub(super) fn deny(&mut self, facts: &Facts, arn: &str, statements: Vec<Pending>) {
        if let Some(made) = self.by_arn(facts, arn) {
            made.denials.extend(statements);
        }
    }

    /// Adds what the file allows in addition.
    pub(super) fn extra(&mut self, facts: &Facts, arn: &str, allow: &[Statement]) {
        if let Some(made) = self.by_arn(facts, arn) {
            made.add(allow);
        }
    }

    /// Whether the ARN is one of a made role.
    pub(super) fn is_made(&self, facts: &Facts, arn: &str) -> bool {
        self.made.keys().any(|name| facts.role_arn(name) == arn)
    }

    /// ARNs of all made roles.
    pub(super) fn arns(&self, facts: &Facts) -> Vec<String> {
        self.made.keys().map(|name| facts.role_arn(name)).collect()
    }

    /// ARNs of those that are no self-update's.
    pub(super) fn ordinary(&self, facts: &Facts) -> Vec<String> {
        self.made
            .iter()
            .filter(|(_, made)| made.self_updates == 0)
            .map(|(name, _)| facts.role_arn(name))
            .collect()
    }

    /// Names of those that need managed policies, as far as their statements stand.
    pub(super) fn large(&self) -> BTreeSet<String> {
        let large = self.made.iter().filter(|(_, made)| {
            let apart = made.statements.iter().chain(&made.denials);
            if policies::surely_fits(apart, &made.allow) {
                return false;
            }
            let all = policies::merge(made.statements.clone());
            let denials = policies::merge(made.denials.clone());
            let all: Vec<Pending> = all.into_iter().chain(denials).collect();
            policies::inline(&all, &made.allow).too_large.is_some()
        });
        large.map(|(name, _)| name.clone()).collect()
    }

    /// The id of a made role.
    pub(super) fn id(&self, facts: &Facts, arn: &str) -> Option<Id> {
        self.made
            .keys()
            .find(|name| facts.role_arn(name) == arn)
            .map(|name| Id::new(Kind::Role, facts.region.clone(), name.clone()))
    }

    fn by_arn(&mut self, facts: &Facts, arn: &str) -> Option<&mut Made> {
        self.made
            .iter_mut()
            .find(|(name, _)| facts.role_arn(name) == arn)
            .map(|(_, made)| made)
    }

    /// The roles as resources.
    pub(super) fn finish(self, model: &Model, facts: &Facts, out: &mut Output<'_>) {
        for (name, made) in self.made {
            let allowed = policies::merge(made.statements);
            let denied = policies::merge(made.denials);
            let fitted = overflow::fit(&name, &allowed, &denied, &made.allow);
            let fitted = fitted.unwrap_or_else(|too_large| {
                let Place { span, path } = &made.place;
                let finding = too_large.finding(&name, *span, path);
                out.diagnostics.push(match made.longest {
                    Some((size, span)) => finding.related(
                        span,
                        format!("a statement of {size} characters that the file adds"),
                    ),
                    None => finding,
                });
                overflow::Fitted::empty()
            });
            out.explain.extend(fitted.explain);
            if made.self_updates > 0 && made.asked > made.self_updates {
                let own = made.of_self_update.as_ref().unwrap_or(&made.place);
                out.diagnostics.push(
                    Diagnostic::error(
                        "name-taken",
                        own.span,
                        own.path.clone(),
                        format!("The role `{name}` would let others do what only the self-update may"),
                    )
                    .label("the role of the self-update")
                    .related(made.place.span, "others work with it, too")
                    .help("give `selfUpdate` a role of another name, or none: then it has one of its own"),
                );
            }
            let boundary = model.provider.permissions_boundary.as_ref();
            let trust = made
                .trusts
                .iter()
                .map(|(principal, trust)| trust.json(principal));
            let trust = policies::document(trust.collect());
            let limit = iam::limits().trust_policy.max;
            let size: u64 = iam::policy_size(&trust);
            if size > limit {
                out.diagnostics.push(
                    Diagnostic::error(
                        "policy-too-large",
                        made.narrow.unwrap_or(made.place.span),
                        match made.narrow {
                            Some(_) => format!("{}.sourceArn", made.place.path),
                            None => made.place.path.clone(),
                        },
                        format!("The role `{name}` needs {size} characters to say who may take it on, and IAM takes {limit}"),
                    )
                    .label(match made.narrow {
                        Some(_) => "names each pipeline and build",
                        None => "too many share it",
                    })
                    .help("let fewer share it, or leave `sourceArn` out: then any pipeline or build of the account may take it on"),
                );
            }
            let mut body = Object::new();
            body.set("roleName", name.clone())
                .set("description", made.description)
                .set("assumeRolePolicyDocument", trust)
                .set("maxSessionDuration", iam::limits().session_seconds.default)
                .some(
                    "permissionsBoundary",
                    boundary.map(|b| facts.boundary_arn(b)),
                )
                .set("policies", fitted.policies)
                .list("managedPolicies", fitted.managed);
            let id = Id::new(Kind::Role, facts.region.clone(), name);
            let mut resource = Resource::new(id, body.done());
            resource.depends = made.depends.into_iter().collect();
            out.add(resource);
        }
    }
}

impl Made {
    fn add(&mut self, allow: &[Statement]) {
        for statement in allow {
            let mut value = json::plain(&statement.node);
            if let Some(map) = value.as_object_mut() {
                map.entry("Effect").or_insert_with(|| Value::from("Allow"));
            }
            if self.allow.contains(&value) {
                continue;
            }
            let size = iam::policy_size(&value);
            if self.longest.is_none_or(|(longest, _)| size > longest) {
                self.longest = Some((size, statement.node.span));
            }
            self.allow.push(value);
        }
    }
}

impl Trust {
    fn json(&self, principal: &str) -> Value {
        let mut condition = self.condition.clone();
        if let Some(sources) = self.sources.as_ref().filter(|sources| !sources.is_empty()) {
            let sources: Vec<&String> = sources.iter().collect();
            json::merge(
                &mut condition,
                serde_json::json!({"ArnLike": {"aws:SourceArn": sources}}),
            );
        }
        serde_json::json!({
            "Effect": "Allow",
            "Principal": {"Service": principal},
            "Action": self.action,
            "Condition": condition,
        })
    }
}

impl Facts {
    /// The ARN of the permissions boundary.
    pub(super) fn boundary_arn(&self, boundary: &crate::model::Text) -> String {
        if !boundary.known || boundary.value.starts_with("arn:") {
            boundary.value.clone()
        } else {
            self.arn("iam", "", &format!("policy/{}", boundary.value))
        }
    }
}
