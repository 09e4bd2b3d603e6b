//! What files refer to: parameters, secrets, connections; and the parameters pipectl keeps.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::call::{Watch, send, send_json};
use super::json::{items, text};
use super::{Aws, all, found, gone};
use crate::cloud::{CloudError, ErrorKind, Parameter, Result, SecretText};

/// How many parameters one call takes.
const PARAMETERS: usize = 10;
/// How many secrets one call takes.
const SECRETS: usize = 20;

impl Aws {
    pub(super) async fn read_parameters(
        &self,
        region: &str,
        names: &[String],
        decrypt: bool,
    ) -> Vec<Result<Option<Parameter>>> {
        let distinct: Vec<&str> = distinct(names);
        let mut answers: BTreeMap<&str, Result<Option<Parameter>>> = BTreeMap::new();
        let batches = distinct.chunks(PARAMETERS).map(|batch| async move {
            (batch, self.parameter_batch(region, batch, decrypt).await)
        });
        let mut single: Vec<&str> = Vec::new();
        for (batch, answer) in futures::future::join_all(batches).await {
            match answer {
                Ok(answer) => {
                    for name in batch {
                        let mut entries =
                            items(&answer, "Parameters").filter(|entry| is_parameter(entry, name));
                        match (entries.next(), entries.next()) {
                            (Some(entry), None) => {
                                answers.insert(name, Ok(Some(parameter(name, entry))));
                            }
                            // Versions of one parameter whose entries do not say which they are.
                            (Some(_), Some(_)) => single.push(name),
                            // A batch calls a label or version that is not there invalid as it does a bad name.
                            (None, _) if name.contains(':') => single.push(name),
                            (None, _) => {
                                answers.insert(name, Ok(None));
                            }
                        }
                    }
                }
                Err(error) if asks_singly(&error) => single.extend(batch),
                Err(error) => {
                    for name in batch {
                        answers.insert(name, Err(error.clone()));
                    }
                }
            }
        }
        let singles = single
            .into_iter()
            .map(|name| async move { (name, self.one_parameter(region, name, decrypt).await) });
        answers.extend(futures::future::join_all(singles).await);
        in_order(names, &answers)
    }

    /// DescribeStacks has no exception of its own for a stack that is not there:
    /// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeStacks.html>
    pub(super) async fn read_stack(
        &self,
        region: &str,
        stack: &str,
    ) -> Result<Option<BTreeMap<String, String>>> {
        let answer = send!(
            self,
            "CloudFormation:DescribeStacks",
            self.cloudformation(region)
                .describe_stacks()
                .stack_name(stack)
        );
        let answer = match answer {
            Ok(answer) => answer,
            Err(error)
                if error.code == "ValidationError" && error.message.contains("does not exist") =>
            {
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        let outputs = answer.stacks.unwrap_or_default().into_iter().next();
        Ok(outputs.map(|stack| {
            stack
                .outputs
                .unwrap_or_default()
                .into_iter()
                .filter_map(|output| Some((output.output_key?, output.output_value?)))
                .collect()
        }))
    }

    async fn parameter_batch(&self, region: &str, names: &[&str], decrypt: bool) -> Result<Value> {
        send_json!(
            self,
            "SSM:GetParameters",
            self.ssm(region).get_parameters(),
            json!({"Names": names, "WithDecryption": decrypt})
        )
    }

    async fn one_parameter(
        &self,
        region: &str,
        name: &str,
        decrypt: bool,
    ) -> Result<Option<Parameter>> {
        let answer = send_json!(
            self,
            "SSM:GetParameter",
            self.ssm(region).get_parameter(),
            json!({"Name": name, "WithDecryption": decrypt})
        );
        match answer {
            Ok(answer) => Ok(answer.get("Parameter").map(|entry| parameter(name, entry))),
            // A version or label that is not there is no parameter that is not there.
            Err(error) if error.code == "ParameterNotFound" => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(super) async fn write_parameter(
        &self,
        name: &str,
        value: &str,
        overwrite: bool,
    ) -> Result<()> {
        let watch = Watch::default();
        let sent = send_json!(
            self,
            watch,
            "SSM:PutParameter",
            self.ssm(&self.region).put_parameter(),
            json!({"Name": name, "Value": value, "Type": "String", "Overwrite": overwrite})
        );
        match sent {
            // Our own first attempt may have worked although its answer was lost.
            Err(error) if error.kind == ErrorKind::Exists && watch.repeated() => {
                match self.one_parameter(&self.region, name, false).await? {
                    Some(live) if live.value == value => Ok(()),
                    _ => Err(error),
                }
            }
            sent => sent.map(drop),
        }
    }

    pub(super) async fn remove_parameters(&self, names: &[String]) -> Result<()> {
        all(names.chunks(PARAMETERS).map(|batch| async move {
            gone(send_json!(
                self,
                "SSM:DeleteParameters",
                self.ssm(&self.region).delete_parameters(),
                json!({"Names": batch})
            ))
        }))
        .await
        .map(drop)
    }

    pub(super) async fn read_secrets(
        &self,
        region: &str,
        ids: &[String],
    ) -> Vec<Result<Option<SecretText>>> {
        let distinct = distinct(ids);
        let batches = distinct.chunks(SECRETS).map(|batch| async move {
            let answer = send_json!(
                self,
                "SecretsManager:BatchGetSecretValue",
                self.secretsmanager(region).batch_get_secret_value(),
                json!({"SecretIdList": batch})
            );
            (batch, answer)
        });
        let mut answers: BTreeMap<&str, Result<Option<SecretText>>> = BTreeMap::new();
        let mut single: Vec<&str> = Vec::new();
        for (batch, answer) in futures::future::join_all(batches).await {
            match answer {
                Ok(answer) => {
                    for id in batch {
                        let entry = items(&answer, "SecretValues").find(|s| is_secret(s, id));
                        let error = items(&answer, "Errors").find(|e| text(e, "SecretId") == *id);
                        let absent = error
                            .is_some_and(|e| text(e, "ErrorCode") == "ResourceNotFoundException");
                        if let Some(entry) = entry {
                            answers.insert(id, secret(id, entry).map(Some));
                        } else if absent {
                            answers.insert(id, Ok(None));
                        } else {
                            single.push(id);
                        }
                    }
                }
                Err(error) if asks_singly(&error) => single.extend(batch),
                Err(error) => {
                    for id in batch {
                        answers.insert(id, Err(error.clone()));
                    }
                }
            }
        }
        let singles = single
            .into_iter()
            .map(|id| async move { (id, self.one_secret(region, id).await) });
        answers.extend(futures::future::join_all(singles).await);
        in_order(ids, &answers)
    }

    async fn one_secret(&self, region: &str, id: &str) -> Result<Option<SecretText>> {
        let answer = found(send_json!(
            self,
            "SecretsManager:GetSecretValue",
            self.secretsmanager(region).get_secret_value(),
            json!({"SecretId": id})
        ))?;
        answer.map(|answer| secret(id, &answer)).transpose()
    }

    pub(super) async fn read_connection(&self, arn: &str) -> Result<Option<String>> {
        let region = arn.split(':').nth(3).filter(|region| !region.is_empty());
        let client = self.codeconnections(region.unwrap_or(&self.region));
        let answer = found(send!(
            self,
            "CodeConnections:GetConnection",
            client.get_connection().connection_arn(arn)
        ))?;
        Ok(answer
            .and_then(|answer| answer.connection)
            .and_then(|connection| connection.connection_status)
            .map(|status| status.as_str().to_owned()))
    }
}

fn distinct(names: &[String]) -> Vec<&str> {
    let set: BTreeSet<&str> = names.iter().map(String::as_str).collect();
    set.into_iter().collect()
}

fn in_order<T: Clone>(
    names: &[String],
    answers: &BTreeMap<&str, Result<Option<T>>>,
) -> Vec<Result<Option<T>>> {
    names
        .iter()
        .map(|name| answers.get(name.as_str()).cloned().unwrap_or(Ok(None)))
        .collect()
}

/// One bad or forbidden name fails a whole batch.
fn asks_singly(error: &CloudError) -> bool {
    matches!(
        error.kind,
        ErrorKind::Denied | ErrorKind::Invalid | ErrorKind::NotFound
    )
}

/// Whether an entry of an answer is what was asked for. A secret that is read through Parameter Store may come under
/// its own name: <https://docs.aws.amazon.com/systems-manager/latest/userguide/integration-ps-secretsmanager.html>
fn is_parameter(entry: &Value, asked: &str) -> bool {
    let asked = asked
        .strip_prefix("/aws/reference/secretsmanager/")
        .filter(|secret| *secret == text(entry, "Name"))
        .unwrap_or(asked);
    let (name, arn) = (text(entry, "Name"), text(entry, "ARN"));
    // With a selector it is one version, which answers nobody who asked for the newest.
    let asked = asked.strip_suffix(text(entry, "Selector"));
    asked.is_some_and(|asked| asked == name || asked == arn)
}

fn parameter(asked: &str, entry: &Value) -> Parameter {
    let modified = entry.get("LastModifiedDate").and_then(Value::as_f64);
    Parameter {
        asked: asked.to_owned(),
        kind: text(entry, "Type").to_owned(),
        value: text(entry, "Value").to_owned(),
        version: entry.get("Version").and_then(Value::as_i64).unwrap_or(0),
        modified: modified.map_or(0, |seconds| seconds as i64),
    }
}

/// Asked by name, by ARN, or by ARN without the six random characters.
fn is_secret(entry: &Value, asked: &str) -> bool {
    let arn = text(entry, "ARN");
    text(entry, "Name") == asked
        || arn == asked
        || (asked.starts_with("arn:")
            && arn
                .strip_prefix(asked)
                .is_some_and(|rest| rest.len() == 7 && rest.starts_with('-')))
}

fn secret(asked: &str, entry: &Value) -> Result<SecretText> {
    let value = match entry.get("SecretString").and_then(Value::as_str) {
        Some(value) => value.to_owned(),
        None => STANDARD
            .decode(text(entry, "SecretBinary"))
            .ok()
            .and_then(|bytes| String::from_utf8(bytes).ok())
            .ok_or_else(|| CloudError {
                kind: ErrorKind::Invalid,
                operation: "SecretsManager:GetSecretValue".to_owned(),
                code: "binary-secret".to_owned(),
                message: "The secret is binary and no text; only texts can be used.".to_owned(),
                request_id: None,
                resource: Some(asked.to_owned()),
            })?,
    };
    Ok(SecretText {
        asked: asked.to_owned(),
        value,
        version_id: text(entry, "VersionId").to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_found_by_every_name() {
        let entry = json!({"Name": "/a/b", "ARN": "arn:aws:ssm:r:1:parameter/a/b"});
        assert!(is_parameter(&entry, "/a/b"));
        assert!(is_parameter(&entry, "arn:aws:ssm:r:1:parameter/a/b"));
        assert!(!is_parameter(&entry, "/a/b:2"));
        let entry = json!({"Name": "/a/b", "Selector": ":2"});
        assert!(is_parameter(&entry, "/a/b:2"));
        assert!(!is_parameter(&entry, "/a/b") && !is_parameter(&entry, "/a/b:1"));
    }

    #[test]
    fn secrets_are_found_by_every_name() {
        let entry = json!({"Name": "a", "ARN": "arn:aws:secretsmanager:r:1:secret:a-AbCdEf"});
        assert!(is_secret(&entry, "a"));
        assert!(is_secret(
            &entry,
            "arn:aws:secretsmanager:r:1:secret:a-AbCdEf"
        ));
        assert!(is_secret(&entry, "arn:aws:secretsmanager:r:1:secret:a"));
        assert!(!is_secret(&entry, "arn:aws:secretsmanager:r:1:secret"));
    }

    #[test]
    fn only_text_is_a_secret() {
        let value = |entry: Value| secret("a", &entry).map(|secret| secret.value).ok();
        assert_eq!(value(json!({"SecretString": "s"})).as_deref(), Some("s"));
        assert_eq!(value(json!({"SecretBinary": "cw=="})).as_deref(), Some("s"));
        assert_eq!(value(json!({"SecretBinary": "/w=="})), None);
    }
}
