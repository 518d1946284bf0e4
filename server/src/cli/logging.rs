//! The log: to stderr, as text or JSON, from the configured severity on.
//!
//! Only Dibs itself is logged at that severity. Libraries are heard from `warn` on, whatever is configured, because
//! below it some of them write what they carry: frames, and with them tokens and what customers say.

use super::Failure;
use crate::config::{LogFormat, LogLevel};
use std::io::{self, IsTerminal};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt, registry};

/// Starts the log of this process.
pub(super) fn start(level: LogLevel, format: LogFormat) -> Result<(), Failure> {
    let layer = match format {
        LogFormat::Text => fmt::layer()
            .with_writer(io::stderr)
            .with_ansi(io::stderr().is_terminal())
            .boxed(),
        LogFormat::Json => fmt::layer()
            .with_writer(io::stderr)
            .json()
            .flatten_event(true)
            .boxed(),
    };
    registry()
        .with(layer.with_filter(filter(level)))
        .try_init()
        .map_err(Failure::from)
}

fn filter(level: LogLevel) -> Targets {
    let level = match level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    };
    Targets::new()
        .with_default(level.min(LevelFilter::WARN))
        .with_target("dibs", level)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracing::Level;

    #[test]
    fn libraries_are_quiet_even_when_everything_is_logged() {
        let filter = filter(LogLevel::Trace);
        assert!(filter.would_enable("dibs_server::net", &Level::TRACE));
        assert!(!filter.would_enable("hyper::proto", &Level::INFO));
        assert!(filter.would_enable("hyper::proto", &Level::WARN));
    }

    #[test]
    fn libraries_are_never_louder_than_dibs() {
        assert!(!filter(LogLevel::Error).would_enable("hyper", &Level::WARN));
    }
}
