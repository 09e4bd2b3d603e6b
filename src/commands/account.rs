//! Opening the account that a run works on: AWS or the sandbox.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{End, Setting};
use crate::cloud::Cloud;
use crate::cloud::aws::{self, Aws};
use crate::cloud::runs::Runs;
use crate::error::Failure;
use crate::live;
use crate::sandbox::engine::Options;
use crate::sandbox::{OpenError, Sandbox};

/// The region of the sandbox, and of `print`, where nobody names one.
pub(super) const REGION_OF_NO_ACCOUNT: &str = "us-east-1";

/// The code of the failure where nobody names a region.
pub(super) const NO_REGION: &str = "no-region";

/// The folder of the sandbox account, beside the pipeline file.
const SANDBOX_FOLDER: &str = ".pipectl";
/// What the sandbox account holds at first, beside the pipeline file.
const SANDBOX_FILE: &str = "sandbox.yml";

/// An account that is open.
#[derive(Clone)]
pub(super) struct Account {
    /// The account as the commands use it.
    pub(super) cloud: Arc<dyn Cloud>,
    /// Executions in it.
    pub(super) runs: Arc<dyn Runs>,
    /// The same, if it is the sandbox.
    pub(super) sandbox: Option<Arc<Sandbox>>,
}

/// The sandbox's folder, if the command line or the environment asks for the sandbox.
pub(super) fn sandbox_folder(setting: &Setting, beside: &Path) -> Option<PathBuf> {
    match setting.global.sandbox.as_deref()? {
        "0" | "false" | "no" | "off" => None,
        "" | "1" | "true" | "yes" | "on" => Some(beside.join(SANDBOX_FOLDER)),
        folder => Some(PathBuf::from(folder)),
    }
}

/// Opens the account. No call is made yet.
pub(super) async fn open(
    setting: &Setting,
    beside: &Path,
    region: Option<&str>,
    profile: Option<&str>,
) -> Result<Account, End> {
    open_with(setting, beside, region, profile, Options::default()).await
}

/// The same, with options for what runs in the sandbox.
pub(super) async fn open_with(
    setting: &Setting,
    beside: &Path,
    region: Option<&str>,
    profile: Option<&str>,
    mut options: Options,
) -> Result<Account, End> {
    if let Some(folder) = sandbox_folder(setting, beside) {
        let seed = match beside {
            folder if folder == Path::new(".") => PathBuf::from(SANDBOX_FILE),
            folder => folder.join(SANDBOX_FILE),
        };
        let seed = seed.is_file().then_some(seed);
        let region = region.unwrap_or(REGION_OF_NO_ACCOUNT);
        let sandbox =
            Sandbox::open(&folder, region, seed.as_deref()).map_err(|error| match error {
                OpenError::Failure(failure) => End::from(failure),
                OpenError::Findings {
                    sources,
                    diagnostics,
                } => End::Findings {
                    sources: *sources,
                    list: diagnostics.into_sorted(),
                    failure: None,
                },
            })?;
        options.home = Some(beside.to_owned());
        let sandbox = Arc::new(sandbox.with_options(options));
        return Ok(Account {
            cloud: sandbox.clone(),
            runs: sandbox.clone(),
            sandbox: Some(sandbox),
        });
    }
    if let Some(address) = &setting.global.endpoint_url
        && !["http://", "https://"]
            .iter()
            .any(|scheme| address.starts_with(scheme))
    {
        return Err(
            Failure::usage(format!("`--endpoint-url {address}` is no address"))
                .help("--endpoint-url http://HOST:PORT")
                .into(),
        );
    }
    let options = aws::Options {
        region: region.map(ToOwned::to_owned),
        profile: profile.map(ToOwned::to_owned),
        endpoint_url: setting.global.endpoint_url.clone(),
    };
    let aws = Aws::connect(&options).await.map_err(|error| {
        if error.code == NO_REGION {
            End::from(no_region(profile))
        } else {
            End::from(live::failure(&error))
        }
    })?;
    let aws = Arc::new(aws);
    Ok(Account {
        cloud: aws.clone(),
        runs: aws,
        sandbox: None,
    })
}

/// Nobody names a region, the profile neither.
pub(super) fn no_region(profile: Option<&str>) -> Failure {
    let help = "-r us-east-1, or `region` under `provider`, or AWS_REGION; without AWS: --sandbox";
    let message = match profile {
        None => "no region is given".to_owned(),
        Some(profile) => {
            format!("no region is given: there is no profile `{profile}`, or it names none")
        }
    };
    Failure {
        code: NO_REGION.to_owned(),
        ..Failure::usage(message).help(help)
    }
}
