//! What holds for every file: generated ones go round, the order of keys means nothing, and mutilated ones are
//! answered without a panic, at true places, twice the same.

use std::fs;
use std::path::{Path, PathBuf};

use pipectl::apply::clock::SystemClock;
use pipectl::apply::{self, CancellationFlag, Holder, Settings};
use pipectl::cloud;
use pipectl::compile::Compiled;
use pipectl::plan::{self, Options};
use pipectl::resources::{Context, normalise};
use pipectl::sandbox::Sandbox;
use pipectl::tree::{Data, Node};
use proptest::prelude::*;
use serde_json::Value;

use crate::fuzz::targets::{REGION, fault, see};

/// Pipeline files that there are: the examples and the cases.
pub fn files() -> Vec<(PathBuf, String)> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).expect("readable") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "yml") {
                found.push(path);
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = Vec::new();
    walk(&root.join("examples"), &mut paths);
    walk(&root.join("tests/cases"), &mut paths);
    paths.retain(|path| !path.ends_with("sandbox.yml"));
    paths.sort();
    paths
        .into_iter()
        .map(|path| {
            let text = fs::read_to_string(&path).expect("text");
            (path, text)
        })
        .collect()
}

/// Numbers that are the same in every run.
pub struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 16).unwrap_or_default() % below.max(1)
    }
}

/// What editors, merges and tired people make of a file.
pub fn mutilated(text: &str, dice: &mut Dice) -> String {
    const TOKENS: [&str; 24] = [
        ":",
        "- ",
        "[",
        "]",
        "{",
        "}",
        "${",
        "}",
        "#{",
        "'",
        "\"",
        "|",
        ">",
        "&a",
        "*a",
        "<<: *a",
        "~",
        "\t",
        "é",
        "\u{1F680}",
        "${self:}",
        "${file(a):b}",
        "!x ",
        "\r\n",
    ];
    let mut lines: Vec<&str> = text.lines().collect();
    if lines.is_empty() {
        return String::new();
    }
    let at = dice.roll(lines.len());
    match dice.roll(8) {
        0 => {
            lines.remove(at);
        }
        1 => lines.insert(at, lines[at]),
        2 => {
            let other = dice.roll(lines.len());
            lines.swap(at, other);
        }
        3 => {
            let mut bytes = text.as_bytes().to_vec();
            for _ in 0..=dice.roll(3) {
                let at = dice.roll(bytes.len());
                bytes[at] ^= 1 << dice.roll(8);
            }
            return String::from_utf8_lossy(&bytes).into_owned();
        }
        4 => {
            let mut at = dice.roll(text.len() + 1);
            while !text.is_char_boundary(at) {
                at -= 1;
            }
            return format!(
                "{}{}{}",
                &text[..at],
                TOKENS[dice.roll(TOKENS.len())],
                &text[at..]
            );
        }
        5 => {
            let words: Vec<&str> = text.split_inclusive([' ', '\n']).collect();
            let mut words = words;
            let (a, b) = (dice.roll(words.len()), dice.roll(words.len()));
            words.swap(a, b);
            return words.concat();
        }
        6 => {
            let mut cut = dice.roll(text.len() + 1);
            while !text.is_char_boundary(cut) {
                cut -= 1;
            }
            return text[..cut].to_owned();
        }
        _ => {
            let line = lines[at].replacen("  ", "", 1);
            let mut lines: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
            lines[at] = line;
            return lines.join("\n");
        }
    }
    lines.join("\n")
}

/// How many mutants of every file; more with `MUTANTS=1000`.
fn mutants() -> usize {
    let said = std::env::var("MUTANTS").ok();
    said.and_then(|said| said.parse().ok()).unwrap_or(12)
}

#[test]
fn mutilated_files_are_answered() {
    let files = files();
    assert!(files.len() > 80, "only {} files", files.len());
    let mut wrong = Vec::new();
    for (path, text) in &files {
        let mut dice = Dice(0x9e37_79b9_7f4a_7c15 ^ text.len() as u64);
        for number in 0..mutants() {
            let mut mutant = mutilated(text, &mut dice);
            for _ in 0..number % 3 {
                mutant = mutilated(&mutant, &mut dice);
            }
            if let Some(why) = fault(&mutant) {
                wrong.push(format!(
                    "{} number {number}: {why}:\n{mutant}\n",
                    path.display()
                ));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} wrong, the first:\n{}",
        wrong.len(),
        wrong[0]
    );
}

#[test]
fn files_as_they_are_are_answered() {
    for (path, text) in files() {
        assert_eq!(fault(&text), None, "{}", path.display());
    }
}

/// Turns every map around, or as the dice say.
fn shuffle(node: &mut Node, dice: &mut Dice) {
    match &mut node.data {
        Data::Map(entries) => {
            for entry in entries.iter_mut() {
                shuffle(&mut entry.value, dice);
            }
            for at in (1..entries.len()).rev() {
                entries.swap(at, dice.roll(at + 1));
            }
        }
        Data::List(items) => items.iter_mut().for_each(|item| shuffle(item, dice)),
        _ => {}
    }
}

/// The resources in the form in which they are compared; a buildspec's text by what it says.
fn meaning(compiled: &Compiled) -> Vec<(String, Value)> {
    let context = Context {
        region: REGION.to_owned(),
        account: "123456789012".to_owned(),
        partition: "aws".to_owned(),
    };
    let mut all: Vec<(String, Value)> = compiled
        .desired
        .resources
        .iter()
        .map(|resource| {
            let mut body = resource.body.clone();
            if let Some(text) = body.pointer_mut("/source/buildspec")
                && let Some(spec) = text
                    .as_str()
                    .and_then(|text| serde_yaml::from_str::<Value>(text).ok())
                    .filter(Value::is_object)
            {
                *text = spec;
            }
            normalise(resource.id.kind, &mut body, &context);
            (format!("{} {:?}", resource.id, resource.tags), body)
        })
        .collect();
    all.sort_by(|a, b| a.0.cmp(&b.0));
    all
}

fn same_in_any_order(text: &str, seed: u64) -> Result<(), String> {
    let straight = see(text, &mut |_| {});
    let Some(compiled) = &straight.compiled else {
        return Ok(());
    };
    let mut dice = Dice(seed | 1);
    let turned = see(text, &mut |tree| shuffle(tree, &mut dice));
    let Some(other) = &turned.compiled else {
        return Err(format!("refused in another order: {:?}", turned.errors()));
    };
    for (left, right) in meaning(compiled).iter().zip(&meaning(other)) {
        if left != right {
            return Err(format!(
                "{} comes out as {}\ninstead of {}",
                left.0, right.1, left.1
            ));
        }
    }
    Ok(())
}

#[test]
fn the_order_of_keys_means_nothing() {
    let mut compiled = 0;
    for (path, text) in files() {
        for seed in [3, 0x1234_5678_9abc] {
            if let Err(why) = same_in_any_order(&text, seed) {
                panic!("{}: {why}", path.display());
            }
        }
        compiled += usize::from(see(&text, &mut |_| {}).compiled.is_some());
    }
    assert!(compiled > 40, "only {compiled} files compile");
}

/// A stage of each kind, `§` for its number.
const STAGES: [&str; 30] = [
    "- {name: S§, unit: pytest}",
    "- {name: S§, unit: {run: [make, make test], env: {A: b, B: {ssm: /x}, C: {secret: 's:k'}, D: '#{codepipeline.PipelineExecutionId}'}, reports: {t: out/junit.xml}}}",
    "- {name: S§, integration: {run: ./i.sh, image: 'aws/codebuild/standard:7.0', compute: large, timeout: 20, queuedTimeout: 30}}",
    "- {name: S§, test: {run: ./t.sh, vpc: {id: vpc-1, subnets: [subnet-1, subnet-2], securityGroups: [sg-1]}, privileged: true}}",
    "- {name: S§, test: {buildspec: specs/test.yml, concurrency: 2, description: d}}",
    "- {name: S§, build: {run: make, artifacts: 'out/**', output: B§, exports: [TAG]}}",
    "- {name: S§, build: {run: make, artifacts: {base: out, files: ['**/*'], exclude: [x]}, output: B§, outputs: {D§: 'docs/**'}}}",
    "- {name: S§, build: {run: make, cache: {s3: cache-bucket/prefix, paths: [node_modules]}, runtimes: {python: 3.12}}}",
    "- {name: S§, build: {buildspec: {version: 0.2, phases: {build: {commands: [make]}}}, encryptionKey: alias/x}}",
    "- {name: S§, build: {run: make, allow: [{Action: 's3:PutObject', Resource: '*'}], role: {name: builder-§}}}",
    "- {name: S§, build: {run: make, role: 'arn:aws:iam::123456789012:role/given'}}",
    "- {name: S§, unit: {project: shared}}",
    "- {name: S§, unit: {project: shared, env: {LEVEL: high}}}",
    "- {name: S§, commands: [ls, pwd]}",
    "- {name: S§, commands: {run: [ls], exports: [X], artifacts: out, output: C§}}",
    "- {name: S§, approval: {message: Ship it?, timeout: 2h}}",
    "- {name: S§, approval: a@example.com}",
    "- {name: S§, approval: {notify: {name: topic-§, emails: [b@example.com]}}}",
    "- {name: S§, deploy: {run: ./deploy.sh, allow: [{Action: 's3:*', Resource: '*'}]}}",
    "- {name: S§, deploy: {s3: {bucket: site, extract: true}}}",
    "- {name: S§, deploy: {ecs: {cluster: c, service: s}}}",
    "- {name: S§, deploy: {codedeploy: {application: a, deploymentGroup: g}}}",
    "- {name: S§, deploy: {cloudformation: {stack: s§, template: 'Source::t.yml', capabilities: [CAPABILITY_IAM], role: 'arn:aws:iam::123456789012:role/given', parameters: {A: 1}}}}",
    "- {name: S§, invoke: {lambda: {function: f, parameters: {a: 1}}}}",
    "- {name: S§, invoke: {stepFunctions: {stateMachine: 'arn:aws:states:us-east-1:123456789012:stateMachine:x'}}}",
    "- {name: S§, actions: [{name: A, unit: ./a}, {name: B, needs: A, test: ./b}, {name: C, needs: [A], commands: [ls]}, {name: D, needs: [B, C], approval: {}}]}",
    "- {name: S§, actions: [{name: A, runOrder: 2, unit: ./a}, {name: B, unit: ./b}]}",
    "- {name: S§, unit: ./t, transition: {enabled: false, reason: holidays}}",
    "- {name: S§, unit: ./t, onFailure: {retry: failed}, beforeEntry: {check: [{window: '* * 9-17 ? * * *', timeZone: UTC}], else: fail}}",
    "- {definition: {name: S§, actions: [{name: Raw, actionTypeId: {category: Approval, owner: AWS, provider: Manual, version: '1'}, configuration: {CustomData: d}}]}}",
];

/// Sources, the first of each pipeline named Source.
const SOURCES: [&str; 7] = [
    "{s3: source-bucket/code.zip}",
    "{codecommit: repo, branch: main}",
    "{github: o/r, branch: main, connection: 'arn:aws:codeconnections:us-east-1:123456789012:connection/11111111-2222-3333-4444-555555555555'}",
    "{ecr: 'repo:tag'}",
    "[{codecommit: repo, branch: main}, {name: More, s3: other-bucket/more.zip}]",
    // a full clone is for builds only, and stages read the first source
    "[{ecr: 'repo:tag'}, {name: Clone, github: o/r, branch: main, connection: 'arn:aws:codeconnections:us-east-1:123456789012:connection/11111111-2222-3333-4444-555555555555', clone: full}]",
    "{definition: {name: Source, actionTypeId: {category: Source, owner: AWS, provider: S3, version: '1'}, configuration: {S3Bucket: raw-bucket, S3ObjectKey: k, PollForSourceChanges: 'false'}, outputArtifacts: [{name: Source}]}}",
];

/// What a file may have beside its pipelines.
const EXTRAS: [&str; 6] = [
    "defaults: {timeout: 30m, env: {G: h}, compute: medium}",
    "alarms: {failed: {failedBuilds: all, period: 5m, notify: a@example.com}}",
    "alarms: {slow: {namespace: N, metric: M, statistic: Sum, period: 60, periods: 2, above: 1.5, dimensions: {A: b}}}",
    "notifications: {buildFailed: a@example.com, succeeded: {name: done, emails: [b@example.com]}}",
    "custom: {a: 1, b: [1, {c: d}]}",
    "params: {default: {level: low}}",
];

fn pipeline() -> impl Strategy<Value = (usize, Vec<usize>, u8)> {
    (
        0..SOURCES.len(),
        prop::collection::vec(0..STAGES.len(), 1..6),
        any::<u8>(),
    )
}

/// A file of one pipeline or several.
fn written(pipelines: &[(usize, Vec<usize>, u8)], extras: &[usize]) -> String {
    let mut file = "service: gen\nprovider: {region: us-east-1, tags: {team: a}}\n".to_owned();
    let mut keys = std::collections::BTreeSet::new();
    for extra in extras {
        let text = EXTRAS[*extra];
        if keys.insert(text.split(':').next()) {
            file += &format!("{text}\n");
        }
    }
    file += "projects:\n  shared: {run: ./shared.sh, env: {LEVEL: low}}\n";
    let mut one = |indent: &str, (source, stages, options): &(usize, Vec<usize>, u8)| {
        file += &format!("{indent}source: {}\n", SOURCES[*source]);
        if options & 1 == 1 {
            file += &format!("{indent}executionMode: QUEUED\n");
        }
        if options & 2 == 2 {
            file += &format!("{indent}variables: {{A: b, C: {{default: d, description: e}}}}\n");
        }
        if options & 4 == 4 {
            file += &format!("{indent}triggers: [{{schedule: rate(1 day)}}]\n");
        }
        file += &format!("{indent}stages:\n");
        if options & 24 == 24 {
            file += &format!("{indent}  - selfUpdate: {{install: ./get.sh}}\n");
        }
        for (number, stage) in stages.iter().enumerate() {
            let stage = STAGES[*stage].replace('§', &number.to_string());
            file += &format!("{indent}  {stage}\n");
        }
    };
    if let [pipeline] = pipelines {
        one("", pipeline);
        return file;
    }
    let mut text = String::from("pipelines:\n");
    for (number, pipeline) in pipelines.iter().enumerate() {
        let mut inner = String::new();
        std::mem::swap(&mut inner, &mut text);
        text = inner + &format!("  p{number}:\n") + &block(pipeline);
    }
    file + &text
}

fn block((source, stages, options): &(usize, Vec<usize>, u8)) -> String {
    let alone = written(&[(*source, stages.clone(), *options)], &[]);
    let from = alone.find("source: ").expect("a source");
    alone[from..]
        .lines()
        .map(|line| format!("    {line}\n"))
        .collect()
}

/// validate → compile → apply → plan.
async fn goes_round(text: &str) -> Result<(), String> {
    let seen = see(text, &mut |_| {});
    let errors = seen.errors();
    let Some(compiled) = seen.compiled.filter(|_| errors.is_empty()) else {
        return Err(format!("refused: {errors:?}"));
    };
    let desired = compiled.desired;
    let folder = tempfile::tempdir().expect("a folder");
    let cloud = Sandbox::open(folder.path(), REGION, None).expect("opens");
    let options = Options::default();
    let first = plan::make(&desired, &cloud, &options)
        .await
        .map_err(|failure| failure.message)?;
    let settings = Settings {
        confirmed: true,
        admit: &|_| Ok(()),
        break_lock: false,
        who: Holder::new("test", &SystemClock),
        clock: &SystemClock,
    };
    let flag = CancellationFlag::default();
    let outcome = apply::run(&first, &desired, &cloud, &settings, &mut |_| {}, &flag).await;
    if let Some(failure) = outcome.failure() {
        return Err(format!("apply: {} {:?}", failure.message, failure.resource));
    }
    let before = cloud.calls_of_writes();
    let second = plan::make(&desired, &cloud, &options)
        .await
        .map_err(|failure| failure.message)?;
    if !second.is_empty() {
        return Err(format!("the second plan is {:?}", second.changes));
    }
    if cloud.calls_of_writes() != before {
        return Err("the second plan wrote".to_owned());
    }
    Ok(())
}

/// The writes so far.
trait Writes {
    fn calls_of_writes(&self) -> u64;
}

impl Writes for Sandbox {
    fn calls_of_writes(&self) -> u64 {
        cloud::Cloud::calls(self).write.values().sum()
    }
}

fn round(text: &str) -> Result<(), TestCaseError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime
        .block_on(goes_round(text))
        .map_err(|why| TestCaseError::fail(format!("{why}\n{text}")))
}

/// So that a template that is wrong is told by its name.
#[test]
fn every_stage_and_source_goes_round_alone() {
    let mut wrong = Vec::new();
    let mut one = |pipeline: (usize, Vec<usize>, u8), extras: &[usize]| {
        let text = written(&[pipeline], extras);
        if let Err(why) = round(&text) {
            wrong.push(why.to_string());
        }
    };
    for stage in 0..STAGES.len() {
        one((0, vec![stage], 0), &[]);
    }
    for source in 0..SOURCES.len() {
        one((source, vec![0], 31), &[]);
    }
    for extra in 0..EXTRAS.len() {
        one((0, vec![0], 0), &[extra]);
    }
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn generated_files_go_round(
        pipelines in prop::collection::vec(pipeline(), 1..4),
        extras in prop::collection::vec(0..EXTRAS.len(), 0..4),
        seed in any::<u64>(),
    ) {
        let text = written(&pipelines, &extras);
        round(&text)?;
        same_in_any_order(&text, seed).map_err(|why| TestCaseError::fail(format!("{why}\n{text}")))?;
    }
}
