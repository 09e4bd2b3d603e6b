//! Why each made role may do what it may, for people.

use std::fmt::Write as _;

use super::Look;
use super::text::{Paint, clean, paint};
use crate::compile::RoleStatement;
use crate::compile::caller::CallerStatement;

/// Role by role, statement by statement.
pub fn explain(look: Look, list: &[RoleStatement]) -> String {
    let mut text = String::new();
    let mut role = "";
    for statement in list {
        if statement.role != role {
            if !role.is_empty() {
                text.push('\n');
            }
            role = &statement.role;
            let _ = writeln!(text, "{}", paint(look, Paint::Strong, &clean(role)));
        }
        let policy = statement.policy.as_ref();
        let policy = policy.map_or_else(String::new, |name| format!(" (in the policy {name})"));
        // what a person allows need not have a name
        let space = if statement.sid.is_empty() { "" } else { " " };
        let _ = writeln!(
            text,
            "  {}{space}{}{}: {}",
            statement.effect,
            clean(&statement.sid),
            clean(&policy),
            clean(&statement.why)
        );
        let _ = writeln!(text, "      {}", clean(&statement.actions.join(", ")));
        for resource in &statement.resources {
            let _ = writeln!(text, "      on {}", clean(resource));
        }
        if let Some(condition) = &statement.condition {
            let _ = writeln!(text, "      if {condition}");
        }
    }
    if text.is_empty() {
        text.push_str("the file makes no role\n");
    }
    text
}

/// What whoever runs pipectl needs, statement by statement, each with its reasons.
pub fn caller(look: Look, list: &[CallerStatement]) -> String {
    let mut text = String::new();
    for statement in list {
        if !text.is_empty() {
            text.push('\n');
        }
        let _ = writeln!(text, "{}", paint(look, Paint::Strong, &statement.sid));
        for why in &statement.why {
            let _ = writeln!(text, "  {why}");
        }
        let _ = writeln!(text, "      {}", statement.actions.join(", "));
        for resource in &statement.resources {
            let _ = writeln!(text, "      on {}", clean(resource));
        }
        if let Some(condition) = &statement.condition {
            let _ = writeln!(text, "      if {condition}");
        }
    }
    text
}
