//! What all parts of a simulated world share: the plan, the dice, the true log, and the record of what happened.

use super::clock::SimClock;
use super::dice::Dice;
use super::plan::{Faults, Plan};
use crate::log::memory::MemoryLog;
use dibs_loadtest::oracle::{Detail, Promise};
use dibs_protocol::ids::WorkspaceId;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::hash::{DefaultHasher, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Faults that are told of one schedule.
const TOLD: usize = 20;

/// Which rule was broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Broken {
    /// One of the promises that the oracle judges.
    Promise(Promise),
    /// A claim lives as long as its holder is there, and ends when they are not.
    Presence,
    /// Everybody gets on.
    Progress,
    /// Every command is answered exactly once, and with something that a client can read.
    Answers,
    /// What an instance has in memory is what is stored.
    Memory,
    /// The log is sound by itself.
    Log,
    /// A customer's messages go to one conversation.
    OneConversation,
    /// Nobody is given more than they may hold.
    Routing,
}

/// Who committed an event, and when it was stored.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stored {
    pub(super) place: usize,
    pub(super) at: Instant,
}

/// What happened.
#[derive(Default)]
pub(super) struct Record {
    digest: DefaultHasher,
    lines: Option<String>,
    /// What should not have happened, in whole sentences.
    pub(super) faults: Vec<(Broken, String)>,
    /// How many conversations were given by routing.
    pub(super) routed: u64,
    /// How often each injected fault came.
    pub(super) injected: BTreeMap<&'static str, u32>,
    /// How often commands were answered so: `ok`, or a refusal's code.
    pub(super) answers: BTreeMap<&'static str, u32>,
    /// How long the slowest answer took.
    pub(super) slowest: Duration,
    /// By `seq`.
    pub(super) stored: BTreeMap<u64, Stored>,
}

impl Record {
    /// The trace's digest so far.
    pub(super) fn digest(&self) -> u64 {
        self.digest.finish()
    }

    /// The trace as text, if it was kept.
    pub(super) fn lines(&self) -> String {
        self.lines.clone().unwrap_or_default()
    }
}

/// What all share.
pub(super) struct Env {
    pub(super) plan: Plan,
    pub(super) begin: Instant,
    pub(super) workspace: WorkspaceId,
    pub(super) log: MemoryLog,
    pub(super) network: Dice,
    pub(super) storage: Dice,
    pub(super) wire: Dice,
    pub(super) calm: AtomicBool,
    pub(super) outage: AtomicBool,
    moments: AtomicU64,
    /// How much the witnesses keep.
    pub(super) detail: Detail,
    pub(super) record: Mutex<Record>,
}

impl Env {
    /// Must be called within the schedule's runtime. `verbose` keeps the trace as text.
    pub(super) fn new(plan: Plan, verbose: bool) -> Arc<Self> {
        let begin = Instant::now();
        let seed = plan.seed;
        let record = Record {
            lines: verbose.then(String::new),
            ..Record::default()
        };
        let clock = Arc::new(SimClock::new(begin));
        let log = match plan.shared {
            true => MemoryLog::shared(clock),
            false => MemoryLog::new(clock),
        };
        Arc::new(Self {
            plan,
            begin,
            workspace: WorkspaceId::new("acme").unwrap(),
            log,
            network: Dice::new(seed, 2),
            storage: Dice::new(seed, 3),
            wire: Dice::new(seed, 4),
            calm: AtomicBool::new(false),
            outage: AtomicBool::new(false),
            moments: AtomicU64::new(0),
            detail: if verbose { Detail::Full } else { Detail::Usual },
            record: Mutex::new(record),
        })
    }

    /// The next moment: one order of everything that anybody does or hears.
    pub(super) fn moment(&self) -> u64 {
        self.moments.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// The faults of this time: none once the world is calm.
    pub(super) fn faults(&self) -> Faults {
        if self.calm.load(Ordering::Relaxed) {
            let (net_ms, log_ms) = (self.plan.faults.net_ms, self.plan.faults.log_ms);
            return Faults {
                net_ms,
                log_ms,
                ..Faults::default()
            };
        }
        self.plan.faults.clone()
    }

    /// Whether a fault happens now; it is counted.
    pub(super) fn strikes(&self, dice: &Dice, what: &'static str, per_mille: u32) -> bool {
        let strikes = dice.chance(per_mille);
        if strikes {
            *self.record.lock().injected.entry(what).or_default() += 1;
            self.note(|| format!("  !! {what}"));
        }
        strikes
    }

    /// A command was answered.
    pub(super) fn answered(&self, how: &'static str, took: Duration) {
        let mut record = self.record.lock();
        *record.answers.entry(how).or_default() += 1;
        record.slowest = record.slowest.max(took);
    }

    /// A line of the trace.
    pub(super) fn note(&self, line: impl FnOnce() -> String) {
        let mut record = self.record.lock();
        if record.lines.is_some() {
            let at_ms = self.begin.elapsed().as_millis();
            let line = line();
            record.digest.write(line.as_bytes());
            if let Some(lines) = &mut record.lines {
                writeln!(lines, "{at_ms:>7} {line}").unwrap();
            }
        }
    }

    /// Bytes that went over a wire, for the digest and the trace.
    pub(super) fn trace(&self, who: &str, bytes: &[u8]) {
        let at_ms = u64::try_from(self.begin.elapsed().as_millis()).unwrap_or(u64::MAX);
        let mut record = self.record.lock();
        record.digest.write_u64(at_ms);
        record.digest.write(who.as_bytes());
        record.digest.write(bytes);
        if let Some(lines) = &mut record.lines {
            writeln!(lines, "{at_ms:>7} {who} {}", String::from_utf8_lossy(bytes)).unwrap();
        }
    }

    /// Something should not have happened.
    pub(super) fn fault(&self, broken: Broken, text: String) {
        self.note(|| format!("  FAULT {broken:?}: {text}"));
        let mut record = self.record.lock();
        if record.faults.len() < TOLD {
            record.faults.push((broken, text));
        }
    }

    /// A way through the network to the log, or back.
    pub(super) async fn log_way(&self) {
        let most = self.faults().log_ms;
        if most > 0 {
            let wait = self.storage.ms(0, most);
            if wait > Duration::ZERO {
                sleep(wait).await;
            }
        }
    }
}
