//! `graph`: the pipeline as a picture.

use super::operating::Desk;
use super::session::Session;
use super::{End, Setting, desired};
use crate::apply::retry;
use crate::cli::operate::Graph as Arguments;
use crate::compile;
use crate::error::{Exit, Failure};
use crate::operate::graph::Graph;
use crate::operate::snapshot::Snapshot;
use crate::report::Format;
use crate::report::graph::{dot, mermaid, svg, text};
use crate::resources::Kind;
use crate::sandbox::engine::Options;

/// Runs the command. Without `--live` nobody is asked.
pub(super) async fn run(arguments: &Arguments, setting: &Setting) -> Result<Exit, End> {
    let mut graphs = Vec::new();
    if arguments.live {
        let desk = Desk::open(setting, arguments.pipeline.as_deref(), Options::default()).await?;
        graphs.push(with_state(&desk).await?);
    } else {
        graphs.extend(of_file(setting, arguments.pipeline.as_deref()).await?);
    }
    let report = &setting.report;
    let picture = match report.format {
        Format::Mermaid => mermaid::text(&graphs),
        Format::Dot => dot::text(&graphs),
        Format::Svg => svg::text(&graphs),
        _ => graphs
            .iter()
            .map(|graph| text::text(report.out, graph))
            .collect::<Vec<_>>()
            .join("\n"),
    };
    match &arguments.out {
        None => report.result(&picture),
        Some(path) => std::fs::write(path, picture).map_err(|error| {
            Failure::failed(
                "file-unwritable",
                format!("{} cannot be written: {error}", path.display()),
            )
        })?,
    }
    Ok(Exit::Ok)
}

/// The pipelines of the file as they compile.
async fn of_file(setting: &Setting, wanted: Option<&str>) -> Result<Vec<Graph>, End> {
    let mut session = Session::new(setting);
    let document = session.document_offline()?;
    let model = session.check(&document, true);
    session.end_on_errors(None)?;
    let Some(model) = model else {
        return Err(Failure::no("file-empty", "the file describes no pipeline").into());
    };
    let facts = desired::offline_facts(&session, &document);
    let compiled = compile::compile(&model, &facts, &mut session.found);
    session.end_on_errors(None)?;
    let named = |name: &str| match wanted {
        None => true,
        Some(wanted) => {
            wanted == name
                || model.pipelines.iter().any(|pipeline| {
                    pipeline.name.value == name && pipeline.key.as_deref() == Some(wanted)
                })
        }
    };
    let graphs: Vec<Graph> = compiled
        .desired
        .resources
        .iter()
        .filter(|resource| resource.id.kind == Kind::Pipeline && named(&resource.id.name))
        .map(|resource| Graph::of(&resource.body))
        .collect();
    match (graphs.is_empty(), wanted) {
        (true, Some(wanted)) => {
            let names: Vec<&str> = model
                .pipelines
                .iter()
                .map(|one| one.key.as_deref().unwrap_or(&one.name.value))
                .collect();
            Err(
                Failure::usage(format!("the file has no pipeline `{wanted}`"))
                    .help(format!("--pipeline {}", names.join(" or --pipeline ")))
                    .into(),
            )
        }
        _ => Ok(graphs),
    }
}

/// The pipeline as it is in the account, with its newest execution.
async fn with_state(desk: &Desk) -> Result<Graph, End> {
    let refused = |error| desk.failure(&error);
    let id = crate::resources::Id::new(Kind::Pipeline, &desk.region, &desk.pipeline);
    let ids = std::slice::from_ref(&id);
    let mut found = retry::plain(|| desk.cloud.read(ids))
        .await
        .map_err(refused)?;
    let Some(pipeline) = found.pop().flatten() else {
        return Err(Failure::failed(
            "pipeline-missing",
            format!("there is no pipeline {} in {}", desk.pipeline, desk.region),
        )
        .help(desk.command("apply"))
        .into());
    };
    let state = desk.runs.state(&desk.pipeline).await.map_err(refused)?;
    let newest = desk.list(1).await?.into_iter().next();
    let actions = match &newest {
        Some(execution) => desk
            .runs
            .action_runs(&desk.pipeline, &execution.pipeline_execution_id)
            .await
            .map_err(refused)?,
        None => Vec::new(),
    };
    let snapshot = Snapshot::of(&state, newest, &actions);
    let mut body = pipeline.body.clone();
    without_home(&mut body, &desk.region);
    Ok(Graph::of(&body).with(&snapshot))
}

/// GetPipeline writes the pipeline's own region on every action: only another one is worth a word.
fn without_home(pipeline: &mut serde_json::Value, home: &str) {
    let stages = pipeline["stages"].as_array_mut().into_iter().flatten();
    for action in stages.flat_map(|stage| stage["actions"].as_array_mut().into_iter().flatten()) {
        if action["region"] == home
            && let Some(action) = action.as_object_mut()
        {
            action.remove("region");
        }
    }
}
