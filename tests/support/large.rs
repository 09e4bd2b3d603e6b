//! A file whose roles need more than IAM takes inline.

/// That many projects of one role, each with a parameter and a secret of its own, each run by an action.
pub(crate) fn file(projects: usize) -> String {
    let mut text =
        "service: large\nprovider: {name: aws, buildRole: {name: builds}}\nprojects:\n".to_owned();
    for number in 0..projects {
        let env = format!(
            "{{A: {{ssm: /large/parameters/{number}}}, B: {{secret: large/secrets/{number}}}}}"
        );
        text += &format!("  p{number}: {{buildspec: build.yml, env: {env}}}\n");
    }
    text += "source: {codecommit: r, branch: main}\nstages:\n";
    for (stage, numbers) in (0..projects).collect::<Vec<_>>().chunks(30).enumerate() {
        text += &format!("  - name: S{stage}\n    actions:\n");
        for number in numbers {
            text += &format!("      - {{name: A{number}, build: {{project: p{number}}}}}\n");
        }
    }
    text
}

/// A small file with a role to which a person allows that much.
pub(crate) fn allowing(resources: usize) -> String {
    let list: Vec<String> = (0..resources)
        .map(|number| format!("'arn:aws:s3:::a-bucket-with-a-rather-long-name-{number:03}/*'"))
        .collect();
    format!(
        "service: large\nprovider:\n  name: aws\n  buildRole:\n    name: builds\n    allow:\n      - {{Action: 's3:GetObject', Resource: [{}]}}\nsource: {{codecommit: r, branch: main}}\nstages:\n  - build: make\n",
        list.join(", ")
    )
}
