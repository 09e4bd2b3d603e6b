//! Actions that are no builds, and configuration keys by way of the catalogue.

use crate::catalog::actions::{self, ActionType};
use crate::catalog::keys::{ConfigKey, Format};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::source::Span;
use crate::tree::{Data, Entry, Node};

use super::decode::{Map, nearest, scalar, text_at, unseen, wrong_kind};
use super::names;
use super::notify::notify;
use super::provider::allow;
use super::root::{Decoder, Scope};
use super::settings::environment;
use super::types::{Action, Notify, Output, Text};

/// Where an action stands.
pub(super) struct Place<'p> {
    /// The name of its stage.
    pub(super) stage: Text,
    /// Whether the stage can hold several, so that a project's name needs the action's.
    pub(super) several: bool,
    /// Its path, e.g. `stages[2].deploy`.
    pub(super) path: String,
    /// Where its kind stands.
    pub(super) span: Span,
    /// The pipeline.
    pub(super) scope: &'p Scope,
}

/// The options that every action takes inside its kind.
pub(super) struct Options {
    inputs: Option<Vec<Text>>,
    namespace: Option<Text>,
    region: Option<Text>,
    role: Option<Text>,
    api: Option<Node>,
    outer: Vec<&'static str>,
}

/// An action of a type, with nothing else said.
pub(super) fn blank(
    action_type: &ActionType,
    category: Option<&str>,
    name: Text,
    span: Span,
    path: &str,
    kind: &str,
) -> Action {
    let word = |text: &str| Text::new(text, span);
    Action {
        name,
        span,
        path: path.to_owned(),
        kind: kind.to_owned(),
        category: word(category.unwrap_or_else(|| action_type.category())),
        owner: word(&action_type.owner),
        provider: word(&action_type.provider),
        version: word(&action_type.version),
        configuration: Vec::new(),
        inputs: Vec::new(),
        outputs: Vec::new(),
        run_order: None,
        namespace: None,
        region: None,
        role_arn: None,
        timeout_minutes: None,
        commands: Vec::new(),
        output_variables: Vec::new(),
        environment: Vec::new(),
        build_environment: Vec::new(),
        project: None,
        pass_roles: Vec::new(),
        allow: Vec::new(),
        notify: Vec::new(),
        detect: None,
        self_update: None,
        outer: Vec::new(),
        raw: false,
        extra: Vec::new(),
        raw_node: None,
        api: None,
    }
}

/// Reads the options that every action takes.
pub(super) fn options(map: &mut Map<'_>, out: &mut Diagnostics) -> Options {
    map.hint("name", "`name` stands beside the kind, not inside it");
    map.hint("needs", "`needs` stands beside the kind, not inside it");
    map.hint(
        "runOrder",
        "`runOrder` stands beside the kind, not inside it",
    );
    map.hint("roleArn", "write `actionRole`");
    map.hint("inputs", "write `input`, a name or a list");
    for key in ["beforeEntry", "onSuccess", "onFailure", "transition"] {
        map.hint(
            key,
            "it is an option of the stage and stands beside the kind",
        );
    }
    Options {
        inputs: map.texts("input", out),
        namespace: map.text("namespace", out),
        region: map.text("region", out),
        role: map.text("actionRole", out),
        api: map.value("api", out).cloned(),
        outer: Vec::new(),
    }
}

impl Options {
    /// Puts the options on an action; the caller decides about default inputs.
    pub(super) fn apply(self, action: &mut Action) -> bool {
        let said = self.inputs.is_some();
        action.inputs = self.inputs.unwrap_or_default();
        action.namespace = self.namespace;
        action.region = self.region;
        action.role_arn = self.role;
        action.api = self.api;
        action.outer = self.outer;
        said
    }

    /// Takes what stands further out where this says nothing; the same twice is an error.
    fn or(self, outer: Self, path: &str, out: &mut Diagnostics) -> Self {
        let twice = [
            (
                self.namespace.as_ref(),
                outer.namespace.as_ref(),
                "namespace",
            ),
            (self.region.as_ref(), outer.region.as_ref(), "region"),
            (self.role.as_ref(), outer.role.as_ref(), "actionRole"),
        ];
        for (inner, outer, key) in twice {
            if let (Some(inner), Some(outer)) = (inner, outer) {
                out.push(
                    Diagnostic::error(
                        "key-duplicate",
                        inner.span,
                        path,
                        format!("`{key}` stands twice"),
                    )
                    .label("again here")
                    .related(outer.span, "stands here too")
                    .help("keep one of the two"),
                );
            }
        }
        let inside = [
            ("input", self.inputs.is_some()),
            ("namespace", self.namespace.is_some()),
            ("region", self.region.is_some()),
            ("actionRole", self.role.is_some()),
            ("api", self.api.is_some()),
        ];
        Self {
            outer: inside
                .into_iter()
                .filter_map(|(key, inside)| (!inside).then_some(key))
                .collect(),
            inputs: self.inputs.or(outer.inputs),
            namespace: self.namespace.or(outer.namespace),
            region: self.region.or(outer.region),
            role: self.role.or(outer.role),
            api: self.api.or(outer.api),
        }
    }
}

/// The configuration text of a value: lists become comma text, maps JSON, booleans text.
pub(super) fn configuration_value(
    node: &Node,
    key: &ConfigKey,
    path: &str,
    out: &mut Diagnostics,
) -> Option<Text> {
    let json = |value: serde_json::Value| Some(text_at(node, value.to_string()));
    match (&node.data, key.format) {
        (Data::Map(entries), Format::NameValueJson) => {
            let pairs = entries.iter().filter_map(|entry| {
                let value = scalar(&entry.value, path, out)?;
                Some(serde_json::json!({"name": entry.key, "value": value.value}))
            });
            json(serde_json::Value::Array(pairs.collect()))
        }
        (Data::Map(entries), Format::JsonObject) => {
            // What CloudFormation takes as a parameter is text: 3 and true as they are written.
            let members = entries.iter().map(|entry| {
                let value = match &entry.value.data {
                    Data::Bool(_) | Data::Number(_) => {
                        entry.value.scalar_text().unwrap_or_default().into()
                    }
                    _ => entry.value.to_json(),
                };
                (entry.key.clone(), value)
            });
            json(serde_json::Value::Object(members.collect()))
        }
        (Data::Map(_), _) => json(node.to_json()),
        (
            Data::List(_),
            Format::Json
            | Format::JsonObject
            | Format::JsonList
            | Format::RevisionJson
            | Format::NameValueJson
            | Format::EnvironmentJson,
        ) => json(node.to_json()),
        (Data::List(items), _) => {
            if items.iter().any(|item| item.as_map().is_some()) {
                return json(node.to_json());
            }
            let texts: Vec<String> = items
                .iter()
                .filter_map(|item| scalar(item, path, out))
                .map(|text| text.value)
                .collect();
            Some(text_at(node, texts.join(",")))
        }
        (Data::Null, _) => {
            out.push(wrong_kind(node, path, "a value"));
            None
        }
        _ => scalar(node, path, out),
    }
}

/// The configuration that the map holds for these keys, in their order.
pub(super) fn configuration(
    keys: &[ConfigKey],
    map: &mut Map<'_>,
    out: &mut Diagnostics,
) -> Vec<(Text, Text)> {
    let mut configuration = Vec::new();
    for key in keys {
        let words: Vec<String> = map
            .rest()
            .filter(|entry| key.answers_to(&entry.key))
            .map(|entry| entry.key.clone())
            .collect();
        for word in &words {
            let path = map.at(word);
            let span = map.entry(word).map_or(map.span, |entry| entry.key_span);
            if let Some(value) = map
                .value(word, out)
                .and_then(|node| configuration_value(node, key, &path, out))
            {
                configuration.push((Text::new(key.name.clone(), span), value));
            }
        }
        // Known from now on, for suggestions.
        map.entry(&key.friendly_name());
    }
    configuration
}

/// Adds the configuration of the action's own keys that are not set already.
pub(super) fn configuration_rest(
    action: &mut Action,
    action_type: &ActionType,
    map: &mut Map<'_>,
    out: &mut Diagnostics,
) {
    for (key, value) in configuration(&action_type.keys, map, out) {
        if action
            .configuration
            .iter()
            .any(|(other, _)| other.value == key.value)
        {
            out.push(
                Diagnostic::error(
                    "key-duplicate",
                    key.span,
                    &action.path,
                    format!("`{}` is said twice for {}", key.value, action.path),
                )
                .label("again here"),
            );
            continue;
        }
        action.configuration.push((key, value));
    }
}

/// The configuration value of a key.
pub(super) fn configured<'a>(action: &'a Action, key: &str) -> Option<&'a Text> {
    let mut pairs = action.configuration.iter();
    pairs
        .find(|(name, _)| name.value == key)
        .map(|(_, value)| value)
}

fn default_configuration(action: &mut Action, key: &str, value: &str) {
    if configured(action, key).is_none() {
        let span = action.span;
        action
            .configuration
            .push((Text::new(key, span), Text::new(value, span)));
    }
}

/// What a friendly form says when the file leaves it open.
fn default_values(action: &mut Action, id: &str) {
    match id {
        "deploy-s3" => default_configuration(action, "Extract", "true"),
        "cloudformation" => default_configuration(action, "ActionMode", "CREATE_UPDATE"),
        "ec2" => default_configuration(action, "InstanceType", "EC2"),
        "servicecatalog" if configured(action, "TemplateFilePath").is_some() => {
            default_configuration(action, "ProductType", "CLOUD_FORMATION_TEMPLATE");
        }
        "inspector-scan" => {
            let image = configured(action, "ECRRepositoryName").is_some();
            let mode = if image {
                "ECRImageScan"
            } else {
                "SourceCodeScan"
            };
            default_configuration(action, "InspectorRunMode", mode);
        }
        _ => {}
    }
}

/// The artifacts that an action takes if `input` says nothing: those its configuration names, else the source's
/// first output where the action needs one.
fn default_inputs(action: &Action, action_type: &ActionType, scope: &Scope) -> Vec<Text> {
    let mut named: Vec<Text> = Vec::new();
    for (key, value) in &action.configuration {
        let format = action_type.key(&key.value).map(|key| key.format);
        let artifact = match format {
            Some(Format::ArtifactPath | Format::ArtifactPathOrText) => {
                value.value.split_once("::").map(|(artifact, _)| artifact)
            }
            Some(Format::ArtifactName) => Some(value.value.as_str()),
            _ => None,
        };
        if let Some(artifact) = artifact.filter(|_| value.known)
            && !named.iter().any(|other| other.value == artifact)
        {
            named.push(Text::new(artifact, value.span));
        }
    }
    if !named.is_empty() {
        return named;
    }
    let wanted = match action_type.id.as_str() {
        "deploy-lambda" => configured(action, "PublishedTargetVersion").is_none(),
        "inspector-scan" => configured(action, "InspectorRunMode")
            .is_some_and(|mode| mode.value == "SourceCodeScan"),
        "invoke-stepfunctions" => {
            configured(action, "InputType").is_some_and(|kind| kind.value == "FilePath")
        }
        _ => action_type.inputs.min > 0,
    };
    scope
        .source_output
        .iter()
        .filter(|_| wanted)
        .cloned()
        .collect()
}

impl Decoder<'_> {
    /// `output` (and its `artifacts`), of actions that are no builds.
    fn plain_outputs(&mut self, action: &mut Action, action_type: &ActionType, map: &mut Map<'_>) {
        if action_type.outputs.max == 0 {
            map.hint("output", "this action hands nothing on");
            return;
        }
        for name in map.texts("output", self.out).unwrap_or_default() {
            action.outputs.push(Output {
                name,
                files: Vec::new(),
            });
        }
        if action.outputs.is_empty() && action_type.outputs.min > 0 {
            let name = names::artifact(&action.name);
            action.outputs.push(Output {
                name,
                files: Vec::new(),
            });
        }
    }

    /// An action of a provider, e.g. `deploy: {ecs: {…}}`; `outer` holds options beside the provider.
    fn provider_action(
        &mut self,
        kind: &Entry,
        action_type: &'static ActionType,
        outer: Option<Options>,
        name: Text,
        place: &Place<'_>,
        path: String,
    ) -> Option<Action> {
        let mut action = blank(action_type, None, name, place.span, &path, &kind.key);
        let members: &[Entry] = match &kind.value.data {
            Data::Text(_) if outer.is_some() && action_type.category() == "Invoke" => {
                // `invoke: {lambda: NAME}`: the text is what is invoked.
                let value = scalar(&kind.value, &path, self.out)?;
                let key = action_type.keys.first()?;
                action
                    .configuration
                    .push((Text::new(key.name.clone(), kind.key_span), value));
                &[]
            }
            Data::Map(members) => members,
            _ if unseen(&kind.value, &path, self.out) => return None,
            _ => {
                self.out.push(wrong_kind(&kind.value, &path, "a map"));
                return None;
            }
        };
        let mut map = Map::of(members, path.clone(), kind.key_span);
        let mut said = options(&mut map, self.out);
        if let Some(outer) = outer {
            said = said.or(outer, &path, self.out);
        }
        let inputs_said = said.apply(&mut action);
        if matches!(action_type.id.as_str(), "ecs" | "codedeploy-to-ecs") {
            action.pass_roles = map.texts("passRoles", self.out).unwrap_or_default();
        }
        action.allow = allow(&mut map, self.out);
        if action_type.has_field("environmentVariables") {
            action.environment = environment(&mut map, self.out);
        }
        map.hint("timeout", "only builds and approvals have a timeout");
        self.plain_outputs(&mut action, action_type, &mut map);
        configuration_rest(&mut action, action_type, &mut map, self.out);
        map.finish(self.out);
        default_values(&mut action, &action_type.id);
        if !inputs_said {
            action.inputs = default_inputs(&action, action_type, place.scope);
        }
        Some(action)
    }

    /// `deploy`: a build that deploys, or a provider.
    pub(super) fn deploy(&mut self, kind: &Entry, name: Text, place: &Place<'_>) -> Option<Action> {
        let providers = actions::kinds("deploy");
        let provider = kind.value.as_map().is_some_and(|members| {
            members
                .iter()
                .any(|member| providers.contains(&member.key.as_str()))
        });
        let build = kind.value.as_map().is_none_or(|members| {
            ["run", "buildspec", "project"]
                .iter()
                .any(|word| members.iter().any(|m| m.key == *word))
        });
        if provider && !build {
            return self.grouped("deploy", kind, name, place);
        }
        if !build && let Some(members) = kind.value.as_map() {
            let near = members.iter().find_map(|member| {
                Some((member, nearest(&member.key, providers.iter().copied())?))
            });
            let span = near.map_or(kind.key_span, |(member, _)| member.key_span);
            self.out.push(
                Diagnostic::error(
                    "stage-kind-conflict",
                    span,
                    &place.path,
                    format!("`{}` does not say how to deploy", place.path),
                )
                .label("deploys how?")
                .help(match near {
                    Some((_, word)) => format!("did you mean `{word}`?"),
                    None => format!(
                        "give it `run` (commands), or one of `{}`",
                        providers.join("`, `")
                    ),
                }),
            );
            return None;
        }
        if provider {
            let found = kind.value.as_map().and_then(|members| {
                members
                    .iter()
                    .find(|member| providers.contains(&member.key.as_str()))
            });
            if let Some(member) = found {
                self.out.push(
                    Diagnostic::error(
                        "stage-kind-conflict",
                        member.key_span,
                        &place.path,
                        format!(
                            "`{}` deploys both by commands and by `{}`",
                            place.path, member.key
                        ),
                    )
                    .label("the second way")
                    .help("make two stages, or a stage with `actions`"),
                );
            }
            return None;
        }
        self.build(kind, name, place)
    }

    /// A kind whose map holds the provider: `deploy`, `invoke`.
    pub(super) fn grouped(
        &mut self,
        group: &str,
        kind: &Entry,
        name: Text,
        place: &Place<'_>,
    ) -> Option<Action> {
        let mut map = Map::open(&kind.value, place.path.clone(), kind.key_span, self.out)?;
        let provider = map.kind(
            &actions::kinds(group),
            &format!("`{}`", place.path),
            self.out,
        );
        let outer = options(&mut map, self.out);
        map.hint("timeout", "only builds and approvals have a timeout");
        let action_type = provider.and_then(|entry| actions::by_kind(group, &entry.key));
        if let (Some(provider), Some(action_type)) = (provider, action_type) {
            let answers =
                |entry: &&Entry| action_type.keys.iter().any(|k| k.answers_to(&entry.key));
            let keys: Vec<String> = map.rest().filter(answers).map(|e| e.key.clone()).collect();
            for key in keys {
                map.hint(key, format!("it stands inside `{}: {{…}}`", provider.key));
            }
        }
        map.finish(self.out);
        let (provider, action_type) = (provider?, action_type?);
        let path = format!("{}.{}", place.path, provider.key);
        self.provider_action(provider, action_type, Some(outer), name, place, path)
    }

    /// A kind that is one provider: `scan`, `image`.
    pub(super) fn single(
        &mut self,
        id: &str,
        kind: &Entry,
        name: Text,
        place: &Place<'_>,
    ) -> Option<Action> {
        let action_type = actions::by_id(id)?;
        self.provider_action(kind, action_type, None, name, place, place.path.clone())
    }

    /// `approval`.
    pub(super) fn approval(
        &mut self,
        value: Option<&Entry>,
        name: Text,
        place: &Place<'_>,
    ) -> Option<Action> {
        let action_type = actions::by_id("approval")?;
        let mut action = blank(action_type, None, name, place.span, &place.path, "approval");
        let Some(entry) = value else {
            return Some(action);
        };
        if entry.value.as_map().is_none() {
            let told = notify(&entry.value, &place.path, self.out);
            told_by(&mut action, told, &place.path, self.out);
            return Some(action);
        }
        let mut map = Map::open(&entry.value, place.path.clone(), entry.key_span, self.out)?;
        options(&mut map, self.out).apply(&mut action);
        let path = map.at("notify");
        if let Some(node) = map.value("notify", self.out) {
            let told = notify(node, &path, self.out);
            told_by(&mut action, told, &path, self.out);
        }
        let fields = [("message", "CustomData"), ("link", "ExternalEntityLink")];
        for (word, key) in fields {
            if let Some(text) = map.text(word, self.out) {
                action.configuration.push((Text::new(key, text.span), text));
            }
        }
        action.timeout_minutes = map.minutes("timeout", self.out);
        map.hint("email", "write `notify`");
        map.finish(self.out);
        Some(action)
    }

    /// `commands`: the Commands action.
    pub(super) fn commands(
        &mut self,
        entry: &Entry,
        name: Text,
        place: &Place<'_>,
    ) -> Option<Action> {
        let action_type = actions::by_id("commands")?;
        let mut action = blank(action_type, None, name, place.span, &place.path, "commands");
        if entry.value.as_map().is_none() {
            action.commands =
                one_line_each(super::decode::texts(&entry.value, &place.path, self.out));
            action.inputs.extend(place.scope.source_output.clone());
            return Some(action);
        }
        let mut map = Map::open(&entry.value, place.path.clone(), entry.key_span, self.out)?;
        let said = options(&mut map, self.out).apply(&mut action);
        if !said {
            action.inputs.extend(place.scope.source_output.clone());
        }
        if !map.has("run") {
            map.missing("run", "a command or a list of commands", self.out);
        }
        action.commands = one_line_each(map.texts("run", self.out).unwrap_or_default());
        action.output_variables = map.texts("exports", self.out).unwrap_or_default();
        if !action.output_variables.is_empty() && action.namespace.is_none() {
            action.namespace = Some(names::namespace(&action.name));
        }
        action.environment = environment(&mut map, self.out);
        action.allow = allow(&mut map, self.out);
        let files = map.texts("artifacts", self.out);
        let output = map.text("output", self.out);
        if files.is_some() || output.is_some() {
            let name = output.unwrap_or_else(|| names::artifact(&action.name));
            action.outputs.push(Output {
                name,
                files: files.unwrap_or_default(),
            });
        }
        map.hint(
            "timeout",
            "the commands action ends after 55 minutes; only builds and approvals have a timeout",
        );
        map.hint(
            "image",
            "the commands action has no image: write `build` for one",
        );
        configuration_rest(&mut action, action_type, &mut map, self.out);
        map.finish(self.out);
        Some(action)
    }
}

/// Commands of several lines, line by line: AWS takes commands of one line. What goes on over lines stays whole where that
/// is not surely the same.
pub(super) fn one_line_each(commands: Vec<Text>) -> Vec<Text> {
    let split =
        |text: Text| match lines(&text.value).filter(|_| text.known && text.secret.is_none()) {
            Some(lines) => lines
                .into_iter()
                .map(|line| Text {
                    value: line,
                    ..text.clone()
                })
                .collect(),
            None => vec![text],
        };
    commands.into_iter().flat_map(split).collect()
}

/// The lines of a text of several, each a command; nothing where a command goes on over lines.
fn lines(text: &str) -> Option<Vec<String>> {
    const OPEN: [&str; 11] = [
        "if", "for", "while", "until", "case", "select", "function", "then", "do", "{", "(",
    ];
    const MORE: [&str; 8] = ["\\", "&&", "||", "|", "{", "(", "then", "do"];
    let lines: Vec<&str> = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .collect();
    let goes_on = |line: &&str| {
        let first = line.split_whitespace().next().unwrap_or_default();
        let quotes = ['"', '\'', '`'].map(|quote| line.matches(quote).count());
        OPEN.contains(&first)
            || MORE.iter().any(|end| line.ends_with(end))
            || line.contains("<<")
            || line.matches('(').count() != line.matches(')').count()
            || line.matches('{').count() != line.matches('}').count()
            || quotes.iter().any(|count| count % 2 == 1)
    };
    let several = text.trim_end().contains('\n') && !lines.is_empty();
    (several && !lines.iter().any(goes_on)).then(|| lines.into_iter().map(str::to_owned).collect())
}

/// A single topic ARN goes into the configuration; anyone else is told by what the compiler makes. An approval tells one
/// topic: addresses can share one, topics cannot.
fn told_by(action: &mut Action, told: Vec<Notify>, path: &str, out: &mut Diagnostics) {
    let topic = told.iter().find_map(|notify| match notify {
        Notify::Email(_) => None,
        Notify::Topic(topic) => Some(topic.span),
        Notify::Made { span, .. } => Some(*span),
    });
    if let (Some(span), [_, _, ..]) = (topic, &told[..]) {
        out.push(
            Diagnostic::error(
                "value-invalid",
                span,
                path,
                "an approval tells one topic, and this is one beside others",
            )
.label("one too many")
            .help("list addresses only, or one topic with all of them: `{name: approvals, emails: [ops@example.com]}`"),
        );
    }
    match &told[..] {
        [Notify::Topic(topic)] if topic.known && topic.value.starts_with("arn:") => {
            action
                .configuration
                .push((Text::new("NotificationArn", topic.span), topic.clone()));
        }
        _ => action.notify = told,
    }
}

#[cfg(test)]
mod tests {
    use super::lines;

    #[test]
    fn lines_are_commands_of_their_own_where_nothing_goes_on() {
        let split = |text: &str| lines(text).map(|lines| lines.join("; "));
        assert_eq!(
            split("make\n\n# and\n  make test\n").as_deref(),
            Some("make; make test")
        );
        for whole in [
            "make",
            "make\n",
            "if x\nthen y\nfi",
            "docker run \\\n  image",
            "a &&\nb",
            "cat <<END\nx\nEND",
            "f() {\n x\n}",
            "echo \"a\nb\"",
            "# only\n# notes\n",
        ] {
            assert_eq!(split(whole), None, "{whole}");
        }
    }
}
