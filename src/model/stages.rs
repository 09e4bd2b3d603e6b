//! Stages, and `actions` with `needs`.

use crate::catalog::structure;
use crate::diagnostic::{Diagnostic, Key};
use crate::source::Span;
use crate::tree::{Data, Entry, Node};

use super::actions::Place;
use super::decode::{Item, Map, items_of, nearest, one_of, unseen, wrong_kind};
use super::lists::{readable, too_many};
use super::names;
use super::raw;
use super::root::{Decoder, Scope};
use super::types::{Action, Stage, Text, Transition};

const KINDS: [&str; 13] = [
    "unit",
    "integration",
    "test",
    "build",
    "commands",
    "approval",
    "selfUpdate",
    "deploy",
    "invoke",
    "scan",
    "image",
    "actions",
    "definition",
];
/// Kinds that say everything by their word.
const BARE: [&str; 2] = ["selfUpdate", "approval"];

/// Which name a thing got, and whether the file says it.
struct Named {
    name: Text,
    said: bool,
}

/// An action of `actions` before its order is known.
struct Step {
    action: Action,
    needs: Vec<Text>,
    span: Span,
}

impl Decoder<'_> {
    /// The stages of a pipeline, after the sources.
    pub(super) fn stages(&mut self, items: &[Item<'_>], scope: &Scope) -> Vec<Stage> {
        let mut names: Vec<(String, Text)> = Vec::new();
        let quotas = structure::quotas();
        let mut stages: Vec<Stage> = Vec::new();
        let mut actions = 0;
        for item in readable(items, &quotas.stages, self.out) {
            if too_many(actions, &quotas.actions_per_pipeline, item, self.out) {
                break;
            }
            let stage = self.stage(item, scope, &mut names);
            actions += stage.as_ref().map_or(0, |stage| stage.actions.len());
            stages.extend(stage);
        }
        stages
    }

    fn stage(
        &mut self,
        item: &Item<'_>,
        scope: &Scope,
        names: &mut Vec<(String, Text)>,
    ) -> Option<Stage> {
        let Item { path, node, owner } = item;
        if let Some(word) = self.bare_word(node, path)? {
            let name = self.name(None, word, node.span, path, names, "stage").name;
            let place = Place {
                stage: name.clone(),
                several: false,
                path: format!("{path}.{word}"),
                span: node.span,
                scope,
            };
            let action = self.action(word, None, name.clone(), &place);
            return Some(blank_stage(
                name,
                node.span,
                path,
                action.into_iter().collect(),
            ));
        }
        let mut map = Map::open(node, path, *owner, self.out)?;
        let name = map.text("name", self.out);
        let kind = map.kind(&KINDS, "the stage", self.out);
        let before_entry = self.condition(&mut map, "beforeEntry");
        let on_success = self.condition(&mut map, "onSuccess");
        let on_failure = self.condition(&mut map, "onFailure");
        let transition = self.transition(&mut map);
        let api = map.value("api", self.out).cloned();
        map.hint(
            "needs",
            "stages run one after the other; `needs` stands in the items of `actions`",
        );
        map.hint(
            "input",
            "it is an option of the action and stands inside the kind",
        );
        map.hint(
            "output",
            "it is an option of the action and stands inside the kind",
        );
        map.hint("run", "it stands inside the kind, e.g. `build: {run: …}`");
        map.hint("timeout", "it stands inside the kind");
        map.hint(
            "env",
            "it stands inside the kind, e.g. `build: {run: …, env: …}`",
        );
        map.finish(self.out);
        let kind = kind?;
        let mut stage = if kind.key == "definition" {
            self.raw_stage(kind, name, path)?
        } else {
            let said = self.name(name, &kind.key, kind.key_span, path, names, "stage");
            if kind.key == "actions" && !said.said {
                self.out.push(
                    Diagnostic::error(
                        "key-missing",
                        kind.key_span,
                        path,
                        "a stage of several actions needs `name`",
                    )
                    .label("without `name`")
                    .help("write `name: …` before `actions`"),
                );
            }
            let actions = self.stage_actions(kind, &said.name, path, scope);
            blank_stage(said.name, kind.key_span, path, actions)
        };
        stage.before_entry = before_entry.or(stage.before_entry);
        stage.on_success = on_success.or(stage.on_success);
        stage.on_failure = on_failure.or(stage.on_failure);
        stage.transition = transition;
        stage.api = api;
        Some(stage)
    }

    /// The word of an item that is one; `None` if the item is nothing (reported), `Some(None)` if it is a map.
    fn bare_word(&mut self, node: &Node, path: &str) -> Option<Option<&'static str>> {
        match &node.data {
            Data::Map(_) => Some(None),
            Data::Text(word) => {
                if let Some(bare) = BARE.iter().find(|bare| *bare == word) {
                    return Some(Some(bare));
                }
                if KINDS.contains(&word.as_str()) {
                    self.out.push(
                        Diagnostic::error(
                            "value-empty",
                            node.span,
                            path,
                            format!("`{word}` says nothing to do"),
                        )
                        .label("nothing to do")
                        .help(format!("give it a value, e.g. `{word}: ./{word}.sh`"))
                        .through(node.origin.as_ref()),
                    );
                    return None;
                }
                let near = nearest(word, KINDS);
                self.out.push(
                    Diagnostic::error(
                        "key-unknown",
                        node.span,
                        path,
                        format!("there is no stage kind `{word}`"),
                    )
                    .label("unknown kind")
                    .help(match near {
                        Some(kind) => format!("did you mean `{kind}`?"),
                        None => format!("a stage is {}", one_of(KINDS)),
                    })
                    .key(Key::like(near))
                    .through(node.origin.as_ref()),
                );
                None
            }
            _ if unseen(node, path, self.out) => None,
            _ => {
                self.out.push(wrong_kind(
                    node,
                    path,
                    "a stage: a map with one kind, or `selfUpdate` or `approval`",
                ));
                None
            }
        }
    }

    /// The name of a stage or action: as said, or that of its kind, which only one can have.
    fn name(
        &mut self,
        said: Option<Text>,
        kind: &str,
        span: Span,
        path: &str,
        names: &mut Vec<(String, Text)>,
        what: &str,
    ) -> Named {
        if let Some(name) = said {
            return Named { name, said: true };
        }
        let name = Text::new(names::default_name(kind), span);
        if let Some((_, first)) = names.iter().find(|(other, _)| other == kind) {
            self.out.push(
                Diagnostic::error(
                    "key-missing",
                    span,
                    path,
                    format!("a second {what} `{kind}` needs `name`"),
                )
                .label("has the same name as the first")
                .related(first.span, format!("the first is called {}", first.value))
                .help("write `name: …` before the kind"),
            );
        } else {
            names.push((kind.to_owned(), name.clone()));
            return Named { name, said: false };
        }
        // Reported once is enough: what follows sees a name of its own.
        let name = Text {
            value: format!("{}{}", name.value, span.start()),
            ..name
        };
        Named { name, said: false }
    }

    fn stage_actions(
        &mut self,
        kind: &Entry,
        stage: &Text,
        path: &str,
        scope: &Scope,
    ) -> Vec<Action> {
        let path = format!("{path}.{}", kind.key);
        if kind.key == "actions" {
            return self.several(kind, stage, &path, scope);
        }
        let place = Place {
            stage: stage.clone(),
            several: false,
            path,
            span: kind.key_span,
            scope,
        };
        self.action(&kind.key, Some(kind), stage.clone(), &place)
            .into_iter()
            .collect()
    }

    /// One action of a kind; `entry` is absent for a bare word.
    fn action(
        &mut self,
        kind: &str,
        entry: Option<&Entry>,
        name: Text,
        place: &Place<'_>,
    ) -> Option<Action> {
        if let Some(entry) = entry.filter(|entry| entry.value.is_null()) {
            let mut error = wrong_kind(&entry.value, &place.path, "given");
            error.span = entry.key_span;
            if BARE.contains(&kind) {
                error.help = Some(format!("write the bare word: `- {kind}`"));
            }
            self.out.push(error);
            return None;
        }
        match (kind, entry) {
            ("approval", _) => self.approval(entry, name, place),
            ("selfUpdate", _) => self.self_update(entry, name, place),
            (_, None) => None,
            ("deploy", Some(entry)) => self.deploy(entry, name, place),
            ("invoke", Some(entry)) => self.grouped("invoke", entry, name, place),
            ("scan", Some(entry)) => self.single("inspector-scan", entry, name, place),
            ("image", Some(entry)) => self.single("ecr-build-publish", entry, name, place),
            ("commands", Some(entry)) => self.commands(entry, name, place),
            (_, Some(entry)) => self.build(entry, name, place),
        }
    }

    fn several(&mut self, kind: &Entry, stage: &Text, path: &str, scope: &Scope) -> Vec<Action> {
        let mut list: Vec<Step> = Vec::new();
        let mut names: Vec<(String, Text)> = Vec::new();
        let items = items_of(kind, path, false, self.out);
        for item in readable(&items, &structure::quotas().actions_per_stage, self.out) {
            list.extend(self.step(item, stage, scope, &mut names));
        }
        self.order(&mut list, path);
        list.into_iter().map(|item| item.action).collect()
    }

    fn step(
        &mut self,
        item: &Item<'_>,
        stage: &Text,
        scope: &Scope,
        names: &mut Vec<(String, Text)>,
    ) -> Option<Step> {
        let Item { path, node, owner } = item;
        let place = |kind: &str, span| Place {
            stage: stage.clone(),
            several: true,
            path: format!("{path}.{kind}"),
            span,
            scope,
        };
        if let Some(word) = self.bare_word(node, path)? {
            let name = self.name(None, word, node.span, path, names, "action").name;
            let action = self.action(word, None, name, &place(word, node.span))?;
            return Some(Step {
                action,
                needs: Vec::new(),
                span: node.span,
            });
        }
        let mut map = Map::open(node, path, *owner, self.out)?;
        let name = map.text("name", self.out);
        let kinds: Vec<&str> = KINDS
            .into_iter()
            .filter(|kind| *kind != "actions")
            .collect();
        let kind = map.kind(&kinds, "the action", self.out);
        let needs = map.texts("needs", self.out).unwrap_or_default();
        let run_order = map.whole("runOrder", self.out);
        map.hint(
            "actions",
            "`actions` cannot stand inside `actions`: use `needs` for the order",
        );
        for key in ["beforeEntry", "onSuccess", "onFailure", "transition"] {
            map.hint(
                key,
                "it is an option of the stage and stands beside `actions`",
            );
        }
        map.hint("input", "it stands inside the kind");
        map.hint("run", "it stands inside the kind, e.g. `build: {run: …}`");
        map.hint("timeout", "it stands inside the kind");
        map.finish(self.out);
        if let (Some((_, span)), Some(first)) = (run_order, needs.first()) {
            self.out.push(
                Diagnostic::error(
                    "value-invalid",
                    span,
                    format!("{path}.runOrder"),
                    "`runOrder` and `needs` do not go together",
                )
                .label("stands beside `needs`")
                .related(first.span, "`needs` stands here")
                .help("keep `needs`; the order follows from it"),
            );
        }
        let kind = kind?;
        let mut action = if kind.key == "definition" {
            if let Some(name) = &name {
                self.beside_definition(name, path);
            }
            let mut action = raw::action(
                &kind.value,
                &format!("{path}.definition"),
                kind.key_span,
                self.out,
            )?;
            self.link(&mut action);
            action
        } else {
            let name = self
                .name(name, &kind.key, kind.key_span, path, names, "action")
                .name;
            self.action(
                &kind.key,
                Some(kind),
                name,
                &place(&kind.key, kind.key_span),
            )?
        };
        if run_order.is_some() {
            action.run_order = run_order;
        }
        Some(Step {
            action,
            needs,
            span: kind.key_span,
        })
    }

    fn beside_definition(&mut self, name: &Text, path: &str) {
        self.out.push(
            Diagnostic::error(
                "value-invalid",
                name.span,
                format!("{path}.name"),
                "the name stands in the definition",
            )
            .label("a second name")
            .help("leave it out here"),
        );
    }

    /// runOrder from `needs`: one more than the greatest of what is needed.
    fn order(&mut self, list: &mut [Step], path: &str) {
        let names: Vec<String> = list
            .iter()
            .map(|item| item.action.name.value.clone())
            .collect();
        let mut needs: Vec<Vec<usize>> = Vec::new();
        for item in &*list {
            let mut of_item = Vec::new();
            for need in &item.needs {
                match names.iter().position(|name| *name == need.value) {
                    Some(index) => of_item.push(index),
                    None if !need.known => {}
                    None => {
                        let near = nearest(&need.value, names.iter().map(String::as_str));
                        self.out.push(
                            Diagnostic::error(
                                "reference-unknown",
                                need.span,
                                format!("{path}.needs"),
                                format!("there is no action `{}` in this stage", need.value),
                            )
                            .label("unknown action")
                            .help(match near {
                                Some(word) => format!("did you mean `{word}`?"),
                                None => format!("the actions are {}", names.join(", ")),
                            }),
                        );
                    }
                }
            }
            needs.push(of_item);
        }
        if needs.iter().all(Vec::is_empty) {
            return;
        }
        let mut levels: Vec<Option<u32>> = list
            .iter()
            .zip(&needs)
            .map(|(item, needs)| match item.action.run_order {
                Some((order, _)) => Some(order),
                None => needs.is_empty().then_some(1),
            })
            .collect();
        // Every round settles at least one level, or what is left is a circle.
        loop {
            let settled: Vec<(usize, u32)> = needs
                .iter()
                .enumerate()
                .filter(|(index, _)| levels[*index].is_none())
                .filter_map(|(index, needs)| {
                    let of_needs: Option<Vec<u32>> =
                        needs.iter().map(|need| levels[*need]).collect();
                    Some((index, of_needs?.into_iter().max()? + 1))
                })
                .collect();
            if settled.is_empty() {
                break;
            }
            for (index, level) in settled {
                levels[index] = Some(level);
            }
        }
        let circle: Vec<&str> = levels
            .iter()
            .zip(&names)
            .filter(|(level, _)| level.is_none())
            .map(|(_, name)| name.as_str())
            .collect();
        let first = levels.iter().position(Option::is_none);
        if let Some(item) = first.and_then(|index| list.get(index)) {
            let span = item.needs.first().map_or(item.span, |need| need.span);
            self.out.push(
                Diagnostic::error(
                    "value-invalid",
                    span,
                    format!("{path}.needs"),
                    format!("the actions {} wait for each other", circle.join(", ")),
                )
                .label("part of a circle")
                .help("take one of the `needs` away"),
            );
        }
        for (item, level) in list.iter_mut().zip(levels) {
            if let (None, Some(level)) = (item.action.run_order, level) {
                let span = item.needs.first().map_or(item.span, |need| need.span);
                item.action.run_order = Some((level, span));
            }
        }
    }

    fn transition(&mut self, stage: &mut Map<'_>) -> Option<Transition> {
        let mut map = stage.map("transition", self.out)?;
        let enabled = map.boolean("enabled", self.out);
        if !map.has("enabled") {
            map.missing(
                "enabled",
                "write `enabled: false` or `enabled: true`",
                self.out,
            );
        }
        let reason = map.text("reason", self.out);
        let span = map.span;
        map.finish(self.out);
        enabled.map(|(enabled, _)| Transition {
            enabled,
            reason,
            span,
        })
    }

    /// `definition` at a stage: a StageDeclaration, or an ActionDeclaration that becomes the stage's one action.
    fn raw_stage(&mut self, kind: &Entry, name: Option<Text>, path: &str) -> Option<Stage> {
        let path = format!("{path}.definition");
        let mut stage =
            if kind.value.get("actions").is_some() && kind.value.get("actionTypeId").is_none() {
                if let Some(name) = &name {
                    self.beside_definition(name, &path);
                }
                raw::stage(&kind.value, &path, kind.key_span, self.out)?
            } else {
                let action = raw::action(&kind.value, &path, kind.key_span, self.out)?;
                let name = name.unwrap_or_else(|| action.name.clone());
                blank_stage(name, kind.key_span, &path, vec![action])
            };
        for action in &mut stage.actions {
            self.link(action);
        }
        Some(stage)
    }
}

/// A stage with nothing but its actions.
pub(super) fn blank_stage(name: Text, span: Span, path: &str, actions: Vec<Action>) -> Stage {
    Stage {
        name,
        span,
        path: path.to_owned(),
        actions,
        before_entry: None,
        on_success: None,
        on_failure: None,
        transition: None,
        raw: false,
        extra: Vec::new(),
        api: None,
    }
}
