//! There are not more tags than AWS takes.

use super::wording::below;
use crate::catalog::structure;
use crate::checks::{Rule, Subject};
use crate::diagnostic::{Diagnostics, Severity};
use crate::model::Text;

pub(super) const RULE: Rule = Rule {
    code: "tags-too-many",
    severity: Severity::Error,
    summary: "a pipeline has more tags than AWS takes",
    why: "A resource has at most 50 tags. Those of `provider.tags` go on everything, and those of a pipeline come on \
          top.",
    aws: "",
    wrong: "provider:\n  tags: {t1: a, t2: a, t3: a}     # … and so on to t51",
    right: "provider:\n  tags: {team: shop, cost: web}",
    link: "https://docs.aws.amazon.com/codepipeline/latest/userguide/limits.html",
    facts: &["C05"],
    check,
};

fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    let model = subject.model;
    let of_all = &model.provider.tags;
    if report(
        of_all,
        of_all,
        "everything the file makes",
        "provider.tags".to_owned(),
        diagnostics,
    ) {
        return;
    }
    for pipeline in &model.pipelines {
        let own = pipeline.tags.iter();
        // a tag of the pipeline takes the place of one of all
        let more = own.filter(|(key, _)| of_all.iter().all(|(other, _)| other.value != key.value));
        let tags: Vec<(Text, Text)> = of_all.iter().chain(more).cloned().collect();
        let owner = format!("the pipeline `{}`", pipeline.name.value);
        report(
            &tags,
            &pipeline.tags,
            &owner,
            below(&pipeline.path, "tags"),
            diagnostics,
        );
    }
}

/// Whether there are too many, which is said at the last of those that are written there.
fn report(
    tags: &[(Text, Text)],
    written: &[(Text, Text)],
    owner: &str,
    path: String,
    diagnostics: &mut Diagnostics,
) -> bool {
    let most = structure::structure().tags.count.max;
    let (Some((last, _)), true) = (written.last(), tags.len() as u64 > most) else {
        return false;
    };
    // those of everything are counted with the pipeline's own, and stand elsewhere
    let elsewhere = tags
        .first()
        .filter(|(first, _)| written.iter().all(|(key, _)| key.span != first.span));
    diagnostics.push(
        RULE.finding(
            last.span,
            path,
            format!(
                "{owner} would have {} tags; AWS takes at most {most}",
                tags.len()
            ),
        )
        .label(format!("{} too many", tags.len() as u64 - most))
        .perhaps_related(
            elsewhere.map(|(first, _)| first.span),
            "tags of everything count too",
        )
        .help("leave some out"),
    );
    true
}
