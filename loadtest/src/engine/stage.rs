//! What all members of one process share: the plan, where to dial, the phase, the counts. No behaviour of a member.

use crate::engine::screens::Screens;
use crate::engine::settings::Settings;
use crate::engine::tally::Tally;
use crate::failure::Failure;
use crate::token::Minter;
use dibs_client::{Http, Options};
use dibs_protocol::ids::ConversationId;
use dibs_protocol::terms::Role;
use serde::{Deserialize, Serialize};
use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, Ipv4Addr};
use std::rc::Rc;
use std::time::Duration;
use tokio::sync::{Notify, Semaphore};

/// How many sockets dial from one address: below the 28,000 ports that an address has, also with what lingers.
const PER_ADDRESS: usize = 5_000;
/// How long dialling, and the welcome, may each take.
const PATIENCE: Duration = Duration::from_secs(60);
/// The same where faults are made, and another hub may answer.
const FAULTY: Duration = Duration::from_secs(5);
/// How many sockets of a process dial at a time.
const DIALLING: usize = 256;

/// Everything that a share of a run needs to know. A worker gets it by pipe, never by its command line.
#[derive(Clone, Serialize, Deserialize)]
pub struct Plan {
    /// The scenario's name.
    pub scenario: String,
    /// What is done.
    pub settings: Settings,
    /// The hubs, such as `http://127.0.0.1:7070`.
    pub bases: Vec<String>,
    /// The workspace.
    pub workspace: String,
    /// What tokens are signed with.
    pub secret: String,
    /// Names this run, so that keys and customers of another are not met.
    pub run: String,
    /// The conversations, by place.
    pub conversations: Vec<ConversationId>,
    /// Whether to record for the oracle.
    pub oracle: bool,
    /// This share's place.
    pub share: u32,
    /// How long a slice of time is, in milliseconds.
    pub slice_ms: u64,
    /// Faults are made meanwhile: who is refused or cut off tries again, also at another hub.
    pub faults: bool,
}

/// What everybody should have when nothing happens any longer.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Targets {
    /// The feed's head.
    pub head: u64,
    /// Each conversation's version on a fresh read.
    pub versions: HashMap<ConversationId, u64>,
    /// The rows of the list on a fresh read.
    pub list: Option<Vec<(ConversationId, u64)>>,
}

/// What members do at present.
#[derive(Debug, Clone)]
pub enum Phase {
    /// Come in, open what they have open all the time.
    Gather,
    /// Follow their scripts.
    Work,
    /// Begin nothing more.
    Rest,
    /// Wait until they have these.
    Quiet(Rc<Targets>),
    /// Go.
    End,
}

/// What all members of one process share.
pub struct Stage {
    /// The plan.
    pub plan: Plan,
    minter: Minter,
    /// The counts.
    pub tally: RefCell<Tally>,
    /// The lists.
    pub screens: RefCell<Screens>,
    /// What the lists that the oracle was shown look like.
    pub shown: RefCell<HashSet<u64>>,
    /// When the work begins, in microseconds of the run's clock.
    pub start_us: Cell<u64>,
    /// Who may dial.
    pub dialling: Semaphore,
    /// Members who have come in with all that they have open.
    pub ready: Cell<usize>,
    /// Members without a command under way, at rest.
    pub rested: Cell<usize>,
    /// Members who have everything, once quiet.
    pub settled: Cell<usize>,
    /// One of the three has changed, or a trouble was noted.
    pub changed: Notify,
}

impl Stage {
    /// Before anybody is there.
    ///
    /// # Errors
    /// None in practice.
    pub fn new(plan: Plan) -> Result<Self, Failure> {
        Ok(Self {
            minter: Minter::new(&plan.secret, &plan.workspace),
            tally: RefCell::new(Tally::new(plan.settings.headline())?),
            screens: RefCell::default(),
            shown: RefCell::default(),
            start_us: Cell::new(u64::MAX),
            dialling: Semaphore::new(DIALLING),
            ready: Cell::new(0),
            rested: Cell::new(0),
            settled: Cell::new(0),
            changed: Notify::new(),
            plan,
        })
    }

    /// The conversation at this place.
    #[must_use]
    pub fn conversation(&self, place: usize) -> ConversationId {
        self.plan.conversations[place % self.plan.conversations.len()]
    }

    fn base(&self, index: usize) -> &str {
        &self.plan.bases[index % self.plan.bases.len()]
    }

    /// Where the `index`th socket goes: spread over all hubs. Who comes back may count on to the next one.
    #[must_use]
    pub fn url(&self, index: usize) -> String {
        let base = self.base(index);
        format!("ws{}/v1/ws", base.strip_prefix("http").unwrap_or(base))
    }

    /// HTTP of `subject` at the `index`th hub.
    ///
    /// # Errors
    /// [`Failure::Token`].
    pub fn http(&self, index: usize, subject: &str, role: Role) -> Result<Http, Failure> {
        let token = self.minter.mint(subject, role)?;
        Ok(Http::new(self.base(index), self.minter.workspace(), &token))
    }

    /// A token.
    ///
    /// # Errors
    /// [`Failure::Token`].
    pub fn token(&self, subject: &str) -> Result<String, Failure> {
        self.minter.mint(subject, Role::Agent)
    }

    /// How the `index`th socket dials: sockets spread over 127.0.0.x where the hub is on loopback.
    #[must_use]
    pub fn dialling(&self, index: usize, slow: bool) -> Options {
        let host = u8::try_from(2 + index / PER_ADDRESS % 250).unwrap_or(2);
        let local = self.base(index).starts_with("http://127.");
        Options {
            source: local.then_some(IpAddr::V4(Ipv4Addr::new(127, 0, 0, host))),
            name: Some("loadtest".to_owned()),
            connect_timeout: self.patience(),
            read_buffer: if slow { 512 } else { 2_048 },
            ..Options::default()
        }
    }

    /// How long dialling and the welcome may take.
    #[must_use]
    pub fn patience(&self) -> Duration {
        if self.plan.faults { FAULTY } else { PATIENCE }
    }

    /// One more of `counter`.
    pub fn bump(&self, counter: &Cell<usize>) {
        counter.set(counter.get() + 1);
        self.changed.notify_one();
    }
}
