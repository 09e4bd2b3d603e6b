//! A run-time variable is one that its namespace has.

use crate::catalog::actions::{self, ActionType, VariableOrigin, Variables};
use crate::catalog::structure::structure;
use crate::checks::flow::{self, Step};
use crate::checks::references::Reference;
use crate::checks::{Rule, Subject};
use crate::diagnostic::{Diagnostic, Diagnostics, Severity, nearest};
use crate::model::{Action, Buildspec, Pipeline, Purpose, Text};
use crate::source::Span;
use crate::tree::Node;

use super::form;
use super::places::{Place, places, rule_places, well_formed};

pub(super) const RULE: Rule = Rule {
    code: "run-time-variable-unknown",
    severity: Severity::Error,
    summary: "a run-time variable that its namespace does not have",
    why: "Every action type gives variables of its own: a source the commit, a scan the highest severity. \
          #{codepipeline.…} has the execution's id and nothing else, #{variables.…} the variables that the pipeline \
          declares, a build the ones that its buildspec exports. A variable that nobody gives cannot be resolved, and \
          the action that reads it fails.",
    aws: "An action in this pipeline failed because one or more variables could not be resolved: Action name=Build",
    wrong: "- build:\n    run: make\n    env: {COMMIT: \"#{SourceVariables.Commit}\"}",
    right: "- build:\n    run: make\n    env: {COMMIT: \"#{SourceVariables.CommitId}\"}",
    link: "https://docs.aws.amazon.com/codepipeline/latest/userguide/reference-variables.html",
    facts: &[],
    check,
};

/// When a name that is not among the known ones is surely wrong.
enum Sure {
    Always,
    Misspelled,
    Never,
}

/// What a namespace has.
struct Known<'a> {
    /// Who gives it, for the message.
    who: String,
    /// The variables.
    names: Vec<&'a str>,
    /// When another name is surely wrong.
    sure: Sure,
    /// What to do where no name is near.
    help: String,
    /// Where the file lists them.
    listed: Option<Span>,
}

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    for pipeline in &subject.model.pipelines {
        let steps: Vec<Step<'_>> = flow::steps(pipeline).collect();
        for step in &steps {
            for place in places(step).iter().filter(|p| well_formed(&p.reference)) {
                diagnostics.extend(one(subject, pipeline, &steps, place));
            }
        }
        let rules = pipeline.stages.iter().flat_map(rule_places);
        for place in rules.filter(|place| well_formed(&place.reference)) {
            diagnostics.extend(one(subject, pipeline, &steps, &place));
        }
    }
}

fn one(
    subject: &Subject<'_>,
    pipeline: &Pipeline,
    steps: &[Step<'_>],
    place: &Place<'_>,
) -> Option<Diagnostic> {
    let Reference {
        namespace,
        key,
        start,
        ..
    } = place.reference;
    let known = match namespace {
        "variables" => declared(pipeline)
            .filter(|_| subject.has_read_members(&pipeline.path, &["variables"]))?,
        _ => match structure().variables.system.get(namespace) {
            Some(names) => system(namespace, names),
            None => of_action(subject, steps, namespace)?,
        },
    };
    let start = start + "#{".len() + namespace.len() + 1;
    let span = subject.part(place.text, start, start + key.len());
    if known.names.contains(&key) {
        return of_another_event(pipeline, steps, place, span);
    }
    let message = format!("{} no variable `{key}`", known.who);
    let near = nearest(key, known.names.iter().copied());
    let sure = match known.sure {
        Sure::Always => true,
        // AWS takes the pipeline, and the list may age; what is only misspelled means nothing
        Sure::Misspelled => near.is_some() && !of_another(key),
        Sure::Never => false,
    };
    let finding = if sure {
        RULE.finding(span, &place.path, message)
    } else {
        RULE.doubtful(span, &place.path, message)
    };
    let help = match near {
        Some(near) => format!("did you mean `{near}`?"),
        None => known.help,
    };
    Some(
        finding
            .label("unknown variable")
            .perhaps_related(known.listed, "what there is")
            .help(help)
            .through(place.text.origin.as_ref()),
    )
}

/// A variable that a run has only if something else starts it. What reads it in another run fails.
fn of_another_event(
    pipeline: &Pipeline,
    steps: &[Step<'_>],
    place: &Place<'_>,
    span: Span,
) -> Option<Diagnostic> {
    let Reference { namespace, key, .. } = place.reference;
    let producer = steps.iter().find(|step| {
        let name = step.action.namespace.as_ref();
        name.is_some_and(|name| name.known && name.value == namespace)
    })?;
    let by_event = &producer.kind()?.variables_by_event;
    let gives = |event: &str| {
        let mut names = by_event.get(event).into_iter().flatten();
        names.any(|name| name == key)
    };
    if !by_event.keys().any(|event| gives(event)) {
        return None;
    }
    let source = &producer.action.name;
    let mut without = None;
    for (event, what, place) in events(pipeline, source) {
        if !gives(event) {
            without = without.or(Some((event, what, place)));
        }
    }
    let (event, what, started) = without?;
    let instead = by_event.get(event).into_iter().flatten();
    Some(
        RULE.doubtful(
            span,
            &place.path,
            format!("a run that {what} starts has no `{key}`, and what reads it fails"),
        )
        .label("not in every run")
        .perhaps_related(started, "starts such a run")
        .help(format!(
            "such a run has {}; read what every run has, or let another pipeline do it",
            form::listed(instead.map(String::as_str))
        ))
        .through(place.text.origin.as_ref()),
    )
}

/// What starts a pipeline by a source: the word of the catalogue, in words, and where it is said. Without a trigger it is
/// a push to its branch.
fn events(pipeline: &Pipeline, source: &Text) -> Vec<(&'static str, &'static str, Option<Span>)> {
    const PUSH: (&str, &str) = ("push_branch", "a push to a branch");
    const TAG: (&str, &str) = ("push_tag", "a tag");
    const REQUEST: (&str, &str) = ("pull_request", "a pull request");
    let triggers = &pipeline.triggers;
    if triggers.iter().any(|trigger| !trigger.source.known) {
        return Vec::new();
    }
    let mut own = triggers
        .iter()
        .filter(|trigger| trigger.source.value == source.value)
        .peekable();
    if own.peek().is_none() {
        return vec![(PUSH.0, PUSH.1, None)];
    }
    own.flat_map(|trigger| {
        let pushes = trigger.push.iter().map(|filter| {
            let (event, what) = if filter.tags.is_some() { TAG } else { PUSH };
            (event, what, Some(filter.span))
        });
        let requests = trigger.pull_request.iter();
        pushes.chain(requests.map(|filter| (REQUEST.0, REQUEST.1, Some(filter.span))))
    })
    .collect()
}

/// Whether it is a variable of some other action type, and thus no misspelling.
fn of_another(key: &str) -> bool {
    actions::all().iter().any(|kind| match &kind.variables {
        Variables::Named(names) => names.iter().any(|name| name == key),
        Variables::Open(_) => false,
    })
}

fn declared(pipeline: &Pipeline) -> Option<Known<'_>> {
    let free = pipeline
        .api
        .as_ref()
        .is_some_and(|api| api.get("variables").is_some());
    if free
        || pipeline
            .variables
            .iter()
            .any(|variable| !variable.name.known)
    {
        return None;
    }
    let names: Vec<&str> = pipeline
        .variables
        .iter()
        .map(|variable| variable.name.value.as_str())
        .collect();
    let help = match names.is_empty() {
        true => "declare it under `variables` of the pipeline".to_owned(),
        false => format!(
            "declare it under `variables` of the pipeline; there are {}",
            form::listed(names.iter().copied())
        ),
    };
    let first = pipeline.variables.first();
    Some(Known {
        who: "the pipeline declares".to_owned(),
        listed: first.map(|variable| variable.name.span),
        names,
        sure: Sure::Always,
        help,
    })
}

fn system<'a>(namespace: &str, names: &'a [String]) -> Known<'a> {
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    Known {
        who: format!("`{namespace}` has"),
        help: format!("there is {}", form::listed(names.iter().copied())),
        names,
        sure: Sure::Always,
        listed: None,
    }
}

/// What the action of a namespace gives; nothing if that is not known.
fn of_action<'a>(subject: &Subject<'a>, steps: &[Step<'a>], namespace: &str) -> Option<Known<'a>> {
    let step = steps.iter().find(|step| {
        let name = step.action.namespace.as_ref();
        name.is_some_and(|name| name.known && name.value == namespace)
    })?;
    let (action, kind) = (step.action, step.kind()?);
    let who = format!("`{}` gives", action.name.value);
    match &kind.variables {
        Variables::Named(_) if kind.opaque => None,
        Variables::Named(names) => Some(named(kind, names, who)),
        Variables::Open(VariableOrigin::OutputVariables) => outputs(action, who),
        Variables::Open(VariableOrigin::Buildspec) => exported(subject, action),
        Variables::Open(VariableOrigin::StackOutputs) => {
            // deleting leaves no stack whose outputs could be read
            let mode = step.configuration("ActionMode");
            mode.filter(|mode| mode.value == "DELETE_ONLY")
                .map(|_| Known {
                    who,
                    names: Vec::new(),
                    sure: Sure::Never,
                    help: "a stack that is deleted has no outputs".to_owned(),
                    listed: mode.map(|mode| mode.span),
                })
        }
        Variables::Open(VariableOrigin::FunctionResult | VariableOrigin::Worker) => None,
    }
}

fn named<'a>(kind: &'a ActionType, names: &'a [String], who: String) -> Known<'a> {
    let names: Vec<&str> = names
        .iter()
        .chain(kind.variables_by_event.values().flatten())
        .map(String::as_str)
        .collect();
    Known {
        who,
        sure: Sure::Misspelled,
        help: match names.is_empty() {
            true => format!("{} gives no variables, as far as AWS says", kind.provider),
            false => format!("it gives {}", form::listed(names.iter().copied())),
        },
        names,
        listed: None,
    }
}

/// What a Commands action declares.
fn outputs(action: &Action, who: String) -> Option<Known<'_>> {
    if action.output_variables.iter().any(|name| !name.known) {
        return None;
    }
    let names: Vec<&str> = action
        .output_variables
        .iter()
        .map(|name| name.value.as_str())
        .collect();
    let word = if action.raw {
        "outputVariables"
    } else {
        "exports"
    };
    Some(Known {
        who,
        names,
        sure: Sure::Always,
        help: format!("list it under `{word}` of `{}`", action.name.value),
        listed: action.output_variables.first().map(|name| name.span),
    })
}

/// What the buildspec of a build exports, where the buildspec is known.
fn exported<'a>(subject: &Subject<'a>, action: &'a Action) -> Option<Known<'a>> {
    let project = flow::project(subject.model, action)?;
    let elsewhere = project.existing
        || project.batch
        || project.purpose == Purpose::SelfUpdate
        || flow::configuration(action, "BuildspecOverride").is_some();
    if elsewhere {
        return None;
    }
    let buildspec: &Node = match &project.buildspec {
        Buildspec::Inline(node) => node,
        Buildspec::Path(path) => subject.buildspecs.get(&path.value)?,
        Buildspec::Default => subject.buildspecs.get("buildspec.yml")?,
    };
    buildspec.as_map()?;
    let list = buildspec
        .get("env")
        .and_then(|env| env.get("exported-variables"));
    let mut names = Vec::new();
    for item in list.and_then(Node::as_list).unwrap_or_default() {
        names.push(item.as_str()?);
    }
    let help = match &project.buildspec {
        Buildspec::Inline(_) if !project.raw => {
            format!("list it under `exports` of `{}`", action.name.value)
        }
        _ => "list it in the buildspec: `env: {exported-variables: […]}`".to_owned(),
    };
    Some(Known {
        who: format!("the buildspec of `{}` exports", action.name.value),
        names,
        sure: Sure::Never,
        help,
        listed: list.and_then(|list| Some(list.as_list()?.first()?.span)),
    })
}
