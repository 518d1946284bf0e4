//! What a client does with each frame that it receives.

use super::{Client, Cursor};
use crate::simulation::env::Broken;
use crate::simulation::view::View;
use bytes::Bytes;
use dibs_protocol::command::Command;
use dibs_protocol::event::{Event, EventEntry};
use dibs_protocol::frame::{ServerFrame, SnapshotFrame, Welcome};
use dibs_protocol::refusal::{Code, Refusal};
use serde_json::Value;
use std::collections::BTreeMap;
use tokio::time::Instant;

impl Client {
    pub(super) fn hear(&mut self, bytes: &Bytes) {
        self.env.trace(&self.name, bytes);
        match serde_json::from_slice::<ServerFrame>(bytes) {
            Ok(frame) => self.heard(frame),
            Err(error) => {
                let text = String::from_utf8_lossy(bytes);
                self.env.fault(
                    Broken::Answers,
                    format!("{} cannot read a frame: {error}: {text}", self.name),
                );
            }
        }
    }

    fn heard(&mut self, frame: ServerFrame) {
        self.witness.received(self.env.moment(), &frame);
        match frame {
            ServerFrame::Welcome(welcome) => self.welcomed(*welcome),
            ServerFrame::Ok(ok) => match self.pending.remove(&ok.id) {
                Some((sent, command)) => {
                    self.env.answered("ok", sent.elapsed());
                    self.done(ok.id, &command, ok.fields);
                }
                None => self.unasked(ok.id),
            },
            ServerFrame::Error(error) => {
                let id = error.id.unwrap_or(-1);
                match self.pending.remove(&id) {
                    Some((sent, command)) => {
                        self.env.answered(error.refusal.code.as_str(), sent.elapsed());
                        self.refused(id, command, &error.refusal);
                    }
                    None if self.stay.is_none() => {}
                    None => self.unasked(id),
                }
            }
            ServerFrame::Event(entry) => {
                if !self.resyncing {
                    self.advance(entry.seq, None);
                }
                self.see(&entry);
            }
            ServerFrame::Position { seq, hash, .. } => {
                self.resyncing = false;
                self.advance(seq, Some(hash));
            }
            ServerFrame::Resync { .. } => self.resyncing = true,
            ServerFrame::Snapshot(snapshot) => match *snapshot {
                SnapshotFrame::Watch { content, .. } => self.see_all(&content.entries),
                SnapshotFrame::View { view, content } => {
                    if let Some(it) = self.views.get_mut(&view) {
                        it.show(content);
                    }
                }
            },
            ServerFrame::ViewChanged {
                view,
                total,
                upserts,
                removes,
                order,
                ..
            } => {
                if let Some(it) = self.views.get_mut(&view) {
                    it.change(total, upserts, &removes, order);
                }
            }
            ServerFrame::ClaimLost { conversation, .. } => {
                self.tokens.remove(&conversation);
            }
            ServerFrame::ClaimGained {
                conversation, token, ..
            } => {
                self.tokens.insert(conversation, token);
            }
            _ => {}
        }
    }

    fn unasked(&self, id: i64) {
        self.env.fault(
            Broken::Answers,
            format!(
                "{} was answered {id}, which it did not ask or was answered already.",
                self.name
            ),
        );
    }

    fn advance(&mut self, seq: u64, hash: Option<String>) {
        if let Some(cursor) = &mut self.cursor
            && (seq > cursor.seq || seq == cursor.seq && hash.is_some())
        {
            (cursor.seq, cursor.hash) = (seq, hash);
        }
    }

    fn welcomed(&mut self, welcome: Welcome) {
        let Some(connection) = &self.connection else {
            return;
        };
        self.stay = Some(self.shared.arrived(&self.me.id, &connection.life));
        self.next_at = Instant::now() + self.dice.ms(1, self.env.plan.think_ms);
        if !welcome.resumed {
            self.watching.clear();
            self.cursor = Some(Cursor {
                epoch: welcome.epoch,
                seq: welcome.seq,
                hash: Some(welcome.hash),
            });
        }
        let claims = welcome.claims.into_iter().map(|it| (it.conversation, it.token));
        self.tokens = claims.collect();
    }

    fn see(&mut self, entry: &EventEntry) {
        let Some(conversation) = entry.conversation else {
            return;
        };
        let shown = self.shown.entry(conversation).or_default();
        *shown = entry.seq.max(*shown);
        match entry.known() {
            Some(Event::ClaimGranted { agent, token, .. }) => {
                self.shared.learn_token(conversation, token);
                if agent == self.me.id {
                    self.tokens.insert(conversation, token);
                }
            }
            Some(Event::MessageReceived { message } | Event::MessageSent { message, .. }) => {
                self.shared.learn_message(conversation, message.id);
            }
            Some(Event::Merged { into: Some(into), .. }) => {
                self.shared.survivors.lock().insert(conversation, into);
            }
            _ => {}
        }
    }

    fn see_all(&mut self, entries: &[EventEntry]) {
        for entry in entries {
            self.see(entry);
        }
    }

    fn done(&mut self, id: i64, command: &Command, fields: BTreeMap<String, Value>) {
        if let Some(asked) = self.looked.get_mut(&id) {
            asked.1 = Some(fields);
            return;
        }
        let number = |name: &str| fields.get(name).and_then(Value::as_u64);
        match command {
            Command::Watch(it) => {
                self.watching.insert(it.conversation);
                let entries = fields.get("entries").cloned().unwrap_or_default();
                let entries: Vec<EventEntry> = serde_json::from_value(entries).unwrap_or_default();
                self.see_all(&entries);
            }
            Command::Unwatch(it) => {
                self.watching.remove(&it.conversation);
            }
            Command::OpenView(it) => {
                if let Some(view) = View::opened(it, &fields) {
                    self.views.insert(it.view.clone(), view);
                }
            }
            Command::CloseView(it) => {
                self.views.remove(&it.view);
            }
            Command::Release(it) => {
                self.tokens.remove(&it.conversation);
            }
            Command::Split(_) => {
                let new = fields.get("conversation").and_then(Value::as_str);
                let new = new.and_then(|it| it.parse().ok());
                new.into_iter().for_each(|id| self.shared.learn_conversation(id));
            }
            _ => {
                let opened = fields.get("conversation").and_then(Value::as_str);
                let conversation = opened.and_then(|it| it.parse().ok()).or(command.conversation());
                if let (Some(conversation), Some(token)) = (conversation, number("token")) {
                    self.shared.learn_conversation(conversation);
                    self.shared.learn_token(conversation, token);
                    self.tokens.insert(conversation, token);
                }
            }
        }
    }

    fn refused(&mut self, id: i64, command: Command, refusal: &Refusal) {
        if let Some(missed) = &refusal.details.missed {
            self.see_all(missed);
        }
        let (name, code) = (&self.name, refusal.code);
        match code {
            Code::Unavailable if command.key().is_some() => self.unknown.push(command),
            // Whom to give it to may not be known yet.
            Code::Invalid if matches!(command, Command::Transfer(_) | Command::Update(_)) => {}
            Code::Internal | Code::Invalid | Code::UnknownCommand => {
                let fault = format!("{name} was refused {id} {command:?} as {code:?}.");
                self.env.fault(Broken::Answers, fault);
            }
            _ => {}
        }
    }
}
