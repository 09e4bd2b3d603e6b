//! Lists so much longer than AWS takes that nobody can mean them.
//!
//! What such a list holds is wrong however it goes on, and its items are compared with one another: only the beginning
//! is read.

use crate::catalog::text::Quota;
use crate::diagnostic::{Diagnostic, Diagnostics};

use super::decode::Item;

/// The items of a list that are read: up to ten times as many as AWS takes.
pub(super) fn readable<'i, 'n>(
    items: &'i [Item<'n>],
    quota: &Quota,
    out: &mut Diagnostics,
) -> &'i [Item<'n>] {
    let most = usize::try_from(quota.max).map_or(usize::MAX, |most| most.saturating_mul(10));
    let Some((read, [first, ..])) = items.split_at_checked(most) else {
        return items;
    };
    report(first, items.len(), quota, out);
    read
}

/// Whether the stages before an item hold so many actions that it is not read.
pub(super) fn too_many(
    actions: usize,
    quota: &Quota,
    item: &Item<'_>,
    out: &mut Diagnostics,
) -> bool {
    let many = actions as u64 > quota.max.saturating_mul(2);
    if many {
        report(item, actions, quota, out);
    }
    many
}

fn report(first: &Item<'_>, number: usize, quota: &Quota, out: &mut Diagnostics) {
    let message = format!("there are {number} of these, and AWS takes {}", quota.max);
    out.push(
        Diagnostic::error("list-too-long", first.owner, &*first.path, message)
            .label("not read from here on")
            .help("split it: several pipelines stand under `pipelines`"),
    );
}
