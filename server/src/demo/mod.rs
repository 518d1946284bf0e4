//! A hub to play with: the real server in this process, and simulated customers and agents who use it over the wire.
//!
//! | file | job |
//! |---|---|
//! | `cast` | who takes part, and their tokens |
//! | `stories` | what is written; texts only |
//! | `pace` | how long people take |
//! | `choices` | what agents decide, refusals among it; pure |
//! | `desk` | an agent's session, lists and open conversations |
//! | `replying` | how a reply is sent once, whatever happens on the way |
//! | `agent`, `supervisor` | what they do |
//! | `channel`, `customer` | where messages come from, and where replies go |
//! | `tally`, `leaflet` | what is shown |
//!
//! Deliberately absent: any way into the hub but the public client, and anything that outlives the demo, unless a data
//! folder is named.

mod agent;
mod cast;
mod channel;
mod choices;
mod customer;
mod desk;
mod leaflet;
mod pace;
mod replying;
mod stories;
mod supervisor;
mod tally;

pub use cast::CastError;

use crate::auth::{KeyError, Keyring};
use crate::config::{Config, ConfigError, LogLevel, Period, Secret, Settings, SettingsArgs, load};
use crate::serve::{ServeError, run_until};
use agent::Worker;
use channel::Channel;
use customer::Customer;
use dibs_protocol::ids::{AgentId, ChannelId};
use leaflet::{Leaflet, reachable};
use pace::Pace;
use rand::SeedableRng;
use rand::rngs::StdRng;
use std::future::Future;
use std::io::{self, IsTerminal, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use supervisor::Supervisor;
use tally::Tally;
use tokio::sync::oneshot;
use tokio::task::{JoinError, JoinHandle, JoinSet};
use tokio::time::{MissedTickBehavior, interval};

/// How long the hub of a demo waits for its connections when it ends.
const DRAIN: Duration = Duration::from_secs(2);

/// What kind of demo.
#[derive(Debug, Clone)]
pub struct Demo {
    /// Where to listen.
    pub listen: SocketAddr,
    /// The data folder; `None` is a temporary one.
    pub data: Option<PathBuf>,
    /// Simulated agents, besides a bot.
    pub agents: usize,
    /// Simulated customers at a time.
    pub customers: usize,
    /// How many times faster than people everybody is.
    pub speed: f64,
    /// The seed of all dice.
    pub seed: u64,
    /// How this program was called, for the commands that are shown.
    pub program: String,
}

/// Why there is no demo.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// The configuration does not hold.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The key cannot be used.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// Nobody could be cast.
    #[error(transparent)]
    Cast(#[from] CastError),
    /// Somebody else listens there.
    #[error("{0}; choose another address with --listen, or --listen 127.0.0.1:0 for a free port")]
    Listen(ServeError),
    /// The hub did not start.
    #[error(transparent)]
    Serve(ServeError),
    /// The hub ended when nobody asked it to.
    #[error("the hub ended by itself")]
    Ended,
    /// The hub made a mistake.
    #[error("the hub failed: {0}")]
    Failed(#[from] JoinError),
    /// The temporary folder cannot be made or removed.
    #[error("the temporary folder: {0}")]
    Folder(#[from] io::Error),
}

type Hub = JoinHandle<Result<(), ServeError>>;

impl Demo {
    /// Runs until `stop` is ready, then drains the hub and removes what was temporary.
    ///
    /// # Errors
    /// [`DemoError`]; the temporary folder is removed all the same.
    pub async fn run(self, stop: impl Future<Output = ()>) -> Result<(), DemoError> {
        let temporary = match self.data {
            Some(_) => None,
            None => Some(tempfile::Builder::new().prefix("dibs-demo-").tempdir()?),
        };
        let named = self.data.as_deref();
        let config = self.config(
            temporary
                .as_ref()
                .map_or(named.unwrap_or(Path::new("")), |it| it.path()),
        )?;
        let keys = Keyring::read(&config.auth)?;
        let (listening, told) = oneshot::channel();
        let (end, ended) = oneshot::channel::<()>();
        // A receiver that is gone means that the demo failed meanwhile; it is told why elsewhere.
        let serve = run_until(
            config,
            move |address| {
                listening.send(address).ok();
            },
            async move { drop(ended.await) },
        );
        let mut hub: Hub = tokio::spawn(serve);
        let Ok(address) = told.await else {
            return Err(why(hub.await?));
        };
        let tally = Arc::new(Tally::default());
        let mut players = self.play(&keys, reachable(address), &tally)?;
        let outcome = tokio::select! {
            () = stop => Ok(()),
            () = show(&tally) => Ok(()),
            early = &mut hub => Err(why(early?)),
        };
        players.shutdown().await;
        drop(end);
        if outcome.is_ok() {
            print("\nStopping.\n");
            hub.await?.map_err(DemoError::Serve)?;
        }
        if let Some(folder) = temporary {
            folder.close()?;
        }
        outcome
    }

    /// The configuration of a hub that nothing of this machine's own configuration touches.
    fn config(&self, data: &Path) -> Result<Config, ConfigError> {
        let secret: [u8; 32] = rand::random();
        let flags = Settings {
            listen: Some(self.listen),
            data: Some(data.to_owned()),
            auth_secret: Some(Secret::new(hex::encode(secret))),
            drain_timeout: Some(Period(DRAIN)),
            log_level: Some(LogLevel::Warn),
            ..Settings::default()
        };
        let args = SettingsArgs {
            config: None,
            flags: Box::new(flags),
        };
        Ok(load(args, std::iter::empty())?.config)
    }

    /// Sends everybody to work, and says where to look.
    fn play(
        &self,
        keys: &Keyring,
        address: SocketAddr,
        tally: &Arc<Tally>,
    ) -> Result<JoinSet<()>, CastError> {
        let (url, base) = (format!("ws://{address}/v1/ws"), format!("http://{address}"));
        let pace = Pace(self.speed);
        let mut dice = (0..).map(|n| StdRng::seed_from_u64(self.seed.wrapping_add(n)));
        let mut players = JoinSet::new();
        let (you, boss) = (cast::you(keys)?, cast::supervisor(keys)?);
        let mut adapter = String::new();
        let mut channels = Vec::new();
        for (name, dice) in cast::CHANNELS.into_iter().zip(&mut dice) {
            let token = cast::channel(keys, name)?;
            let channel = Arc::new(Channel::new(ChannelId::new(name)?, &base, &token));
            players.spawn(Arc::clone(&channel).deliver(dice, Arc::clone(tally)));
            channels.push(channel);
            if name == cast::CHANNELS[1] {
                adapter = token;
            }
        }
        let channels: Arc<[Arc<Channel>]> = channels.into();
        let people = cast::agents(keys, self.agents)?;
        let names: Arc<[AgentId]> = people
            .iter()
            .filter(|it| !it.bot)
            .map(|it| it.id.clone())
            .collect();
        let reserve = choices::reserve(self.customers);
        for (person, dice) in people.iter().zip(&mut dice) {
            let worker = Worker::new(
                person,
                &url,
                Arc::clone(&names),
                reserve,
                (dice, pace),
                Arc::clone(tally),
            );
            players.spawn(worker.work());
        }
        if let Some(dice) = dice.next() {
            players.spawn(Supervisor::new(&boss, &url, (dice, pace), Arc::clone(tally)).work());
        }
        for (place, dice) in (0..self.customers).zip(&mut dice) {
            players.spawn(Customer::new(place, Arc::clone(&channels), dice, pace).come_and_go());
        }
        let (agents, customers, seed) = (self.agents, self.customers, self.seed);
        let (program, you, supervisor, channel) = (
            self.program.as_str(),
            you.as_str(),
            boss.as_str(),
            adapter.as_str(),
        );
        let leaflet = Leaflet {
            address,
            program,
            seed,
            agents,
            customers,
            you,
            supervisor,
            channel,
        };
        print(&leaflet.text());
        Ok(players)
    }
}

fn why(early: Result<(), ServeError>) -> DemoError {
    match early {
        Ok(()) => DemoError::Ended,
        Err(error @ ServeError::Listen { .. }) => DemoError::Listen(error),
        Err(error) => DemoError::Serve(error),
    }
}

/// The live line, once a second, for ever: over itself on a terminal.
async fn show(tally: &Tally) {
    let over = io::stdout().is_terminal();
    let mut seconds = interval(Duration::from_secs(1));
    seconds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        seconds.tick().await;
        let line = tally.line();
        print(&if over {
            format!("\r\x1b[2K{line}")
        } else {
            format!("{line}\n")
        });
    }
}

/// Writes to stdout. The demo goes on when nobody reads it.
fn print(text: &str) {
    let mut stdout = io::stdout().lock();
    stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush())
        .ok();
}
