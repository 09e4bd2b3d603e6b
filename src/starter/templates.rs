//! The systems that `init --template` writes: the examples of this repository, with their applications, so that they run.

/// A template.
#[derive(Debug)]
pub struct Template {
    /// Its name.
    pub name: &'static str,
    /// What it shows.
    pub summary: &'static str,
    /// The pipeline to run first, where there are several.
    pub pipeline: Option<&'static str>,
    /// What is written.
    pub files: &'static [File],
}

/// A file of a template.
#[derive(Debug)]
pub struct File {
    /// Where it goes, from the folder.
    pub path: &'static str,
    /// Its text.
    pub text: &'static str,
    /// Whether it is a program.
    pub runs: bool,
}

/// The name of the smallest file, which is made to fit the repository like one without a template.
pub const MINIMAL: &str = "minimal";

/// What [`MINIMAL`] shows.
pub const MINIMAL_SUMMARY: &str = "where the code is, and one stage";

/// A file of an example, by the folder of the example.
macro_rules! file {
    ($example:literal, $path:literal, $runs:literal) => {
        File {
            path: $path,
            text: include_str!(concat!("../../examples/", $example, "/", $path)),
            runs: $runs,
        }
    };
}

/// All of them.
pub static TEMPLATES: [Template; 5] = [
    Template {
        name: "heavy-water",
        summary: "GitHub with a token, two pipelines that share their test projects, approval, self-update, alarm on failed builds",
        pipeline: Some("prod"),
        files: &[
            file!("heavy-water", "pipeline.yml", false),
            file!("heavy-water", "sandbox.yml", false),
            file!("heavy-water", "buildspecs/deploy.yml", false),
            file!("heavy-water", "buildspecs/integration.yml", false),
            file!("heavy-water", "buildspecs/unit.yml", false),
            file!("heavy-water", "deploy.sh", true),
            file!("heavy-water", "hw_api/__init__.py", false),
            file!("heavy-water", "hw_api/server.py", false),
            file!("heavy-water", "hw_api/tank.py", false),
            file!("heavy-water", "integration.sh", true),
            file!("heavy-water", "tests/__init__.py", false),
            file!("heavy-water", "tests/test_tank.py", false),
            file!("heavy-water", "tools/junit.py", false),
        ],
    },
    Template {
        name: "web-monitor",
        summary: "CloudFormation to beta and production, API tests, a Lambda function that is shifted slowly",
        pipeline: None,
        files: &[
            file!("web-monitor", "pipeline.yml", false),
            file!("web-monitor", "sandbox.yml", false),
            file!("web-monitor", "api_test.sh", true),
            file!("web-monitor", "monitor/__init__.py", false),
            file!("web-monitor", "monitor/check.py", false),
            file!("web-monitor", "monitor/handler.py", false),
            file!("web-monitor", "serve.py", false),
            file!("web-monitor", "synth.py", false),
            file!("web-monitor", "synth.sh", true),
            file!("web-monitor", "tests/__init__.py", false),
            file!("web-monitor", "tests/test_check.py", false),
            file!("web-monitor", "tools/junit.py", false),
        ],
    },
    Template {
        name: "website",
        summary: "pages to S3, a service to servers by CodeDeploy, a CloudFront invalidation, notifications",
        pipeline: None,
        files: &[
            file!("website", "pipeline.yml", false),
            file!("website", "sandbox.yml", false),
            file!("website", "build.sh", true),
            file!("website", "calculations/__init__.py", false),
            file!("website", "calculations/appspec.yml", false),
            file!("website", "calculations/serve.py", false),
            file!("website", "calculations/shipping.py", false),
            file!("website", "calculations/start.sh", true),
            file!("website", "calculations/stop.sh", true),
            file!("website", "calculations/validate.sh", true),
            file!("website", "pages/index.html", false),
            file!("website", "pages/style.css", false),
            file!("website", "prices.example.json", false),
            file!("website", "render.py", false),
            file!("website", "scripts/invalidate.sh", true),
            file!("website", "tests/__init__.py", false),
            file!("website", "tests/test_site.py", false),
            file!("website", "tools/junit.py", false),
        ],
    },
    Template {
        name: "canary",
        summary: "two branches, a canary that an alarm takes back, reports, a feature flag by AppConfig",
        pipeline: Some("prod"),
        files: &[
            file!("canary", "pipeline.yml", false),
            file!("canary", "sandbox.yml", false),
            file!("canary", "deploy/appspec.yml", false),
            file!("canary", "deploy/start.sh", true),
            file!("canary", "deploy/stop.sh", true),
            file!("canary", "deploy/validate.sh", true),
            file!("canary", "features.json", false),
            file!("canary", "flags_service/__init__.py", false),
            file!("canary", "flags_service/__main__.py", false),
            file!("canary", "flags_service/rollout.py", false),
            file!("canary", "package.sh", true),
            file!("canary", "tests/__init__.py", false),
            file!("canary", "tests/test_rollout.py", false),
            file!("canary", "tools/analyse.py", false),
            file!("canary", "tools/coverage.py", false),
            file!("canary", "tools/junit.py", false),
        ],
    },
    Template {
        name: "telemetry-ecs",
        summary: "CodeCommit, docker build, ECR, ECS",
        pipeline: None,
        files: &[
            file!("telemetry-ecs", "pipeline.yml", false),
            file!("telemetry-ecs", "sandbox.yml", false),
            file!("telemetry-ecs", "Dockerfile", false),
            file!("telemetry-ecs", "buildspec.yml", false),
            file!("telemetry-ecs", "imagedefinitions.sh", true),
            file!("telemetry-ecs", "telemetry/__init__.py", false),
            file!("telemetry-ecs", "telemetry/__main__.py", false),
            file!("telemetry-ecs", "telemetry/series.py", false),
            file!("telemetry-ecs", "tests/__init__.py", false),
            file!("telemetry-ecs", "tests/test_series.py", false),
        ],
    },
];
