//! How long the parts of `validate` take within a process: `cargo bench --manifest-path benches/parts/Cargo.toml --target-dir target`.
//!
//! What a whole process costs is measured by `../process.rs`.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use futures::FutureExt as _;
use pipectl::checks::{self, Subject};
use pipectl::cloud;
use pipectl::diagnostic::Diagnostics;
use pipectl::model::{self, Model};
use pipectl::report::{Look, text};
use pipectl::source::Sources;
use pipectl::tree::Node;
use pipectl::variables::{self, Answer, GitFact, Lookup, Request};
use pipectl::yaml;
use pipectl_benches as texts;

/// A folder without files, and nobody to ask.
struct Nothing;

#[async_trait]
impl Lookup for Nothing {
    async fn fetch(&self, requests: &[Request]) -> Vec<cloud::Result<Answer>> {
        requests.iter().map(|_| Ok(Answer::Missing)).collect()
    }

    fn read_file(&self, _: &Path) -> Result<Option<Vec<u8>>, String> {
        Ok(None)
    }

    fn git(&self, _: GitFact) -> Result<Option<String>, String> {
        Ok(None)
    }
}

/// One file on its way.
struct Run {
    sources: Sources,
    found: Diagnostics,
}

impl Run {
    fn read(text: &str) -> (Self, Node) {
        let mut run = Self {
            sources: Sources::new(),
            found: Diagnostics::new(),
        };
        let file = run.sources.add("pipeline.yml", text);
        let tree = yaml::parse(&run.sources, file, &mut run.found).expect("it is YAML");
        (run, tree)
    }

    fn resolve(&mut self, tree: Node) -> Node {
        let context = variables::Context {
            service_folder: PathBuf::from("."),
            default_region: Some("us-east-1".to_owned()),
            offline: true,
            ..variables::Context::default()
        };
        variables::resolve(tree, &mut self.sources, &context, &Nothing, &mut self.found)
            .now_or_never()
            .expect("nobody is waited for")
            .tree
    }

    fn decode(&mut self, tree: &Node) -> Model {
        let context = model::Context {
            stage: "dev".to_owned(),
            service: None,
            offline: true,
            version: "0.1.0",
        };
        let mut model = model::decode(tree, &context, &mut self.found).expect("it is a pipeline");
        checks::place_buildspecs(&mut model, &self.sources);
        model
    }

    fn check(&mut self, model: &Model) {
        let subject = Subject {
            model,
            sources: &self.sources,
            region: Some("us-east-1"),
            stage: "dev",
            buildspecs: &BTreeMap::new(),
            unread: &checks::Unread::default(),
        };
        checks::check(&subject, &mut self.found);
    }
}

fn typical(c: &mut Criterion) {
    let mut group = c.benchmark_group("typical");
    group.bench_function("yaml", |b| b.iter(|| Run::read(black_box(texts::TYPICAL))));
    group.bench_function("variables", |b| {
        b.iter_batched(
            || Run::read(texts::TYPICAL),
            |(mut run, tree)| run.resolve(tree),
            criterion::BatchSize::SmallInput,
        );
    });
    let (mut run, tree) = Run::read(texts::TYPICAL);
    let tree = run.resolve(tree);
    group.bench_function("model", |b| b.iter(|| run.decode(black_box(&tree))));
    let model = run.decode(&tree);
    group.bench_function("checks", |b| {
        b.iter(|| {
            run.found = Diagnostics::new();
            run.check(black_box(&model));
        });
    });
    group.finish();
}

fn growing(c: &mut Criterion) {
    let mut group = c.benchmark_group("growing");
    group
        .sample_size(10)
        .measurement_time(Duration::from_secs(10));
    for bytes in [texts::LARGE / 100, texts::LARGE / 10, texts::LARGE] {
        let large = texts::large(bytes);
        group.throughput(Throughput::Bytes(large.len() as u64));
        group.bench_with_input(BenchmarkId::new("yaml", bytes), &large, |b, large| {
            b.iter(|| Run::read(black_box(large)));
        });
        group.bench_with_input(BenchmarkId::new("all", bytes), &large, |b, large| {
            b.iter(|| {
                let (mut run, tree) = Run::read(black_box(large));
                let tree = run.resolve(tree);
                let model = run.decode(&tree);
                run.check(&model);
                run.found.len()
            });
        });
    }
    group.finish();
}

/// Findings by the thousand, and the page that shows them.
fn findings(c: &mut Criterion) {
    let wrong: String = (0..1_000).map(|number| format!("k{number}: x\n")).collect();
    let (mut run, tree) = Run::read(&format!("{}{wrong}", texts::TYPICAL));
    let tree = run.resolve(tree);
    run.decode(&tree);
    let list = run.found.clone().into_sorted();
    let look = Look {
        color: false,
        unicode: true,
        width: 100,
    };
    c.bench_function("a thousand findings shown", |b| {
        b.iter(|| text::diagnostics(look, &run.sources, black_box(&list)));
    });
}

criterion_group!(benches, typical, growing, findings);
criterion_main!(benches);
