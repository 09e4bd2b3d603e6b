//! Links between pages lead somewhere.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::page::prose;
use super::{pages, root};

/// The anchors that headings have, as GitHub makes them.
fn anchors(page: &str) -> BTreeSet<String> {
    let mut fenced = false;
    let mut found: BTreeSet<String> = BTreeSet::new();
    for line in page.lines() {
        fenced ^= line.trim_start().starts_with("```");
        let title = line.trim_start_matches('#');
        if fenced || title.len() == line.len() || !title.starts_with(' ') {
            continue;
        }
        let anchor: String = title
            .trim()
            .to_lowercase()
            .chars()
            .filter(|one| one.is_alphanumeric() || matches!(one, ' ' | '-' | '_'))
            .map(|one| if one == ' ' { '-' } else { one })
            .collect();
        let mut unique = anchor.clone();
        let mut count = 0;
        while !found.insert(unique.clone()) {
            count += 1;
            unique = format!("{anchor}-{count}");
        }
    }
    found
}

/// Where the links of a page lead to.
fn targets(page: &str) -> Vec<String> {
    let text = prose(page);
    let links = text.split("](").skip(1);
    let links = links.filter_map(|rest| Some(rest.split_once(')')?.0.to_owned()));
    let pictures = text.split("src=\"").skip(1);
    let pictures = pictures.filter_map(|rest| Some(rest.split_once('"')?.0.to_owned()));
    links.chain(pictures).collect()
}

/// Why a link of a page leads nowhere.
fn fault(page: &Path, text: &str, target: &str) -> Option<String> {
    if target.starts_with("https://") || target.starts_with("mailto:") {
        return None;
    }
    let (file, anchor) = match target.split_once('#') {
        Some((file, anchor)) => (file, Some(anchor)),
        None => (target, None),
    };
    let path = match file {
        "" => page.to_owned(),
        _ => root().join(page).parent()?.join(file),
    };
    if !file.is_empty() && !path.exists() {
        return Some(format!("there is no {file}"));
    }
    let anchor = anchor?;
    let there = match file {
        "" => text.to_owned(),
        _ => fs::read_to_string(&path).ok()?,
    };
    (!anchors(&there).contains(anchor)).then(|| format!("no heading is #{anchor}"))
}

#[test]
fn links_lead_somewhere() {
    let mut faults = Vec::new();
    for page in pages() {
        let text = fs::read_to_string(root().join(&page)).unwrap();
        for target in targets(&text) {
            if let Some(fault) = fault(&page, &text, &target) {
                faults.push(format!("{}: ({target}) {fault}", page.display()));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn a_link_into_nowhere_is_noticed() {
    let text =
        "# One two\n## `x:y`\n## One two\n[a](#one-two) [b](#one-two-1) [c](#xy) `[d](e.md)`\n";
    assert_eq!(targets(text).len(), 3);
    let faults = |target: &str| fault(Path::new("docs/ci.md"), text, target);
    for target in targets(text) {
        assert_eq!(faults(&target), None, "{target}");
    }
    assert!(faults("#three").is_some());
    assert!(faults("nothing.md").is_some());
    assert!(faults("variables.md#nothing").is_some());
    assert_eq!(faults("variables.md#secrets"), None);
}

#[test]
fn every_page_is_found_from_the_readme() {
    let text = fs::read_to_string(root().join("README.md")).unwrap();
    let targets = targets(&text);
    for page in pages().iter().filter(|page| page.starts_with("docs")) {
        assert!(
            targets.iter().any(|one| Path::new(one) == page),
            "README.md has no link to {}",
            page.display()
        );
    }
}
