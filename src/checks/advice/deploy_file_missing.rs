//! A deployment looks for a file that the build does not hand on.

use super::builds;
use super::flow_text::input_span;
use crate::catalog::advice::{DeployFile, advice};
use crate::checks::flow::{self, Step};
use crate::checks::{Rule, Subject};
use crate::diagnostic::{Diagnostics, Severity};
use crate::model::Text;
use crate::source::Span;
use crate::tree::Node;

pub(super) const RULE: Rule = Rule {
    code: "deploy-file-missing",
    severity: Severity::Warning,
    summary: "a deployment looks for a file that the artifact does not hold",
    why: "What a build hands on is what `artifacts` of its buildspec names, and nothing else. The deployment starts and \
          then does not find its template, its appspec or the file that names the image. Two of these are easily \
          confused: `imagedefinitions.json` is for the rolling deployment of ECS, `imageDetail.json` for the blue/green \
          one, and it is what a source of ECR gives.",
    aws: "",
    wrong: "- build:\n    run: ./image.sh\n    artifacts: imageDetail.json\n    output: Image\n- deploy:\n    input: Image\n    ecs: { cluster: shop, service: shop }",
    right: "- build:\n    run: ./image.sh\n    artifacts: imagedefinitions.json\n    output: Image\n- deploy:\n    input: Image\n    ecs: { cluster: shop, service: shop }",
    link: "https://docs.aws.amazon.com/codepipeline/latest/userguide/file-reference.html",
    facts: &[],
    check,
};

/// What a deployment wants: the file, one of these names, and where the file says so.
struct Wanted<'a> {
    artifact: &'a str,
    names: Vec<String>,
    span: Span,
    path: String,
    /// Whether the value says the artifact, too: `Build::template.yml`.
    with_artifact: bool,
}

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    for pipeline in &subject.model.pipelines {
        let steps: Vec<Step<'_>> = flow::steps(pipeline).collect();
        for step in &steps {
            let files = advice().deploy_files.iter();
            for file in files.filter(|file| file.provider == step.action.provider.value) {
                if step.action.category.value != "Deploy" {
                    continue;
                }
                for wanted in wanted(step, file)
                    .into_iter()
                    .flat_map(|one| each(one, file))
                {
                    one(subject, &steps, step, &wanted, diagnostics);
                }
            }
        }
    }
}

/// Of a list each file is wanted; what may be a folder or a pattern is left alone, and what is no path in the artifact.
fn each<'a>(wanted: Wanted<'a>, file: &DeployFile) -> Vec<Wanted<'a>> {
    let plain = |name: &str| {
        let base = name.rsplit('/').next().unwrap_or(name);
        !name.starts_with('/') && base.contains('.') && !name.contains(['*', '?', ' '])
    };
    match (file.list, &wanted.names[..]) {
        (true, [names]) => names
            .split(',')
            .map(str::trim)
            .filter(|name| plain(name))
            .map(|name| Wanted {
                names: vec![name.to_owned()],
                path: wanted.path.clone(),
                ..wanted
            })
            .collect(),
        (false, [name]) if name.starts_with('/') => Vec::new(),
        (_, []) => Vec::new(),
        _ => vec![wanted],
    }
}

fn wanted<'a>(step: &Step<'a>, file: &DeployFile) -> Option<Wanted<'a>> {
    let said = match &file.key {
        Some(key) => step.configuration(key),
        None => None,
    };
    let usable = |text: &&Text| text.known && !text.value.contains("#{");
    if said.is_some_and(|text| !usable(&text)) {
        return None;
    }
    let at = |text: &Text| match &file.key {
        Some(key) => (text.span, step.path(&format!("configuration.{key}"))),
        None => (text.span, step.path("configuration")),
    };
    if file.with_artifact {
        let text = said?;
        let (artifact, name) = text.value.split_once("::")?;
        let (span, path) = at(text);
        return Some(Wanted {
            artifact,
            names: vec![name.to_owned()],
            span,
            path,
            with_artifact: true,
        });
    }
    let artifact = match &file.artifact_key {
        Some(key) => step.configuration(key).filter(usable)?,
        None => step.action.inputs.first().filter(|input| input.known)?,
    };
    let names = match said {
        Some(text) => vec![text.value.clone()],
        None => file.default.clone(),
    };
    let (span, path) = match (said, &file.artifact_key) {
        (Some(text), _) => at(text),
        (None, Some(key)) => (artifact.span, step.path(&format!("configuration.{key}"))),
        (None, None) => (input_span(step, artifact), step.path("input")),
    };
    Some(Wanted {
        artifact: &artifact.value,
        names,
        span,
        path,
        with_artifact: false,
    })
}

fn one(
    subject: &Subject<'_>,
    steps: &[Step<'_>],
    step: &Step<'_>,
    wanted: &Wanted<'_>,
    diagnostics: &mut Diagnostics,
) {
    let Some(producer) = steps.iter().find(|other| {
        let mut outputs = other.action.outputs.iter();
        outputs.any(|output| output.name.known && output.name.value == wanted.artifact)
    }) else {
        return;
    };
    let names = wanted.names.join("` or `");
    let action = &step.action.name.value;
    if producer.action.provider.value == "ECR" && producer.action.category.value == "Source" {
        if wanted.names.iter().any(|name| name == "imageDetail.json") {
            return;
        }
        diagnostics.push(
            RULE.finding(
                wanted.span,
                wanted.path.clone(),
                format!(
                    "`{action}` looks for `{names}`, and a source of ECR gives `imageDetail.json`"
                ),
            )
            .label(format!("no `{names}` in it"))
            .related(producer.action.span, "gives `imageDetail.json`")
            .help(
                "let a build write the file from `imageDetail.json`, and read the build's output",
            ),
        );
        return;
    }
    let Some(files) = files(subject, producer, wanted.artifact) else {
        return;
    };
    if wanted.names.iter().any(|name| covered(&files, name)) {
        return;
    }
    let build = &producer.action.name.value;
    let base = |path: &str| path.rsplit('/').next().map(ToOwned::to_owned);
    let mut patterns = files.patterns.iter().map(|text| text.value.as_str());
    let elsewhere =
        patterns.find(|pattern| wanted.names.iter().any(|name| base(pattern) == base(name)));
    let help = if let Some(path) = elsewhere {
        match wanted.with_artifact {
            true => format!(
                "write `{}::{path}`: so the artifact holds it",
                wanted.artifact
            ),
            false => format!("the artifact holds it as `{path}`"),
        }
    } else if producer.action.raw || files.span.file != producer.action.span.file {
        format!("add `{names}` to `artifacts.files` in the buildspec of `{build}`")
    } else {
        format!("add `{names}` to `artifacts` of `{build}`")
    };
    let finding = RULE
        .finding(
            wanted.span,
            wanted.path.clone(),
            format!(
                "`{action}` looks for `{names}`, and `{build}` hands on {}",
                listed(&files)
            ),
        )
        .label(format!("no `{names}` in it"))
        .related(files.span, "what the build hands on");
    diagnostics.push(finding.help(help));
}

/// The patterns in words.
fn listed(files: &Files) -> String {
    let mut quoted: Vec<String> = files
        .patterns
        .iter()
        .map(|text| format!("`{}`", text.value))
        .collect();
    match (quoted.pop(), quoted.len()) {
        (Some(last), 1..) => format!("{} and {last}", quoted.join(", ")),
        (last, _) => last.unwrap_or_default(),
    }
}

/// What a build hands on as an artifact.
struct Files {
    patterns: Vec<Text>,
    flat: bool,
    span: Span,
}

fn files(subject: &Subject<'_>, producer: &Step<'_>, artifact: &str) -> Option<Files> {
    if producer.configuration("BuildspecOverride").is_some() {
        return None;
    }
    let project = flow::project(subject.model, producer.action)?;
    if project.batch || project.api.is_some() {
        return None;
    }
    let artifacts = builds::buildspec(subject, project)?.get("artifacts")?;
    let secondary = artifacts.get("secondary-artifacts");
    let block = match (producer.action.outputs.len(), secondary) {
        (1, None) => artifacts,
        (1, Some(_)) => return None,
        _ => secondary?.get(artifact)?,
    };
    let base = block.get("base-directory");
    if base.is_some_and(|base| base.as_str().is_none_or(|base| base.contains('*')))
        || block.get("exclude-paths").is_some()
    {
        return None;
    }
    let node = block.get("files")?;
    let items: Vec<&Node> = match node.as_list() {
        Some(items) => items.iter().collect(),
        None => vec![node],
    };
    let patterns: Option<Vec<Text>> = items.into_iter().map(builds::text).collect();
    let patterns = patterns?;
    let plain = patterns
        .iter()
        .all(|text| text.known && !text.value.contains(['$', '#', '{', '[', '!']));
    let flat = block
        .get("discard-paths")
        .and_then(Node::scalar_text)
        .is_some_and(|text| matches!(text.as_str(), "yes" | "true"));
    (plain && !patterns.is_empty()).then_some(Files {
        span: node.span,
        patterns,
        flat,
    })
}

fn covered(files: &Files, name: &str) -> bool {
    let name = name.trim_start_matches("./");
    files.patterns.iter().any(|pattern| {
        let pattern = pattern
            .value
            .trim_start_matches("./")
            .trim_start_matches('/');
        let folder = pattern.trim_end_matches('/');
        if files.flat {
            return glob(pattern.rsplit('/').next().unwrap_or(pattern), name);
        }
        // a folder alone may mean what is in it
        glob(pattern, name)
            || name
                .strip_prefix(folder)
                .is_some_and(|rest| rest.starts_with('/'))
    })
}

/// `**` any folders, `*` anything within one, `?` one character.
fn glob(pattern: &str, name: &str) -> bool {
    fn within(pattern: &[u8], name: &[u8]) -> bool {
        match pattern {
            [] => name.is_empty(),
            [b'*', b'*', b'/', rest @ ..] => {
                within(rest, name)
                    || (0..name.len()).any(|at| name[at] == b'/' && within(rest, &name[at + 1..]))
            }
            [b'*', b'*', rest @ ..] => (0..=name.len()).any(|at| within(rest, &name[at..])),
            [b'*', rest @ ..] => {
                let end = name.iter().position(|c| *c == b'/').unwrap_or(name.len());
                (0..=end).any(|at| within(rest, &name[at..]))
            }
            [b'?', rest @ ..] => {
                name.first().is_some_and(|c| *c != b'/') && within(rest, &name[1..])
            }
            [c, rest @ ..] => name.first() == Some(c) && within(rest, &name[1..]),
        }
    }
    // enough stars to make this slow are nobody's pattern
    pattern.matches('*').count() > 12 || within(pattern.as_bytes(), name.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::glob;

    #[test]
    fn globs_of_buildspecs() {
        for (pattern, name) in [
            ("**/*", "a/b/c.json"),
            ("**/*", "c.json"),
            ("*.json", "a.json"),
            ("out/**/*", "out/a/b"),
            ("out/*", "out/a"),
            ("a?c", "abc"),
            ("**", "x/y"),
            ("**/template.yml", "template.yml"),
        ] {
            assert!(glob(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in [
            ("*", "a/b"),
            ("*.json", "a/b.json"),
            ("out/**/*", "a"),
            ("imageDetail.json", "imagedefinitions.json"),
            ("a?c", "a/c"),
        ] {
            assert!(!glob(pattern, name), "{pattern} {name}");
        }
    }
}
