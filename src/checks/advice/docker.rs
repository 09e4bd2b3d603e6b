//! Docker in commands.

use std::ops::Range;

use super::shell::{self, Simple};
use crate::catalog::advice::advice;

/// The place of a command that needs the docker daemon.
pub(super) fn used(text: &str) -> Option<Range<usize>> {
    let docker = &advice().docker;
    let commands = shell::commands(text);
    // somebody who names another daemon has one
    if text.contains("DOCKER_HOST") {
        return None;
    }
    commands.iter().find_map(|simple| {
        let program = simple.program(text);
        if docker.daemon_programs.iter().any(|p| p == program) {
            return simple.words.first().cloned();
        }
        // behind an option of docker itself its value may stand
        let optional = simple
            .arguments(text)
            .next()
            .is_some_and(|word| word.starts_with('-'));
        let mut words = simple
            .arguments(text)
            .filter(|word| !word.starts_with('-'))
            .take(if optional { 2 } else { 1 });
        let needs = docker.programs.iter().any(|p| p == program)
            && words
                .any(|word| program != "docker" || docker.subcommands.iter().any(|s| s == word));
        let (first, last) = (simple.words.first()?, simple.words.get(1)?);
        needs.then_some(first.start..last.end)
    })
}

/// Whether a command certainly does not use docker: nothing in it smells of containers, and nothing in it runs what
/// a file of the source says.
pub(super) fn surely_unused(text: &str) -> bool {
    let lower = text.to_lowercase();
    if advice()
        .docker
        .perhaps
        .iter()
        .any(|word| lower.contains(word.as_str()))
    {
        return false;
    }
    // what is run within quotes is not looked at
    if lower.contains("$(") || lower.contains('`') {
        return false;
    }
    shell::commands(text)
        .iter()
        .all(|simple| !runs_a_file(simple, text))
}

fn runs_a_file(simple: &Simple, text: &str) -> bool {
    let docker = &advice().docker;
    let program = simple.program(text);
    let has = |list: &[String]| list.iter().any(|p| p == program);
    let path = simple.words.first().is_some_and(|word| {
        let word = shell::unquoted(&text[word.clone()]);
        word.contains('/') || word.contains('$')
    });
    if path || has(&docker.runners) {
        return true;
    }
    if has(&docker.script_runners) {
        // installing runs nothing that needs a daemon
        return !matches!(
            simple.subcommand(text),
            Some("ci" | "install" | "i" | "config" | "cache" | "audit")
        );
    }
    has(&docker.interpreters)
        && !(program.starts_with("python") && simple.arguments(text).next() == Some("-m"))
}

#[cfg(test)]
mod tests {
    use super::{surely_unused, used};

    #[test]
    fn docker_is_seen_where_a_daemon_is_needed() {
        for text in [
            "docker build -t x .",
            "cd api && sudo docker push x",
            "docker-compose up -d",
            "docker --config /tmp run x",
            "if true; then docker compose build; fi",
            "docker buildx build --push .",
            "nohup dockerd &",
            "dockerd & docker build .",
            "aws ecr get-login-password | docker login --password-stdin && docker pull x",
        ] {
            assert!(used(text).is_some(), "{text}");
        }
        for text in [
            "docker --version",
            "docker login -u a",
            "echo docker build",
            "command -v docker",
            "docker-credential-helper get",
            "npm run docker:build",
            "DOCKER_HOST=tcp://x docker build .",
            "pip install docker",
        ] {
            assert!(used(text).is_none(), "{text}");
        }
    }

    #[test]
    fn what_may_hide_docker_is_not_called_unused() {
        for text in [
            "npm ci",
            "pip install -r requirements.txt",
            "pytest",
            "echo done",
            "aws s3 sync a s3://b",
            "python -m unittest",
        ] {
            assert!(surely_unused(text), "{text}");
        }
        for text in [
            "make",
            "./build.sh",
            "npm run build",
            "bash run.sh",
            "sam build --use-container",
            "docker version",
            "$RUNNER build",
            "python3 build.py",
            "mvn verify",
            "pip install testcontainers",
            "x=$(run) y",
        ] {
            assert!(!surely_unused(text), "{text}");
        }
    }
}
