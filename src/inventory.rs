//! Which resources this service, stage and region have made: a list in SSM parameters, written before the first
//! create, so that what a killed apply made is found again.
//!
//! A parameter of the standard tier holds 4 KB, so the list is cut into `inventory`, `inventory-2`, …. New ids go to
//! the end and the chunks are written front to back: whenever the writing stops, no id is lost.

use std::collections::BTreeSet;

use crate::apply::retry;
use crate::cloud::{self, Cloud};
use crate::error::Failure;
use crate::live;
use crate::resources::{Id, Kind};

/// Bytes of one chunk: below the 4,096 of a standard parameter.
const CHUNK_BYTES: usize = 4000;
/// Chunks asked for at once: what GetParameters takes in one call.
const ASKED_AT_ONCE: usize = 10;

/// The inventory as it is in the account.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Inventory {
    prefix: String,
    ids: Vec<Id>,
    chunks: Vec<String>,
}

impl Inventory {
    /// Reads it: one call as long as it has at most ten chunks.
    pub async fn read(
        cloud: &dyn Cloud,
        service: &str,
        stage: &str,
        region: &str,
    ) -> Result<Self, Failure> {
        let prefix = format!("/pipectl/{service}/{stage}/{region}/inventory");
        let mut chunks = Vec::new();
        loop {
            let names: Vec<String> = (0..ASKED_AT_ONCE)
                .map(|at| chunk_name(&prefix, chunks.len() + at))
                .collect();
            let answers = retry::plain(|| async {
                cloud
                    .parameters(region, &names, false)
                    .await
                    .into_iter()
                    .collect::<cloud::Result<Vec<_>>>()
            })
            .await
            .map_err(|error| live::failure(&error))?;
            let asked = answers.len();
            let found = answers.into_iter().map_while(|parameter| parameter);
            let before = chunks.len();
            chunks.extend(found.map(|parameter| parameter.value));
            let ended = chunks.len() - before < asked;
            if ended {
                break;
            }
        }
        let mut ids: Vec<Id> = Vec::new();
        let mut seen = BTreeSet::new();
        for (at, chunk) in chunks.iter().enumerate() {
            let name = chunk_name(&prefix, at);
            let lines: Vec<String> = serde_json::from_str(chunk).map_err(|_| {
                Failure::failed(
                    "inventory-unreadable",
                    format!("The parameter {name} is not a list of resources."),
                )
                .help("Restore an older version of the parameter; `aws ssm get-parameter-history` shows them.")
            })?;
            for line in lines {
                let id = parse(&line).ok_or_else(|| {
                    Failure::failed(
                        "inventory-unreadable",
                        format!("The parameter {name} names a resource that this version does not know: {line}"),
                    )
                    .help("Use the version of pipectl that wrote it, or a newer one.")
                })?;
                if seen.insert(id.clone()) {
                    ids.push(id);
                }
            }
        }
        Ok(Self {
            prefix,
            ids,
            chunks,
        })
    }

    /// The ids in it.
    pub fn ids(&self) -> &[Id] {
        &self.ids
    }

    /// Whether it names this resource.
    pub fn contains(&self, id: &Id) -> bool {
        self.ids.contains(id)
    }

    /// Adds what is missing; writes only chunks that differ.
    pub async fn add(&mut self, cloud: &dyn Cloud, ids: &[Id]) -> Result<(), Failure> {
        let mut all = self.ids.clone();
        for id in ids {
            if !all.contains(id) {
                all.push(id.clone());
            }
        }
        self.write(cloud, all).await
    }

    /// Takes out what is gone.
    pub async fn remove(&mut self, cloud: &dyn Cloud, gone: &BTreeSet<Id>) -> Result<(), Failure> {
        let rest = self
            .ids
            .iter()
            .filter(|id| !gone.contains(id))
            .cloned()
            .collect();
        self.write(cloud, rest).await
    }

    async fn write(&mut self, cloud: &dyn Cloud, ids: Vec<Id>) -> Result<(), Failure> {
        if ids == self.ids {
            return Ok(());
        }
        let chunks = cut(&ids);
        for (at, chunk) in chunks.iter().enumerate() {
            if self.chunks.get(at) != Some(chunk) {
                let name = chunk_name(&self.prefix, at);
                retry::plain(|| cloud.put_parameter(&name, chunk, true))
                    .await
                    .map_err(|error| live::failure(&error))?;
            }
        }
        let surplus: Vec<String> = (chunks.len()..self.chunks.len())
            .map(|at| chunk_name(&self.prefix, at))
            .collect();
        if !surplus.is_empty() {
            retry::plain(|| cloud.delete_parameters(&surplus))
                .await
                .map_err(|error| live::failure(&error))?;
        }
        self.ids = ids;
        self.chunks = chunks;
        Ok(())
    }
}

fn chunk_name(prefix: &str, at: usize) -> String {
    if at == 0 {
        prefix.to_owned()
    } else {
        format!("{prefix}-{}", at + 1)
    }
}

fn line(id: &Id) -> String {
    format!("{} {} {}", id.kind, id.region, id.name)
}

fn parse(line: &str) -> Option<Id> {
    let mut parts = line.splitn(3, ' ');
    let (kind, region, name) = (parts.next()?, parts.next()?, parts.next()?);
    let kind = Kind::ALL.into_iter().find(|known| known.as_str() == kind)?;
    Some(Id::new(kind, region, name))
}

fn cut(ids: &[Id]) -> Vec<String> {
    let mut chunks: Vec<Vec<String>> = Vec::new();
    let mut size = usize::MAX;
    for id in ids {
        let text = line(id);
        // Quotes and comma, and room for what JSON escapes.
        let bytes = serde_json::Value::from(text.as_str()).to_string().len() + 1;
        if size.saturating_add(bytes) > CHUNK_BYTES {
            chunks.push(Vec::new());
            size = 2;
        }
        size += bytes;
        if let Some(chunk) = chunks.last_mut() {
            chunk.push(text);
        }
    }
    chunks
        .into_iter()
        .map(|lines| serde_json::Value::from(lines).to_string())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_survive_the_text() {
        for id in [
            Id::new(Kind::Subscription, "eu-west-1", "topic email a@example.com"),
            Id::new(Kind::Bucket, "us-east-1", "b"),
        ] {
            assert_eq!(parse(&line(&id)), Some(id));
        }
        assert_eq!(parse("vm us-east-1 x"), None);
        assert_eq!(parse("pipeline"), None);
    }

    #[test]
    fn chunks_fit_and_only_grow_at_the_end() {
        let ids: Vec<Id> = (0..200)
            .map(|n| {
                Id::new(
                    Kind::Project,
                    "us-east-1",
                    format!("service-stage-action-{n:04}"),
                )
            })
            .collect();
        let all = cut(&ids);
        assert!(all.len() > 2);
        assert!(all.iter().all(|chunk| chunk.len() <= CHUNK_BYTES));
        let lines: usize = all
            .iter()
            .map(|chunk| {
                serde_json::from_str::<Vec<String>>(chunk)
                    .expect("a list")
                    .len()
            })
            .sum();
        assert_eq!(lines, 200);
        let fewer = cut(&ids[..150]);
        assert_eq!(fewer[..fewer.len() - 1], all[..fewer.len() - 1]);
        assert!(cut(&[]).is_empty());
    }
}
