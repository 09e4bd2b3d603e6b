//! CodeBuild projects: fields, sources and artifacts, environments, images, cache, logs.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

mod input;

pub use input::{Member, MemberKind, elsewhere, older_word, shape};

use super::later::Later;
use super::parse;
use super::text::{Quota, TextRule};

/// Everything in `codebuild.json`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CodeBuild {
    /// Fields of a project.
    pub project: Later<ProjectFields>,
    /// Sources.
    pub source: Later<Sources>,
    /// Artifacts.
    pub artifacts: Later<Artifacts>,
    /// Environments.
    pub environment: Later<Environments>,
    /// What `os` and `compute` of the pipeline file mean.
    pub os: Vec<OsChoice>,
    /// Images that AWS keeps.
    pub images: Later<Images>,
    /// Versions by language that `runtime-versions` takes.
    pub runtimes: Later<BTreeMap<String, Vec<String>>>,
    /// The version word that means the newest.
    pub runtime_latest: String,
    /// Caches.
    pub cache: Later<Caches>,
    /// Logs.
    pub logs: Later<Logs>,
    /// Networks.
    pub vpc: Later<Vpc>,
    /// Lambda compute.
    pub lambda: Later<LambdaCompute>,
    /// Batches.
    pub batch: Later<Batches>,
    /// Report groups.
    pub reports: Later<ReportGroups>,
    /// Rules of projects and what AWS answers when they are broken.
    pub rules: Later<Vec<ProjectRule>>,
    /// Members that BatchGetProjects adds and nobody may send.
    pub read_only: Vec<String>,
}

/// Fields of a project.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProjectFields {
    /// Required members.
    pub required: Vec<String>,
    /// Name.
    pub name: TextRule,
    /// Description.
    pub description: TextRule,
    /// `timeoutInMinutes`.
    pub timeout: Quota,
    /// `queuedTimeoutInMinutes`.
    pub queued_timeout: Quota,
    /// `autoRetryLimit`.
    pub auto_retry: Quota,
    /// `concurrentBuildLimit`.
    pub concurrent_builds: Quota,
    /// `gitCloneDepth` of a source; 0 is the whole history.
    pub git_clone_depth: Quota,
    /// Number of secondary sources.
    pub secondary_sources: Quota,
    /// Number of secondary artifacts.
    pub secondary_artifacts: Quota,
    /// Number of secondary source versions.
    pub secondary_source_versions: Quota,
    /// Number of tags.
    pub tags: Quota,
    /// A key that is named by its alias.
    pub key_alias: TextRule,
    /// A tag's key.
    pub tag_key: TextRule,
    /// A tag's value.
    pub tag_value: TextRule,
    /// Visibilities.
    pub visibility: Vec<String>,
}

/// Sources of a project.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sources {
    /// Types.
    pub types: Vec<String>,
    /// Types that need no `location`.
    pub without_location: Vec<String>,
    /// Types that may not be secondary.
    pub not_secondary: Vec<String>,
    /// Types that may report the build's status.
    pub report_build_status: Vec<String>,
    /// Types that may have `buildStatusConfig`.
    pub build_status_config: Vec<String>,
    /// Types that are git (clone depth, submodules, …).
    pub git: Vec<String>,
    /// Kinds of `auth`.
    pub auth: Vec<String>,
    /// What a secondary source's identifier may look like.
    pub identifier: TextRule,
    /// Where the facts are from.
    pub source: String,
}

/// Artifacts of a project.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Artifacts {
    /// Types.
    pub types: Vec<String>,
    /// Types that may be secondary.
    pub secondary: Vec<String>,
    /// Packaging.
    pub packaging: Vec<String>,
    /// Namespace types.
    pub namespace_type: Vec<String>,
    /// Bucket owner access.
    pub bucket_owner_access: Vec<String>,
    /// The source type and artifact type that go with one another only.
    pub paired: String,
    /// Where the facts are from.
    pub source: String,
}

/// Environments.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Environments {
    /// Required members.
    pub required: Vec<String>,
    /// Environment types.
    pub types: Vec<EnvironmentType>,
    /// Compute types.
    pub compute_types: Vec<String>,
    /// Compute types that only fleets have, and what they need.
    pub fleet_compute: BTreeMap<String, String>,
    /// Types of environment variables.
    pub variable_types: Vec<String>,
    /// Beginning of names that CodeBuild keeps for itself.
    pub reserved_variable_prefix: String,
    /// Ways to pull images.
    pub pull_credentials: Vec<String>,
    /// Who may keep the credentials of a private registry.
    pub credential_providers: Vec<String>,
    /// Kernels.
    pub host_kernel: Vec<String>,
    /// Where the facts are from.
    pub source: String,
}

/// An environment type.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnvironmentType {
    /// API word.
    pub name: String,
    /// Compute types it is offered with on demand.
    pub on_demand: Vec<String>,
    /// Compute types it is offered with in fleets only.
    #[serde(default)]
    pub fleet_only: Vec<String>,
    /// `linux`, `windows` or `mac`.
    pub platform: String,
    /// `x86_64` or `arm64`.
    pub architecture: String,
    /// Whether it is Lambda compute.
    #[serde(default)]
    pub lambda: bool,
    /// Whether it has a GPU.
    #[serde(default)]
    pub gpu: bool,
    /// Whether docker can run in it (`privilegedMode`).
    #[serde(default)]
    pub privileged: bool,
    /// Whether `hostKernel` may be said.
    #[serde(default)]
    pub host_kernel: bool,
    /// Whether it is a whole machine of EC2, started from an image of EC2.
    #[serde(default)]
    pub ec2: bool,
    /// Superseded by another.
    #[serde(default)]
    pub legacy: bool,
}

/// What a word of `os` means.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OsChoice {
    /// The word: `linux`, `arm`, `gpu`, `windows`, `lambda`.
    pub os: String,
    /// Environment type.
    pub environment_type: String,
    /// Image when none is given.
    pub image: String,
    /// Words of `compute` in order of size, with their compute type.
    pub compute: Vec<(String, String)>,
    /// Word of `compute` when none is given.
    pub default_compute: String,
    /// Why this image.
    #[serde(default)]
    pub note: Option<String>,
}

impl OsChoice {
    /// The compute type of a word of `compute`; `None` if it is not offered with this OS.
    pub fn compute_type(&self, word: &str) -> Option<&str> {
        self.compute
            .iter()
            .find(|(w, _)| w == word)
            .map(|(_, t)| t.as_str())
    }

    /// The words of `compute` it is offered with.
    pub fn compute_words(&self) -> Vec<&str> {
        self.compute.iter().map(|(w, _)| w.as_str()).collect()
    }
}

/// Images that AWS keeps.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Images {
    /// Beginning of their names.
    pub prefix: String,
    /// The images.
    pub curated: Vec<Image>,
    /// Older spellings: beginning of the name → the present beginning.
    pub aliases: BTreeMap<String, String>,
    /// Images no longer kept up.
    pub deprecated: Vec<String>,
    /// How names of images begin that are gone.
    pub withdrawn: Vec<String>,
    /// Images in which every build must choose a runtime.
    pub needs_runtime: Vec<String>,
    /// Beginnings of the names of images for Lambda compute, with their architecture.
    pub lambda: BTreeMap<String, String>,
    /// Tags of the images for Lambda compute.
    pub lambda_tags: Vec<String>,
    /// How a language of `runtimes` begins in those tags.
    pub lambda_languages: BTreeMap<String, String>,
    /// The oldest glibc among the images, as the minor version of 2.
    pub oldest_glibc: u32,
    /// Which system has which.
    pub glibc_note: String,
    /// Where the facts are from.
    pub source: String,
}

/// An image.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Image {
    /// Full name with tag.
    pub name: String,
    /// `linux`, `windows` or `mac`.
    pub platform: String,
    /// `x86_64` or `arm64`.
    pub architecture: String,
    /// The environment type that it is offered with, where it is one of several for its platform.
    #[serde(default)]
    pub environment: Option<String>,
    /// Minor version of its glibc 2, of a Linux image.
    #[serde(default)]
    pub glibc: Option<u32>,
    /// Whether it is an image of EC2, for machines and not for containers.
    #[serde(default)]
    pub ec2: bool,
    /// False if the sources disagree about it.
    #[serde(default = "super::yes")]
    pub certain: bool,
    /// Its languages, if they stay as they are: images of old get no new ones.
    #[serde(default)]
    pub runtimes: BTreeMap<String, Vec<String>>,
}

/// What the catalogue knows about the name of an image.
#[derive(Debug, PartialEq, Eq)]
pub enum ImageKind<'i> {
    /// Kept by AWS.
    Curated {
        /// `linux`, `windows` or `mac`.
        platform: &'i str,
        /// `x86_64` or `arm64`.
        architecture: &'i str,
        /// Whether it is for Lambda compute.
        lambda: bool,
        /// Whether it is no longer kept up.
        deprecated: bool,
    },
    /// Named like one that AWS keeps, but not known: lists age, so a warning.
    UnknownCurated,
    /// In ECR.
    Ecr,
    /// Anything else: a public or private registry.
    Other,
}

/// Caches.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Caches {
    /// Types.
    pub types: Vec<String>,
    /// Modes of a local cache.
    pub modes: Vec<String>,
    /// The mode that needs privileged mode.
    pub privileged_mode: String,
    /// The mode that keeps the paths of the buildspec.
    pub paths_mode: String,
    /// The mode that does nothing in a pipeline.
    pub useless_in_pipeline: String,
    /// What a local cache does not go with: `vpc`, `lambda`, `gpu`, `2xlarge`.
    pub local_excludes: Vec<String>,
    /// What a person should know.
    pub notes: Vec<String>,
    /// Where the facts are from.
    pub source: String,
}

/// Logs.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Logs {
    /// States.
    pub status: Vec<String>,
    /// The log group when none is given, with `{project}`.
    pub default_group: String,
    /// State of CloudWatch logs when absent.
    pub cloudwatch_default: String,
    /// State of S3 logs when absent.
    pub s3_default: String,
    /// A log group's name.
    pub group_name: TextRule,
    /// Days a log group can keep events.
    pub retention_days: Vec<u64>,
    /// Where the facts are from.
    pub source: String,
}

/// Networks of a project.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vpc {
    /// Members, all required.
    pub required: Vec<String>,
    /// Number of subnets.
    pub subnets: Quota,
    /// Number of security groups.
    pub security_groups: Quota,
    /// What a person should know.
    pub notes: Vec<String>,
    /// How the ids of each member begin.
    pub prefixes: BTreeMap<String, String>,
    /// Where the facts are from.
    pub source: String,
}

/// Lambda compute.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LambdaCompute {
    /// Members that may not be said with it.
    pub forbids: Vec<String>,
    /// Most minutes of a build.
    pub max_minutes: u64,
    /// What AWS answers, with `{member}`.
    pub message: String,
}

/// Batches.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Batches {
    /// Report modes.
    pub report_mode: Vec<String>,
    /// `timeoutInMins`.
    pub timeout: Quota,
    /// `restrictions.maximumBuildsAllowed`.
    pub maximum_builds: Quota,
}

/// Report groups.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReportGroups {
    /// Name.
    pub name: TextRule,
    /// Types.
    pub types: Vec<String>,
    /// Export types.
    pub export_types: Vec<String>,
    /// Report groups a buildspec may name.
    pub per_project: Quota,
    /// Name of a group that CodeBuild makes, with `{project}` and `{name}`.
    pub made_name: String,
}

/// A rule of projects.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProjectRule {
    /// `P01` …
    pub id: String,
    /// The rule in one sentence.
    pub rule: String,
    /// Code of the exception.
    pub exception: String,
    /// Text of the exception, with `{placeholder}`s.
    pub message: String,
    /// True if AWS's own words are not known and `message` is ours.
    #[serde(default)]
    pub message_is_ours: bool,
    /// False if the sources disagree.
    #[serde(default = "super::yes")]
    pub certain: bool,
    /// Where the fact is from.
    #[serde(default)]
    pub source: Option<String>,
}

static FILE: LazyLock<CodeBuild> =
    LazyLock::new(|| parse("codebuild.json", include_str!("codebuild.json")));

/// Everything about projects.
pub fn codebuild() -> &'static CodeBuild {
    &FILE
}

/// Fields of a project.
pub fn project() -> &'static ProjectFields {
    &FILE.project
}

/// An environment type by its API word.
pub fn environment_type(name: &str) -> Option<&'static EnvironmentType> {
    FILE.environment.types.iter().find(|t| t.name == name)
}

/// What a word of `os` means.
pub fn os(word: &str) -> Option<&'static OsChoice> {
    FILE.os.iter().find(|o| o.os == word)
}

/// The words of `os`; the first is the default.
pub fn os_words() -> Vec<&'static str> {
    FILE.os.iter().map(|o| o.os.as_str()).collect()
}

/// The word of `os` and of `compute` that mean these API words, for import.
pub fn os_and_compute(
    environment_type: &str,
    compute_type: &str,
) -> Option<(&'static str, &'static str)> {
    let os = FILE
        .os
        .iter()
        .find(|o| o.environment_type == environment_type)?;
    let (word, _) = os.compute.iter().find(|(_, t)| t == compute_type)?;
    Some((&os.os, word))
}

/// Whether the compute type is offered on demand for the environment type; `None` if the catalogue does not
/// know the environment type.
pub fn offers(environment_type: &str, compute_type: &str) -> Option<bool> {
    let kind = self::environment_type(environment_type)?;
    Some(kind.on_demand.iter().any(|c| c == compute_type))
}

/// The name of an image without its release: `standard:7.0` of `standard:7.0-24.10.29`.
fn without_release(name: &str) -> &str {
    let is_release = |release: &str| {
        let numbers: Vec<&str> = release.split('.').collect();
        let digits =
            |number: &&str| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
        numbers.len() == 3 && numbers.iter().all(digits)
    };
    match name.rsplit_once('-') {
        Some((image, release)) if image.contains(':') && is_release(release) => image,
        _ => name,
    }
}

/// The name of an image as CodeBuild spells it today.
fn present_name(name: &str) -> String {
    let name = without_release(name);
    let renamed = FILE.images.aliases.iter().find_map(|(old, new)| {
        name.strip_prefix(old.as_str())
            .map(|rest| format!("{new}{rest}"))
    });
    renamed.unwrap_or_else(|| name.to_owned())
}

/// An image that CodeBuild keeps up, by this or an older spelling of its name.
pub fn curated(name: &str) -> Option<&'static Image> {
    let present = present_name(name);
    FILE.images
        .curated
        .iter()
        .find(|image| image.name == present)
}

/// Whether an image was CodeBuild's and is gone.
pub fn withdrawn(name: &str) -> bool {
    let gone = &FILE.images.withdrawn;
    gone.iter().any(|begin| name.starts_with(begin.as_str()))
}

/// What the catalogue knows about the name of an image.
pub fn image_kind(name: &str) -> ImageKind<'static> {
    let images = &FILE.images;
    if !name.starts_with(&images.prefix) {
        let registry = name.split('/').next().unwrap_or_default();
        return if registry.contains(".dkr.ecr.") || registry == "public.ecr.aws" {
            ImageKind::Ecr
        } else {
            ImageKind::Other
        };
    }
    let present = present_name(name);
    if let Some(image) = curated(name) {
        return ImageKind::Curated {
            platform: &image.platform,
            architecture: &image.architecture,
            lambda: false,
            deprecated: false,
        };
    }
    let plain = without_release(name);
    let deprecated = |i: &&String| i.as_str() == plain || i.as_str() == present;
    if let Some(image) = images.deprecated.iter().find(deprecated) {
        return ImageKind::Curated {
            platform: if image.contains("windows") {
                "windows"
            } else {
                "linux"
            },
            architecture: if image.contains("aarch64") {
                "arm64"
            } else {
                "x86_64"
            },
            lambda: false,
            deprecated: true,
        };
    }
    for (prefix, architecture) in &images.lambda {
        let tag = name.strip_prefix(prefix.as_str());
        if tag.is_some_and(|tag| images.lambda_tags.iter().any(|t| t == tag)) {
            return ImageKind::Curated {
                platform: "linux",
                architecture,
                lambda: true,
                deprecated: false,
            };
        }
    }
    ImageKind::UnknownCurated
}

/// The account whose ECR keeps the image; nothing for an image of another registry.
pub fn ecr_account(name: &str) -> Option<&str> {
    let (account, _) = name.split('/').next()?.split_once(".dkr.ecr.")?;
    (account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit())).then_some(account)
}

/// The glibc of an image, as the minor version of 2; of one that is not known the oldest.
pub fn glibc(image: &str) -> u32 {
    let images = &FILE.images;
    let known = curated(image);
    known
        .and_then(|image| image.glibc)
        .unwrap_or(images.oldest_glibc)
}

/// The image for Lambda compute that has this language and version (`python`, `3.13`), for x86_64.
pub fn lambda_image(language: &str, version: &str) -> Option<String> {
    let images = &FILE.images;
    let begin = images.lambda_languages.get(language)?;
    let version = version.strip_prefix(begin.as_str()).unwrap_or(version);
    let tag = format!("{begin}{version}");
    let (prefix, _) = images.lambda.iter().find(|(_, arch)| *arch == "x86_64")?;
    images
        .lambda_tags
        .contains(&tag)
        .then(|| format!("{prefix}{tag}"))
}

/// What AWS answers when the project rule with this id is broken.
pub fn project_rule(id: &str) -> Option<&'static ProjectRule> {
    FILE.rules.iter().find(|r| r.id == id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_os_and_compute_are_offered() {
        assert_eq!(os_words(), ["linux", "arm", "gpu", "windows", "lambda"]);
        for choice in &codebuild().os {
            for (word, compute) in &choice.compute {
                assert_eq!(
                    offers(&choice.environment_type, compute),
                    Some(true),
                    "{} {word}",
                    choice.os
                );
            }
            assert!(choice.compute_type(&choice.default_compute).is_some());
            let kind = environment_type(&choice.environment_type).expect("known");
            match image_kind(&choice.image) {
                ImageKind::Curated {
                    platform,
                    architecture,
                    lambda,
                    deprecated,
                } => {
                    assert_eq!(platform, kind.platform);
                    assert_eq!(architecture, kind.architecture);
                    assert_eq!(lambda, kind.lambda);
                    assert!(!deprecated);
                }
                other => panic!("{}: {other:?}", choice.image),
            }
        }
        assert_eq!(
            os_and_compute("LINUX_CONTAINER", "BUILD_GENERAL1_2XLARGE"),
            Some(("linux", "2xlarge"))
        );
    }

    #[test]
    fn offers_follow_the_table() {
        assert_eq!(
            offers("LINUX_GPU_CONTAINER", "BUILD_GENERAL1_MEDIUM"),
            Some(false)
        );
        assert_eq!(
            offers("WINDOWS_SERVER_2022_CONTAINER", "BUILD_GENERAL1_SMALL"),
            Some(false)
        );
        assert_eq!(offers("MAC_ARM", "BUILD_GENERAL1_MEDIUM"), Some(false));
        assert_eq!(offers("ARM_EC2", "BUILD_GENERAL1_LARGE"), Some(true));
        assert_eq!(offers("NEW_CONTAINER", "BUILD_GENERAL1_LARGE"), None);
        let data = codebuild();
        assert_eq!(data.environment.types.len(), 12);
        for kind in &data.environment.types {
            for compute in kind.on_demand.iter().chain(&kind.fleet_only) {
                assert!(
                    data.environment.compute_types.contains(compute),
                    "{compute}"
                );
            }
        }
    }

    #[test]
    fn kinds_of_image() {
        let linux = |deprecated| ImageKind::Curated {
            platform: "linux",
            architecture: "x86_64",
            lambda: false,
            deprecated,
        };
        assert_eq!(image_kind("aws/codebuild/standard:7.0"), linux(false));
        assert_eq!(image_kind("aws/codebuild/standard:4.0"), linux(true));
        assert_eq!(
            image_kind("aws/codebuild/amazonlinux2-x86_64-standard:5.0"),
            linux(false)
        );
        assert_eq!(
            image_kind("aws/codebuild/amazonlinux2-x86_64-standard:3.0"),
            linux(true)
        );
        assert_eq!(
            image_kind("aws/codebuild/standard:99.0"),
            ImageKind::UnknownCurated
        );
        assert_eq!(
            image_kind("123456789012.dkr.ecr.eu-west-1.amazonaws.com/a:b"),
            ImageKind::Ecr
        );
        assert_eq!(image_kind("python:3.12"), ImageKind::Other);
        assert_eq!(
            lambda_image("python", "3.13").as_deref(),
            Some("aws/codebuild/amazonlinux-x86_64-lambda-standard:python3.13")
        );
        assert_eq!(
            lambda_image("java", "corretto21").as_deref(),
            Some("aws/codebuild/amazonlinux-x86_64-lambda-standard:corretto21")
        );
        assert_eq!(lambda_image("php", "8.3"), None);
    }

    #[test]
    fn names_of_projects() {
        assert_eq!(project().name.check("hw-api-UnitTest_1"), Ok(()));
        assert!(project().name.check("-a").is_err());
        assert!(project().name.check("a").is_err());
        assert!(project().name.check("a.b").is_err());
        assert!(project().timeout.allows(2160) && !project().timeout.allows(4));
    }
}
