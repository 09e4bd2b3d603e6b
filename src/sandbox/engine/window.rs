//! Deployment windows: a cron expression in a time zone (docs:rule-reference-DeploymentWindow).
