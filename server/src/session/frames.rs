//! What a session does with each frame of its client: hello, commands, typing; refusals that need no state; limits.

use super::{Session, Stage};
use crate::auth::Identity;
use crate::config::COMMAND_BURST;
use crate::hub::outbox::{Class, Frame};
use crate::hub::{Handle, Input, Join};
use crate::log::LogError;
use crate::shared::{agent_of, mark_of, retry_after_ms};
use dibs_protocol::close::CloseCode;
use dibs_protocol::command::Command;
use dibs_protocol::frame::{ClientFrame, ErrorFrame, Hello, Resume, ServerFrame};
use dibs_protocol::parse::{BadFrame, client_frame};
use dibs_protocol::refusal::{Code, Refusal};
use dibs_protocol::terms::Role;
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use std::num::NonZeroU32;
use std::sync::Arc;

/// The connection ends at this many frames that cannot be answered.
const UNANSWERABLE: u8 = 10;
/// Typing signals and pings are heard at most this often a second; more are ignored in silence.
const SIGNALS_PER_SECOND: NonZeroU32 = NonZeroU32::new(10).unwrap();
/// A session that had so many more commands refused than heard is closed as flooding.
const FLOOD: u32 = 500;

/// A hello whose workspace is being loaded.
pub(super) struct Greeting {
    id: i64,
    identity: Identity,
    resume: Option<Resume>,
    quiet: bool,
}

/// Whether a client says of itself that it is quiet by nature: `mobile/2.1`, `background`.
fn is_quiet(client: &str) -> bool {
    let name = client.split(['/', ' ']).next().unwrap_or_default();
    name.eq_ignore_ascii_case("mobile") || name.eq_ignore_ascii_case("background")
}

/// How much a session may send.
pub(super) struct Limits {
    commands: Option<DefaultDirectRateLimiter>,
    signals: DefaultDirectRateLimiter,
    flood: u32,
}

impl Limits {
    pub(super) fn new(commands_per_second: Option<NonZeroU32>) -> Self {
        let commands = commands_per_second.map(|rate| {
            let burst = rate.saturating_mul(NonZeroU32::new(COMMAND_BURST).unwrap_or(rate));
            RateLimiter::direct(Quota::per_second(rate).allow_burst(burst))
        });
        Self {
            commands,
            signals: RateLimiter::direct(Quota::per_second(SIGNALS_PER_SECOND)),
            flood: 0,
        }
    }

    /// Whether a command may be heard; if not, when to try again, in milliseconds.
    fn command(&mut self) -> Result<(), u64> {
        let Some(limiter) = &self.commands else {
            return Ok(());
        };
        match limiter.check() {
            Ok(()) => {
                self.flood = self.flood.saturating_sub(1);
                Ok(())
            }
            Err(until) => {
                self.flood += 1;
                Err(retry_after_ms(&until))
            }
        }
    }

    fn signal(&self) -> bool {
        self.commands.is_none() || self.signals.check().is_ok()
    }
}

impl Session {
    /// A frame before the session is known.
    pub(super) fn greeting(&mut self, text: &str) {
        match client_frame(text) {
            Ok(ClientFrame::Hello(id, hello)) => self.hello(id, *hello),
            Ok(ClientFrame::Command(id, _)) => {
                let refusal = Refusal::new(Code::Unauthenticated, "Say hello with your token first.");
                self.refuse(Some(id), refusal);
            }
            Ok(ClientFrame::Typing(_)) => {}
            Err(bad) => self.bad_frame(bad),
        }
    }

    /// A frame of a welcome session.
    pub(super) fn frame(&mut self, text: &str) {
        match client_frame(text) {
            Ok(ClientFrame::Hello(id, _)) => {
                self.refuse(Some(id), Refusal::invalid("type", "hello was said already."));
            }
            Ok(ClientFrame::Command(id, command)) => self.command(id, command),
            Ok(ClientFrame::Typing(signal)) => {
                if self.limits().signal() {
                    self.send(Input::Typing(self.link.clone(), signal), None);
                }
            }
            Err(BadFrame::Refused(id, refusal)) => match self.limits().command() {
                Ok(()) => self.refuse(Some(id), refusal),
                Err(wait) => self.too_many(id, wait),
            },
            Err(bad) => self.bad_frame(bad),
        }
    }

    /// A WebSocket ping: the library answers it, unless they are too many.
    pub(super) fn pinged(&mut self) {
        if !self.limits().signal() {
            self.limits().flood += 1;
            if self.limits().flood > FLOOD {
                self.begin_close(CloseCode::Flooding);
            }
        }
    }

    fn limits(&mut self) -> &mut Limits {
        let rate = self.shared.config.commands_per_second;
        self.limits.get_or_insert_with(|| Box::new(Limits::new(rate)))
    }

    fn hello(&mut self, id: i64, hello: Hello) {
        let now_ms = self.shared.hub.deps().clock.now_ms();
        let identity = match self.shared.keys.verify(&hello.token, now_ms) {
            Ok(identity) => identity,
            Err(error) => {
                self.refuse(Some(id), Refusal::new(Code::Unauthenticated, &error.to_string()));
                return self.begin_close(CloseCode::TokenRefused);
            }
        };
        if identity.role == Role::Channel {
            self.refuse(Some(id), Refusal::forbidden("The role channel has HTTP only."));
            return self.begin_close(CloseCode::NotAllowed);
        }
        if self.shared.hub.is_draining() {
            return self.begin_close(CloseCode::GoingAway);
        }
        let (hub, workspace) = (self.shared.hub.clone(), identity.workspace.clone());
        let loading = Box::pin(async move { hub.workspace(&workspace).await });
        self.stage = Stage::Loading(
            loading,
            Box::new(Greeting {
                id,
                identity,
                resume: hello.resume,
                quiet: hello.client.as_deref().is_some_and(is_quiet),
            }),
        );
    }

    /// The workspace is there: the hub takes the session.
    pub(super) fn loaded(&mut self, loaded: Result<Handle, LogError>) {
        let Stage::Loading(_, greeting) = std::mem::replace(&mut self.stage, Stage::Joined) else {
            return;
        };
        let Greeting {
            id,
            identity,
            resume,
            quiet,
        } = *greeting;
        let handle = match loaded {
            Ok(handle) => handle,
            Err(error) => {
                tracing::error!(workspace = %identity.workspace, %error, "a workspace cannot be loaded");
                self.refuse(
                    Some(id),
                    Refusal::unavailable("the workspace cannot be loaded", 1_000),
                );
                return self.begin_close(CloseCode::Internal);
            }
        };
        let expires_s = identity.expires_at_ms.div_euclid(1_000);
        let token = mark_of(&identity);
        let agent = Arc::new(agent_of(identity));
        let link = self.link.clone();
        let join = Join {
            link,
            agent,
            expires_s,
            token,
            hello: id,
            resume,
            quiet,
        };
        match handle.send(Input::Join(Box::new(join))) {
            Ok(()) => self.handle = Some(handle),
            Err(refusal) => {
                self.refuse(Some(id), refusal);
                self.begin_close(CloseCode::Internal);
            }
        }
    }

    fn command(&mut self, id: i64, command: Box<Command>) {
        if let Err(wait) = self.limits().command() {
            return self.too_many(id, wait);
        }
        let taken = self
            .handle
            .as_ref()
            .map_or(Ok(()), |handle| handle.take(&command));
        if let Err(refusal) = taken {
            return self.refuse(Some(id), refusal);
        }
        let Command::Refresh(refresh) = &*command else {
            return self.send(Input::Command(self.link.clone(), id, command), Some(id));
        };
        let now_ms = self.shared.hub.deps().clock.now_ms();
        match self.shared.keys.verify(&refresh.token, now_ms) {
            Ok(identity) if identity.role == Role::Channel => {
                self.refuse(Some(id), Refusal::forbidden("The role channel has HTTP only."));
            }
            Ok(identity) => {
                let workspace = identity.workspace.clone();
                if self
                    .handle
                    .as_ref()
                    .is_none_or(|handle| *handle.workspace() != workspace)
                {
                    let message = "The token is of another workspace.";
                    return self.refuse(Some(id), Refusal::invalid("token", message));
                }
                let expires_s = identity.expires_at_ms.div_euclid(1_000);
                let token = mark_of(&identity);
                let agent = Arc::new(agent_of(identity));
                let refresh = Input::Refresh(self.link.clone(), id, agent, expires_s, token);
                self.send(refresh, Some(id));
            }
            Err(error) => self.refuse(Some(id), Refusal::new(Code::Unauthenticated, &error.to_string())),
        }
    }

    fn send(&mut self, input: Input, id: Option<i64>) {
        let Some(handle) = &self.handle else { return };
        if let (Err(refusal), Some(id)) = (handle.send(input), id) {
            self.refuse(Some(id), refusal);
        }
    }

    fn too_many(&mut self, id: i64, wait: u64) {
        self.refuse(Some(id), Refusal::rate_limited(wait));
        if self.limits().flood > FLOOD {
            self.begin_close(CloseCode::Flooding);
        }
    }

    fn bad_frame(&mut self, bad: BadFrame) {
        match bad {
            BadFrame::Refused(id, refusal) => self.refuse(Some(id), refusal),
            BadFrame::Unanswerable(refusal) => {
                self.refuse(None, refusal);
                self.unanswerable += 1;
                if self.unanswerable >= UNANSWERABLE {
                    self.begin_close(CloseCode::Protocol);
                }
            }
        }
    }

    fn refuse(&mut self, id: Option<i64>, refusal: Refusal) {
        self.shared.hub.deps().metrics.refused(refusal.code);
        let frame = ServerFrame::Error(ErrorFrame { id, refusal });
        let json = serde_json::to_string(&frame).unwrap_or_default();
        self.link.outbox.push(Frame::text(&json), Class::Kept);
    }
}
