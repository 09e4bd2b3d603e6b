//! One apply at a time per service and region: an SSM parameter that can be written only once.
//!
//! A lock expires, so that a killed apply does not stop everybody for ever; the holder prolongs it while it works.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::apply::clock::Clock;
use crate::apply::retry;
use crate::cloud::{Cloud, ErrorKind};
use crate::error::Failure;
use crate::live;

/// Seconds until a lock that nobody prolongs counts no more.
const LIFETIME: u64 = 600;
/// A new holder that took over looks after this time whether another one did the same.
const SETTLE: Duration = Duration::from_millis(1500);

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Content {
    owner: String,
    started: u64,
    expires: u64,
    who: String,
}

/// Who works: what the lock tells others, and by what its holder knows it again.
#[derive(Debug, Clone)]
pub struct Holder {
    who: String,
    owner: String,
}

impl Holder {
    /// Another one each time, also for the same people.
    pub fn new(who: impl Into<String>, clock: &dyn Clock) -> Self {
        Self {
            who: who.into(),
            owner: format!("{:016x}{:016x}", clock.random(), clock.random()),
        }
    }
}

/// A lock that is held.
#[derive(Debug)]
pub struct Lock {
    name: String,
    region: String,
    content: Content,
}

impl Lock {
    /// How often a holder looks whether the lock needs prolonging.
    pub(crate) const BETWEEN_LOOKS: Duration = Duration::from_secs(LIFETIME / 4);

    /// Takes it, or says who has it.
    pub async fn take(
        cloud: &dyn Cloud,
        service: &str,
        region: &str,
        holder: &Holder,
        break_lock: bool,
        clock: &dyn Clock,
    ) -> Result<Self, Failure> {
        let lock = Self::of(service, region, holder, clock);
        let now = lock.content.started;
        if lock.put(cloud, clock).await? {
            return Ok(lock);
        }
        // A put whose answer was lost is repeated and then meets itself.
        let Some((text, holder)) = lock.read(cloud, clock).await? else {
            return if lock.put(cloud, clock).await? {
                Ok(lock)
            } else {
                Err(lock.locked(None))
            };
        };
        if holder.as_ref() == Some(&lock.content) {
            return Ok(lock);
        }
        let over = holder.as_ref().is_some_and(|held| held.expires <= now);
        if !over && !break_lock {
            return Err(lock.locked(holder.as_ref()));
        }
        lock.take_over(cloud, clock, &text).await?;
        Ok(lock)
    }

    fn of(service: &str, region: &str, holder: &Holder, clock: &dyn Clock) -> Self {
        let now = clock.now();
        Self {
            name: format!("/pipectl/{service}/{region}/lock"),
            region: region.to_owned(),
            content: Content {
                owner: holder.owner.clone(),
                started: now,
                expires: now + LIFETIME,
                who: holder.who.clone(),
            },
        }
    }

    /// Gives back the lock of a work that was cut off, if it has it.
    pub async fn give_back(
        cloud: &dyn Cloud,
        service: &str,
        region: &str,
        holder: &Holder,
        clock: &dyn Clock,
    ) -> Result<(), Failure> {
        let lock = Self::of(service, region, holder, clock);
        lock.release(cloud, clock).await
    }

    /// Prolongs it when half its time is over.
    pub async fn keep(&mut self, cloud: &dyn Cloud, clock: &dyn Clock) -> Result<(), Failure> {
        let now = clock.now();
        if now + LIFETIME / 2 < self.content.expires {
            return Ok(());
        }
        // Somebody may have broken it meanwhile: then it must not come back.
        self.verify(cloud, clock).await?;
        self.content.expires = now + LIFETIME;
        let value = self.text();
        retry::with(clock, || cloud.put_parameter(&self.name, &value, true))
            .await
            .map_err(|error| live::failure(&error))
    }

    /// Refuses if somebody else has it by now.
    pub async fn verify(&self, cloud: &dyn Cloud, clock: &dyn Clock) -> Result<(), Failure> {
        let held = self.read(cloud, clock).await?.and_then(|(_, held)| held);
        if held.is_some_and(|held| held.owner == self.content.owner) {
            return Ok(());
        }
        Err(Failure::failed(
            "lock-lost",
            "Another apply took the lock over while this one was working.",
        )
        .help("Wait for it to end, then run this one again."))
    }

    /// Gives it back, if it is still ours.
    pub async fn release(self, cloud: &dyn Cloud, clock: &dyn Clock) -> Result<(), Failure> {
        let held = self.read(cloud, clock).await?.and_then(|(_, held)| held);
        if held.is_some_and(|held| held.owner == self.content.owner) {
            self.delete(cloud, clock).await?;
        }
        Ok(())
    }

    fn text(&self) -> String {
        serde_json::json!({
            "owner": self.content.owner,
            "started": self.content.started,
            "expires": self.content.expires,
            "who": self.content.who,
        })
        .to_string()
    }

    /// False: somebody has it.
    async fn put(&self, cloud: &dyn Cloud, clock: &dyn Clock) -> Result<bool, Failure> {
        let value = self.text();
        match retry::with(clock, || cloud.put_parameter(&self.name, &value, false)).await {
            Ok(()) => Ok(true),
            Err(error) if error.kind == ErrorKind::Exists => Ok(false),
            Err(error) => Err(live::failure(&error)),
        }
    }

    /// The text there and, if it is a lock, its content.
    async fn read(
        &self,
        cloud: &dyn Cloud,
        clock: &dyn Clock,
    ) -> Result<Option<(String, Option<Content>)>, Failure> {
        let names = [self.name.clone()];
        let found = retry::with(clock, || async {
            cloud
                .parameters(&self.region, &names, false)
                .await
                .into_iter()
                .next()
                .unwrap_or(Ok(None))
        })
        .await
        .map_err(|error| live::failure(&error))?;
        Ok(found.map(|parameter| {
            let content = serde_json::from_str(&parameter.value).ok();
            (parameter.value, content)
        }))
    }

    async fn delete(&self, cloud: &dyn Cloud, clock: &dyn Clock) -> Result<(), Failure> {
        let names = [self.name.clone()];
        retry::with(clock, || cloud.delete_parameters(&names))
            .await
            .map_err(|error| live::failure(&error))
    }

    /// SSM cannot compare and swap: deletes exactly the lock that was seen, writes its own without overwriting, and
    /// looks a little later whether it is still there.
    async fn take_over(
        &self,
        cloud: &dyn Cloud,
        clock: &dyn Clock,
        seen: &str,
    ) -> Result<(), Failure> {
        match self.read(cloud, clock).await? {
            Some((text, _)) if text == seen => self.delete(cloud, clock).await?,
            Some((_, held)) => return Err(self.locked(held.as_ref())),
            None => {}
        }
        let wrote = self.put(cloud, clock).await?;
        clock.sleep(SETTLE).await;
        let held = self.read(cloud, clock).await?.and_then(|(_, held)| held);
        if held.as_ref() == Some(&self.content) {
            return Ok(());
        }
        if wrote && held.is_none() && self.put(cloud, clock).await? {
            return Ok(());
        }
        Err(self.locked(held.as_ref()))
    }

    fn locked(&self, held: Option<&Content>) -> Failure {
        let message = match held {
            Some(held) => format!(
                "Another apply is at work: {} since {} (expires {}).",
                held.who,
                utc(held.started),
                utc(held.expires)
            ),
            None => "Another apply is at work.".to_owned(),
        };
        Failure::failed("locked", message)
            .help("Wait for it. If it is dead, `--break-lock` takes the lock away from it.")
            .about(self.name.clone())
    }
}

/// Seconds since 1970 as `2026-11-21T06:00:00Z`.
fn utc(seconds: u64) -> String {
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    // Days to a date of the Gregorian calendar, counted from March so that the leap day is the last of its year.
    let shifted = days + 719_468;
    let era = shifted / 146_097;
    let of_era = shifted % 146_097;
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 {
        march_month + 3
    } else {
        march_month - 9
    };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    format!(
        "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z",
        rest / 3600,
        rest / 60 % 60,
        rest % 60
    )
}

#[cfg(test)]
mod tests {
    use super::utc;

    #[test]
    fn dates() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_700_000_000, "2023-11-14T22:13:20Z"),
            (1_709_251_199, "2024-02-29T23:59:59Z"),
        ] {
            assert_eq!(utc(seconds), text);
        }
    }
}
