//! What variables ask for: the account, files, Git.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use futures::future;
use tokio::sync::OnceCell;

use super::account::{self, Account};
use super::{End, Setting, surroundings};
use crate::cloud::{self, CloudError, ErrorKind};
use crate::variables::{Answer, GitFact, Lookup, Request};

/// The outside world of one run. The account is opened when the first variable needs it.
pub(super) struct Outside<'a> {
    setting: &'a Setting,
    folder: PathBuf,
    region: Option<String>,
    profile: Option<String>,
    account: OnceCell<Account>,
    trouble: Mutex<Option<End>>,
    missing: Mutex<Vec<Request>>,
    asked: Mutex<Vec<Request>>,
}

/// What a run asked, and what came of it.
pub(super) struct Asked {
    /// The account, if it was opened.
    pub(super) account: Option<Account>,
    /// Why it could not be opened.
    pub(super) trouble: Option<End>,
    /// The requests that found nothing.
    pub(super) missing: Vec<Request>,
    /// All requests.
    pub(super) asked: Vec<Request>,
}

impl<'a> Outside<'a> {
    /// Nothing asked yet.
    pub(super) fn new(
        setting: &'a Setting,
        folder: &Path,
        region: Option<String>,
        profile: Option<String>,
    ) -> Self {
        Self {
            setting,
            folder: folder.to_owned(),
            region,
            profile,
            account: OnceCell::new(),
            trouble: Mutex::new(None),
            missing: Mutex::new(Vec::new()),
            asked: Mutex::new(Vec::new()),
        }
    }

    /// The account, opened now if need be.
    pub(super) async fn account(&self) -> Result<&Account, End> {
        self.account
            .get_or_try_init(|| {
                account::open(
                    self.setting,
                    &self.folder,
                    self.region.as_deref(),
                    self.profile.as_deref(),
                )
            })
            .await
    }

    /// What was asked, and what came of it.
    pub(super) fn outcome(self) -> Asked {
        fn open<T>(mutex: Mutex<T>) -> T {
            mutex.into_inner().unwrap_or_else(PoisonError::into_inner)
        }
        Asked {
            account: self.account.into_inner(),
            trouble: open(self.trouble),
            missing: open(self.missing),
            asked: open(self.asked),
        }
    }

    async fn ask(account: &Account, requests: &[Request]) -> Vec<cloud::Result<Answer>> {
        let mut parameters: BTreeMap<(&str, bool), Vec<(usize, String)>> = BTreeMap::new();
        let mut secrets: BTreeMap<&str, Vec<(usize, String)>> = BTreeMap::new();
        let mut stacks: BTreeMap<(&str, &str), Vec<(usize, &str)>> = BTreeMap::new();
        let mut singles = Vec::new();
        for (index, request) in requests.iter().enumerate() {
            match request {
                Request::Parameter {
                    region,
                    name,
                    decrypt,
                } => parameters
                    .entry((region, *decrypt))
                    .or_default()
                    .push((index, name.clone())),
                Request::Secret { region, id } => {
                    secrets.entry(region).or_default().push((index, id.clone()));
                }
                Request::Output {
                    region,
                    stack,
                    output,
                } => stacks
                    .entry((region, stack))
                    .or_default()
                    .push((index, output)),
                other => singles.push((index, other)),
            }
        }
        let cloud = &account.cloud;
        let parameters = future::join_all(parameters.into_iter().map(
            |((region, decrypt), names)| async move {
                let (places, names): (Vec<usize>, Vec<String>) = names.into_iter().unzip();
                let answers = cloud.parameters(region, &names, decrypt).await;
                places
                    .into_iter()
                    .zip(answers)
                    .map(|(place, answer)| {
                        (
                            place,
                            answer.map(|found| found.map_or(Answer::Missing, Answer::Parameter)),
                        )
                    })
                    .collect::<Vec<_>>()
            },
        ));
        let secrets = future::join_all(secrets.into_iter().map(|(region, ids)| async move {
            let (places, ids): (Vec<usize>, Vec<String>) = ids.into_iter().unzip();
            let answers = cloud.secrets(region, &ids).await;
            places
                .into_iter()
                .zip(answers)
                .map(|(place, answer)| {
                    (
                        place,
                        answer.map(|found| found.map_or(Answer::Missing, Answer::Secret)),
                    )
                })
                .collect::<Vec<_>>()
        }));
        // One call tells every output of a stack.
        let stacks = future::join_all(stacks.into_iter().map(
            |((region, stack), wanted)| async move {
                let outputs = cloud.stack_outputs(region, stack).await;
                wanted
                    .into_iter()
                    .map(|(place, output)| {
                        let answer = outputs.clone().map(|outputs| {
                            outputs
                                .and_then(|outputs| outputs.get(output).cloned())
                                .map_or(Answer::Missing, Answer::Text)
                        });
                        (place, answer)
                    })
                    .collect::<Vec<_>>()
            },
        ));
        let singles = future::join_all(singles.into_iter().map(|(place, request)| async move {
            (place, Self::ask_single(account, request).await)
        }));
        let (parameters, secrets, stacks, singles) =
            future::join4(parameters, secrets, stacks, singles).await;
        let mut all: Vec<_> = parameters
            .into_iter()
            .flatten()
            .chain(secrets.into_iter().flatten())
            .chain(stacks.into_iter().flatten())
            .chain(singles)
            .collect();
        all.sort_by_key(|(place, _)| *place);
        all.into_iter().map(|(_, answer)| answer).collect()
    }

    async fn ask_single(account: &Account, request: &Request) -> cloud::Result<Answer> {
        match request {
            Request::Object {
                region,
                bucket,
                key,
            } => Ok(account
                .cloud
                .object(region, bucket, key)
                .await?
                .map_or(Answer::Missing, Answer::Text)),
            Request::Account => Ok(Answer::Text(account.cloud.identity().await?.account)),
            Request::Parameter { .. } | Request::Secret { .. } | Request::Output { .. } => {
                unreachable!("asked for in batches")
            }
        }
    }
}

/// The largest file that a variable reads, in bytes.
const MOST: u64 = 10_000_000;

/// The bytes of an ordinary file. A pipe would be waited for, and a device has no end.
fn ordinary(path: &Path) -> std::io::Result<Vec<u8>> {
    let found = std::fs::metadata(path)?;
    if !found.is_file() && !found.is_dir() {
        return Err(std::io::Error::other("it is a pipe or a device"));
    }
    let mut bytes = Vec::new();
    std::fs::File::open(path)?
        .take(MOST + 1)
        .read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MOST {
        let message = format!("it has more than {MOST} bytes");
        return Err(std::io::Error::other(message));
    }
    Ok(bytes)
}

#[async_trait]
impl Lookup for Outside<'_> {
    async fn fetch(&self, requests: &[Request]) -> Vec<cloud::Result<Answer>> {
        self.asked
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend(requests.iter().cloned());
        let account = match self.account().await {
            Ok(account) => account,
            Err(end) => {
                self.trouble
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .get_or_insert(end);
                return requests
                    .iter()
                    .map(|_| {
                        Err(CloudError {
                            kind: ErrorKind::Other,
                            operation: String::new(),
                            code: "account-closed".to_owned(),
                            message: "the account cannot be opened".to_owned(),
                            request_id: None,
                            resource: None,
                        })
                    })
                    .collect();
            }
        };
        let answers = Self::ask(account, requests).await;
        let mut missing = self.missing.lock().unwrap_or_else(PoisonError::into_inner);
        for (request, answer) in requests.iter().zip(&answers) {
            if matches!(answer, Ok(Answer::Missing)) {
                missing.push(request.clone());
            }
        }
        drop(missing);
        answers
    }

    fn read_file(&self, path: &Path) -> Result<Option<Vec<u8>>, String> {
        match ordinary(path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.to_string()),
        }
    }

    fn git(&self, fact: GitFact) -> Result<Option<String>, String> {
        Ok(surroundings::git(&self.folder, fact))
    }

    async fn names(&self, request: &Request) -> Vec<String> {
        let store = match request {
            Request::Parameter { .. } => "ssm",
            Request::Secret { .. } => "secret",
            _ => return Vec::new(),
        };
        let Some(sandbox) = self.account.get().and_then(|a| a.sandbox.as_ref()) else {
            return Vec::new();
        };
        // The names only help a message along: without them it is still true.
        sandbox
            .list()
            .unwrap_or_default()
            .into_iter()
            .filter(|listed| listed.store == store)
            .map(|listed| listed.name)
            .collect()
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_end_is_not_read() {
        let said = |path: &Path| ordinary(path).expect_err("no ordinary file").to_string();
        assert_eq!(said(Path::new("/dev/zero")), "it is a pipe or a device");
        let file = tempfile::NamedTempFile::new().expect("a file");
        file.as_file().set_len(MOST).expect("room");
        assert!(ordinary(file.path()).is_ok());
        file.as_file().set_len(MOST + 1).expect("room");
        assert_eq!(said(file.path()), "it has more than 10000000 bytes");
    }
}
