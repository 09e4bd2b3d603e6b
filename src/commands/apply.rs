//! `apply`: plan and do it.

use std::path::Path;

use super::applying::{self, Goal, Work};
use super::plan::show;
use super::session::Session;
use super::{End, Setting, files, self_update};
use crate::cli::{Apply, ApplyFlags, Global};
use crate::compile::shell_word;
use crate::error::{Exit, Failure};
use crate::live;
use crate::plan::{self, Plan};
use crate::resources::Kind;

/// Runs the command.
pub(super) async fn run(arguments: &Apply, setting: &Setting) -> Result<Exit, End> {
    let Some(path) = &arguments.plan_file else {
        return apply(arguments, &arguments.flags, setting, None).await;
    };
    let file = plan::read_file(&files::read(path)?)?;
    let text = |key: &str| file.arguments[key].as_str().map(ToOwned::to_owned);
    let is = |key: &str| file.arguments[key].as_bool().unwrap_or(false);
    let global = &setting.global;
    let list = |key: &str| {
        let items = file.arguments[key].as_array().into_iter().flatten();
        items.filter_map(|item| item.as_str().map(ToOwned::to_owned))
    };
    let mut params: Vec<String> = list("params").collect();
    for name in list("withheld") {
        params.push(again(&name, &global.params, path)?);
    }
    // The plan says what it was made with; profile, endpoint and sandbox are of the place where it is applied.
    let setting = Setting {
        global: Global {
            file: global.file.clone().or_else(|| text("file").map(Into::into)),
            region: text("region"),
            stage: text("stage"),
            profile: global.profile.clone().or_else(|| text("profile")),
            sandbox: global.sandbox.clone().or_else(|| text("sandbox")),
            endpoint_url: global.endpoint_url.clone().or_else(|| text("endpointUrl")),
            params,
            ..global.clone()
        },
        here: setting.here.clone(),
        report: setting.report.clone(),
    };
    let flags = ApplyFlags {
        adopt: is("adopt"),
        prune: is("prune"),
        delete_data: is("deleteData"),
        no_run: is("noRun"),
        pipeline: text("pipeline"),
        // Who applies a plan file has seen the plan.
        yes: true,
        ..arguments.flags.clone()
    };
    apply(arguments, &flags, &setting, Some(&file)).await
}

/// A parameter that a plan does not hold, since it becomes a secret: as it is given again.
fn again(name: &str, given: &[String], plan: &Path) -> Result<String, Failure> {
    let is_it = |param: &&String| param.split_once('=').is_some_and(|(key, _)| key == name);
    given.iter().rfind(is_it).cloned().ok_or_else(|| {
        Failure::usage(format!(
            "the plan was made with `--param {name}`, whose value is a secret and does not stand in it"
        ))
        .help(format!(
            "pipectl apply {} --param {name}=VALUE",
            shell_word(&plan.display().to_string())
        ))
    })
}

async fn apply(
    arguments: &Apply,
    flags: &ApplyFlags,
    setting: &Setting,
    file: Option<&plan::PlanFile>,
) -> Result<Exit, End> {
    if flags.run && flags.no_run {
        return Err(Failure::usage("--run and --no-run contradict each other").into());
    }
    let report = &setting.report;
    let mut session = Session::new(setting);
    let mut work = applying::plan(&mut session, flags).await?;
    if let Some(file) = file {
        plan::check_stale(file, &work.plan)?;
    }
    if arguments.dry_run {
        show(setting, &work);
        return Ok(Exit::Ok);
    }
    if !report.is_json() {
        show(setting, &work);
    }
    let spared = self_update::spare(&mut work);
    let admit = |plan: &Plan| {
        file.map_or(Ok(()), |file| plan::check_stale(file, plan))?;
        work.own
            .as_ref()
            .map_or(Ok(()), |own| own.admit(&work, plan))
    };
    admit(&work.plan)?;
    if !spared.is_empty() {
        let spared: Vec<String> = spared.iter().map(ToString::to_string).collect();
        report.warn(&format!(
            "a self-update never changes itself: left as it is: {}. At a desk: {}",
            spared.join(", "),
            self_update::at_a_desk(&work)
        ));
    }
    if !work.plan.is_empty() {
        let agreed = applying::agreed(setting, &work.plan, flags.yes, flags.confirm, "Apply?");
        if !agreed? {
            report.note("nothing was changed");
            return Ok(Exit::No);
        }
    }
    let outcome = applying::perform(
        setting,
        Goal::Apply,
        &work,
        &admit,
        flags.yes,
        flags.break_lock,
        flags.wait,
    )
    .await?;
    let exit = applying::tell(setting, &outcome);
    if let Some(own) = &work.own
        && !outcome.interrupted
    {
        own.restart(report, &work, &outcome).await?;
    }
    if flags.run && exit == Exit::Ok {
        start(setting, &work).await?;
    }
    Ok(exit)
}

/// Starts the pipelines that were there before: AWS starts a new one by itself.
async fn start(setting: &Setting, work: &Work) -> Result<(), End> {
    let cloud = work.ready.account.cloud.as_ref();
    for resource in &work.desired.resources {
        let id = &resource.id;
        let new = work
            .plan
            .changes
            .iter()
            .any(|change| change.id == *id && change.action == plan::Action::Create);
        if id.kind != Kind::Pipeline || new {
            continue;
        }
        let execution = cloud
            .start_execution(&id.name, None, None)
            .await
            .map_err(|error| live::failure(&error))?;
        setting
            .report
            .note(&format!("started {}: execution {execution}", id.name));
    }
    Ok(())
}
