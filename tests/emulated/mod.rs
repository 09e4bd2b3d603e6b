//! The binary on servers that others wrote: whole lives of the examples, and what goes wrong in between. Each test has
//! an account of its own, so that they run side by side and each can look at all that its account holds.

mod account;
mod choices;
mod interrupted;
mod lives;
mod members;
pub(crate) mod permissions;
mod policies;
mod refused;

/// Where the small pipeline is.
const REGION: &str = "eu-north-1";

/// A little of everything that an apply makes.
const SMALL: &str = "\
service: small

provider:
  name: aws

source: { codecommit: repository, branch: main }

stages:
  - build: make
  - approval: ops@example.com
  - name: Ship
    deploy: { run: ./ship.sh }

alarms:
  failed-builds: { failedBuilds: all, notify: ops@example.com }
";
