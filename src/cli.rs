//! The types of the command line, and nothing else.
//!
//! Every flag has an environment variable: `PIPECTL_` and the flag's name in capitals. [`command`] adds them, so that
//! no flag can be forgotten.

pub mod operate;

use std::ops::Deref;
use std::path::PathBuf;

use clap::builder::{
    FalseyValueParser, NonEmptyStringValueParser, PossibleValue, PossibleValuesParser,
};
use clap::{
    ArgAction, ArgMatches, Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum,
};

use crate::starter;

/// CodePipeline and CodeBuild from one short YAML file: checked offline, planned, applied, rehearsed in a sandbox.
#[derive(Debug, Parser)]
#[command(
    name = "pipectl",
    version,
    propagate_version = true,
    disable_help_subcommand = true,
    after_help = "Examples:\n  \
        pipectl init                           a first file that fits the repository\n  \
        pipectl validate                       check the file, offline\n  \
        pipectl plan -r us-east-1              what apply would change\n  \
        pipectl apply -r us-east-1             do it\n  \
        pipectl apply --sandbox                the same in an account on this machine, without AWS\n\n\
        Every flag has an environment variable: --region is PIPECTL_REGION.\n\
        Exit codes: 0 done, 1 the file is at fault, 2 changes (plan --exit-code), 3 could not do it, 64 wrong command line, 130 interrupted."
)]
pub struct Cli {
    /// Flags of every command.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Flags of every command.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Global options")]
pub struct Global {
    /// The pipeline file [default: pipeline.yml, pipeline.yaml or pipectl.yml, here or above up to the repository root]
    #[arg(short, long, global = true, value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// The AWS region
    #[arg(short, long, global = true, value_parser = NonEmptyStringValueParser::new())]
    pub region: Option<String>,
    /// The stage: `${sls:stage}`, `${opt:stage}` and the params of that name
    #[arg(short, long, global = true, value_parser = NonEmptyStringValueParser::new())]
    pub stage: Option<String>,
    /// The AWS profile
    #[arg(short, long, global = true)]
    pub profile: Option<String>,
    /// A value for `${param:KEY}`; may be repeated
    #[arg(long = "param", global = true, value_name = "KEY=VALUE", action = ArgAction::Append)]
    pub params: Vec<String>,
    /// Work on the sandbox account in .pipectl/ beside the file, or in DIR; no AWS, no network
    #[arg(long, global = true, value_name = "DIR", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    pub sandbox: Option<String>,
    /// Send every AWS call to this address
    #[arg(long, global = true, value_name = "URL")]
    pub endpoint_url: Option<String>,
    /// How the result is written [default: text; yaml for print and compile]
    #[arg(long, global = true, value_name = "FORMAT")]
    pub format: Option<Format>,
    /// When to colour
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub color: ColorWhen,
    /// Only the result and errors
    #[arg(short, long, global = true, value_parser = FalseyValueParser::new())]
    pub quiet: bool,
    /// Say more; -vv more still
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub verbose: u8,
}

/// How a result is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// For programs.
    Json,
    /// Readable and for programs.
    Yaml,
    /// A CloudFormation template.
    Cloudformation,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
    /// Workflow commands of GitHub Actions.
    Github,
    /// A Code Quality report of GitLab.
    Gitlab,
    /// A JUnit report.
    Junit,
    /// A Mermaid flowchart.
    Mermaid,
    /// A graph for Graphviz.
    Dot,
    /// A picture for browsers.
    Svg,
}

/// When to colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ColorWhen {
    /// On a terminal, unless NO_COLOR is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Check the file offline: everything AWS would reject, and what would hurt later
    Validate(Flags<Validate>),
    /// Show the file with every variable resolved
    Print(Flags<Print>),
    /// Show the definitions that the file becomes
    Compile(Flags<Compile>),
    /// Show what apply would change
    Plan(Flags<Plan>),
    /// Plan and do it
    Apply(Flags<Apply>),
    /// Remove what the file owns in the account, and nothing else
    Destroy(Flags<Destroy>),
    /// Print the least IAM policy for whoever runs plan, apply, run and destroy on this file
    Permissions(Flags<Permissions>),
    /// Write a first pipeline file that fits the repository
    Init(Flags<Init>),
    /// Start the pipeline; in the sandbox, run it here to the end
    Run(Flags<operate::Run>),
    /// Show how the newest execution stands
    Status(Flags<operate::Status>),
    /// Follow an execution to its end
    Watch(Flags<operate::Watch>),
    /// Show what the builds of an execution write
    Logs(NarrowerFlags<operate::Logs>),
    /// Show tests and coverage of an execution
    Reports(Flags<operate::Reports>),
    /// Let an execution through that waits for a person
    Approve(NarrowerFlags<operate::Approve>),
    /// End an execution that waits for a person
    Reject(NarrowerFlags<operate::Approve>),
    /// Try a stage again that failed
    Retry(NarrowerFlags<operate::Retry>),
    /// Stop an execution
    Stop(Flags<operate::Stop>),
    /// Bring a stage back to what a former execution brought
    Rollback(NarrowerFlags<operate::Rollback>),
    /// Let executions into a stage again
    Enable(NarrowerFlags<operate::Transition>),
    /// Keep executions out of a stage
    Disable(NarrowerFlags<operate::Transition>),
    /// Draw the pipeline
    Graph(Flags<operate::Graph>),
    /// Change what the sandbox account holds
    #[command(
        subcommand,
        after_help = "Examples:\n  pipectl sandbox set ssm /hw/bucket my-bucket\n  pipectl sandbox list"
    )]
    Sandbox(Flags<SandboxCommand>),
    /// Explain a finding
    Explain(Flags<Explain>),
    /// Print the JSON Schema of the pipeline file, for editors
    #[command(after_help = "Example:\n  pipectl schema > .pipeline.schema.json")]
    Schema,
    /// Print completions for a shell
    Completions(Flags<Completions>),
    /// Print the manual: all of it, the page of one command, or every page into a folder
    Man(Flags<Man>),
    /// What the completions of shells ask for while a person types
    #[command(hide = true)]
    Complete(Flags<Complete>),
}

/// `man`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  pipectl man apply | man -l -\n  pipectl man --out ~/.local/share/man/man1"
)]
pub struct Man {
    /// The command whose page it is [default: all]
    #[arg(value_name = "COMMAND", conflicts_with = "out")]
    pub command: Option<String>,
    /// Write every page into this folder: pipectl.1, pipectl-apply.1, …
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

/// `complete`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  pipectl complete -- run --pipeline pr")]
pub struct Complete {
    /// The word after the last is the one in the making
    #[arg(long)]
    pub next: bool,
    /// The words behind the program's name, up to the one in the making
    #[arg(last = true, value_name = "WORDS")]
    pub words: Vec<String>,
}

/// `completions`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  pipectl completions bash > ~/.local/share/bash-completion/completions/pipectl\n  pipectl completions zsh > ~/.zfunc/_pipectl            with fpath+=~/.zfunc before compinit\n  pipectl completions fish > ~/.config/fish/completions/pipectl.fish\n  pipectl completions powershell >> $PROFILE\n  pipectl completions elvish >> ~/.config/elvish/rc.elv\n\nNames of pipelines, stages and actions come from the file while you type."
)]
pub struct Completions {
    /// The shell
    pub shell: clap_complete::Shell,
}

/// `validate`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  pipectl validate\n  pipectl validate a.yml b.yml --strict\n  cat pipeline.yml | pipectl validate - --format json"
)]
pub struct Validate {
    /// Files, patterns such as 'ci/**/*.yml', folders (their pipeline files); `-` is standard input
    #[arg(value_name = "FILES")]
    pub files: Vec<PathBuf>,
    /// Warnings count as errors
    #[arg(long, value_parser = FalseyValueParser::new())]
    pub strict: bool,
    /// Make the finding an error
    #[arg(long = "error", value_name = "CODE", value_delimiter = ',')]
    pub error: Vec<String>,
    /// Make the finding a warning
    #[arg(long = "warn", value_name = "CODE", value_delimiter = ',')]
    pub warn: Vec<String>,
    /// Leave the finding out
    #[arg(long = "allow", value_name = "CODE", value_delimiter = ',')]
    pub allow: Vec<String>,
}

/// `print`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  pipectl print\n  pipectl print --path custom.bucket --explain\n  pipectl print -f serverless.yml --format json"
)]
pub struct Print {
    /// Only this part, e.g. `custom.a` or `stages[0]`
    #[arg(long, value_name = "PATH")]
    pub path: Option<String>,
    /// Say through which variables each value came
    #[arg(long, value_parser = FalseyValueParser::new())]
    pub explain: bool,
}

/// `compile`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  pipectl compile --offline\n  pipectl compile --format json -r us-east-1\n  pipectl compile --explain --offline"
)]
pub struct Compile {
    /// Do not ask AWS: what only AWS knows stays a placeholder
    #[arg(long, value_parser = FalseyValueParser::new())]
    pub offline: bool,
    /// Why each IAM statement is there
    #[arg(long, value_parser = FalseyValueParser::new())]
    pub explain: bool,
}

/// What `plan` and `apply` have in common.
#[derive(Debug, Clone, Args)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "they are independent switches of a person"
)]
pub struct ApplyFlags {
    /// Do not ask before deleting, replacing, adopting or widening
    #[arg(short = 'y', long, value_parser = FalseyValueParser::new())]
    pub yes: bool,
    /// Always ask before the first write
    #[arg(long, value_parser = FalseyValueParser::new())]
    pub confirm: bool,
    /// Start an execution when the file changed nothing too
    #[arg(long, value_parser = FalseyValueParser::new())]
    pub run: bool,
    /// Stop the execution that a new pipeline starts by itself
    #[arg(long, value_parser = FalseyValueParser::new())]
    pub no_run: bool,
    /// Delete what earlier applies made and the file no longer has
    #[arg(long, value_parser = FalseyValueParser::new())]
    pub prune: bool,
    /// Delete buckets, log groups and topics too, with what is in them
    #[arg(long, value_parser = FalseyValueParser::new())]
    pub delete_data: bool,
    /// Take over resources of the same name that others made
    #[arg(long, value_parser = FalseyValueParser::new())]
    pub adopt: bool,
    /// Wait for another apply to finish instead of giving up
    #[arg(long, value_parser = FalseyValueParser::new())]
    pub wait: bool,
    /// Take the lock of an apply that died
    #[arg(long, value_parser = FalseyValueParser::new())]
    pub break_lock: bool,
    /// Only this pipeline and what it uses
    #[arg(long, value_name = "NAME")]
    pub pipeline: Option<String>,
}

/// `plan`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  pipectl plan -r us-east-1\n  pipectl plan --sandbox --exit-code\n  pipectl plan --out changes.plan && pipectl apply changes.plan"
)]
pub struct Plan {
    /// End with 2 when there are changes
    #[arg(long, value_parser = FalseyValueParser::new())]
    pub exit_code: bool,
    /// Write the plan to a file for `apply PLANFILE`
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// The flags of apply.
    #[command(flatten)]
    pub flags: ApplyFlags,
}

/// `apply`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  pipectl apply -r us-east-1\n  pipectl apply --sandbox\n  pipectl apply --prune --yes\n  pipectl apply changes.plan"
)]
pub struct Apply {
    /// A plan that `plan --out` wrote; refused when the account or the file has moved on
    #[arg(value_name = "PLANFILE")]
    pub plan_file: Option<PathBuf>,
    /// Only show the plan
    #[arg(long, value_parser = FalseyValueParser::new())]
    pub dry_run: bool,
    /// The flags of apply.
    #[command(flatten)]
    pub flags: ApplyFlags,
}

/// `destroy`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  pipectl destroy --sandbox\n  pipectl destroy -r us-east-1 --yes --delete-data"
)]
pub struct Destroy {
    /// Do not ask
    #[arg(short = 'y', long, value_parser = FalseyValueParser::new())]
    pub yes: bool,
    /// Delete buckets, log groups and topics too, with what is in them
    #[arg(long, value_parser = FalseyValueParser::new())]
    pub delete_data: bool,
    /// Only show what would be removed
    #[arg(long, value_parser = FalseyValueParser::new())]
    pub dry_run: bool,
    /// Wait for another apply to finish instead of giving up
    #[arg(long, value_parser = FalseyValueParser::new())]
    pub wait: bool,
    /// Take the lock of an apply that died
    #[arg(long, value_parser = FalseyValueParser::new())]
    pub break_lock: bool,
}

/// `permissions`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  pipectl permissions > policy.json\n  pipectl permissions --explain             why each statement is there\n  pipectl permissions --for plan --for run  for a colleague who only looks and starts\n  pipectl permissions --split --out rights  policy-1.json, policy-2.json, …, each short enough for `aws iam create-policy`\n  pipectl permissions --offline             without asking AWS: what only it knows is a star"
)]
pub struct Permissions {
    /// Only what these need; may be repeated [default: all of them]
    #[arg(long = "for", value_name = "TASK", value_delimiter = ',')]
    pub tasks: Vec<Task>,
    /// Do not ask AWS: what only AWS knows is a `*`
    #[arg(long, value_parser = FalseyValueParser::new())]
    pub offline: bool,
    /// As many policies as it takes for each to be short enough for a managed policy, one after the other
    #[arg(long, value_parser = FalseyValueParser::new(), conflicts_with = "explain")]
    pub split: bool,
    /// Write the policies there as policy-1.json, policy-2.json, …
    #[arg(long, value_name = "DIR", conflicts_with = "explain")]
    pub out: Option<PathBuf>,
    /// Why each statement is there
    #[arg(long, value_parser = FalseyValueParser::new())]
    pub explain: bool,
}

/// What somebody runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Task {
    /// `plan`.
    Plan,
    /// `apply`, without `--prune`.
    Apply,
    /// `run`, `status`, `watch`, `logs`, `reports`, `graph --live`.
    Run,
    /// `approve`, `reject`, `retry`, `stop`, `rollback`, `enable`, `disable`.
    Steer,
    /// `destroy`, and `apply --prune` together with `apply`.
    Destroy,
}

/// `init`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  pipectl init                          stages that fit what lies here\n  pipectl init --dry-run                only show the file\n  pipectl init --template heavy-water   a whole system, with its application\n  pipectl init --list"
)]
pub struct Init {
    /// A template instead of what lies here; all but minimal bring an application, so that they run
    #[arg(short, long, value_name = "NAME", value_parser = templates())]
    pub template: Option<String>,
    /// List the templates
    #[arg(long, value_parser = FalseyValueParser::new(), conflicts_with_all = ["template", "dry_run"])]
    pub list: bool,
    /// Only show the file
    #[arg(long, value_parser = FalseyValueParser::new())]
    pub dry_run: bool,
}

fn templates() -> PossibleValuesParser {
    let all = starter::templates::TEMPLATES.iter();
    let minimal =
        PossibleValue::new(starter::templates::MINIMAL).help(starter::templates::MINIMAL_SUMMARY);
    PossibleValuesParser::new(
        all.map(|one| PossibleValue::new(one.name).help(one.summary))
            .chain([minimal]),
    )
}

/// `sandbox …`.
#[derive(Debug, Subcommand)]
pub enum SandboxCommand {
    /// Give a parameter or a secret a value
    #[command(
        after_help = "Examples:\n  pipectl sandbox set ssm /hw/bucket my-bucket\n  pipectl sandbox set secret PIPELINE_GITHUB '{\"githubAccessToken\": \"x\"}'\n  pipectl sandbox set secret TOKEN - < token.txt"
    )]
    Set {
        /// Which store
        store: Store,
        /// Its name
        name: String,
        /// Its value; `-` reads standard input
        value: String,
        /// Store the parameter as a SecureString
        #[arg(long, value_parser = FalseyValueParser::new())]
        secure: bool,
    },
    /// Show a parameter, or that a secret exists
    #[command(after_help = "Example:\n  pipectl sandbox get ssm /hw/bucket")]
    Get {
        /// Which store
        store: Store,
        /// Its name
        name: String,
    },
    /// Show what the account holds
    #[command(after_help = "Example:\n  pipectl sandbox list --format json")]
    List,
    /// Forget everything in the account
    #[command(after_help = "Example:\n  pipectl sandbox reset --yes")]
    Reset {
        /// Do not ask
        #[arg(long, value_parser = FalseyValueParser::new())]
        yes: bool,
    },
}

/// The stores of the sandbox that a person fills.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Store {
    /// SSM parameters.
    Ssm,
    /// Secrets Manager.
    Secret,
}

/// `explain`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  pipectl explain\n  pipectl explain artifact-not-produced")]
pub struct Explain {
    /// The code of a finding; none lists them
    pub code: Option<String>,
}

/// The command with an environment variable for every flag.
pub fn command() -> clap::Command {
    with_environment(Cli::command())
}

/// The same with the flags of every command put together, to be looked through.
pub fn whole() -> clap::Command {
    let mut command = command();
    command.build();
    command
}

/// What a command takes, with an environment variable for every flag. It is put together when it is this command that
/// runs, unless `AT_ONCE`.
#[derive(Debug)]
pub struct Flags<T, const AT_ONCE: bool = false>(T);

/// What a command takes that has a flag in the place of one of every command: that has to be known before those of every
/// command are given to it.
pub type NarrowerFlags<T> = Flags<T, true>;

impl<T, const AT_ONCE: bool> Deref for Flags<T, AT_ONCE> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: FromArgMatches, const AT_ONCE: bool> FromArgMatches for Flags<T, AT_ONCE> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        T::from_arg_matches(matches).map(Self)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        self.0.update_from_arg_matches(matches)
    }
}

impl<T: Args, const AT_ONCE: bool> Args for Flags<T, AT_ONCE> {
    fn augment_args(command: clap::Command) -> clap::Command {
        if AT_ONCE {
            with_environment(T::augment_args(command))
        } else {
            command.defer(|command| described(command, |it| with_environment(T::augment_args(it))))
        }
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        with_environment(T::augment_args_for_update(command))
    }
}

impl<T: Subcommand> Subcommand for Flags<T> {
    fn augment_subcommands(command: clap::Command) -> clap::Command {
        command.defer(|command| {
            let all = |it| T::augment_subcommands(it).mut_subcommands(with_environment);
            described(command, all)
        })
    }

    fn augment_subcommands_for_update(command: clap::Command) -> clap::Command {
        T::augment_subcommands_for_update(command).mut_subcommands(with_environment)
    }

    fn has_subcommand(name: &str) -> bool {
        T::has_subcommand(name)
    }
}

/// What is said of a command as one of several stays, whatever is said of what it takes.
fn described(
    command: clap::Command,
    augment: impl FnOnce(clap::Command) -> clap::Command,
) -> clap::Command {
    let about = command.get_about().cloned();
    let command = augment(command);
    match about {
        Some(about) => command.about(about),
        None => command,
    }
}

fn with_environment(command: clap::Command) -> clap::Command {
    command.mut_args(|argument| {
        let Some(long) = argument.get_long() else {
            return argument;
        };
        if matches!(long, "help" | "version") {
            return argument;
        }
        let name = format!("PIPECTL_{}", long.replace('-', "_").to_ascii_uppercase());
        // Set to nothing is not set.
        if std::env::var_os(&name).is_some_and(|value| value.is_empty()) {
            return argument;
        }
        argument.env(name).hide_env(true)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_is_sound() {
        command().debug_assert();
    }

    #[test]
    fn every_flag_has_a_variable() {
        fn walk(command: &clap::Command) {
            for argument in command.get_arguments() {
                if let Some(long) = argument.get_long()
                    && !matches!(long, "help" | "version")
                {
                    let name = argument.get_env().expect(long).to_string_lossy();
                    assert_eq!(
                        name,
                        format!("PIPECTL_{}", long.replace('-', "_").to_uppercase())
                    );
                }
            }
            command.get_subcommands().for_each(walk);
        }
        let command = whole();
        assert!(
            command
                .find_subcommand("validate")
                .expect("it is one")
                .get_arguments()
                .count()
                > 10
        );
        walk(&command);
    }
}
