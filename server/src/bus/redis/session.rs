//! The life of one connection that is up: its subscriptions follow those of the process, its queue is emptied, its
//! probes come back. The first thing that does not work ends it. Deliberately absent: trying again (`link`).

use super::Shared;
use super::counters::add;
use super::ears::Ears;
use super::link::{Link, Touched};
use super::options::Kind;
use super::outgoing::Message;
use super::resolve::said;
use dibs_protocol::ids::WorkspaceId;
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Pipeline, ServerError, Value, cmd, pipe};
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::time::{Instant, sleep_until, timeout};

/// Commands that are sent together when subscriptions change.
const SUBSCRIBED_AT_ONCE: usize = 512;

/// The names of the three commands. In a Cluster, sharded ones stay within the nodes that serve the channel's slot.
struct Verbs {
    publish: &'static str,
    subscribe: &'static str,
    unsubscribe: &'static str,
}

const PLAIN: Verbs = Verbs {
    publish: "PUBLISH",
    subscribe: "SUBSCRIBE",
    unsubscribe: "UNSUBSCRIBE",
};
const SHARDED: Verbs = Verbs {
    publish: "SPUBLISH",
    subscribe: "SSUBSCRIBE",
    unsubscribe: "SUNSUBSCRIBE",
};

/// A connection that is up.
pub(super) struct Session<'a> {
    shared: &'a Shared,
    link: &'a Arc<Link>,
    connection: MultiplexedConnection,
    ears: Arc<Ears>,
    verbs: &'static Verbs,
    subscribed: HashSet<WorkspaceId>,
    /// What another node serves, though this one should: tried again at each probe.
    astray: HashSet<WorkspaceId>,
    /// The last probe that was published.
    probed: u64,
}

impl<'a> Session<'a> {
    /// Connects, proves with a probe that messages come back, and subscribes to what is heard in this process.
    pub(super) async fn start(shared: &'a Arc<Shared>, link: &'a Arc<Link>) -> Result<Self, String> {
        let name = format!("{}probe:{}", shared.options.prefix, shared.signer.sender());
        let routes = shared.routes.read().clone();
        let probe = routes.numbered(&name, link).ok_or("it serves nothing any more")?;
        let ears = Arc::new(Ears::new(shared.clone(), probe));
        let verbs = match shared.options.kind {
            Kind::Cluster => &SHARDED,
            Kind::Single | Kind::Sentinel(_) => &PLAIN,
        };
        let mut session = Self {
            shared,
            link,
            connection: connect(shared, link, &ears).await?,
            ears,
            verbs,
            subscribed: HashSet::new(),
            astray: HashSet::new(),
            probed: 0,
        };
        session.prove().await?;
        let touched = Touched {
            all: true,
            ..link.take_touched()
        };
        session.follow(touched).await?;
        Ok(session)
    }

    /// Carries messages until something does not work. Returns what.
    pub(super) async fn run(&mut self) -> String {
        loop {
            if let Err(reason) = self.step().await {
                return reason;
            }
        }
    }

    /// The workspaces whose messages come over this connection.
    pub(super) fn subscribed(&self) -> impl Iterator<Item = &WorkspaceId> {
        self.subscribed.iter()
    }

    /// Until the next probe.
    async fn step(&mut self) -> Result<(), String> {
        self.probe().await?;
        let next = Instant::now() + self.shared.options.probe;
        loop {
            tokio::select! {
                biased;
                reason = self.ears.lost() => return Err(reason.to_owned()),
                () = sleep_until(next) => break,
                touched = self.link.touched() => self.follow(touched).await?,
                batch = self.link.outgoing.next() => self.publish(batch).await?,
            }
        }
        if self.ears.heard() < self.probed {
            return Err("what is published to it does not come back".to_owned());
        }
        if !self.astray.is_empty() {
            let some = std::mem::take(&mut self.astray);
            self.follow(Touched { all: false, some }).await?;
            let astray = "another node serves some of its channels, or none does".to_owned();
            self.link.set_trouble((!self.astray.is_empty()).then_some(astray));
        }
        Ok(())
    }

    async fn prove(&mut self) -> Result<(), String> {
        if matches!(self.shared.options.kind, Kind::Sentinel(_)) {
            self.prove_primary().await?;
        }
        let mut commands = pipe();
        commands.cmd(self.verbs.subscribe).arg(self.ears.probe_channel());
        let answers = self.send(&commands, 1).await?;
        if let Some(error) = answers.iter().find_map(refusal) {
            return Err(format!("it refuses to subscribe: {}", sentence(error)));
        }
        self.probe().await?;
        let heard = timeout(self.shared.options.probe, self.ears.hear(self.probed));
        heard
            .await
            .map_err(|_| "what is published to it does not come back".to_owned())
    }

    /// Sentinels may be behind: a primary that was demoted is none. `HELLO` tells, which every user may ask.
    async fn prove_primary(&mut self) -> Result<(), String> {
        let answer: Value = cmd("HELLO")
            .query_async(&mut self.connection)
            .await
            .map_err(said)?;
        let role = answer.as_map_iter().and_then(|mut fields| {
            let is_role = |it: &Value| redis::from_redis_value_ref::<String>(it).is_ok_and(|it| it == "role");
            let (_, role) = fields.find(|(name, _)| is_role(name))?;
            redis::from_redis_value_ref::<String>(role).ok()
        });
        match role.as_deref() {
            Some("master") => Ok(()),
            Some(role) => Err(format!("it is no primary but a {role}")),
            None => Err("it does not say whether it is the primary".to_owned()),
        }
    }

    /// Publishes a probe to oneself.
    async fn probe(&mut self) -> Result<(), String> {
        // Never the same number again: one that an earlier connection sent proves nothing about this one.
        self.probed = self.shared.probes.fetch_add(1, Ordering::Relaxed) + 1;
        let channel = self.ears.probe_channel();
        let message = self.shared.signer.seal(channel, &self.probed.to_be_bytes());
        let mut commands = pipe();
        commands
            .cmd(self.verbs.publish)
            .arg(channel)
            .arg(message.unwrap_or_default());
        let answers = self.send(&commands, 1).await?;
        match answers.iter().find_map(refusal) {
            Some(error) => Err(format!("it refuses to publish: {}", sentence(error))),
            None => Ok(()),
        }
    }

    /// Begins and ends subscriptions, so that they are those of the process.
    async fn follow(&mut self, touched: Touched) -> Result<(), String> {
        let mut workspaces = touched.some;
        if touched.all {
            workspaces.extend(self.shared.local.heard());
            workspaces.extend(self.subscribed.iter().cloned());
        }
        let routes = self.shared.routes.read().clone();
        let (mut join, mut leave) = (Vec::new(), Vec::new());
        for workspace in workspaces {
            let channel = self.shared.channel(&workspace);
            let wanted = self.shared.local.is_heard(&workspace) && routes.is_over(&channel, self.link);
            match (wanted, self.subscribed.contains(&workspace)) {
                (true, false) => join.push((workspace, channel)),
                (false, true) => leave.push((workspace, channel)),
                // Somebody subscribed anew.
                (true, true) if !touched.all => self.shared.doubt(&workspace),
                _ => {}
            }
        }
        for some in join.chunks(SUBSCRIBED_AT_ONCE) {
            self.join(some).await?;
        }
        for some in leave.chunks(SUBSCRIBED_AT_ONCE) {
            self.leave(some).await?;
        }
        Ok(())
    }

    async fn join(&mut self, some: &[(WorkspaceId, String)]) -> Result<(), String> {
        // One channel a command: each is answered once, and none crosses slots.
        let mut commands = pipe();
        for (_, channel) in some {
            commands.cmd(self.verbs.subscribe).arg(channel);
        }
        let answers = self.send(&commands, some.len()).await?;
        for ((workspace, _), answer) in some.iter().zip(&answers) {
            match refusal(answer) {
                None => {
                    self.subscribed.insert(workspace.clone());
                    self.shared.doubt(workspace);
                }
                Some(error) if is_elsewhere(error) => {
                    self.astray.insert(workspace.clone());
                    self.shared.refresh.notify_one();
                }
                Some(error) => return Err(format!("it refuses to subscribe: {}", sentence(error))),
            }
        }
        Ok(())
    }

    async fn leave(&mut self, some: &[(WorkspaceId, String)]) -> Result<(), String> {
        let mut commands = pipe();
        for (workspace, channel) in some {
            self.ears.leave(channel);
            self.subscribed.remove(workspace);
            commands.cmd(self.verbs.unsubscribe).arg(channel);
        }
        let answers = self.send(&commands, some.len()).await?;
        let mut refusals = answers.iter().filter_map(refusal);
        match refusals.find(|error| !is_elsewhere(error)) {
            Some(error) => Err(format!("it refuses to unsubscribe: {}", sentence(error))),
            None => Ok(()),
        }
    }

    async fn publish(&mut self, batch: Vec<Message>) -> Result<(), String> {
        let counters = self.shared.counters.clone();
        let mut commands = pipe();
        let mut sent = Vec::with_capacity(batch.len());
        for (workspace, payload) in batch {
            let channel = self.shared.channel(&workspace);
            match self.shared.signer.seal(&channel, &payload) {
                Some(message) => {
                    commands.cmd(self.verbs.publish).arg(channel).arg(message);
                    sent.push(workspace);
                }
                None => add(&counters.dropped, 1),
            }
        }
        let answers = match self.send(&commands, sent.len()).await {
            Ok(answers) => answers,
            Err(reason) => {
                add(&counters.dropped, sent.len());
                return Err(reason);
            }
        };
        for (workspace, answer) in sent.iter().zip(&answers) {
            match refusal(answer) {
                // Redis says how many heard it. We should have.
                None if *answer == Value::Int(0) && self.subscribed.contains(workspace) => {
                    return Err("the server has lost a subscription".to_owned());
                }
                None => add(&counters.published, 1),
                Some(error) if is_elsewhere(error) => {
                    add(&counters.dropped, 1);
                    self.shared.refresh.notify_one();
                }
                Some(error) => {
                    add(&counters.dropped, 1);
                    return Err(format!("it refuses to publish: {}", sentence(error)));
                }
            }
        }
        Ok(())
    }

    async fn send(&mut self, commands: &Pipeline, answers: usize) -> Result<Vec<Value>, String> {
        if answers == 0 {
            return Ok(Vec::new());
        }
        self.connection
            .send_packed_commands(commands, 0, answers)
            .await
            .map_err(said)
    }
}

async fn connect(shared: &Shared, link: &Link, ears: &Arc<Ears>) -> Result<MultiplexedConnection, String> {
    let bound = shared.options.probe;
    let client = shared.options.client(&link.node).map_err(said)?;
    let config = AsyncConnectionConfig::new()
        .set_push_sender(ears.clone())
        .set_connection_timeout(Some(bound))
        .set_response_timeout(Some(bound));
    let connecting = client.get_multiplexed_async_connection_with_config(&config);
    match timeout(bound, connecting).await {
        Ok(connected) => connected.map_err(said),
        Err(_) => Err(format!("it does not answer within {bound:?}")),
    }
}

fn refusal(answer: &Value) -> Option<&ServerError> {
    match answer {
        Value::ServerError(error) => Some(error),
        _ => None,
    }
}

/// Whether the Cluster says that the slot is served by another node, or by none at present.
fn is_elsewhere(error: &ServerError) -> bool {
    matches!(error.code(), "MOVED" | "ASK" | "TRYAGAIN" | "CLUSTERDOWN")
}

fn sentence(error: &ServerError) -> String {
    match error.details() {
        Some(details) => format!("{} {details}", error.code()),
        None => error.code().to_owned(),
    }
}
