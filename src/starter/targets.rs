//! Where a repository goes: what a Dockerfile, an appspec, a template or a deploying tool's file says of that.

use super::node::Packages;
use super::text::{Block, texts};
use super::{Built, Draft, languages};

/// A person says yes before production.
pub(super) const APPROVAL: &str = "  - approval                         # waits for `pipectl approve`, or for the console; an e-mail address behind it is told";

const TEMPLATES: [&str; 2] = ["template.yaml", "template.yml"];
const APPSPECS: [&str; 2] = ["appspec.yml", "appspec.yaml"];
const SERVERLESS: [&str; 5] = [
    "serverless.yml",
    "serverless.yaml",
    "serverless.ts",
    "serverless.js",
    "serverless.json",
];

/// Whether the text of a file tells where it goes.
pub(super) fn is_read(name: &str) -> bool {
    TEMPLATES.contains(&name) || APPSPECS.contains(&name)
}

/// Whether something says where the repository goes.
pub(super) fn are_there(draft: &Draft<'_>) -> bool {
    let files = ["Dockerfile", "cdk.json"];
    let all = files.iter().chain(&TEMPLATES).chain(&APPSPECS);
    all.chain(&SERVERLESS).any(|name| draft.has(name))
        || draft.stages.iter().any(|stage| stage.deploys)
}

/// Adds what deploys. What a buildspec deploys already is not deployed again.
pub(super) fn add(draft: &mut Draft<'_>) {
    if draft.stages.iter().any(|stage| stage.deploys) {
        return;
    }
    let first = |names: &[&'static str]| names.iter().copied().find(|name| draft.has(name));
    let (template, appspec, serverless) = (first(&TEMPLATES), first(&APPSPECS), first(&SERVERLESS));
    let built = draft.built.clone();
    if draft.has("Dockerfile") && !draft.makes_image {
        image(draft);
    }
    match &built {
        Some(built) if built.image_definitions => return ecs(draft, built),
        Some(Built {
            artifact,
            template: Some(template),
            ..
        }) => {
            return stack(draft, artifact, template);
        }
        _ => {}
    }
    if let Some(appspec) = appspec {
        servers(draft, appspec, built.as_ref());
    } else if draft.has("cdk.json") {
        draft
            .seen
            .push("cdk.json: a stage behind an approval runs `cdk deploy`".to_owned());
        tool(draft, "cdk deploy --all --require-approval never");
    } else if let Some(name) = serverless {
        draft.seen.push(format!(
            "{name}: a stage behind an approval runs `serverless deploy`"
        ));
        tool(draft, "serverless deploy --stage prod");
    } else if let Some(template) =
        template.filter(|name| draft.text(name).contains("AWS::Serverless"))
    {
        sam(draft, template);
    } else if draft.makes_pages {
        pages(draft);
    }
}

/// Pages of a build, in the bucket that serves them.
fn pages(draft: &mut Draft<'_>) {
    draft
        .seen
        .push("a builder of pages: a stage behind an approval puts them into a bucket".to_owned());
    approval(draft);
    let stand_in = format!("{}-pages", draft.service);
    let bucket = draft.need(
        "pages_bucket",
        "the bucket that serves the pages",
        &stand_in,
    );
    let lines = vec![
        "  - name: Prod".to_owned(),
        "    deploy:".to_owned(),
        "      input: Pages".to_owned(),
        "      s3:                              # the bucket exists, and so does what serves it".to_owned(),
        format!("        bucket: {bucket}"),
        "        extract: true".to_owned(),
        "    onFailure: rollback                # to what the last execution that went through brought".to_owned(),
    ];
    draft.stages.push(Block::deploy(lines));
}

fn approval(draft: &mut Draft<'_>) {
    draft.stages.push(Block::new(vec![APPROVAL.to_owned()]));
}

fn image(draft: &mut Draft<'_>) {
    draft
        .seen
        .push("Dockerfile: a stage builds the image and pushes it to ECR".to_owned());
    let service = draft.service.clone();
    let mut lines = vec![
        "  # CodePipeline builds the Dockerfile and pushes the image to a repository of ECR that exists.".to_owned(),
        "  - name: Image".to_owned(),
        "    image:".to_owned(),
        format!("      repository: {service}"),
    ];
    let inside = draft.around.inside.trim_end_matches('/');
    if !inside.is_empty() {
        lines.extend(texts(6, "dockerfile", &[inside.to_owned()]));
    }
    draft.stages.push(Block::new(lines));
}

fn ecs(draft: &mut Draft<'_>, built: &Built) {
    draft
        .seen
        .push("imagedefinitions.json: a stage behind an approval deploys it to ECS".to_owned());
    approval(draft);
    let cluster = draft.need("cluster", "the ECS cluster", "main");
    let task = draft.role("task_role", "the role of the ECS task");
    let execution = draft.role("execution_role", "the role by which ECS starts the task");
    let service = &draft.service;
    let lines = vec![
        "  - name: Prod".to_owned(),
        "    deploy:".to_owned(),
        format!("      input: {}", built.artifact),
        "      ecs:                             # cluster and service exist; the image is that of imagedefinitions.json".to_owned(),
        format!("        cluster: {cluster}"),
        format!("        service: {service}"),
        "        passRoles:                     # the roles of the task definition".to_owned(),
        format!("          - {task}"),
        format!("          - {execution}"),
    ];
    draft.stages.push(Block::deploy(lines));
}

fn servers(draft: &mut Draft<'_>, appspec: &str, built: Option<&Built>) {
    let text = draft.text(appspec);
    let on_servers = text
        .lines()
        .any(|line| line.trim_start().starts_with("os:"));
    let why = match on_servers {
        true => "CodeDeploy looks for it at the root of the repository",
        false => {
            "for containers or functions, whose applications and definitions init does not know"
        }
    };
    if !on_servers || !draft.around.inside.is_empty() {
        draft.seen.push(format!("{appspec}: {why}, left out"));
        return;
    }
    draft.seen.push(format!(
        "{appspec}: a stage behind an approval deploys with CodeDeploy"
    ));
    approval(draft);
    let mut lines = vec!["  - name: Prod".to_owned(), "    deploy:".to_owned()];
    if let Some(built) = built {
        lines.push(format!("      input: {}", built.artifact));
    }
    lines.extend([
        format!("      codedeploy:                      # they exist; what goes where, and the hooks, stand in {appspec}"),
        format!("        application: {}", draft.service),
        "        deploymentGroup: prod".to_owned(),
        "    onFailure: rollback                # to what the last execution that went through brought".to_owned(),
    ]);
    draft.stages.push(Block::deploy(lines));
}

/// A tool that deploys by itself; a package brings it, of the repository's or of its own.
fn tool(draft: &mut Draft<'_>, command: &str) {
    approval(draft);
    let role = draft.role(
        "deploy_role",
        "the role that the commands of the deployment have",
    );
    let mut commands = match Packages::of(draft) {
        Some(packages) => {
            let command = packages.runs(command);
            packages.install.into_iter().chain([command]).collect()
        }
        None => vec![format!("npx {command}")],
    };
    if draft.has("cdk.json") && !draft.has("package.json") {
        // The app may be written in Python.
        commands.splice(..0, languages::python_install(draft));
    }
    let commands = draft.commands(&commands);
    let mut lines = vec!["  - name: Prod".to_owned(), "    deploy:".to_owned()];
    lines.extend(texts(6, "run", &commands));
    lines.push(format!(
        "      role: {role}   # exists; what the commands may do"
    ));
    draft.stages.push(Block::deploy(lines));
    draft.stand_ins.push((
        "Prod".to_owned(),
        "{ succeed: true }".to_owned(),
        "What it deploys is in AWS: here it is only said to have gone well.",
    ));
}

fn sam(draft: &mut Draft<'_>, template: &str) {
    draft.seen.push(format!(
        "{template}: SAM packages it, CloudFormation deploys it behind an approval"
    ));
    let bucket = draft.need(
        "packages_bucket",
        "the bucket for the packages of SAM",
        &format!("{}-packages", draft.service),
    );
    let commands = draft.commands(&[
        "sam build".to_owned(),
        "sam package --s3-bucket \"$PACKAGES\" --s3-prefix builds --output-template-file packaged.yaml".to_owned(),
    ]);
    let packaged = draft.path("packaged.yaml");
    let mut lines = vec!["  - name: Package".to_owned(), "    build:".to_owned()];
    lines.extend(texts(6, "run", &commands));
    lines.extend([
        "      env:".to_owned(),
        format!("        PACKAGES: {bucket}"),
        "      allow:                           # what the commands call in AWS".to_owned(),
        "        - Action: [s3:GetObject, s3:PutObject]".to_owned(),
        format!("          Resource: arn:aws:s3:::{bucket}/builds/*"),
    ]);
    lines.extend(texts(6, "artifacts", std::slice::from_ref(&packaged)));
    lines.push(
        "      output: Package                  # the artifact's name, for `input`".to_owned(),
    );
    draft.stages.push(Block::new(lines));
    let made = format!("cp {0}{template} {0}packaged.yaml", draft.around.inside);
    draft.stand_ins.push((
        "Package".to_owned(),
        format!("{{ run: '{made}' }}"),
        "SAM uploads to AWS: here the template goes on as it is. Without this line the commands run.",
    ));
    stack(draft, "Package", &packaged);
}

fn stack(draft: &mut Draft<'_>, artifact: &str, template: &str) {
    approval(draft);
    let role = draft.role("cloudformation_role", "the role that CloudFormation has");
    let service = &draft.service;
    let lines = vec![
        "  - name: Prod".to_owned(),
        "    deploy:".to_owned(),
        format!("      input: {artifact}"),
        "      cloudformation:".to_owned(),
        "        mode: CREATE_UPDATE".to_owned(),
        format!("        stack: {service}"),
        format!("        template: {artifact}::{template}"),
        "        capabilities: [CAPABILITY_IAM, CAPABILITY_AUTO_EXPAND]".to_owned(),
        format!("        role: {role}   # exists; what CloudFormation may do"),
        "    onFailure: rollback                # to what the last execution that went through brought".to_owned(),
    ];
    draft.stages.push(Block::deploy(lines));
}
