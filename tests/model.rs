//! Real definitions pasted as `definition:`, and files with every value replaced by another kind.

use std::fs;
use std::path::Path;

use pipectl::diagnostic::{Diagnostic, Diagnostics, Severity};
use pipectl::model::{Context, Model, decode};
use pipectl::source::{Sources, Span};
use pipectl::tree::{Data, Entry, Node, Secret, SecretReference, SecretService};
use serde_json::Value;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(tree: &Node) -> (Option<Model>, Vec<Diagnostic>) {
    let mut out = Diagnostics::new();
    let context = Context {
        version: "0.1.0",
        ..Context::default()
    };
    let model = decode(tree, &context, &mut out);
    (model, out.into_sorted())
}

fn cases(kind: &str) -> Vec<(String, Value)> {
    let folder = root().join("tests/cases").join(kind).join("accepted");
    let mut cases: Vec<(String, Value)> = fs::read_dir(&folder)
        .expect("the folder is there")
        .map(|entry| entry.expect("readable").path())
        .map(|path| {
            let text = fs::read_to_string(&path).expect("readable");
            let value = serde_json::from_str(&text).expect("JSON");
            (path.display().to_string(), value)
        })
        .collect();
    cases.sort_by(|a, b| a.0.cmp(&b.0));
    assert!(cases.len() > 10, "only {} cases of {kind}", cases.len());
    cases
}

fn errors(found: &[Diagnostic]) -> Vec<String> {
    found
        .iter()
        .filter(|finding| finding.severity == Severity::Error)
        .map(|finding| format!("{} {}: {}", finding.code, finding.path, finding.message))
        .collect()
}

#[test]
fn real_pipelines_read_without_an_error_and_nothing_is_lost() {
    for (path, case) in cases("pipelines") {
        let definition = case.get("pipeline").expect("a pipeline");
        let file =
            serde_json::json!({"service": "s", "pipelines": {"p": {"definition": definition}}});
        let (model, found) = read(&Node::from_json(&file));
        assert_eq!(errors(&found), Vec::<String>::new(), "{path}");
        let pipeline = &model.expect("a model").pipelines[0];
        let stages = definition["stages"].as_array().expect("stages");
        assert_eq!(pipeline.stages.len(), stages.len(), "{path}");
        for (stage, raw) in pipeline.stages.iter().zip(stages) {
            let actions = raw["actions"].as_array().expect("actions");
            assert_eq!(stage.actions.len(), actions.len(), "{path}");
            for (action, raw) in stage.actions.iter().zip(actions) {
                assert_eq!(action.name.value, raw["name"], "{path}");
                assert_eq!(
                    action.raw_node.as_ref().map(Node::to_json).as_ref(),
                    Some(raw),
                    "{path}"
                );
                let pairs = raw.get("configuration").and_then(Value::as_object);
                assert_eq!(
                    action.configuration.len(),
                    pairs.map_or(0, serde_json::Map::len),
                    "{path}"
                );
            }
        }
    }
}

#[test]
fn real_projects_read_without_an_error() {
    for (path, case) in cases("projects") {
        let mut definition = case.get("project").expect("a project").clone();
        let members = definition.as_object_mut().expect("a map");
        members.entry("name").or_insert_with(|| "p".into());
        let file =
            serde_json::json!({"service": "s", "projects": {"p": {"definition": definition}}});
        let (model, found) = read(&Node::from_json(&file));
        assert_eq!(errors(&found), Vec::<String>::new(), "{path}");
        let project = &model.expect("a model").projects[0];
        let variables = definition["environment"]["environmentVariables"].as_array();
        assert_eq!(
            project.environment.len(),
            variables.map_or(0, Vec::len),
            "{path}"
        );
    }
}

/// Everything the format has, in one file.
const EVERYTHING: &str = include_str!("cases/model/everything.yml");

fn parsed(text: &str) -> (Node, Sources) {
    let mut sources = Sources::new();
    let file = sources.add("pipeline.yml", text);
    let mut out = Diagnostics::new();
    let tree = pipectl::yaml::parse(&sources, file, &mut out).expect("YAML");
    assert!(out.is_empty(), "{out:#?}");
    (tree, sources)
}

/// The members under `api:` that no pipectl knows are told, and nothing else.
fn only_what_is_new<'d>(found: impl IntoIterator<Item = &'d Diagnostic>) {
    let mut told: Vec<(&str, &str)> = found
        .into_iter()
        .map(|one| (one.code, one.path.as_str()))
        .collect();
    told.sort_unstable();
    let new = ["pipelines.main.api.future", "pipelines.raw.api.future"];
    assert_eq!(told, new.map(|path| ("api-key-unknown", path)));
}

#[test]
fn the_file_with_everything_has_no_finding() {
    let (tree, _) = parsed(EVERYTHING);
    let (model, found) = read(&tree);
    only_what_is_new(&found);
    assert_eq!(model.expect("a model").pipelines.len(), 2);
}

/// Calls `visit` with every value of the tree.
fn each(node: &mut Node, visit: &mut dyn FnMut(&mut Node)) {
    visit(node);
    match &mut node.data {
        Data::List(items) => items.iter_mut().for_each(|item| each(item, visit)),
        Data::Map(entries) => entries
            .iter_mut()
            .for_each(|entry| each(&mut entry.value, visit)),
        _ => {}
    }
}

fn secret() -> Data {
    let reference = SecretReference {
        service: SecretService::SecretsManager,
        name: "N".into(),
        key: None,
        region: "us-east-1".into(),
        fingerprint: "v1".into(),
    };
    Data::Secret(Box::new(Secret::new("marker", reference)))
}

fn replacements() -> Vec<Data> {
    let text = |value: &str| Node::text(value, Span::default());
    vec![
        Data::Null,
        Data::Bool(true),
        Data::Number(1.5),
        Data::Text(String::new()),
        Data::Text("é:/#{x".into()),
        Data::List(Vec::new()),
        Data::List(vec![text("a"), Node::new(Data::Null, Span::default())]),
        Data::Map(Vec::new()),
        Data::Map(vec![Entry {
            key: "strange".into(),
            key_span: Span::default(),
            value: text("x"),
        }]),
        Data::Unknown("${ssm:/x}".into()),
        secret(),
    ]
}

#[test]
fn any_value_may_be_of_any_kind_without_a_panic() {
    let (tree, sources) = parsed(EVERYTHING);
    let mut count = 0;
    each(&mut tree.clone(), &mut |_| count += 1);
    assert!(count > 300, "only {count} values");
    for index in 0..count {
        // A fifth of the kinds each: every place sees some, every kind is seen nearly everywhere.
        for (_, data) in replacements()
            .into_iter()
            .enumerate()
            .filter(|(kind, _)| (index + kind) % 5 == 0)
        {
            let unknown = matches!(data, Data::Unknown(_));
            let is_secret = matches!(data, Data::Secret(_));
            let mut changed = tree.clone();
            let mut at = 0;
            let mut inside = 0..0;
            each(&mut changed, &mut |node| {
                if at == index {
                    inside = node.span.start()..node.span.end();
                    node.data = data.clone();
                    node.raw = None;
                }
                at += 1;
            });
            let (_, found) = read(&changed);
            for finding in &found {
                let text = &sources.file(finding.span.file).text;
                assert!(
                    finding.span.start() <= finding.span.end() && finding.span.end() <= text.len()
                );
                assert!(!format!("{finding:?}").contains("marker"));
            }
            if unknown {
                let shown = found.iter().find(|finding| finding.code == "value-kind");
                assert!(
                    shown.is_none(),
                    "what is not known can be any kind: {shown:#?}"
                );
            }
            if is_secret && index > 0 {
                let exempt = ["x-note", "token"];
                let spared = exempt.iter().any(|word| {
                    EVERYTHING[..inside.start]
                        .trim_end()
                        .ends_with(&format!("{word}:"))
                });
                let told = found.iter().any(|finding| finding.code == "secret-exposed");
                assert!(
                    told || spared || free(&EVERYTHING[..inside.start]),
                    "{inside:?}: {found:#?}"
                );
            }
        }
    }
}

/// Whether a place is inside `params` or `custom`, the free parts of the file (which end it).
fn free(before: &str) -> bool {
    before.contains("\nparams:")
}

#[test]
fn a_secret_goes_only_where_the_api_keeps_it_secret() {
    let (mut tree, _) = parsed(
        "service: s
source: {github: o/r, branch: main, token: SECRET}
stages:
  - build: {run: make, env: {TOKEN: SECRET, OK: {secret: 'N:key'}}}
",
    );
    each(&mut tree, &mut |node| {
        if node.as_str() == Some("SECRET") {
            node.data = secret();
        }
    });
    let (model, found) = read(&tree);
    let shown: Vec<(&str, &str)> = found.iter().map(|f| (f.code, f.path.as_str())).collect();
    assert_eq!(shown, [("secret-exposed", "stages[0].build.env.TOKEN")]);
    let help = found[0].help.as_deref().expect("help");
    assert!(help.contains("env: {TOKEN: {secret: \"N\"}}"), "{help}");
    let model = model.expect("a model");
    let token = model.pipelines[0].stages[0].actions[0]
        .configuration
        .iter()
        .find(|(key, _)| key.value == "OAuthToken");
    assert!(token.is_some_and(|(_, value)| value.secret.is_some()));
}

#[test]
fn the_order_of_keys_has_no_meaning() {
    fn turned(node: &mut Node) {
        match &mut node.data {
            Data::Map(entries) => {
                entries.reverse();
                entries
                    .iter_mut()
                    .for_each(|entry| turned(&mut entry.value));
            }
            Data::List(items) => items.iter_mut().for_each(turned),
            _ => {}
        }
    }
    let (tree, _) = parsed(EVERYTHING);
    let mut other = tree.clone();
    turned(&mut other);
    let names = |tree: &Node| {
        let (model, found) = read(tree);
        only_what_is_new(&found);
        let model = model.expect("a model");
        let mut names: Vec<String> = model
            .projects
            .iter()
            .map(|project| format!("{} {}", project.key, project.name.value))
            .collect();
        for pipeline in &model.pipelines {
            for action in pipeline.stages.iter().flat_map(|stage| &stage.actions) {
                let inputs: Vec<&str> = action
                    .inputs
                    .iter()
                    .map(|input| input.value.as_str())
                    .collect();
                names.push(format!(
                    "{} {} {inputs:?} {:?}",
                    pipeline.name.value,
                    action.name.value,
                    action.run_order.map(|(order, _)| order)
                ));
            }
        }
        names.sort();
        names
    };
    assert_eq!(names(&tree), names(&other));
}
