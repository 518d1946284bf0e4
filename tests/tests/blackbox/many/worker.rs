//! An agent who works through faults: replies in a conversation of their own, tries what is not known to be done again
//! with its key, comes back to whichever instance is there, and remembers what was acknowledged and what was told.

use super::site::THROUGH;
use crate::desk::{number, watch};
use crate::hub::Hub;
use crate::token;
use dibs_client::{CallError, Client, Options};
use dibs_protocol::event::EventEntry;
use dibs_protocol::frame::ServerFrame;
use dibs_protocol::ids::ConversationId;
use dibs_protocol::refusal::Code;
use serde_json::json;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::sync::watch::Receiver;

/// Between two tries of what could not be done.
const AGAIN: Duration = Duration::from_millis(50);

/// An agent at work.
pub struct Worker {
    name: String,
    /// Where sockets go, the one in use first.
    urls: Vec<String>,
    client: Client,
    c: ConversationId,
    token: u64,
    seen: u64,
    since: u64,
    told: Vec<u64>,
    keys: usize,
    acknowledged: BTreeMap<String, u64>,
    /// How often it was told that the log cannot be reached.
    pub unavailable: usize,
    /// How often its line was cut.
    pub cuts: usize,
    /// How often it could not go on from where it was.
    pub anew: usize,
}

impl Worker {
    /// An agent with a claim, connected to the first of these instances.
    pub async fn new(name: &str, c: ConversationId, hubs: &[&Hub]) -> Self {
        let client = hubs[0].agent(name).await;
        let since = watch(&client, c).await.version;
        let token = crate::desk::claim(&client, c).await;
        Self {
            name: name.to_owned(),
            urls: hubs.iter().map(|it| it.url()).collect(),
            client,
            c,
            token,
            seen: token,
            since,
            told: Vec::new(),
            keys: 0,
            acknowledged: BTreeMap::new(),
            unavailable: 0,
            cuts: 0,
            anew: 0,
        }
    }

    /// Replies until it is told to stop.
    pub async fn works(mut self, stop: Receiver<bool>) -> Self {
        while !*stop.borrow() {
            self.reply().await;
        }
        self
    }

    /// One reply, until it is acknowledged.
    pub async fn reply(&mut self) {
        self.keys += 1;
        let key = format!("{}-{}", self.name, self.keys);
        let done = tokio::time::timeout(THROUGH, self.acknowledged(&key)).await;
        let seq = done.unwrap_or_else(|_| panic!("{key} is not acknowledged"));
        self.acknowledged.insert(key, seq);
    }

    async fn acknowledged(&mut self, key: &str) -> u64 {
        loop {
            let reply = cmd!("reply", "conversation": self.c, "token": self.token, "key": key, "seen": self.seen,
                "text": key);
            let refusal = match self.client.call(reply).await {
                Ok(fields) => return number(&fields, "seq"),
                Err(CallError::Refused(refusal)) => refusal,
                Err(_) => {
                    self.come_back().await;
                    continue;
                }
            };
            match refusal.code {
                Code::Unavailable => {
                    self.unavailable += 1;
                    tokio::time::sleep(AGAIN).await;
                }
                Code::Stale => {
                    let missed = refusal.details.missed.iter().flatten().map(|it| it.seq);
                    self.seen = missed.max().unwrap().max(self.seen);
                }
                code => panic!("{key} is refused with {code:?}: {refusal}"),
            }
        }
    }

    /// Comes back to the next instance that takes it, from where it was.
    async fn come_back(&mut self) {
        self.cuts += 1;
        self.hear();
        let cursor = self.client.cut().await;
        self.hear();
        loop {
            self.urls.rotate_left(1);
            let options = Options {
                connect_timeout: Duration::from_secs(3),
                ..Options::default()
            };
            let token = token::mint(json!({ "sub": self.name }));
            match Client::resume(&self.urls[0], &token, &options, cursor.clone()).await {
                Ok(client) => {
                    self.client = client;
                    break;
                }
                Err(_) => tokio::time::sleep(AGAIN).await,
            }
        }
        if !self.client.welcome().resumed {
            self.anew += 1;
            self.since = watch(&self.client, self.c).await.version;
            self.told.clear();
        }
    }

    fn hear(&mut self) {
        for push in self.client.take_pushes() {
            self.heard(&push);
        }
    }

    fn heard(&mut self, push: &ServerFrame) {
        if let ServerFrame::Event(entry) = push
            && entry.conversation == Some(self.c)
        {
            self.told.push(entry.seq);
        }
    }

    /// How many replies were acknowledged.
    pub fn done(&self) -> usize {
        self.acknowledged.len()
    }

    /// Whether it holds its claim with the token that it always had, and a reply is taken.
    pub async fn holds(&mut self) {
        self.reply().await;
    }

    /// Nothing that was acknowledged is lost, nothing is stored twice, and every event was told once and in order.
    pub async fn must_be_right(mut self, log: &[EventEntry]) {
        let mut stored: BTreeMap<String, Vec<u64>> = BTreeMap::new();
        for entry in log.iter().filter(|it| it.kind() == "message_sent") {
            let key = entry.event["key"].as_str().unwrap().to_owned();
            stored.entry(key).or_default().push(entry.seq);
        }
        let name = &self.name;
        let doubled: Vec<_> = stored.iter().filter(|(_, seqs)| seqs.len() > 1).collect();
        assert!(doubled.is_empty(), "{name}: stored twice: {doubled:?}");
        for (key, seq) in &self.acknowledged {
            assert_eq!(
                stored.get(key),
                Some(&vec![*seq]),
                "{name}: {key} was acknowledged"
            );
        }
        let last = log.last().unwrap().seq;
        while self.told.last().is_none_or(|it| *it < last) {
            let next = tokio::time::timeout(THROUGH, self.client.next_push()).await;
            let next = next.unwrap_or_else(|_| panic!("{}: not told of {last}", self.name));
            self.heard(&next.unwrap_or_else(|closed| panic!("{}: {closed}", self.name)));
        }
        assert_eq!(
            self.told,
            super::site::above(log, self.since),
            "{}: what was told",
            self.name
        );
    }
}

/// Workers, each in a conversation of their own, by turns at these instances.
pub async fn crew(count: usize, hubs: &[&Hub]) -> Vec<Worker> {
    let mut workers = Vec::new();
    for number in 0..count {
        let c = crate::desk::conversation(hubs[0], &format!("customer-{number}")).await;
        let mut order = hubs.to_vec();
        order.rotate_left(number % hubs.len());
        workers.push(Worker::new(&format!("w{number}"), c, &order).await);
    }
    workers
}

/// Lets them all work while `fault` happens, and gives them back with what it gave.
pub async fn through<T>(workers: Vec<Worker>, fault: impl Future<Output = T>) -> (Vec<Worker>, T) {
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let tasks: Vec<_> = workers
        .into_iter()
        .map(|worker| tokio::spawn(worker.works(stopped.clone())))
        .collect();
    let given = fault.await;
    stop.send(true).unwrap();
    let mut workers = Vec::new();
    for task in tasks {
        workers.push(task.await.unwrap());
    }
    (workers, given)
}

/// Holds what all of them know against the log as this instance shows it.
pub async fn all_is_right(workers: Vec<Worker>, hub: &Hub) {
    for worker in workers {
        let last = worker.acknowledged.values().max().copied().unwrap_or_default();
        // Where the bus was cut off, an instance shows what another one stored a moment later.
        let read = tokio::time::timeout(THROUGH, async {
            loop {
                let log = super::site::log(hub, worker.c).await;
                if log.last().is_some_and(|it| it.seq >= last) {
                    return log;
                }
                tokio::time::sleep(AGAIN).await;
            }
        });
        let log = read.await;
        let log =
            log.unwrap_or_else(|_| panic!("{}: {last} was acknowledged, and is not there", worker.name));
        worker.must_be_right(&log).await;
    }
}
