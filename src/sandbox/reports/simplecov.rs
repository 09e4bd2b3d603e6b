//! SimpleCov's JSON, `.resultset.json` and `coverage.json`.

use std::io;

use serde_json::Value;

use super::{Lines, bad};

/// Reads it.
pub(super) fn read(value: &Value, lines: &mut Lines) -> io::Result<()> {
    let root = value
        .as_object()
        .ok_or_else(|| bad("it is not a map of results".to_owned()))?;
    let mut found = false;
    // One file holds the results of several commands; `coverage.json` those of one, at the top.
    let results = root.values().chain(std::iter::once(value));
    for result in results {
        let Some(files) = result.get("coverage").and_then(Value::as_object) else {
            continue;
        };
        found = true;
        for (path, file) in files {
            let hits = lines.file(path);
            let list = file.get("lines").unwrap_or(file).as_array();
            for (index, count) in list.into_iter().flatten().enumerate() {
                // null is no line of code, "ignored" one that was taken out of account
                if let (Some(count), Ok(number)) = (count.as_u64(), u32::try_from(index + 1)) {
                    hits.line(number, count > 0, (0, 0));
                }
            }
            branches(file.get("branches"), &mut hits.totals.branches);
        }
    }
    if found {
        Ok(())
    } else {
        Err(bad("nothing in it has a key `coverage`".to_owned()))
    }
}

/// `{condition: {branch: count}}`, or a list of maps with `coverage`.
fn branches(value: Option<&Value>, totals: &mut (i64, i64)) {
    let mut count = |hits: Option<u64>| match hits {
        Some(0) => totals.1 += 1,
        Some(_) => totals.0 += 1,
        None => {}
    };
    match value {
        Some(Value::Object(conditions)) => {
            for branch in conditions.values().filter_map(Value::as_object) {
                branch.values().for_each(|hits| count(hits.as_u64()));
            }
        }
        Some(Value::Array(list)) => {
            for branch in list {
                count(branch.get("coverage").and_then(Value::as_u64));
            }
        }
        _ => {}
    }
}
