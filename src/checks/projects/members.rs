//! Every member of a project that is written in the words of the API, beside what the API has there.

use super::parts;
use crate::catalog::codebuild::{self, Member, MemberKind};
use crate::checks::Subject;
use crate::checks::fields;
use crate::model::Project;
use crate::source::Span;
use crate::tree::{Data, Entry, Node};

/// What stands in a map of the definition.
pub(super) enum Found<'a> {
    /// A member that the shape does not have.
    Unknown {
        /// The member.
        entry: &'a Entry,
        /// The members it has.
        members: &'static [Member],
    },
    /// A member that it has.
    Known {
        /// The member.
        entry: &'a Entry,
        /// What it may be.
        member: &'static Member,
    },
    /// A member that it has and does not need, and that is null.
    Null {
        /// The member.
        entry: &'a Entry,
    },
    /// A member that it needs and that is not there.
    Missing {
        /// Where it would stand.
        span: Span,
        /// What it would be.
        member: &'static Member,
    },
}

/// Shows everything in the projects that are written in the words of the API, wholly or under `api:`, with its path below the project.
pub(super) fn each<'a>(subject: &Subject<'a>, mut see: impl FnMut(&'a Project, &str, Found<'a>)) {
    for project in parts::raw(subject) {
        map(
            &project.definition,
            project.span,
            "Project",
            "",
            &mut |path, found| {
                // what the short form does not say, the compiler fills in
                if project.raw || !matches!(found, Found::Missing { .. }) {
                    see(project, path, found);
                }
            },
        );
    }
}

fn map<'a>(
    node: &'a Node,
    owner: Span,
    shape: &str,
    path: &str,
    see: &mut impl FnMut(&str, Found<'a>),
) {
    let Some(entries) = node.as_map() else {
        return;
    };
    let members = codebuild::shape(shape);
    for member in members.iter().filter(|member| member.required) {
        // the place of something that is missing is that of what holds it
        if entries
            .iter()
            .all(|entry| entry.key != member.name || entry.value.is_null())
        {
            let span = owner;
            see(
                &fields::join(path, &member.name),
                Found::Missing { span, member },
            );
        }
    }
    for entry in entries {
        let path = fields::join(path, &entry.key);
        let Some(member) = members.iter().find(|member| member.name == entry.key) else {
            see(&path, Found::Unknown { entry, members });
            continue;
        };
        if entry.value.is_null() {
            // that a required one is missing was said
            if !member.required {
                see(&path, Found::Null { entry });
            }
            continue;
        }
        see(&path, Found::Known { entry, member });
        let Some(shape) = &member.shape else {
            continue;
        };
        match (&entry.value.data, member.kind) {
            (Data::Map(_), MemberKind::Map) => map(&entry.value, entry.key_span, shape, &path, see),
            (Data::List(items), MemberKind::MapList) => {
                for (index, item) in items.iter().enumerate() {
                    map(item, item.span, shape, &format!("{path}[{index}]"), see);
                }
            }
            _ => {}
        }
    }
}
