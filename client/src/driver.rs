//! The task of a [`crate::Client`]: one loop that owns the connection, takes orders and fills the inbox.

use crate::Fields;
use crate::connection::{Connection, Incoming};
use crate::cursor::Cursor;
use crate::error::{CallError, Closed};
use dibs_protocol::command::Command;
use dibs_protocol::frame::{ServerFrame, TypingSignal};
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{Notify, mpsc, oneshot};

/// What the owner of a client asks of its task.
#[derive(Debug)]
pub(crate) enum Order {
    Call(Box<Command>, oneshot::Sender<Result<Fields, CallError>>),
    Typing(TypingSignal),
    Text(String),
    Cursor(oneshot::Sender<Cursor>),
    End { politely: bool },
}

/// What the task hands over. No lock is held while waiting.
#[derive(Debug)]
pub(crate) struct Shared {
    inbox: Mutex<Inbox>,
    /// Something came, or the end did.
    pub(crate) arrived: Notify,
    /// The inbox has room again.
    pub(crate) room: Notify,
    bound: usize,
}

#[derive(Debug, Default)]
pub(crate) struct Inbox {
    pub(crate) pushes: VecDeque<ServerFrame>,
    pub(crate) end: Option<(Closed, Cursor)>,
}

impl Shared {
    /// Nothing has come yet; at `bound` pushes the reading stops.
    pub(crate) fn new(bound: usize) -> Self {
        Self {
            inbox: Mutex::default(),
            arrived: Notify::new(),
            room: Notify::new(),
            bound: bound.max(1),
        }
    }

    pub(crate) fn inbox(&self) -> MutexGuard<'_, Inbox> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The task's state.
pub(crate) struct Driver {
    connection: Connection,
    orders: mpsc::Receiver<Order>,
    shared: Arc<Shared>,
    waiting: HashMap<i64, oneshot::Sender<Result<Fields, CallError>>>,
}

impl Driver {
    /// A task that is not running yet.
    pub(crate) fn new(connection: Connection, orders: mpsc::Receiver<Order>, shared: Arc<Shared>) -> Self {
        Self {
            connection,
            orders,
            shared,
            waiting: HashMap::new(),
        }
    }

    /// Runs until the connection ends, or its owner ends it or goes.
    pub(crate) async fn run(mut self) {
        let end = self.work().await;
        let (closed, politely) = match end {
            Err(closed) => (closed, false),
            Ok(politely) => (Closed::cut("ended by its owner"), politely),
        };
        let cursor = if politely {
            self.connection.close().await
        } else {
            self.connection.cut()
        };
        for (_, sender) in self.waiting.drain() {
            sender.send(Err(closed.clone().into())).ok();
        }
        self.shared.inbox().end = Some((closed.clone(), cursor));
        self.shared.arrived.notify_waiters();
        self.orders.close();
        while let Some(order) = self.orders.recv().await {
            if let Order::Call(_, sender) = order {
                sender.send(Err(closed.clone().into())).ok();
            }
        }
    }

    /// Works until the connection ends or the owner ends it, politely or not.
    async fn work(&mut self) -> Result<bool, Closed> {
        loop {
            let full = self.shared.inbox().pushes.len() >= self.shared.bound;
            tokio::select! {
                order = self.orders.recv() => match order {
                    None => return Ok(false),
                    Some(Order::End { politely }) => return Ok(politely),
                    Some(order) => self.carry_out(order).await?,
                },
                incoming = self.connection.next(), if !full => self.hand_over(incoming?),
                () = self.shared.room.notified(), if full => {}
            }
        }
    }

    async fn carry_out(&mut self, order: Order) -> Result<(), Closed> {
        let sent = match order {
            Order::Call(command, sender) => match self.connection.send(&command).await {
                Ok(id) => {
                    self.waiting.insert(id, sender);
                    Ok(())
                }
                Err(CallError::Closed(closed)) => {
                    sender.send(Err(closed.clone().into())).ok();
                    Err(CallError::Closed(closed))
                }
                Err(error) => {
                    sender.send(Err(error)).ok();
                    Ok(())
                }
            },
            Order::Typing(signal) => self.connection.typing(&signal).await,
            Order::Text(text) => self.connection.send_text(text).await.map_err(CallError::Closed),
            Order::Cursor(sender) => {
                sender.send(self.connection.cursor().clone()).ok();
                Ok(())
            }
            Order::End { .. } => Ok(()),
        };
        match sent {
            // What the server said before the line went, its close code above all, is still to be read.
            Err(CallError::Closed(closed)) => loop {
                let incoming = self.connection.next().await;
                let cut = incoming
                    .as_ref()
                    .err()
                    .is_some_and(|end| end.code == crate::error::CUT);
                if cut {
                    return Err(closed);
                }
                self.hand_over(incoming?);
            },
            _ => Ok(()),
        }
    }

    fn hand_over(&mut self, incoming: Incoming) {
        match incoming {
            Incoming::Answer { id, result } => {
                if let Some(sender) = self.waiting.remove(&id) {
                    sender.send(result.map_err(CallError::Refused)).ok();
                }
            }
            Incoming::Push(push) => {
                self.shared.inbox().pushes.push_back(push);
                self.shared.arrived.notify_waiters();
            }
        }
    }
}
