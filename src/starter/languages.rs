//! How the languages of a repository are tested: commands that its manifests really have.

use serde_json::Value;

use super::buildspecs::Said;
use super::node::Packages;
use super::text::{Block, scalar, texts};
use super::{Draft, targets};
use crate::catalog::codebuild::codebuild;

/// How one language is tested and built.
#[derive(Debug, Default)]
struct Recipe {
    /// The name of the action, if there are several.
    name: &'static str,
    /// What was seen, and what comes of it.
    seen: String,
    /// Runtime and version of CodeBuild's images.
    runtime: Option<(&'static str, String)>,
    /// Commands before tests and builds.
    install: Vec<String>,
    /// Commands that test; none where nothing says how.
    test: Vec<String>,
    /// The report that the tests write.
    report: Option<&'static str>,
    /// A comment above the command that tests.
    note: Option<&'static str>,
    /// Commands that build something.
    build: Vec<String>,
    /// The folder that they fill with pages.
    site: Option<&'static str>,
}

/// The manifests of all languages.
const MANIFESTS: [&str; 32] = [
    "Cargo.toml",
    "Cargo.lock",
    "package.json",
    "package-lock.json",
    "npm-shrinkwrap.json",
    "yarn.lock",
    "pnpm-lock.yaml",
    ".yarnrc.yml",
    ".nvmrc",
    ".node-version",
    "pyproject.toml",
    "requirements.txt",
    "requirements-dev.txt",
    "requirements-test.txt",
    "setup.py",
    "setup.cfg",
    "tox.ini",
    "pytest.ini",
    "Pipfile",
    ".python-version",
    "go.mod",
    "pom.xml",
    "build.gradle",
    "build.gradle.kts",
    "Gemfile",
    "Gemfile.lock",
    ".ruby-version",
    "Rakefile",
    "composer.json",
    "Makefile",
    "poetry.lock",
    "uv.lock",
];

pub(super) fn is_read(name: &str) -> bool {
    MANIFESTS.contains(&name) || is_dotnet(name)
}

fn is_dotnet(name: &str) -> bool {
    [".csproj", ".fsproj", ".vbproj"]
        .iter()
        .any(|end| name.ends_with(end))
}

/// Adds the stages that test and build.
pub(super) fn add(draft: &mut Draft<'_>, said: Said) {
    let recipes: Vec<Recipe> = [rust, node, python, go, maven, gradle, dotnet, ruby, php]
        .iter()
        .filter_map(|look| look(draft))
        .collect();
    let recipes = if recipes.is_empty() {
        make(draft).into_iter().collect()
    } else {
        recipes
    };
    if said.tests {
        return;
    }
    // Tests stand before what a buildspec deploys.
    let later = std::mem::take(&mut draft.stages);
    draft
        .seen
        .extend(recipes.iter().map(|recipe| recipe.seen.clone()));
    let tested: Vec<&Recipe> = recipes
        .iter()
        .filter(|recipe| !recipe.test.is_empty())
        .collect();
    match tested.as_slice() {
        [] => {}
        [one] => {
            let mut lines = vec![
                "  - unit:                            # a CodeBuild project; the first command that fails ends it".to_owned(),
            ];
            lines.extend(build(draft, one, 6, &one.test));
            draft.stages.push(Block::new(lines));
        }
        several => {
            let mut lines = vec![
                "  - name: Test                       # side by side".to_owned(),
                "    actions:".to_owned(),
            ];
            for one in several {
                lines.push(format!("      - name: {}", one.name));
                lines.push("        unit:".to_owned());
                lines.extend(build(draft, one, 10, &one.test));
            }
            draft.stages.push(Block::new(lines));
        }
    }
    for one in recipes.iter().filter(|recipe| !recipe.build.is_empty()) {
        let mut lines = Vec::new();
        if recipes
            .iter()
            .filter(|recipe| !recipe.build.is_empty())
            .count()
            > 1
        {
            lines.push(format!("  - name: Build{}", one.name));
            lines.push("    build:".to_owned());
        } else {
            lines.push("  - build:".to_owned());
        }
        let bare = Recipe {
            report: None,
            runtime: one.runtime.clone(),
            install: one.install.clone(),
            ..Recipe::default()
        };
        lines.extend(build(draft, &bare, 6, &one.build));
        match one.site.filter(|_| !targets::are_there(draft)) {
            Some(folder) => {
                let base = scalar(&draft.path(folder));
                lines.push(format!(
                    "      artifacts: {{ base: {base}, files: \"**/*\" }}"
                ));
                lines.push(
                    "      output: Pages                    # the artifact's name, for `input`"
                        .to_owned(),
                );
                draft.makes_pages = true;
            }
            None => {
                lines
                    .push("      # artifacts: dist/**/*           # what it makes, and".to_owned());
                lines.push("      # output: Build                  # its name, for a stage that deploys it: `input: Build`".to_owned());
            }
        }
        draft.stages.push(Block::new(lines));
    }
    draft.stages.extend(later);
}

/// The lines of a build.
fn build(draft: &Draft<'_>, recipe: &Recipe, indent: usize, commands: &[String]) -> Vec<String> {
    let space = " ".repeat(indent);
    let mut lines = Vec::new();
    if let Some((language, version)) = &recipe.runtime {
        lines.push(format!("{space}runtimes: {{ {language}: {version} }}"));
    }
    let all: Vec<String> = recipe.install.iter().chain(commands).cloned().collect();
    let mut run = texts(indent, "run", &draft.commands(&all));
    if let (Some(note), Some(last)) = (recipe.note, run.last()) {
        let column = last.len() - last.trim_start().len();
        run.insert(run.len() - 1, format!("{}# {note}", " ".repeat(column)));
    }
    lines.extend(run);
    if let Some(report) = recipe.report {
        lines.extend(texts(indent, "reports", &[draft.path(report)]));
    }
    lines
}

fn own(commands: &[&str]) -> Vec<String> {
    commands
        .iter()
        .map(|command| (*command).to_owned())
        .collect()
}

/// The versions of a runtime that CodeBuild's images have, oldest first.
fn versions(language: &str) -> &'static [String] {
    codebuild()
        .runtimes
        .get(language)
        .map_or(&[], Vec::as_slice)
}

/// A version that the repository names, if CodeBuild has it.
fn said(language: &'static str, version: &str) -> Option<(&'static str, String)> {
    versions(language)
        .iter()
        .find(|known| *known == version)
        .map(|known| (language, known.clone()))
}

/// The newest, for compilers that build what older ones built.
fn newest(language: &'static str) -> Option<(&'static str, String)> {
    versions(language)
        .last()
        .map(|version| (language, version.clone()))
}

/// The first number of a text with so many parts: `>=3.11,<4` has `3.11`.
fn number(text: &str, parts: usize) -> Option<String> {
    let start = text.find(|c: char| c.is_ascii_digit())?;
    let number: String = text[start..]
        .chars()
        .take_while(|c| c.is_ascii_digit() || *c == '.')
        .collect();
    let list: Vec<&str> = number
        .split('.')
        .filter(|part| !part.is_empty())
        .take(parts)
        .collect();
    (list.len() == parts).then(|| list.join("."))
}

/// The text between two others.
fn between<'t>(text: &'t str, before: &str, after: &str) -> Option<&'t str> {
    let rest = text.split_once(before)?.1;
    rest.split_once(after).map(|(inside, _)| inside.trim())
}

/// What stands behind `key =` in a line of TOML.
fn setting<'t>(text: &'t str, key: &str) -> Option<&'t str> {
    text.lines().find_map(|line| {
        line.trim()
            .strip_prefix(key)?
            .trim_start()
            .strip_prefix('=')
    })
}

fn rust(draft: &Draft<'_>) -> Option<Recipe> {
    draft.has("Cargo.toml").then(|| {
        let locked = if draft.has("Cargo.lock") {
            " --locked"
        } else {
            ""
        };
        let whole = if draft.text("Cargo.toml").contains("[workspace]") {
            " --workspace"
        } else {
            ""
        };
        Recipe {
            name: "Rust",
            seen: "Cargo.toml: tests with cargo".to_owned(),
            runtime: newest("rust"),
            test: vec![format!("cargo test{whole}{locked}")],
            ..Recipe::default()
        }
    })
}

fn node(draft: &Draft<'_>) -> Option<Recipe> {
    let packages = Packages::of(draft)?;
    let (package, tool) = (&packages.manifest, packages.tool);
    let script = |name: &str| {
        package["scripts"][name]
            .as_str()
            .filter(|script| !script.trim().is_empty())
    };
    // what `npm init` writes is no test
    let test = script("test").filter(|script| !script.contains("no test specified"));
    let mut commands = Vec::new();
    if script("lint").is_some() {
        commands.push(format!("{tool} run lint"));
    }
    if test.is_some() {
        commands.push(format!("{tool} test"));
    }
    let version = [
        draft.text(".nvmrc"),
        draft.text(".node-version"),
        package["engines"]["node"].as_str().unwrap_or_default(),
    ]
    .iter()
    .find_map(|text| number(text, 1));
    let build: Vec<String> = script("build")
        .map(|_| format!("{tool} run build"))
        .into_iter()
        .collect();
    let scripts: Vec<&str> = ["lint", "test", "build"]
        .into_iter()
        .filter(|name| {
            if *name == "test" {
                test.is_some()
            } else {
                script(name).is_some()
            }
        })
        .collect();
    Some(Recipe {
        name: "Node",
        seen: if scripts.is_empty() {
            "package.json: no script `test`, `lint` or `build` to run".to_owned()
        } else {
            format!("package.json: {tool} runs {}", scripts.join(", "))
        },
        runtime: version.and_then(|version| said("nodejs", &version)),
        site: packages.site().filter(|_| !build.is_empty()),
        install: packages.install,
        test: commands,
        build,
        ..Recipe::default()
    })
}

/// What Python needs before anything of the repository runs.
pub(super) fn python_install(draft: &Draft<'_>) -> Vec<String> {
    python(draft).map_or_else(Vec::new, |recipe| recipe.install)
}

/// Files of which each is a part of its own, in folders that may lie deep.
pub(super) fn is_manifest(name: &str) -> bool {
    [
        "Cargo.toml",
        "package.json",
        "pyproject.toml",
        "requirements.txt",
        "go.mod",
        "pom.xml",
        "build.gradle",
        "build.gradle.kts",
        "Gemfile",
        "composer.json",
    ]
    .contains(&name)
}

fn python(draft: &Draft<'_>) -> Option<Recipe> {
    let requirements: Vec<&str> = [
        "requirements.txt",
        "requirements-dev.txt",
        "requirements-test.txt",
    ]
    .into_iter()
    .filter(|name| draft.has(name))
    .collect();
    let project = draft.text("pyproject.toml");
    let setup = draft.has("setup.py") || draft.has("setup.cfg");
    if !draft.has("pyproject.toml") && !setup && requirements.is_empty() && !draft.has("Pipfile") {
        return None;
    }
    let says = |word: &str| {
        [
            "pyproject.toml",
            "setup.cfg",
            "tox.ini",
            "pytest.ini",
            "Pipfile",
            "setup.py",
            "poetry.lock",
            "uv.lock",
        ]
        .iter()
        .chain(&requirements)
        .any(|name| draft.text(name).contains(word))
    };
    let pytest = draft.has("pytest.ini")
        || draft.has("conftest.py")
        || draft.has("tests/conftest.py")
        || says("pytest");
    let tests = draft.around.names.iter().any(|name| {
        let (folder, file) = name.rsplit_once('/').unwrap_or(("", name));
        (file.starts_with("test_") || file.ends_with("_test.py"))
            && file.ends_with(".py")
            && (folder.is_empty() || folder.starts_with("test"))
    });
    let mut install = own(&["python3 -m venv .venv", ". .venv/bin/activate"]);
    let mut before = "";
    if draft.has("uv.lock") {
        install.extend(own(&["pip install --quiet uv", "uv sync --active"]));
        before = "uv run --active ";
    } else if draft.has("poetry.lock") || project.contains("[tool.poetry]") {
        install.extend(own(&["pip install --quiet poetry", "poetry install"]));
        before = "poetry run ";
    } else if draft.has("Pipfile") {
        install.extend(own(&["pip install --quiet pipenv", "pipenv install --dev"]));
        before = "pipenv run ";
    } else {
        install.extend(
            requirements
                .iter()
                .map(|name| format!("pip install --quiet -r {name}")),
        );
        if requirements.is_empty()
            && (setup || project.contains("[build-system]") || project.contains("[project]"))
        {
            let extra = ["dev", "test", "tests"].into_iter().find(|extra| {
                between(project, "[project.optional-dependencies]", "\n[")
                    .or_else(|| {
                        project
                            .split_once("[project.optional-dependencies]")
                            .map(|(_, rest)| rest)
                    })
                    .is_some_and(|part| setting(part, extra).is_some())
            });
            install.push(match extra {
                Some(extra) => format!("pip install --quiet '.[{extra}]'"),
                None => "pip install --quiet .".to_owned(),
            });
        }
        if pytest
            && !requirements
                .iter()
                .any(|name| draft.text(name).contains("pytest"))
            && !project.contains("\"pytest")
        {
            install.push("pip install --quiet pytest".to_owned());
        }
    }
    let (test, report, what) = if pytest {
        (
            vec![format!("{before}pytest --junitxml=reports/junit.xml")],
            Some("reports/junit.xml"),
            "tests with pytest",
        )
    } else if tests {
        let discover = if draft
            .around
            .names
            .iter()
            .any(|name| name.starts_with("tests/"))
        {
            " -s tests -t ."
        } else {
            ""
        };
        let discover = if draft.has("tests/__init__.py") {
            ""
        } else {
            discover
        };
        (
            vec![format!("{before}python3 -m unittest discover{discover}")],
            None,
            "tests with unittest",
        )
    } else {
        (
            Vec::new(),
            None,
            "neither pytest nor a file of tests was found",
        )
    };
    let version = number(draft.text(".python-version"), 2)
        .or_else(|| number(setting(project, "requires-python")?, 2));
    let first = ["pyproject.toml", "setup.py", "setup.cfg", "Pipfile"]
        .into_iter()
        .find(|name| draft.has(name));
    Some(Recipe {
        name: "Python",
        seen: format!(
            "{}: {what}",
            first.or(requirements.first().copied()).unwrap_or("Python")
        ),
        runtime: version.and_then(|version| said("python", &version)),
        install,
        test,
        report,
        ..Recipe::default()
    })
}

fn go(draft: &Draft<'_>) -> Option<Recipe> {
    draft.has("go.mod").then(|| Recipe {
        name: "Go",
        seen: "go.mod: vet and tests with go".to_owned(),
        runtime: newest("golang"),
        test: own(&["go vet ./...", "go test ./..."]),
        ..Recipe::default()
    })
}

/// Java's runtime has a word of its own before its number.
fn corretto(version: Option<&str>) -> Option<(&'static str, String)> {
    let version = number(version?, 1)?;
    said("java", &format!("corretto{version}"))
}

fn maven(draft: &Draft<'_>) -> Option<Recipe> {
    let text = draft.text("pom.xml");
    let version = [
        "maven.compiler.release",
        "java.version",
        "maven.compiler.target",
    ]
    .iter()
    .find_map(|key| between(text, &format!("<{key}>"), "</"));
    draft.has("pom.xml").then(|| Recipe {
        name: "Java",
        seen: "pom.xml: tests with Maven".to_owned(),
        runtime: corretto(version),
        test: own(&[if draft.has("mvnw") {
            "./mvnw -B verify"
        } else {
            "mvn -B verify"
        }]),
        report: Some("target/surefire-reports/TEST-*.xml"),
        ..Recipe::default()
    })
}

fn gradle(draft: &Draft<'_>) -> Option<Recipe> {
    let name = ["build.gradle", "build.gradle.kts"]
        .into_iter()
        .find(|name| draft.has(name))?;
    let version = between(draft.text(name), "JavaLanguageVersion.of(", ")");
    Some(Recipe {
        name: "Java",
        seen: format!("{name}: tests with Gradle"),
        runtime: corretto(version),
        test: own(&[if draft.has("gradlew") {
            "./gradlew check"
        } else {
            "gradle check"
        }]),
        report: Some("build/test-results/test/TEST-*.xml"),
        ..Recipe::default()
    })
}

fn dotnet(draft: &Draft<'_>) -> Option<Recipe> {
    let names = || draft.around.names.iter();
    let project = names().find(|name| is_dotnet(name));
    let solution = names().find(|name| name.ends_with(".sln") || name.ends_with(".slnx"));
    let first = solution.or(project)?;
    let version = project
        .and_then(|name| between(draft.text(name), "<TargetFramework>net", "</"))
        .and_then(|version| said("dotnet", version));
    Some(Recipe {
        name: "DotNet",
        seen: format!("{first}: tests with dotnet"),
        runtime: version,
        test: own(&[
            "dotnet test --logger 'trx;LogFileName=results.trx' --results-directory reports",
        ]),
        report: Some("reports/results.trx"),
        ..Recipe::default()
    })
}

fn ruby(draft: &Draft<'_>) -> Option<Recipe> {
    if !draft.has("Gemfile") {
        return None;
    }
    let gems = format!("{}{}", draft.text("Gemfile"), draft.text("Gemfile.lock"));
    let spec = gems.contains("rspec")
        || draft
            .around
            .names
            .iter()
            .any(|name| name.starts_with("spec/"));
    let mut recipe = Recipe {
        name: "Ruby",
        runtime: number(draft.text(".ruby-version"), 2).and_then(|version| said("ruby", &version)),
        install: own(&["bundle install"]),
        ..Recipe::default()
    };
    if spec && gems.contains("rspec_junit_formatter") {
        recipe.test = own(&[
            "bundle exec rspec --format progress --format RspecJunitFormatter --out reports/junit.xml",
        ]);
        recipe.report = Some("reports/junit.xml");
    } else if spec {
        recipe.test = own(&["bundle exec rspec"]);
        recipe.note = Some(
            "pipectl: ignore[test-report-missing] until the gem rspec_junit_formatter writes one",
        );
    } else if draft.text("Rakefile").contains("test") || gems.contains("rails") {
        let command = if gems.contains("rails") {
            "bundle exec rails test"
        } else {
            "bundle exec rake test"
        };
        recipe.test = own(&[command]);
    }
    recipe.seen = match recipe.test.first() {
        Some(_) if spec => "Gemfile: tests with rspec".to_owned(),
        Some(_) => "Gemfile: tests with rake or rails".to_owned(),
        None => "Gemfile: neither rspec nor a task for tests was found".to_owned(),
    };
    Some(recipe)
}

fn php(draft: &Draft<'_>) -> Option<Recipe> {
    if !draft.has("composer.json") {
        return None;
    }
    let composer: Value = serde_json::from_str(draft.text("composer.json")).unwrap_or_default();
    let unit = ["require", "require-dev"]
        .iter()
        .any(|key| composer[key].get("phpunit/phpunit").is_some());
    let version = composer["require"]["php"]
        .as_str()
        .and_then(|text| number(text, 2));
    let mut recipe = Recipe {
        name: "Php",
        runtime: version.and_then(|version| said("php", &version)),
        install: own(&["composer install --no-interaction"]),
        ..Recipe::default()
    };
    if unit {
        recipe.seen = "composer.json: tests with PHPUnit".to_owned();
        recipe.test = own(&["vendor/bin/phpunit --log-junit reports/junit.xml"]);
        recipe.report = Some("reports/junit.xml");
    } else if composer["scripts"].get("test").is_some() {
        recipe.seen = "composer.json: its script `test`".to_owned();
        recipe.test = own(&["composer test"]);
    } else {
        recipe.seen = "composer.json: neither PHPUnit nor a script `test`".to_owned();
    }
    Some(recipe)
}

/// A Makefile, where no language is known.
fn make(draft: &Draft<'_>) -> Option<Recipe> {
    let text = draft.text("Makefile");
    let target = ["test", "check"].into_iter().find(|target| {
        text.lines().any(|line| {
            line.strip_prefix(target)
                .is_some_and(|rest| rest.trim_start().starts_with(':'))
        })
    })?;
    Some(Recipe {
        name: "Make",
        seen: format!("Makefile: its target `{target}`"),
        test: vec![format!("make {target}")],
        ..Recipe::default()
    })
}
