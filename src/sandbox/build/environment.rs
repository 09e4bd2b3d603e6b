//! The variables of a build: who says what they are, and which of them are secrets.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use serde_json::Value;

use super::places::Places;
use super::spec::Spec;
use super::{Request, Resolver};
use crate::tree::Secret;

/// A port of this machine at which nothing listens: whatever asks AWS is refused at once.
const CLOSED: &str = "http://127.0.0.1:1";

/// What kind of value a variable has, in the words of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VariableType {
    /// The value itself.
    Plaintext,
    /// The name of a parameter.
    ParameterStore,
    /// `secret-id:json-key:version-stage:version-id`.
    SecretsManager,
}

/// A variable as a project or the start of a build gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// Its value, or where that is.
    pub value: String,
    /// Which of the two.
    pub kind: VariableType,
}

impl Variable {
    /// A variable of `environmentVariables` of the API or of `EnvironmentVariables` of an action.
    pub fn of(value: &Value) -> Option<Self> {
        let text = |key: &str| value.get(key).and_then(Value::as_str);
        Some(Self {
            name: text("name")?.to_owned(),
            value: text("value").unwrap_or_default().to_owned(),
            kind: match text("type") {
                Some("PARAMETER_STORE") => VariableType::ParameterStore,
                Some("SECRETS_MANAGER") => VariableType::SecretsManager,
                _ => VariableType::Plaintext,
            },
        })
    }
}

/// The variables as they are.
#[derive(Debug, Default)]
pub(super) struct Environment {
    pub(super) values: BTreeMap<String, String>,
    pub(super) secrets: Vec<Secret>,
    pub(super) notes: Vec<String>,
    /// Names that cannot be exported: what the project takes from a store.
    pub(super) kept_back: Vec<String>,
}

/// What is wrong with a reference to a parameter or a secret: status code and message.
pub(super) type Refused = (&'static str, String);

/// The variables that commands see. What starts the build wins over the project, and that over the buildspec.
/// docs.aws.amazon.com/codebuild/latest/userguide/build-spec-ref.html#build-spec.env
pub(super) async fn collect(
    request: &Request,
    spec: &Spec,
    resolver: &dyn Resolver,
) -> Result<Environment, Refused> {
    let mut all: BTreeMap<String, Variable> = BTreeMap::new();
    let mut add = |name: &str, value: &str, kind: VariableType| {
        let variable = Variable {
            name: name.to_owned(),
            value: value.to_owned(),
            kind,
        };
        all.insert(name.to_owned(), variable);
    };
    for (list, kind) in [
        (&spec.variables, VariableType::Plaintext),
        (&spec.parameters, VariableType::ParameterStore),
        (&spec.secrets, VariableType::SecretsManager),
    ] {
        for (name, value) in list {
            add(name, value, kind);
        }
    }
    let project = request.project.pointer("/environment/environmentVariables");
    let project: Vec<Variable> = project
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Variable::of)
        .collect();
    for variable in project.iter().chain(&request.overrides.variables) {
        add(&variable.name, &variable.value, variable.kind);
    }
    let mut environment = Environment::default();
    for variable in &project {
        if variable.kind != VariableType::Plaintext {
            environment.kept_back.push(variable.name.clone());
        }
    }
    for (name, variable) in all {
        if name.is_empty() || name.contains(['=', '\0']) || variable.value.contains('\0') {
            environment.notes.push(format!(
                "`{name}` cannot be the name of a variable: left out"
            ));
            continue;
        }
        if name.starts_with("CODEBUILD_") {
            environment.notes.push(format!(
                "{name}: names beginning with CODEBUILD_ are reserved"
            ));
        }
        let secret = match variable.kind {
            VariableType::Plaintext => {
                environment.values.insert(name, variable.value);
                continue;
            }
            VariableType::ParameterStore => parameter(resolver, &variable.value).await?,
            VariableType::SecretsManager => secret(resolver, &variable.value).await?,
        };
        if super::mask::Masker::is_too_short(secret.expose()) {
            environment.notes.push(format!(
                "the value of {name} has fewer than three characters and is not masked"
            ));
        }
        environment.values.insert(name, secret.expose().to_owned());
        environment.secrets.push(secret);
    }
    Ok(environment)
}

async fn parameter(resolver: &dyn Resolver, name: &str) -> Result<Secret, Refused> {
    const CODE: &str = "Decrypted Variables Error";
    let found = resolver.parameter(name).await.map_err(|why| (CODE, why))?;
    found.ok_or_else(|| (CODE, format!("parameter does not exist: {name}")))
}

async fn secret(resolver: &dyn Resolver, reference: &str) -> Result<Secret, Refused> {
    const CODE: &str = "Secrets Manager Error Message";
    let address = SecretAddress::of(reference).map_err(|why| (CODE, why))?;
    let found = resolver
        .secret(
            &address.id,
            address.stage.as_deref(),
            address.version.as_deref(),
        )
        .await
        .map_err(|why| (CODE, why))?;
    let whole = found.ok_or_else(|| {
        let id = &address.id;
        (
            CODE,
            format!(
                "ResourceNotFoundException: Secrets Manager can't find the specified secret: {id}"
            ),
        )
    })?;
    let Some(key) = address.key else {
        return Ok(whole);
    };
    // The message of a parser could quote the secret: only that it failed is said.
    let part = serde_json::from_str::<Value>(whole.expose())
        .ok()
        .and_then(|value| match value.get(&key)? {
            Value::String(text) => Some(text.clone()),
            Value::Null => None,
            other => Some(other.to_string()),
        });
    let Some(part) = part else {
        return Err((
            CODE,
            format!("the secret {} has no key `{key}`", address.id),
        ));
    };
    let mut reference = whole.reference.clone();
    reference.key = Some(key);
    Ok(Secret::new(part, reference))
}

/// `secret-id:json-key:version-stage:version-id`, in which the id may be an ARN.
#[derive(Debug, PartialEq, Eq)]
struct SecretAddress {
    id: String,
    key: Option<String>,
    stage: Option<String>,
    version: Option<String>,
}

impl SecretAddress {
    fn of(text: &str) -> Result<Self, String> {
        let mut parts: Vec<&str> = text.split(':').collect();
        let id = if text.starts_with("arn:") && parts.len() >= 7 {
            parts.drain(..7).collect::<Vec<_>>().join(":")
        } else {
            parts.remove(0).to_owned()
        };
        if parts.len() > 3 {
            return Err(format!(
                "`{text}` is no secret-id:json-key:version-stage:version-id"
            ));
        }
        let part = |index: usize| {
            parts
                .get(index)
                .filter(|part| !part.is_empty())
                .map(|part| (*part).to_owned())
        };
        let (key, stage, version) = (part(0), part(1), part(2));
        if stage.is_some() && version.is_some() {
            return Err(format!(
                "`{text}` names both a version stage and a version id; one of them is enough"
            ));
        }
        Ok(Self {
            id,
            key,
            stage,
            version,
        })
    }
}

/// Adds what every build has: the words of CodeBuild, and on this machine what keeps a rehearsal from reaching AWS.
/// Who declares one of the latter means it.
pub(super) fn complete(
    environment: &mut Environment,
    request: &Request,
    places: &Places,
) -> io::Result<()> {
    let mut given: BTreeMap<String, String> = BTreeMap::new();
    let facts = &request.facts;
    if places.is_here {
        for (name, value) in guards(&places.guards)? {
            given.insert(name, value);
        }
        if let Ok(path) = std::env::var("PATH") {
            given.insert("PATH".to_owned(), path);
        }
        given.extend(toolchains());
        given.insert("HOME".to_owned(), places.home.clone());
        given.insert("TMPDIR".to_owned(), places.temporary.clone());
    } else {
        for (name, value) in DOORS {
            given.insert(name.to_owned(), value.to_owned());
        }
    }
    given.extend(request.passed.clone());
    given.insert("AWS_REGION".to_owned(), facts.region.clone());
    given.insert("AWS_DEFAULT_REGION".to_owned(), facts.region.clone());
    given.append(&mut environment.values);
    // The words of CodeBuild are its own.
    let image = request.text("/environment/image");
    let key = request.text("/encryptionKey");
    let url = facts.source_repo_url.clone().unwrap_or_default();
    let words = [
        ("BUILD_ARN", Some(request.arn())),
        ("BUILD_ID", Some(request.build_id.clone())),
        ("BUILD_NUMBER", Some(request.build_number.to_string())),
        ("BUILD_IMAGE", image),
        ("BUILD_SUCCEEDING", Some("1".to_owned())),
        ("INITIATOR", Some(facts.initiator.clone())),
        ("KMS_KEY_ID", key),
        ("LOG_PATH", Some(request.uuid().to_owned())),
        (
            "RESOLVED_SOURCE_VERSION",
            facts.resolved_source_version.clone(),
        ),
        ("SOURCE_VERSION", facts.source_version.clone()),
        ("SOURCE_REPO_URL", Some(url)),
        ("SRC_DIR", Some(places.source.clone())),
        ("START_TIME", Some(super::log::now().0.to_string())),
        ("BATCH_BUILD_IDENTIFIER", request.task.clone()),
    ];
    for (word, value) in words {
        if let Some(value) = value {
            given.insert(format!("CODEBUILD_{word}"), value);
        }
    }
    for (identifier, path) in &places.secondary {
        given.insert(format!("CODEBUILD_SRC_DIR_{identifier}"), path.clone());
    }
    environment.values = given;
    Ok(())
}

/// Closed doors, in a container, too: its network may be that of this machine.
const DOORS: [(&str, &str); 4] = [
    ("AWS_EC2_METADATA_DISABLED", "true"),
    ("AWS_EC2_METADATA_SERVICE_ENDPOINT", CLOSED),
    ("AWS_ENDPOINT_URL", CLOSED),
    ("GIT_TERMINAL_PROMPT", "0"),
];

/// Where managers of toolchains keep them: the variable that says so, and the folder below `HOME` where it does not.
/// What they put on `PATH` only looks for the tool there, and the `HOME` of a build is empty.
const TOOLCHAINS: [(&str, &str); 4] = [
    ("RUSTUP_HOME", ".rustup"),
    ("PYENV_ROOT", ".pyenv"),
    ("RBENV_ROOT", ".rbenv"),
    ("ASDF_DATA_DIR", ".asdf"),
];

/// The toolchains of the person, which are programs and hold no credentials.
fn toolchains() -> Vec<(String, String)> {
    let home = std::env::var_os("HOME").map(std::path::PathBuf::from);
    TOOLCHAINS
        .iter()
        .filter_map(|(name, folder)| {
            let said = std::env::var(name).ok().filter(|path| !path.is_empty());
            let usual = || {
                let path = home.as_ref()?.join(folder);
                path.is_dir().then(|| path.to_str().map(str::to_owned))?
            };
            Some(((*name).to_owned(), said.or_else(usual)?))
        })
        .collect()
}

/// Empty settings, closed doors.
fn guards(folder: &Path) -> io::Result<Vec<(String, String)>> {
    fs::create_dir_all(folder)?;
    let empty = folder.join("empty");
    fs::write(&empty, "")?;
    let empty = empty.to_string_lossy().into_owned();
    let ssh = "ssh -F /dev/null -o BatchMode=yes -o IdentitiesOnly=yes -o IdentityFile=none";
    let settings = [
        ("AWS_CONFIG_FILE", empty.as_str()),
        ("AWS_SHARED_CREDENTIALS_FILE", &empty),
        ("GIT_CONFIG_GLOBAL", &empty),
        ("GIT_CONFIG_NOSYSTEM", "1"),
        ("GIT_SSH_COMMAND", ssh),
    ];
    Ok(settings
        .into_iter()
        .chain(DOORS)
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_addressed_by_name_or_arn() {
        let address = |text: &str| {
            SecretAddress::of(text).map(|a| {
                let dash = |o: Option<String>| o.unwrap_or_else(|| "-".to_owned());
                format!(
                    "{} {} {} {}",
                    a.id,
                    dash(a.key),
                    dash(a.stage),
                    dash(a.version)
                )
            })
        };
        let arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:db-AbCdEf";
        assert_eq!(address("db"), Ok("db - - -".to_owned()));
        assert_eq!(address("db:password"), Ok("db password - -".to_owned()));
        assert_eq!(
            address("db:password:AWSPREVIOUS"),
            Ok("db password AWSPREVIOUS -".to_owned())
        );
        assert_eq!(address("db:::v1"), Ok("db - - v1".to_owned()));
        assert_eq!(address(arn), Ok(format!("{arn} - - -")));
        assert_eq!(
            address(&format!("{arn}:key::v1")),
            Ok(format!("{arn} key - v1"))
        );
        assert!(address("db:k:s:v").is_err());
        assert!(address("a:b:c:d:e").is_err());
    }
}
