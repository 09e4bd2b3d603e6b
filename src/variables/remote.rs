//! The sources that AWS answers: ssm, secret, s3, cf, aws. Offline they give placeholders.

use super::evaluate::Arguments;
use super::resolver::{Finding, Resolver, Stop};
use super::sources::{Call, Found, texts, unknown};
use super::value::{Piece, Trust, Value, piece};
use super::{Answer, Request};
use crate::cloud::{CloudError, ELSEWHERE, ErrorKind};
use crate::tree::{Data, Entry, Node, Secret, SecretReference, SecretService};

/// What begins the name of a parameter that stands for a secret of Secrets Manager.
pub(crate) const SECRET_PREFIX: &str = "/aws/reference/secretsmanager/";

impl Resolver<'_> {
    /// One answer; a refusal is a finding at the variable, and ends the program with 3 unless the file is to blame.
    fn answer(&mut self, call: &Call<'_>, request: &Request) -> Result<Answer, Stop> {
        match self.ask(request)? {
            Ok(answer) => Ok(answer),
            Err(error) => Err(self.refused(call, error)),
        }
    }

    fn refused(&mut self, call: &Call<'_>, error: CloudError) -> Stop {
        let help = match error.kind {
            ErrorKind::Denied => "the caller may not read it; ask for the permission",
            ErrorKind::Credentials => "AWS knows no valid credentials; log in, or give --profile",
            _ if error.code == ELSEWHERE => {
                "name the region of the bucket: `${s3(REGION):bucket/key}`"
            }
            ErrorKind::NotFound | ErrorKind::Invalid => {
                "a fallback is only used where nothing is found, not where AWS refuses"
            }
            _ if error.code == "certificate" => {
                "set AWS_CA_BUNDLE to a file of trusted certificates"
            }
            _ => "try again; -v shows the calls",
        };
        // Codes of our own are small: then AWS never answered.
        let answered = error
            .code
            .starts_with(|first: char| first.is_ascii_uppercase());
        let message = if answered {
            format!(
                "AWS refused {}: {}: {}",
                error.operation, error.code, error.message
            )
        } else {
            let text = error.message.trim_end_matches('.');
            format!("{} did not work: {text}", error.operation)
        };
        let stop = self.refuse(call, message, help);
        let file_is_to_blame = matches!(
            error.kind,
            ErrorKind::NotFound | ErrorKind::Invalid | ErrorKind::Exists
        );
        if !file_is_to_blame && !self.failures.contains(&error) {
            self.failures.push(error);
        }
        stop
    }

    /// The region in the brackets.
    fn named_region(&self, call: &Call<'_>, arguments: &Arguments) -> Result<Option<String>, Stop> {
        let mut params = params(arguments).into_iter();
        match params.find(|text| text != "raw" && text != "noDecrypt") {
            Some(region) if region.is_empty() => Err(self.refuse(
                call,
                format!("the region in the brackets of `{}` is empty", call.name),
                "name it, or leave the brackets out for the region of the run",
            )),
            region => Ok(region),
        }
    }

    fn region_of(&mut self, call: &Call<'_>, named: Option<String>) -> Result<String, Stop> {
        match named {
            Some(region) => Ok(region),
            None => self.region(call),
        }
    }

    /// Notes what would be asked if this were not offline; the region is `*` where only the account knows it.
    fn foresee(&mut self, named: Option<String>, request: impl FnOnce(String) -> Request) {
        let region = named
            .or_else(|| self.known_region().ok().flatten())
            .unwrap_or_else(|| "*".to_owned());
        let request = request(region);
        if self.asked.insert(request.clone()) {
            self.foreseen.push(request);
        }
    }

    pub(super) fn parameter(
        &mut self,
        call: &Call<'_>,
        arguments: &Arguments,
    ) -> Result<Found, Stop> {
        let name = self
            .address(call, arguments, "${ssm:/path/name}")?
            .to_owned();
        let named = self.named_region(call, arguments)?;
        let params = params(arguments);
        let raw = params.iter().any(|text| text == "raw");
        let decrypt = !params.iter().any(|text| text == "noDecrypt");
        if !decrypt && name.contains(SECRET_PREFIX) {
            return Err(self.refuse(
                call,
                "a secret of Secrets Manager is only given decrypted",
                "leave out noDecrypt",
            ));
        }
        if self.context.offline {
            self.foresee(named, |region| Request::Parameter {
                region,
                name,
                decrypt: true,
            });
            return Ok(unknown(call, arguments));
        }
        let region = self.region_of(call, named)?;
        let request = Request::Parameter {
            region: region.clone(),
            name: name.clone(),
            decrypt,
        };
        let parameter = match self.answer(call, &request)? {
            Answer::Parameter(parameter) => parameter,
            _ => {
                let help = Some(format!("there is no parameter `{name}` in {region}"));
                return Ok(Found::Missing {
                    help,
                    request: Some(request),
                });
            }
        };
        let trust = Trust::Service.max(call.reading.trust);
        let node = match parameter.kind.as_str() {
            "SecureString" if decrypt => {
                if call.reading.trust != Trust::Own {
                    return Err(self.refuse(
                        call,
                        "a value that came from AWS asks for a SecureString, and it may not",
                        "put the variable into this file",
                    ));
                }
                let reference = match name.strip_prefix(SECRET_PREFIX) {
                    Some(id) => (SecretService::SecretsManager, id.to_owned()),
                    None => (SecretService::ParameterStore, name),
                };
                let reference = SecretReference {
                    service: reference.0,
                    name: reference.1,
                    key: None,
                    region,
                    fingerprint: format!("{}@{}", parameter.version, parameter.modified),
                };
                return Ok(Found::Value(Value::new(
                    secret_node(&parameter.value, reference, raw, call),
                    Trust::Own,
                )));
            }
            // Without decryption it is the ciphertext: of no use to anybody, and nothing to read again.
            "SecureString" => {
                return Ok(Found::Value(Value::new(
                    Node::text(parameter.value, call.span),
                    Trust::Sealed,
                )));
            }
            "StringList" if !raw => texts(parameter.value.split(',').map(str::to_owned), call.span),
            _ => Node::text(parameter.value, call.span),
        };
        Ok(Found::Value(Value::new(node, trust)))
    }

    pub(super) fn secret(&mut self, call: &Call<'_>, arguments: &Arguments) -> Result<Found, Stop> {
        let address = self
            .address(call, arguments, "${secret:NAME:key}")?
            .to_owned();
        let (id, key) = secret_address(&address);
        let named = self.named_region(call, arguments)?;
        if self.context.offline {
            let id = id.to_owned();
            self.foresee(named, |region| Request::Secret { region, id });
            return Ok(unknown(call, arguments));
        }
        let region = match id
            .strip_prefix("arn:")
            .and_then(|arn| arn.split(':').nth(2))
        {
            Some(region) if !region.is_empty() => region.to_owned(),
            _ => self.region_of(call, named)?,
        };
        let request = Request::Secret {
            region: region.clone(),
            id: id.to_owned(),
        };
        let secret = match self.answer(call, &request)? {
            Answer::Secret(secret) => secret,
            _ => {
                let help = Some(format!("there is no secret `{id}` in {region}"));
                return Ok(Found::Missing {
                    help,
                    request: Some(request),
                });
            }
        };
        let reference = SecretReference {
            service: SecretService::SecretsManager,
            name: id.to_owned(),
            key: None,
            region,
            fingerprint: secret.version_id.clone(),
        };
        let node = secret_node(&secret.value, reference, false, call);
        let Some(key) = key else {
            return Ok(Found::Value(Value::new(node, Trust::Own)));
        };
        let entries = match node.data {
            Data::Map(entries) => entries,
            _ => {
                return Err(self.refuse(
                    call,
                    format!("the secret `{id}` is no JSON object, so it has no key `{key}`"),
                    format!("write `${{secret:{id}}}` for the whole text"),
                ));
            }
        };
        let keys: Vec<String> = entries.iter().map(|entry| entry.key.clone()).collect();
        match entries.into_iter().find(|entry| entry.key == key) {
            Some(entry) => Ok(Found::Value(Value::new(entry.value, Trust::Own))),
            None => {
                // Names of keys are no secrets; the values never appear.
                let near = super::sources::nearest(key, keys.iter().map(String::as_str));
                let help = match near {
                    Some(near) => {
                        format!("the secret `{id}` has no key `{key}`; did you mean `{near}`?")
                    }
                    None => format!("the secret `{id}` has no key `{key}`"),
                };
                Ok(Found::missing(Some(help)))
            }
        }
    }

    pub(super) fn object(&mut self, call: &Call<'_>, arguments: &Arguments) -> Result<Found, Stop> {
        let address = self.address(call, arguments, "${s3:bucket/key}")?;
        let Some((bucket, key)) = address
            .split_once('/')
            .filter(|(bucket, key)| !bucket.is_empty() && !key.is_empty())
        else {
            return Err(self.refuse(
                call,
                format!("`{address}` is no bucket and key"),
                "write `${s3:bucket/key}`",
            ));
        };
        let named = self.named_region(call, arguments)?;
        if self.context.offline {
            let (bucket, key) = (bucket.to_owned(), key.to_owned());
            self.foresee(named, |region| Request::Object {
                region,
                bucket,
                key,
            });
            return Ok(unknown(call, arguments));
        }
        let region = self.region_of(call, named)?;
        let request = Request::Object {
            region,
            bucket: bucket.to_owned(),
            key: key.to_owned(),
        };
        let help = format!("the bucket `{bucket}` has no object `{key}`");
        self.plain(call, &request, help)
    }

    pub(super) fn output(&mut self, call: &Call<'_>, arguments: &Arguments) -> Result<Found, Stop> {
        let address = self.address(call, arguments, "${cf:stack.Output}")?;
        let Some((stack, output)) = address.split_once('.') else {
            return Err(self.refuse(
                call,
                format!("`{address}` is no stack and output"),
                "write `${cf:stack.Output}`",
            ));
        };
        let named = self.named_region(call, arguments)?;
        if self.context.offline {
            let (stack, output) = (stack.to_owned(), output.to_owned());
            self.foresee(named, |region| Request::Output {
                region,
                stack,
                output,
            });
            return Ok(unknown(call, arguments));
        }
        let region = self.region_of(call, named)?;
        let help = format!("there is no output `{output}` of a stack `{stack}` in {region}");
        let request = Request::Output {
            region,
            stack: stack.to_owned(),
            output: output.to_owned(),
        };
        self.plain(call, &request, help)
    }

    fn plain(&mut self, call: &Call<'_>, request: &Request, help: String) -> Result<Found, Stop> {
        match self.answer(call, request)? {
            Answer::Text(text) => Ok(Found::Value(Value::new(
                Node::text(text, call.span),
                Trust::Service,
            ))),
            _ => Ok(Found::missing(Some(help))),
        }
    }

    pub(super) fn aws(&mut self, call: &Call<'_>, arguments: &Arguments) -> Result<Found, Stop> {
        let address = arguments.address.as_deref().unwrap_or_default();
        match (call.name, address) {
            ("aws", "accountId") | ("account", "id") => {
                if self.context.offline {
                    let node = Node::new(Data::Unknown("${aws:accountId}".to_owned()), call.span);
                    return Ok(Found::Value(Value::new(node, Trust::Own)));
                }
                match self.answer(call, &Request::Account)? {
                    Answer::Text(text) => Ok(Found::Value(Value::new(
                        Node::text(text, call.span),
                        Trust::Own,
                    ))),
                    _ => Ok(Found::missing(None)),
                }
            }
            ("aws", "region") if self.context.offline && self.known_region()?.is_none() => {
                Ok(unknown(call, arguments))
            }
            ("aws", "region") => Ok(Found::Value(Value::new(
                Node::text(self.region(call)?, call.span),
                Trust::Own,
            ))),
            (name, other) => {
                let message = format!("`{name}` does not know `{other}`");
                let help = format!(
                    "it knows `aws:accountId` and `aws:region`; a policy variable of IAM is written `\\${{{name}:{other}}}`"
                );
                let diagnostic = self
                    .error("variable-refused", call.reading, call.span, message)
                    .help(help);
                Err(Stop::Failed(vec![Finding {
                    diagnostic,
                    request: None,
                }]))
            }
        }
    }
}

fn params(arguments: &Arguments) -> Vec<String> {
    arguments
        .params
        .iter()
        .map(|node| match piece(node) {
            Piece::Text(text) => text,
            _ => String::new(),
        })
        .collect()
}

/// `NAME`, `NAME:key`, `ARN`, `ARN:key`.
fn secret_address(address: &str) -> (&str, Option<&str>) {
    let colons = if address.starts_with("arn:") { 6 } else { 0 };
    match address.match_indices(':').nth(colons) {
        Some((at, _)) if at + 1 < address.len() => (&address[..at], Some(&address[at + 1..])),
        Some((at, _)) => (&address[..at], None),
        None => (address, None),
    }
}

/// A secret text; a JSON object as a map whose leaves are secrets.
fn secret_node(text: &str, reference: SecretReference, raw: bool, call: &Call<'_>) -> Node {
    let json = if raw || !text.starts_with('{') {
        None
    } else {
        serde_json::from_str(text).ok()
    };
    match json {
        Some(value @ serde_json::Value::Object(_)) => leaves(&value, &reference, call),
        _ => Node::new(
            Data::Secret(Box::new(Secret::new(text, reference))),
            call.span,
        ),
    }
}

fn leaves(value: &serde_json::Value, reference: &SecretReference, call: &Call<'_>) -> Node {
    use serde_json::Value;
    let under = |key: &str| SecretReference {
        key: Some(
            reference
                .key
                .as_ref()
                .map_or_else(|| key.to_owned(), |outer| format!("{outer}.{key}")),
        ),
        ..reference.clone()
    };
    let data = match value {
        Value::Null => Data::Null,
        Value::Object(map) => Data::Map(
            map.iter()
                .map(|(key, value)| Entry {
                    key: key.clone(),
                    key_span: call.span,
                    value: leaves(value, &under(key), call),
                })
                .collect(),
        ),
        Value::Array(items) => Data::List(
            items
                .iter()
                .enumerate()
                .map(|(at, item)| leaves(item, &under(&at.to_string()), call))
                .collect(),
        ),
        Value::String(text) => {
            Data::Secret(Box::new(Secret::new(text.as_str(), reference.clone())))
        }
        other => Data::Secret(Box::new(Secret::new(other.to_string(), reference.clone()))),
    };
    Node::new(data, call.span)
}
