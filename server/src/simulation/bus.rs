//! The bus between simulated instances: it loses, delays, doubles and doubts. Deliberately absent: the truth.

use super::env::Env;
use super::life::Life;
use crate::bus::{Bus, Heard, SUBSCRIBER_BOUND};
use bytes::Bytes;
use dibs_protocol::ids::WorkspaceId;
use parking_lot::Mutex;
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio::time::sleep;

/// Whoever listens to what.
struct Subscriber {
    workspace: WorkspaceId,
    life: Arc<Life>,
    heard: mpsc::Sender<Heard>,
}

/// What connects all instances.
#[derive(Default)]
pub(super) struct Exchange {
    subscribers: Mutex<Vec<Arc<Subscriber>>>,
}

/// The bus of one instance.
pub(super) struct SimBus {
    pub(super) env: Arc<Env>,
    pub(super) exchange: Arc<Exchange>,
    pub(super) life: Arc<Life>,
}

impl SimBus {
    fn send(&self, to: &Arc<Subscriber>, message: Heard) {
        let (env, from, to) = (self.env.clone(), self.life.clone(), to.clone());
        let faults = env.faults();
        let late = env.strikes(&env.wire, "bus late", faults.bus_late);
        let wait = env.wire.ms(0, if late { 3_000 } else { faults.net_ms });
        tokio::spawn(async move {
            // What a stopped instance sent before it was stopped is on its way, what it sends later is not.
            from.goes_on().await;
            sleep(wait).await;
            to.life.goes_on().await;
            to.heard.try_send(message).ok();
        });
    }
}

impl Bus for SimBus {
    fn publish(&self, workspace: &WorkspaceId, message: Bytes) {
        let env = &self.env;
        let mut subscribers = self.exchange.subscribers.lock();
        subscribers.retain(|it| !it.heard.is_closed() && !it.life.is_dead());
        let faults = env.faults();
        for subscriber in subscribers.iter().filter(|it| it.workspace == *workspace) {
            if env.strikes(&env.wire, "bus loses", faults.bus_loses) {
                continue;
            }
            if env.strikes(&env.wire, "bus doubles", faults.bus_doubles) {
                self.send(subscriber, Heard::Message(message.clone()));
            }
            let doubts = env.strikes(&env.wire, "bus doubts", faults.bus_doubts);
            let heard = if doubts {
                Heard::Doubt
            } else {
                Heard::Message(message.clone())
            };
            self.send(subscriber, heard);
        }
    }

    fn subscribe(&self, workspace: &WorkspaceId) -> mpsc::Receiver<Heard> {
        let (heard, receiver) = mpsc::channel(SUBSCRIBER_BOUND);
        self.exchange.subscribers.lock().push(Arc::new(Subscriber {
            workspace: workspace.clone(),
            life: self.life.clone(),
            heard,
        }));
        receiver
    }

    fn trouble(&self) -> Option<String> {
        None
    }
}
