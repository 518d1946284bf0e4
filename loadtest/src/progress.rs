//! What a person sees while a run goes on: one line that is written anew on a terminal, a line now and then elsewhere.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

/// How often a line is written where there is no terminal.
const NOW_AND_THEN: Duration = Duration::from_secs(5);

/// What a person sees while a run goes on. It goes to stderr, so that figures can be piped.
#[derive(Debug)]
pub struct Progress {
    terminal: bool,
    last: Option<Instant>,
    open: bool,
}

impl Default for Progress {
    fn default() -> Self {
        Self {
            terminal: std::io::stderr().is_terminal(),
            last: None,
            open: false,
        }
    }
}

impl Progress {
    /// A step has begun: a line of its own.
    pub fn step(&mut self, what: &str) {
        self.end();
        eprintln!("{what}");
        self.last = None;
    }

    /// How it goes on: replaces the line before on a terminal.
    pub fn line(&mut self, what: &str) {
        if self.terminal {
            let mut out = std::io::stderr().lock();
            // A terminal that is gone is no reason to end a run.
            write!(out, "\r\x1b[2K  {what}").and_then(|()| out.flush()).ok();
            self.open = true;
        } else if self.last.is_none_or(|it| it.elapsed() >= NOW_AND_THEN) {
            self.last = Some(Instant::now());
            eprintln!("  {what}");
        }
    }

    /// What follows begins on a line of its own.
    pub fn end(&mut self) {
        if std::mem::take(&mut self.open) {
            eprintln!();
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.end();
    }
}
