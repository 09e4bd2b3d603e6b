mod sandbox_rules;
mod variables;
