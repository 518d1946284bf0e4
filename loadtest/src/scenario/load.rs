//! A restart with many unclosed conversations: how long the first hello waits, and what they cost in memory.

use crate::failure::Failure;
use crate::fleet::{self, figure};
use crate::hub::{Hub, PATIENCE};
use crate::lean::Lean;
use crate::measure::{self, Stretch};
use crate::process::Server;
use crate::report::Report;
use clap::Args;
use dibs_protocol::terms::Role;
use serde_json::json;
use std::time::{Duration, Instant};

/// How long the hub has to come to rest before its memory is read.
const REST: Duration = Duration::from_secs(3);

/// The flags.
#[derive(Debug, Clone, Args)]
pub struct Load {
    /// Unclosed conversations.
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    conversations: u32,
}

impl Load {
    /// Measures; the hub is fresh and its process one's own.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn run(&self, hub: &mut Hub, report: &mut Report) -> Result<(), Failure> {
        let count = f64::from(self.conversations);
        let filling = Stretch::begin(hub.usage());
        fleet::conversations(hub, self.conversations as usize).await?;
        let filled = filling.end(hub.usage());
        report.figure("ingested", count / filled.seconds, "/s");
        report.figure_if(
            "hub CPU per 1,000 ingested",
            filled.hub_cpu_s.map(|s| s * 1e6 / count),
            "ms",
        );
        filled.report("ingest,", report);
        tokio::time::sleep(REST).await;
        let mib = |hub: &Hub| hub.usage().map(|it| it.rss_kib / 1024.0);
        report.figure_if("RSS when ingested", mib(hub), "MiB");

        let begun = Instant::now();
        hub.restart().await?;
        report.figure("restart until it listens", begun.elapsed().as_secs_f64(), "s");
        let before = hub.usage();
        report.figure_if("RSS before the first hello", mib(hub), "MiB");
        let mut first = Lean::dial(&hub.url(), &hub.dialling(0)).await?;
        let loading = Stretch::begin(before);
        let welcome = first.hello(&hub.token("first", Role::Agent)?, PATIENCE).await?;
        let loaded = loading.end(hub.usage());
        report.figure("hello to welcome", welcome.as_secs_f64(), "s");
        report.figure_if("hub CPU for it", loaded.hub_cpu_s, "s");
        let told = hub
            .server()
            .and_then(|server: &Server| server.logged(loading_time));
        report.figure_if(
            "loading, as the hub logs it",
            told.map(|it| it.as_secs_f64()),
            "s",
        );
        report.figure_if("RSS at the welcome", mib(hub), "MiB");
        self.lists(&mut first, report).await?;
        tokio::time::sleep(REST).await;
        report.figure_if("RSS at rest", mib(hub), "MiB");
        if let (Some(before), Some(after)) = (before, hub.usage()) {
            report.figure(
                "RSS per conversation",
                (after.rss_kib - before.rss_kib) / count,
                "KiB",
            );
        }
        let size = folder_bytes(hub)?;
        report.figure("data folder", figure(size) / 1024.0 / 1024.0, "MiB");
        measure::flushes(hub.data())
            .await?
            .report("disk flush of 4 KiB", report);
        Ok(())
    }

    /// Opens the list of all that wait, twice: the first may have to sort, the second has only to answer.
    async fn lists(&self, first: &mut Lean, report: &mut Report) -> Result<(), Failure> {
        for name in ["first list", "second list"] {
            let begun = Instant::now();
            let list = json!({ "type": "open_view", "view": name, "filter": {}, "sort": "waiting" });
            let answer = first.ask(list, PATIENCE).await?;
            report.figure(name, begun.elapsed().as_secs_f64() * 1_000.0, "ms");
            let total = format!(r#""total":{}"#, self.conversations);
            if !answer.contains(&total) {
                return Err(Failure::wrong(format!("the list does not say {total}")));
            }
        }
        Ok(())
    }
}

fn folder_bytes(hub: &Hub) -> Result<u64, Failure> {
    let folder = std::fs::read_dir(hub.data()).map_err(Failure::io("cannot read the data folder"))?;
    Ok(folder
        .flatten()
        .filter_map(|file| file.metadata().ok())
        .map(|file| file.len())
        .sum())
}

/// The time in a line such as `loaded workspace=load conversations=100000 took=1.2s`.
fn loading_time(line: &str) -> Option<Duration> {
    if !line.contains("loaded") {
        return None;
    }
    let text = line.split_once("took=")?.1.split_whitespace().next()?;
    let unit_at = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let (number, unit) = text.split_at(unit_at);
    let seconds = match unit {
        "s" => 1.0,
        "ms" => 1e-3,
        "µs" => 1e-6,
        "ns" => 1e-9,
        _ => return None,
    };
    Duration::try_from_secs_f64(number.parse::<f64>().ok()? * seconds).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loading_time_is_read_in_any_unit() {
        for (text, ms) in [("1.5s", 1_500), ("20.0ms", 20), ("5000µs", 5)] {
            let line = format!("INFO loaded workspace=load conversations=3 seq=9 took={text}");
            assert_eq!(loading_time(&line), Some(Duration::from_millis(ms)));
        }
        assert_eq!(loading_time("INFO stored took=1s"), None);
    }
}
