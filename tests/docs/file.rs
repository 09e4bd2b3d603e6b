//! `docs/file.md`: the keys of the file, from the JSON Schema that editors read.

use std::fmt::Write as _;

use pipectl::schema::schema;
use serde_json::{Map, Value};

use super::parts::{Page, cell};

/// The page, and where on it the parts of the schema are explained.
struct Keys {
    schema: Value,
    places: Vec<(String, String)>,
}

/// What actions have in common, whatever their kind.
const OPTIONS: &str = "options";
/// The root has what a pipeline has, and these.
const ROOT: &str = "root";

impl Keys {
    fn definition(&self, name: &str) -> &Value {
        &self.schema["definitions"][name]
    }

    fn follow<'v>(&'v self, value: &'v Value) -> &'v Value {
        match referred(value) {
            Some(name) => self.definition(name),
            None => value,
        }
    }

    /// The maps among the forms of a value.
    fn maps<'v>(&'v self, value: &'v Value) -> Vec<&'v Value> {
        let value = self.follow(value);
        if value["properties"].is_object() {
            return vec![value];
        }
        let forms = value["anyOf"].as_array().map_or(&[][..], Vec::as_slice);
        let forms = forms.iter().filter(|form| referred(form).is_none());
        forms
            .filter(|form| form["properties"].is_object())
            .collect()
    }

    fn properties(&self, name: &str) -> Vec<&str> {
        let maps = self.maps(self.definition(name));
        let keys = maps.iter().filter_map(|map| map["properties"].as_object());
        keys.flat_map(Map::keys).map(String::as_str).collect()
    }

    /// The keys that every action has.
    fn options(&self) -> Vec<&str> {
        let commands = self.properties("commands");
        let build = self.properties("build");
        let mut options = self.properties("approval");
        options.retain(|key| commands.contains(key) && build.contains(key));
        options
    }

    /// A link to where a definition is explained.
    fn link(&self, name: &str) -> String {
        let place = self.places.iter().find(|(part, _)| part == name);
        let Some((_, heading)) = place else {
            return name.to_owned();
        };
        let anchor: String = heading
            .to_lowercase()
            .chars()
            .filter(|one| one.is_alphanumeric() || matches!(one, ' ' | '-' | '_'))
            .map(|one| if one == ' ' { '-' } else { one })
            .collect();
        format!("[{name}](#{anchor})")
    }

    /// What may stand as a value.
    fn kind(&self, value: &Value) -> String {
        if let Some(name) = referred(value) {
            return self.link(name);
        }
        if let Some([one]) = value["allOf"].as_array().map(Vec::as_slice) {
            return self.kind(one);
        }
        if let Some(forms) = value["anyOf"].as_array()
            && !value["properties"].is_object()
        {
            let mut kinds: Vec<String> = Vec::new();
            for form in forms {
                // That a variable may stand there is said once for all.
                let variable = form["type"] == "string" && form["pattern"].is_string();
                let kind = self.kind(form);
                if !variable && !kinds.contains(&kind) {
                    kinds.push(kind);
                }
            }
            return kinds.join(" or ");
        }
        if let Some(words) = value["enum"].as_array() {
            return words_of(words);
        }
        if let Some(words) = value["examples"].as_array() {
            return words_of(words);
        }
        let types: Vec<&str> = match &value["type"] {
            Value::Array(types) => types.iter().filter_map(Value::as_str).collect(),
            one => one.as_str().into_iter().collect(),
        };
        match types.first().copied() {
            Some("boolean") => "`true`, `false`".to_owned(),
            Some("integer") => "whole number".to_owned(),
            Some("number")
                if value["pattern"]
                    .as_str()
                    .is_some_and(|one| one.contains("[a-z]")) =>
            {
                "time".to_owned()
            }
            Some("number") => "number".to_owned(),
            Some("array") if value["items"].is_object() => {
                let item = self.kind(&value["items"]);
                format!("list of {item}")
            }
            Some("array") => "list".to_owned(),
            Some("object") if value["additionalProperties"].is_object() => {
                format!("map: name → {}", self.kind(&value["additionalProperties"]))
            }
            Some("object") => "map".to_owned(),
            _ => "text".to_owned(),
        }
    }

    fn rows(&self, table: &mut String, map: &Value, before: &str, without: &[&str]) {
        let required: Vec<&str> = map["required"]
            .as_array()
            .map_or(&[][..], Vec::as_slice)
            .iter()
            .filter_map(Value::as_str)
            .collect();
        let none = Map::new();
        for (key, value) in map["properties"].as_object().unwrap_or(&none) {
            if without.contains(&key.as_str()) || value["doNotSuggest"] == true {
                continue;
            }
            let mut about = value["description"]
                .as_str()
                .or_else(|| self.follow(value)["description"].as_str())
                .unwrap_or_default()
                .to_owned();
            // The kind `time` says it, and the page says it once.
            if let Some((before, _)) = about.split_once("; or with a unit") {
                about = before.to_owned();
            }
            if let Some(default) = value.get("default").filter(|_| !about.contains("bsent")) {
                let default = default.as_str().map_or(default.to_string(), str::to_owned);
                let _ = write!(about, ". Absent: `{default}`");
            }
            if required.contains(&key.as_str()) {
                about = format!("Required. {about}");
            }
            let name = format!("{before}{key}");
            let kind = cell(&self.kind(value));
            let _ = writeln!(table, "| `{name}` | {kind} | {} |", cell(&about));
            self.below(table, value, &name);
        }
    }

    /// The keys of maps that have no place of their own.
    fn below(&self, table: &mut String, value: &Value, name: &str) {
        let forms = value["anyOf"].as_array().map_or(&[][..], Vec::as_slice);
        let mut seen = Vec::new();
        for form in std::iter::once(value).chain(forms) {
            let (form, name) = match (&form["items"], &form["additionalProperties"]) {
                (items, _) if items.is_object() => (items, format!("{name}[]")),
                (_, one) if one.is_object() => (one, format!("{name}.<name>")),
                _ => (form, name.to_owned()),
            };
            if referred(form).is_some() || !form["properties"].is_object() || seen.contains(&form) {
                continue;
            }
            seen.push(form);
            // One or a list of them: the keys stand there once.
            let listed = forms.iter().any(|other| other["items"] == *form);
            if !listed || name.ends_with("[]") {
                self.rows(table, form, &format!("{name}."), &[]);
            }
        }
    }

    /// The forms of a value that are no maps with known keys, each with what it means.
    fn others(&self, value: &Value) -> Vec<String> {
        let forms = self.follow(value)["anyOf"].as_array();
        let forms = forms.map_or(&[][..], Vec::as_slice).iter();
        let mut others: Vec<String> = Vec::new();
        for form in forms.filter(|form| form["required"].is_null()) {
            let mut said = self.kind(form);
            if let Some(about) = form["description"].as_str() {
                said = format!("{said}: {about}");
            }
            if form["properties"].is_null() && !others.contains(&said) {
                others.push(said);
            }
        }
        others
    }

    fn tables(&self, value: &Value, without: &[&str]) -> String {
        let mut text = String::new();
        let others = self.others(value);
        if !others.is_empty() {
            let _ = writeln!(text, "One of: {}; or a map:\n", others.join("; "));
        }
        for (at, map) in self.maps(value).into_iter().enumerate() {
            let mut table = String::new();
            self.rows(&mut table, map, "", without);
            if at > 0 {
                text.push_str("\nOr:\n\n");
            }
            let _ = write!(text, "| key | value | |\n|---|---|---|\n{table}");
        }
        text
    }

    /// One section for each provider of a kind.
    fn providers(&self, name: &str) -> String {
        let mut without = self.options();
        without.push("allow");
        let mut text = String::new();
        let none = Map::new();
        for map in self.maps(self.definition(name)) {
            for (key, value) in map["properties"].as_object().unwrap_or(&none) {
                if without.contains(&key.as_str()) {
                    continue;
                }
                let _ = write!(
                    text,
                    "#### {name}: {key}\n{}\n",
                    self.tables(value, &without)
                );
            }
        }
        text
    }

    fn part(&self, name: &str) -> Option<String> {
        let options = self.options();
        let settings = self.properties("settings");
        Some(match name {
            ROOT => {
                let mut pipeline = self.properties("pipeline");
                pipeline.push("provider");
                pipeline.retain(|key| !matches!(*key, "provider"));
                self.tables(&self.schema, &pipeline)
            }
            OPTIONS => {
                let approval = self.properties("approval");
                let others: Vec<&str> = approval
                    .into_iter()
                    .filter(|key| !options.contains(key))
                    .collect();
                self.tables(self.definition("approval"), &others)
            }
            "deploy" | "invoke" => self.providers(name),
            "build" | "selfUpdate" | "sharedProject" => {
                let mut without = options;
                without.extend(settings);
                if name == "sharedProject" {
                    without.retain(|key| *key != "region");
                    without.extend(self.properties("build"));
                    without.retain(|key| !matches!(*key, "region" | "api"));
                }
                self.tables(self.definition(name), &without)
            }
            "action" => {
                let stage = self.properties("stage");
                let without: Vec<&str> = stage
                    .into_iter()
                    .filter(|key| !matches!(*key, "name"))
                    .collect();
                self.tables(self.definition(name), &without)
            }
            "approval" | "commands" | "scan" | "image" => {
                self.tables(self.definition(name), &options)
            }
            other => {
                let value = self.schema["definitions"].get(other)?;
                match self.maps(value).is_empty() {
                    true => {
                        let about = value["description"].as_str().unwrap_or_default();
                        format!("{about}: {}.\n", self.kind(value))
                    }
                    false => self.tables(value, &[]),
                }
            }
        })
    }
}

fn referred(value: &Value) -> Option<&str> {
    value["$ref"].as_str()?.strip_prefix("#/definitions/")
}

fn words_of(words: &[Value]) -> String {
    let words: Vec<String> = words
        .iter()
        .map(|word| {
            format!(
                "`{}`",
                word.as_str().map_or(word.to_string(), str::to_owned)
            )
        })
        .collect();
    words.join(", ")
}

#[test]
fn the_page_of_the_file_is_current() {
    let page = Page::open("docs/file.md");
    let keys = Keys {
        schema: schema(),
        places: page.parts(),
    };
    let mut wanted = vec![ROOT.to_owned(), OPTIONS.to_owned()];
    let definitions = keys.schema["definitions"].as_object().unwrap();
    wanted.extend(definitions.keys().cloned());
    page.hold(&wanted, |name| keys.part(name));
}
