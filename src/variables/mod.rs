//! `${source:address, fallback}` on the tree: the values people know from Serverless Framework v3.
//!
//! Nothing here reads a file, the network or the environment: what a variable needs comes in through [`Context`] and
//! [`Lookup`]. Values are found in dependency order, each once; what AWS holds is asked for in rounds, all that is
//! needed at the time in one batch. Secrets leave this module as [`crate::tree::Data::Secret`], offline unknowns as
//! [`crate::tree::Data::Unknown`].

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use async_trait::async_trait;

use crate::cloud::{self, CloudError, Parameter, SecretText};
use crate::diagnostic::Diagnostics;
use crate::source::Sources;
use crate::tree::Node;

mod arena;
mod dotenv;
mod evaluate;
mod files;
mod grammar;
mod json;
mod literal;
mod place;
mod remote;
mod resolver;
mod sources;
mod value;

pub(crate) use remote::SECRET_PREFIX;

/// What is known before the file is read.
#[derive(Debug, Clone, Default)]
pub struct Context {
    /// The folder of the pipeline file: paths in `file(…)` start there.
    pub service_folder: PathBuf,
    /// Options of the command line for `opt:`, by long name; only those that were given.
    pub options: BTreeMap<String, String>,
    /// `--param k=v`, in order.
    pub params: Vec<(String, String)>,
    /// The environment for `env:`.
    pub environment: BTreeMap<String, String>,
    /// `--region`.
    pub region: Option<String>,
    /// The region when neither `--region` nor `provider.region` nor `AWS_REGION` nor `AWS_DEFAULT_REGION` says one:
    /// the profile's, or us-east-1 for the sandbox and `print`.
    pub default_region: Option<String>,
    /// `--stage`.
    pub stage: Option<String>,
    /// Whether AWS may not be asked: such values become unknown.
    pub offline: bool,
}

/// Something that AWS holds. Equal requests are sent once.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Request {
    /// SSM GetParameters; the name may carry `:version` or `:label`.
    Parameter {
        /// Region to ask.
        region: String,
        /// Name or ARN.
        name: String,
        /// WithDecryption.
        decrypt: bool,
    },
    /// Secrets Manager.
    Secret {
        /// Region to ask.
        region: String,
        /// Name or ARN.
        id: String,
    },
    /// An object in S3.
    Object {
        /// Region to ask.
        region: String,
        /// Bucket.
        bucket: String,
        /// Key.
        key: String,
    },
    /// An output of a CloudFormation stack.
    Output {
        /// Region to ask.
        region: String,
        /// Stack name.
        stack: String,
        /// Output key.
        output: String,
    },
    /// The account's number.
    Account,
}

/// What came back for a [`Request`]. No Debug: it may hold a secret.
#[derive(Clone)]
pub enum Answer {
    /// There is no such parameter, secret, key, stack or output.
    Missing,
    /// For [`Request::Parameter`].
    Parameter(Parameter),
    /// For [`Request::Secret`].
    Secret(SecretText),
    /// For the others.
    Text(String),
}

/// What `${git:…}` can say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GitFact {
    /// The commit.
    Sha,
    /// Its first characters, as git shortens it.
    ShortSha,
    /// The branch; none on a detached head.
    Branch,
    /// The tag that points at the commit.
    Tag,
    /// The commit's message.
    Message,
    /// The URL of `origin`.
    Remote,
}

/// The outside world of the variables.
#[async_trait]
pub trait Lookup: Send + Sync {
    /// Asks AWS. One answer per request, in the same order; all requests are distinct and may go side by side.
    async fn fetch(&self, requests: &[Request]) -> Vec<cloud::Result<Answer>>;

    /// The bytes of a file; `None` where it does not exist.
    fn read_file(&self, path: &Path) -> Result<Option<Vec<u8>>, String>;

    /// A fact about the repository the service folder lies in; `None` where there is no repository, or no such fact.
    fn git(&self, fact: GitFact) -> Result<Option<String>, String>;

    /// Names that exist near a request that was [`Answer::Missing`], for the help text.
    async fn names(&self, _request: &Request) -> Vec<String> {
        Vec::new()
    }
}

/// The outcome.
#[derive(Debug)]
pub struct Resolved {
    /// The document; what could not be resolved stands in it as unknown.
    pub tree: Node,
    /// The region of the run, if one is known.
    pub region: Option<String>,
    /// The stage of the run.
    pub stage: String,
    /// Calls that AWS refused: the program ends with 3 then, the findings say where in the file.
    pub failures: Vec<CloudError>,
    /// Offline: what would have been asked.
    pub foreseen: Vec<Request>,
}

/// Resolves every variable of a document. What is wrong is appended to `diagnostics`, everything in one run.
pub async fn resolve(
    tree: Node,
    sources: &mut Sources,
    context: &Context,
    lookup: &dyn Lookup,
    diagnostics: &mut Diagnostics,
) -> Resolved {
    resolver::Resolver::new(sources, context, lookup, diagnostics)
        .resolve(tree)
        .await
}

#[cfg(test)]
mod tests;
