//! A connection between a client and an instance: frames in both directions, late but in order, until either end cuts
//! it. The instance's end does with outbox and inputs what a session does with its socket.
//! Deliberately absent: frames' contents, tokens, limits.

use super::cluster::Running;
use super::env::{Broken, Env};
use super::life::Life;
use crate::hub::outbox::Outbox;
use crate::hub::{Handle, Input, Join, Link};
use bytes::{Buf, Bytes};
use dibs_protocol::command::Command;
use dibs_protocol::frame::{Resume, TypingSignal};
use dibs_rules::context::Agent;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use tokio::sync::{Notify, mpsc};
use tokio::time::{Instant, sleep, sleep_until};

/// Taken at once from an outbox.
const TAKE_BYTES: usize = 64 * 1024;
/// The first byte of a text frame (RFC 6455, 5.2).
const TEXT: u8 = 0x81;

/// When tokens end: long after every schedule, seconds since the Unix epoch.
const FAR_S: i64 = 4_000_000_000;

/// What a client sends after its hello.
pub(super) enum Up {
    Command(i64, Box<Command>),
    Typing(TypingSignal),
}

/// What a client receives.
pub(super) enum Down {
    /// A frame's text.
    Frame(Bytes),
    /// The connection is gone.
    Closed,
}

/// A client's end of a connection. Dropping it cuts the line.
pub(super) struct Connection {
    /// The other end.
    pub(super) life: Arc<Life>,
    pub(super) down: mpsc::UnboundedReceiver<Down>,
    up: mpsc::UnboundedSender<(Instant, Up)>,
    lost: Arc<AtomicBool>,
    arrival: Instant,
}

/// What a client says first.
pub(super) struct Greeting {
    pub(super) agent: Arc<Agent>,
    pub(super) hello: i64,
    pub(super) resume: Option<Resume>,
}

impl Connection {
    /// Dials an instance.
    pub(super) fn dial(env: &Arc<Env>, to: Running, greeting: Greeting) -> Self {
        let (up, commands) = mpsc::unbounded_channel();
        let (frames, down) = mpsc::unbounded_channel();
        let lost = Arc::new(AtomicBool::new(false));
        let life = to.life.clone();
        let wire = Wire {
            env: env.clone(),
            life: to.life.clone(),
            frames,
            lost: lost.clone(),
        };
        tokio::spawn(wire.serve(to, greeting, commands));
        Self {
            life,
            down,
            up,
            lost,
            arrival: Instant::now(),
        }
    }

    /// Sends a frame, which arrives after those sent before.
    pub(super) fn send(&mut self, env: &Env, up: Up) {
        let wait = env.network.ms(0, env.faults().net_ms);
        self.arrival = self.arrival.max(Instant::now() + wait);
        // The other end may be gone; the client will hear so.
        self.up.send((self.arrival, up)).ok();
    }

    /// Cuts the line. What was sent and has not arrived is lost, or not.
    pub(super) fn cut(self, lost: bool) {
        self.lost.store(lost, Ordering::Relaxed);
    }
}

/// The instance's end.
struct Wire {
    env: Arc<Env>,
    life: Arc<Life>,
    frames: mpsc::UnboundedSender<Down>,
    lost: Arc<AtomicBool>,
}

impl Wire {
    async fn serve(self, to: Running, greeting: Greeting, commands: mpsc::UnboundedReceiver<(Instant, Up)>) {
        let wire = Arc::new(self);
        let born = tokio::select! {
            biased;
            () = wire.life.dies() => None,
            born = wire.accept(&to, greeting) => born,
        };
        drop(to);
        let Some((handle, link)) = born else {
            wire.frames.send(Down::Closed).ok();
            return;
        };
        let ended = Arc::new(Notify::new());
        tokio::spawn(wire.clone().write(handle.clone(), link.clone(), ended.clone()));
        wire.read(handle, link, commands, ended).await;
    }

    /// The instance takes the hello: the workspace is loaded, and the hub has the session.
    async fn accept(&self, to: &Running, greeting: Greeting) -> Option<(Handle, Arc<Link>)> {
        self.life.runs().await.ok()?;
        // Also what waited for an instance that was stopped is not the first thing that it does.
        sleep(self.env.network.ms(0, self.env.faults().net_ms)).await;
        self.life.runs().await.ok()?;
        let handle = to.hub.workspace(&self.env.workspace).await.ok()?;
        self.life.runs().await.ok()?;
        let deps = to.hub.deps();
        let id = deps.entropy.uuid(deps.clock.now_ms());
        let outbox = Outbox::new(deps.options.outbox_bytes, to.hub.uptime_s());
        let link = Arc::new(Link::new(id, outbox));
        let join = Join {
            token: crate::hub::TokenMark::default(),
            link: link.clone(),
            agent: greeting.agent,
            expires_s: FAR_S,
            hello: greeting.hello,
            resume: greeting.resume,
            quiet: false,
        };
        handle.send(Input::Join(Box::new(join))).ok()?;
        Some((handle, link))
    }

    /// Hands what the client sends to the hub, in order, until either end is gone.
    async fn read(
        &self,
        handle: Handle,
        link: Arc<Link>,
        mut commands: mpsc::UnboundedReceiver<(Instant, Up)>,
        ended: Arc<Notify>,
    ) {
        loop {
            let next = tokio::select! {
                biased;
                () = ended.notified() => break,
                next = commands.recv() => next,
            };
            let Some((at, up)) = next else {
                sleep(self.env.network.ms(0, self.env.faults().net_ms)).await;
                break;
            };
            sleep_until(at).await;
            self.life.goes_on().await;
            if self.lost.load(Ordering::Relaxed) {
                break;
            }
            let input = match up {
                Up::Command(id, command) => Input::Command(link.clone(), id, command),
                Up::Typing(signal) => Input::Typing(link.clone(), signal),
            };
            if let Err(refusal) = handle.send(input) {
                let place = self.life.place;
                self.env.fault(
                    Broken::Progress,
                    format!("Instance {place} takes no inputs: {}", refusal.message),
                );
                break;
            }
        }
        self.life.goes_on().await;
        handle.send(Input::Leave(link)).ok();
    }

    /// Takes what the hub has for the client, as fast as the client reads.
    async fn write(self: Arc<Self>, handle: Handle, link: Arc<Link>, ended: Arc<Notify>) {
        loop {
            let taken = tokio::select! {
                biased;
                () = self.life.dies() => None,
                () = self.frames.closed() => None,
                taken = self.take(&handle, &link) => taken,
            };
            let Some(frames) = taken else { break };
            sleep(self.env.network.ms(0, self.env.faults().net_ms)).await;
            for mut frame in frames {
                if frame.first() == Some(&TEXT) {
                    let length = frame.get(1).copied().unwrap_or_default();
                    frame.advance(match length {
                        126 => 4,
                        127 => 10,
                        _ => 2,
                    });
                    self.frames.send(Down::Frame(frame)).ok();
                }
            }
            if self.frames.is_closed() {
                break;
            }
        }
        self.frames.send(Down::Closed).ok();
        ended.notify_one();
    }

    /// The next frames for the client; `None` when the session is over.
    async fn take(&self, handle: &Handle, link: &Arc<Link>) -> Option<VecDeque<Bytes>> {
        let slow = self.env.strikes(
            &self.env.network,
            "slow reader",
            self.env.faults().slow_readers / 10,
        );
        if slow {
            sleep(self.env.network.ms(100, 3_000)).await;
        }
        let most = if slow { 1 } else { TAKE_BYTES };
        let frames = poll_fn(|cx| {
            link.outbox.register(cx.waker());
            let mut frames = VecDeque::new();
            if link.outbox.is_killed() {
                return Poll::Ready(frames);
            }
            if link.outbox.take(&mut frames, most).bytes > 0 {
                return Poll::Ready(frames);
            }
            if let Some(behind) = link.outbox.behind() {
                handle.send(Input::Behind(link.clone(), behind)).ok();
            }
            match link.outbox.closing() {
                Some(_) => Poll::Ready(frames),
                None => Poll::Pending,
            }
        })
        .await;
        self.life.goes_on().await;
        (!frames.is_empty()).then_some(frames)
    }
}
