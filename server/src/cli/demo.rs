//! `dibs demo`: a hub with simulated customers and agents, to look at and to join, until Ctrl-C.

use super::{Failure, Outcome, logging};
use crate::config::{LogFormat, LogLevel, Period};
use crate::demo;
use clap::Args;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// The flags of `dibs demo`.
#[derive(Debug, Args)]
pub(super) struct Demo {
    /// Where to listen; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7070")]
    listen: SocketAddr,
    /// Keep everything in this folder [default: a temporary one, removed at the end].
    #[arg(long, value_name = "FOLDER")]
    data: Option<PathBuf>,
    /// How many simulated agents work, besides a bot; 0 leaves all the work to you.
    #[arg(long, value_name = "NUMBER", default_value = "6", value_parser = clap::value_parser!(u16).range(0..=64))]
    agents: u16,
    /// How many simulated customers there are at a time.
    #[arg(long, value_name = "NUMBER", default_value = "12", value_parser = clap::value_parser!(u16).range(0..=500))]
    customers: u16,
    /// How many times faster than people everybody is.
    #[arg(long, value_name = "FACTOR", default_value = "1.0", value_parser = speed)]
    speed: f64,
    /// The seed of everybody's dice [default: drawn].
    #[arg(long, value_name = "NUMBER")]
    seed: Option<u64>,
    /// End after this time [default: at Ctrl-C].
    #[arg(long, value_name = "DURATION")]
    duration: Option<Period>,
}

fn speed(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(speed) if (0.1..=50.0).contains(&speed) => Ok(speed),
        _ => Err("it is a number from 0.1 to 50".to_owned()),
    }
}

impl Demo {
    pub(super) fn run(self) -> Outcome {
        logging::start(LogLevel::Warn, LogFormat::Text)?;
        let demo = demo::Demo {
            listen: self.listen,
            data: self.data,
            agents: self.agents.into(),
            customers: self.customers.into(),
            speed: self.speed,
            seed: self.seed.unwrap_or_else(|| u64::from(rand::random::<u16>())),
            program: std::env::args().next().unwrap_or_else(|| "dibs".to_owned()),
        };
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        runtime.block_on(async {
            let stop = stop(self.duration.map(|it| it.0));
            Box::pin(demo.run(stop)).await.map_err(Failure::from)
        })
    }
}

/// Ready at the first SIGTERM or Ctrl-C, or after `duration`.
async fn stop(duration: Option<Duration>) {
    let over = async {
        match duration {
            Some(duration) => tokio::time::sleep(duration).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        () = terminated() => {}
        () = over => {}
    }
}

#[cfg(unix)]
async fn terminated() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => drop(terminate.recv().await),
        // Without it the signal still ends the process, only less politely.
        Err(_) => std::future::pending().await,
    }
}

#[cfg(not(unix))]
async fn terminated() {
    std::future::pending().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_speed_is_a_number_that_a_person_can_watch() {
        assert_eq!(speed("2.5"), Ok(2.5));
        for wrong in ["0", "-1", "51", "NaN", "inf", "fast"] {
            assert!(speed(wrong).is_err(), "{wrong}");
        }
    }
}
