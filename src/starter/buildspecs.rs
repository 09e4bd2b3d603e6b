//! Buildspecs that a repository has already: they say how it is built, so the file uses them.

use super::text::{Block, pascal, scalar, texts};
use super::{Built, Draft};

/// What a buildspec is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Purpose {
    Unit,
    Integration,
    Build,
    Deploy,
}

/// What languages still have to say beside the buildspecs.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Said {
    /// A buildspec tests or builds.
    pub(super) tests: bool,
}

/// Commands that bring something to where people use it.
const DEPLOYS: [&str; 8] = [
    "sam deploy",
    "cdk deploy",
    "serverless deploy",
    "sls deploy",
    "terraform apply",
    "kubectl apply",
    "aws s3 sync",
    "aws ecs update-service",
];

/// Programs that a desk does not have, or that have to reach AWS.
const ELSEWHERE: [&str; 7] = [
    "docker ",
    "sam ",
    "cdk ",
    "aws ",
    "serverless ",
    "terraform ",
    "kubectl ",
];

/// Whether a file is a buildspec, by its name.
pub(super) fn is_buildspec(name: &str) -> bool {
    let yaml = name.ends_with(".yml") || name.ends_with(".yaml");
    let (folder, file) = name.rsplit_once('/').unwrap_or(("", name));
    let of_folder = matches!(
        folder,
        "buildspec" | "buildspecs" | ".codebuild" | "codebuild"
    );
    yaml && (of_folder || file.contains("buildspec") && folder.is_empty())
}

/// The words of a name without those that every buildspec has.
fn words(name: &str) -> Vec<String> {
    let file = name.rsplit('/').next().unwrap_or(name);
    let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
    stem.split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty() && !word.eq_ignore_ascii_case("buildspec"))
        .map(str::to_owned)
        .collect()
}

fn purpose(name: &str, text: &str) -> Purpose {
    let said = |list: &[&str]| {
        words(name)
            .iter()
            .any(|word| list.contains(&word.to_ascii_lowercase().as_str()))
    };
    if said(&["integration", "e2e", "acceptance", "smoke"]) {
        Purpose::Integration
    } else if said(&["test", "tests", "unit", "lint", "check"]) {
        Purpose::Unit
    } else if said(&["deploy", "release", "prod", "production"])
        || DEPLOYS.iter().any(|command| text.contains(command))
    {
        Purpose::Deploy
    } else {
        Purpose::Build
    }
}

/// Adds a stage for each.
pub(super) fn add(draft: &mut Draft<'_>) -> Said {
    let mut found: Vec<(Purpose, String)> = draft
        .around
        .names
        .iter()
        .filter(|name| is_buildspec(name))
        .map(|name| (purpose(name, draft.text(name)), name.clone()))
        .collect();
    found.sort();
    let mut said = Said::default();
    let mut deployments = Vec::new();
    for (purpose, name) in &found {
        let text = draft.text(name).to_owned();
        let docker = [
            "docker build",
            "docker push",
            "docker run",
            "dockerd",
            "docker buildx",
        ]
        .iter()
        .any(|command| text.contains(command));
        draft.makes_image |= docker && text.contains("push");
        let own: String = pascal(&words(name).join("-"));
        let (kind, default) = match purpose {
            Purpose::Unit => ("unit", "UnitTest"),
            Purpose::Integration => ("integration", "IntegrationTest"),
            Purpose::Build => ("build", "Build"),
            Purpose::Deploy => ("deploy", "Deploy"),
        };
        let stage = if own.is_empty() {
            default.to_owned()
        } else {
            own
        };
        let mut lines = vec![format!("  - name: {stage}"), format!("    {kind}:")];
        lines.extend(texts(6, "buildspec", &[draft.path(name)]));
        if docker {
            lines.push("      privileged: true                 # docker".to_owned());
        }
        draft.seen.push(format!("{name}: {}", what(*purpose)));
        let stand_in = hands_on(draft, *purpose, &stage, &text, &mut lines);
        if ELSEWHERE.iter().any(|program| text.contains(program)) {
            let stand_in = stand_in.unwrap_or_else(|| "{ succeed: true }".to_owned());
            draft.stand_ins.push((
                stage.clone(),
                stand_in,
                "Its commands reach AWS or need Docker: without this line they run here as they are.",
            ));
        }
        if *purpose == Purpose::Deploy {
            let role = draft.role(
                "deploy_role",
                "the role that the commands of the deployment have",
            );
            lines.push(format!("      role: {role}"));
            deployments.push(Block::deploy(lines));
        } else {
            said.tests = true;
            draft.stages.push(Block::new(lines));
        }
    }
    if !deployments.is_empty() {
        draft
            .stages
            .push(Block::new(vec![super::targets::APPROVAL.to_owned()]));
        draft.stages.append(&mut deployments);
    }
    said
}

fn what(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Unit => "a test stage uses it",
        Purpose::Integration => "a stage of integration tests uses it",
        Purpose::Build => "a build stage uses it",
        Purpose::Deploy => "a stage behind an approval deploys with it",
    }
}

/// The artifact that a later stage deploys, if the buildspec makes one; and what makes one in its place.
fn hands_on(
    draft: &mut Draft<'_>,
    purpose: Purpose,
    stage: &str,
    text: &str,
    lines: &mut Vec<String>,
) -> Option<String> {
    if purpose != Purpose::Build || !text.lines().any(|line| line.starts_with("artifacts:")) {
        return None;
    }
    let template =
        after(text, "--output-template-file").or_else(|| after(text, "--output-template"));
    let image_definitions = text.contains("imagedefinitions.json");
    let deployed = draft.has("appspec.yml") || draft.has("appspec.yaml");
    if template.is_none() && !image_definitions && !deployed {
        return None;
    }
    lines.push(format!(
        "      output: {stage}                    # the artifact that later stages deploy"
    ));
    let stand_in = if image_definitions {
        let service = &draft.service;
        let list = format!(r#"[{{"name":"{service}","imageUri":"{service}:rehearsal"}}]"#);
        Some(format!(
            "{{ run: {} }}",
            quoted(&format!("echo '{list}' > imagedefinitions.json"))
        ))
    } else {
        let from = ["template.yaml", "template.yml"]
            .into_iter()
            .find(|name| draft.has(name));
        template.as_ref().map(|template| {
            let made = from.map_or_else(
                || format!("echo 'Resources: {{}}' > {}", super::text::word(template)),
                |from| format!("cp {from} {}", super::text::word(template)),
            );
            format!("{{ run: {} }}", quoted(&made))
        })
    };
    draft.built = Some(Built {
        artifact: stage.to_owned(),
        template,
        image_definitions,
    });
    stand_in
}

/// A text in flow style.
fn quoted(text: &str) -> String {
    match scalar(text) {
        plain if plain == text => format!("'{}'", text.replace('\'', "''")),
        quoted => quoted,
    }
}

/// The word behind an option.
fn after(text: &str, option: &str) -> Option<String> {
    let rest = text.split_once(option)?.1;
    let rest = rest.strip_prefix('=').unwrap_or(rest);
    let word = rest.split_whitespace().next()?.trim_matches(['"', '\'']);
    super::text::is_plain(word).then(|| word.to_owned())
}
