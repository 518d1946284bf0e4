"""A small client of the Dibs protocol v1, written from the contract alone.

It keeps the cursor as the contract says, applies views, and lints every frame it receives: what the contract
says about *all* frames is checked on all frames, and the violations fail the test that saw them.
"""
from __future__ import annotations

import asyncio
import base64
import collections
import hashlib
import hmac
import itertools
import json
import os
import random
import re
import shutil
import signal
import subprocess
import tempfile
import time
import uuid

import aiohttp
import jwt
import websockets
from websockets.asyncio.client import connect

SECRET = "wire-suite-secret-0123456789abcdef-0123456789abcdef"
TIME_RE = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
SUMMARY_FIELDS = set(
    "id version status snoozed_until channel customer subject queue priority tags assignee team claim offer "
    "waiting_since unanswered last_message first_response_at sla rating opened_at".split()
)
EVENT_KINDS = set(
    "conversation_opened message_received message_sent message_delivery note_added claim_granted claim_released "
    "claim_expired transfer_offered transfer_declined assigned status_changed tagged priority_changed queue_changed "
    "subject_changed sla_warned sla_breached sla_met customer_updated merged split rated redacted".split()
)
FRAME_TYPES = set(
    "welcome ok error event position view_changed summary viewers activity presence stats claim_lost claim_gained "
    "offer offer_gone mention mentions_read read_marks token_expiring revoked resync snapshot reconnect".split()
)
CODES = set(
    "invalid unknown_command unauthenticated forbidden not_found already_claimed not_claimed claim_lost stale "
    "key_reused conflict rate_limited too_large unavailable internal".split()
)
TIME_KEYS = {"at", "since", "time", "expires_at", "waiting_since", "opened_at", "first_response_at", "snoozed_until",
             "last_seen_at", "due_at"}
T = 10.0  # no wait is longer


def now_id() -> str:
    """A UUID v7."""
    ms = int(time.time() * 1000)
    raw = bytearray(ms.to_bytes(6, "big") + os.urandom(10))
    raw[6] = 0x70 | raw[6] & 0x0F
    raw[8] = 0x80 | raw[8] & 0x3F
    return str(uuid.UUID(bytes=bytes(raw)))


def key() -> str:
    return "k-" + uuid.uuid4().hex


def make_token(sub="priya", workspace="acme", role="agent", secret=SECRET, alg="HS256", drop=(), **claims):
    body = {"sub": sub, "workspace": workspace, "role": role, "exp": int(time.time()) + 3600}
    body.update(claims)
    for d in drop:
        body.pop(d, None)
    return jwt.encode(body, secret, algorithm=alg)


def raw_jwt(header: dict, body: dict, secret: str | None) -> str:
    def b64(b):
        return base64.urlsafe_b64encode(b).rstrip(b"=").decode()

    head = b64(json.dumps(header).encode()) + "." + b64(json.dumps(body).encode())
    sig = b"" if secret is None else hmac.new(secret.encode(), head.encode(), hashlib.sha256).digest()
    return head + "." + b64(sig)


# ------------------------------------------------------------------------------------------------ the program
class Server:
    """One running `dibs serve`, killed by its pid."""

    def __init__(self, *args, data=None, env=None):
        self.binary = os.environ.get("DIBS_BIN")
        self.args = list(args)
        self.extra_env = env or {}
        self.own_data = data is None
        self.data = data or tempfile.mkdtemp(prefix="dibs-wire-")
        self.logdir = tempfile.mkdtemp(prefix="dibs-wire-log-")
        self.proc = None
        self.port = None
        self.starts = 0

    def start(self, timeout=20.0):
        defaults = {"--commands-per-second": "0", "--ingest-per-second": "0", "--connections-per-address": "0"}
        argv = [self.binary, "serve", "--listen", "127.0.0.1:0", "--data", self.data, *self.args]
        for k, v in defaults.items():
            if k not in self.args:
                argv += [k, v]
        env = dict(os.environ, DIBS_AUTH_SECRET=SECRET, NO_COLOR="1", **self.extra_env)
        env.pop("DIBS_BIN", None)  # it is ours, not a setting of the program
        self.starts += 1
        self.log = os.path.join(self.logdir, f"{self.starts}.log")
        with open(self.log, "wb") as f:
            self.proc = subprocess.Popen(argv, stdout=f, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, env=env)
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            text = re.sub(r"\x1b\[[0-9;]*m", "", open(self.log, errors="replace").read())
            for line in text.splitlines():
                if "listening" in line.lower():
                    m = re.search(r"127\.0\.0\.1:(\d+)", line)
                    if m and m.group(1) != "0":
                        self.port = int(m.group(1))
                        return self
            if self.proc.poll() is not None:
                raise RuntimeError(f"the server ended with {self.proc.returncode}:\n{text[-3000:]}")
            time.sleep(0.02)
        self.kill()
        raise RuntimeError("the server did not say where it listens:\n" + text[-3000:])

    @property
    def ws(self):
        return f"ws://127.0.0.1:{self.port}/v1/ws"

    @property
    def http(self):
        return f"http://127.0.0.1:{self.port}"

    def alive(self):
        return self.proc is not None and self.proc.poll() is None

    def kill(self):
        if self.proc is not None:
            if self.proc.poll() is None:
                self.proc.send_signal(signal.SIGKILL)
            self.proc.wait(timeout=10)

    def term(self):
        self.proc.send_signal(signal.SIGTERM)

    def restart(self):
        self.kill()
        return self.start()

    def tail(self, n=3000):
        return open(self.log, errors="replace").read()[-n:]

    def close(self):
        self.kill()
        if self.own_data:
            shutil.rmtree(self.data, ignore_errors=True)
        shutil.rmtree(self.logdir, ignore_errors=True)


# ------------------------------------------------------------------------------------------------ the client
class Refused(Exception):
    def __init__(self, frame):
        self.frame = frame
        self.code = frame.get("code")
        super().__init__(f"{self.code}: {frame}")


class Closed(Exception):
    pass


class View:
    def __init__(self, name, answer):
        self.name = name
        self.seq = self.answer_seq = answer["seq"]
        self.total = answer["total"]
        self.rows = {s["id"]: s for s in answer["conversations"]}
        self.order = [s["id"] for s in answer["conversations"]]
        self.changes = []
        self.problems = []
        self.moved_at = time.monotonic()

    def apply(self, p):
        self.changes.append(p)
        self.moved_at = time.monotonic()
        if p["seq"] < self.seq:
            self.problems.append(f"view {self.name}: seq went back from {self.seq} to {p['seq']}")
        self.seq = p["seq"]
        self.total = p["total"]
        for s in p["upserts"]:
            self.rows[s["id"]] = s
        for i in p["removes"]:
            if i not in self.rows:
                self.problems.append(f"view {self.name}: removes {i}, which was not there")
            self.rows.pop(i, None)
        if "order" in p:
            self.order = list(p["order"])
        if len(self.order) != len(set(self.order)):
            self.problems.append(f"view {self.name}: order repeats an id")
        if set(self.order) != set(self.rows):
            self.problems.append(f"view {self.name}: order and rows differ after a change: {len(self.order)} ordered, "
                                 f"{len(self.rows)} rows, frame {json.dumps(p)[:600]}")

    def ids(self):
        return list(self.order)

    def summaries(self):
        return [self.rows[i] for i in self.order]


class Client:
    """One agent's session. `frames` is everything received in order; `problems` what broke the contract."""

    all_open: list["Client"] = []

    def __init__(self, server, token, name=""):
        self.server = server
        self.token = token
        self.name = name
        self.ids = itertools.count(1)
        # state that survives a connection
        self.epoch = None
        self.cursor = None
        self.hash = None
        self.watching: set[str] = set()
        self.version: dict[str, int] = {}
        self.timeline: dict[str, dict[int, dict]] = collections.defaultdict(dict)
        self.dropped = []  # events not above the version we had
        self.repeats = []  # events that had already been received as an event
        self.received: set[int] = set()
        self.problems: list[str] = []
        self.strict_watch = True
        self.cursor_void = False
        self.resyncs = 0
        self._reset()

    def _reset(self):
        for v in getattr(self, "views", {}).values():
            self.problems += v.problems
        self.ws = None
        self.frames: list[dict] = []
        self.stamps: list[float] = []
        self.answers: dict[int, asyncio.Future] = {}
        self.sent: dict[int, dict] = {}
        self.views: dict[str, View] = {}
        self.welcome = None
        self.closed = asyncio.Event()
        self.close_code = None
        self.moved = asyncio.Condition()
        self.session_last = 0
        self.session_watch: dict[str, int] = {}
        self.was_watched: set[str] = set()
        self.resyncing = False
        self.reader = None
        self.gate = asyncio.Event()
        self.gate.set()

    # ---- life
    async def connect(self, **kw):
        if self.ws is not None:
            await self.abort()
        self._reset()
        kw.setdefault("subprotocols", ["dibs.v1"])
        self.ws = await connect(self.server.ws, max_size=None, ping_interval=None, compression=None, proxy=None,
                                open_timeout=T, close_timeout=2, **kw)
        Client.all_open.append(self)
        self.reader = asyncio.create_task(self._read())
        return self

    async def hello(self, resume=None, **extra):
        frame = {"type": "hello", "id": next(self.ids), "token": self.token, "client": "wire-suite/1", **extra}
        if resume is not None:
            frame["resume"] = resume
        return await self.command_frame(frame)

    async def start(self, resume=None):
        await self.connect()
        await self.hello(resume)
        return self

    def resume_frame(self):
        """Exactly per the contract: the hash only with the very seq it belongs to."""
        r = {"epoch": self.epoch, "seq": self.cursor, "watching": sorted(self.watching)}
        if self.hash is not None:
            r["hash"] = self.hash
        return r

    async def reconnect(self, resume=True):
        """Dial again, with `resume` (its own by default; a dict: that one)."""
        frame = None
        if isinstance(resume, dict):
            frame = resume
        elif resume and self.cursor is not None and not self.cursor_void:
            frame = self.resume_frame()
        await self.connect()
        welcome = await self.hello(frame)
        return welcome

    async def reconnect_patiently(self, seconds=T, resume=True):
        end = time.monotonic() + seconds
        while True:
            try:
                return await self.reconnect(resume)
            except (OSError, websockets.WebSocketException, Closed, asyncio.TimeoutError, Refused) as e:
                if isinstance(e, Refused) and e.code != "unavailable" or time.monotonic() > end:
                    raise
                await asyncio.sleep(0.05)

    async def abort(self):
        """A cut line: no close frame."""
        if self.ws is not None:
            self.gate.set()
            self.ws.transport.abort()
            await self._finish()

    async def close(self):
        if self.ws is not None:
            self.gate.set()
            try:
                await asyncio.wait_for(self.ws.close(), 3)
            except Exception:
                self.ws.transport.abort()
            await self._finish()

    async def _finish(self):
        if self.reader:
            try:
                await asyncio.wait_for(asyncio.shield(self.reader), 3)
            except (asyncio.TimeoutError, asyncio.CancelledError):
                self.reader.cancel()
        self.ws = None
        if self in Client.all_open:
            Client.all_open.remove(self)

    # ---- sending
    async def send_raw(self, data, **kw):
        await self.ws.send(data, **kw)

    async def send(self, frame):
        await self.ws.send(json.dumps(frame, ensure_ascii=False))

    async def post(self, type_, **fields):
        """Send a command and return the future of its answer."""
        i = fields.pop("id", None)
        if i is None:
            i = next(self.ids)
        frame = {"type": type_, "id": i, **fields}
        return await self.post_frame(frame)

    async def post_frame(self, frame):
        fut = asyncio.get_running_loop().create_future()
        if self.closed.is_set():
            raise Closed(f"{self.name}: closed with {self.close_code}")
        self.answers[frame["id"]] = fut
        self.sent[frame["id"]] = frame
        try:
            await self.send(frame)
        except websockets.ConnectionClosed as e:
            raise Closed(str(e)) from e
        return fut

    async def ask(self, type_, timeout=T, **fields):
        """The answer, whatever it is."""
        fut = await self.post(type_, **fields)
        return await asyncio.wait_for(fut, timeout)

    async def cmd(self, type_, timeout=T, **fields):
        """The `ok`, or Refused."""
        a = await self.ask(type_, timeout, **fields)
        if a["type"] == "error":
            raise Refused(a)
        return a

    async def command_frame(self, frame, timeout=T):
        a = await asyncio.wait_for(await self.post_frame(frame), timeout)
        if a["type"] == "error":
            raise Refused(a)
        return a

    async def refused(self, code, type_, **fields):
        """The command must be refused with this code (or one of these)."""
        codes = {code} if isinstance(code, str) else set(code)
        a = await self.ask(type_, **fields)
        assert a["type"] == "error", f"{type_} {str(fields)[:300]} should be refused with {codes}, got {str(a)[:600]}"
        assert a["code"] in codes, f"{type_} {str(fields)[:300]} should be refused with {codes}, got {str(a)[:600]}"
        return a

    async def typing(self, conversation, what="reply", on=True):
        await self.send({"type": "typing", "conversation": conversation, "in": what, "on": on})

    # ---- shorthands
    async def watch(self, conversation, **kw):
        return await self.cmd("watch", conversation=conversation, **kw)

    async def claim(self, conversation):
        return (await self.cmd("claim", conversation=conversation))["token"]

    async def reply(self, conversation, token, seen, text="thanks", k=None, **kw):
        return await self.cmd("reply", conversation=conversation, token=token, seen=seen, text=text, key=k or key(), **kw)

    async def note(self, conversation, text, k=None, **kw):
        return await self.cmd("note", conversation=conversation, text=text, key=k or key(), **kw)

    async def update(self, conversation, **kw):
        return await self.cmd("update", conversation=conversation, **kw)

    async def open_view(self, view="v", filter=None, sort="newest", **kw):
        return await self.cmd("open_view", view=view, filter=filter or {}, sort=sort, **kw)

    async def list_all(self, filter=None, sort="newest", limit=200):
        out, after = [], None
        for _ in range(500):
            kw = {"after": after} if after is not None else {}
            a = await self.cmd("list", filter=filter or {}, sort=sort, limit=limit, **kw)
            out += a["conversations"]
            after = a.get("cursor")
            if after is None:
                return out
        raise AssertionError("the list never ends")

    async def summary_of(self, conversation):
        """The summary by a fresh watch on a session of its own would move viewers; a list by id does not exist: watch."""
        was = conversation in self.watching
        s = (await self.watch(conversation, limit=1))["summary"]
        if not was:
            await self.cmd("unwatch", conversation=conversation)
        return s

    # ---- receiving
    async def _read(self):
        ws = self.ws
        try:
            while True:
                await self.gate.wait()
                data = await ws.recv()
                if isinstance(data, bytes):
                    self.problems.append("the server sent a binary frame")
                    continue
                if len(data) > 1 << 18 and len(data.encode()) > 1 << 20:
                    self.problems.append(f"a server frame of {len(data.encode())} bytes, over 1 MiB")
                frame = json.loads(data)
                try:
                    self._take(frame)
                except Exception as e:  # a frame of an unexpected shape is a finding, not a crash of the suite
                    self.problems.append(f"cannot digest {data[:500]}: {e!r}")
                async with self.moved:
                    self.moved.notify_all()
        except websockets.ConnectionClosed:
            pass
        finally:
            self.close_code = ws.close_code
            self.closed.set()
            for f in self.answers.values():
                if not f.done():
                    f.set_exception(Closed(f"{self.name}: closed with {ws.close_code} {ws.close_reason!r}"))
                    f.exception()
            async with self.moved:
                self.moved.notify_all()

    def _problem(self, text, frame):
        self.problems.append(f"[{self.name}] {text}: {json.dumps(frame)[:500]}")

    def _entry(self, e, frame):
        """The promises about every event, pushed or in `entries`."""
        if not isinstance(e.get("seq"), int) or e["seq"] < 1:
            self._problem("seq is no positive integer", frame)
        if not TIME_RE.match(e.get("at", "")):
            self._problem("at is not RFC 3339 UTC with milliseconds", frame)
        if e.get("actor", {}).get("kind") not in ("agent", "bot", "customer", "channel", "system"):
            self._problem("unknown actor kind", frame)
        ev = e["event"]
        if ev["kind"] == "agent_seen":
            self._problem("agent_seen is never sent to sessions", frame)
        elif ev["kind"] not in EVENT_KINDS:
            self._problem(f"unknown event kind {ev['kind']}", frame)
        for k, v in ev.items():
            if v is None and k not in ("from", "to"):
                self._problem(f"null in an event's field {k}", frame)
        self._times(e, frame)

    def _times(self, v, frame):
        if isinstance(v, dict):
            for k, x in v.items():
                if k in TIME_KEYS and isinstance(x, str) and not TIME_RE.match(x):
                    self._problem(f"time {k}={x!r} is not RFC 3339 UTC with milliseconds", frame)
                if isinstance(x, (dict, list)):
                    self._times(x, frame)
        elif isinstance(v, list):
            for x in v:
                if isinstance(x, (dict, list)):
                    self._times(x, frame)

    def _summary(self, s, frame):
        missing = SUMMARY_FIELDS - set(s)
        if missing:
            self._problem(f"a summary lacks {sorted(missing)}", frame)
        lm = s.get("last_message")
        if lm and len(lm["excerpt"]) > 140:
            self._problem("an excerpt over 140 characters", frame)

    def _watched(self, conversation, summary, entries, frame):
        self._summary(summary, frame)
        for e in entries:
            self._entry(e, frame)
            if "type" in e:
                self._problem("entries are event frames without type", frame)
            if e["seq"] > summary["version"]:
                self._problem("an entry above the summary's version", frame)
        seqs = [e["seq"] for e in entries]
        if seqs != sorted(set(seqs)):
            self._problem("entries do not ascend", frame)
        self.watching.add(conversation)
        self.was_watched.add(conversation)
        self.session_watch[conversation] = summary["version"]
        self.version[conversation] = max(self.version.get(conversation, 0), summary["version"])
        for e in entries:
            self.timeline[conversation].setdefault(e["seq"], e)

    def _take(self, f):
        self.frames.append(f)
        self.stamps.append(time.monotonic())
        t = f.get("type")
        if t not in FRAME_TYPES:
            self._problem("a frame type the contract does not know", f)
        if t in ("ok", "error", "welcome"):
            i = f.get("id")
            asked = self.sent.get(i) if isinstance(i, int) else None
            if t == "error":
                if f.get("code") not in CODES:
                    self._problem("an unknown error code", f)
                if not isinstance(f.get("message"), str) or not f["message"]:
                    self._problem("an error without a sentence for a person", f)
            if t == "ok" and asked is not None:
                self._answer(asked, f)
            if t == "welcome":
                self._welcome(f, asked)
            fut = self.answers.get(i) if isinstance(i, int) else None
            if fut is not None:
                if fut.done():
                    self._problem("a command answered twice", f)
                else:
                    fut.set_result(f)
        elif t == "event":
            self._event(f)
        elif t == "position":
            if not TIME_RE.match(f.get("time", "")):
                self._problem("position without time", f)
            if self.session_last > f["seq"]:
                self._problem(f"position below an event ({self.session_last}) sent before it", f)
            self.resyncing = False
            if f["seq"] >= (self.cursor or 0):
                self.cursor, self.hash = f["seq"], f["hash"]
            self.session_last = max(self.session_last, f["seq"])
        elif t == "resync":
            self.resyncing = True
            self.resyncs += 1
            if "epoch" in f:
                self.cursor_void = True
        elif t == "snapshot":
            if f["of"] == "watch":
                self._watched(f["conversation"], f["summary"], f["entries"], f)
            else:
                self.views[f["view"]] = View(f["view"], f)
        elif t == "view_changed":
            v = self.views.get(f["view"])
            if v is None:
                self._problem("view_changed before the answer of open_view", f)
            else:
                for s in f["upserts"]:
                    self._summary(s, f)
                v.apply(f)
        elif t == "summary":
            self._summary(f["summary"], f)
            if f["summary"]["id"] not in self.was_watched:
                self._problem("a summary of what is not watched", f)
        elif t == "viewers":
            if f["conversation"] not in self.was_watched:
                self._problem("viewers of what is not watched", f)
            names = [v["agent"] for v in f["viewers"]]
            if len(names) != len(set(names)):
                self._problem("more than one entry an agent among the viewers", f)
            if len(names) > 50:
                self._problem("more than 50 viewers", f)
        elif t == "revoked":
            self.watching.discard(f["conversation"])
        self._times(f, f) if t != "event" else None

    def _answer(self, asked, f):
        kind = asked["type"]
        if kind == "watch":
            c = asked["conversation"]
            self._watched(c, f["summary"], f["entries"], f)
        elif kind == "unwatch":
            self.watching.discard(asked["conversation"])
        elif kind == "history":
            for e in f["entries"]:
                self._entry(e, f)
                self.timeline[asked["conversation"]].setdefault(e["seq"], e)
        elif kind == "open_view":
            self.views[asked["view"]] = View(asked["view"], f)
            for s in f["conversations"]:
                self._summary(s, f)
        elif kind == "close_view":
            pass
        elif kind == "list":
            for s in f["conversations"]:
                self._summary(s, f)

    def _welcome(self, f, asked):
        self.welcome = f
        resume = (asked or {}).get("resume")
        if f["resumed"]:
            if not resume:
                self._problem("resumed without having asked", f)
            else:
                self.session_last = resume["seq"]
                for c in resume["watching"]:
                    self.was_watched.add(c)
                    self.session_watch[c] = resume["seq"]
            self.epoch = f["epoch"]
        else:
            self.epoch, self.cursor, self.hash = f["epoch"], f["seq"], f["hash"]
            self.cursor_void = False
            self.watching = set()

    def _event(self, f):
        seq, c = f["seq"], f["conversation"]
        self._entry(f, f)
        if seq <= self.session_last:
            self._problem(f"an event at or below {self.session_last}, which this session had already passed", f)
        self.session_last = max(self.session_last, seq)
        if self.strict_watch:
            if c not in self.was_watched:
                self._problem("an event of what is not watched (or before the answer of its watch)", f)
            elif seq <= self.session_watch.get(c, 0):
                self._problem(f"an event that was already in the answer (version {self.session_watch[c]})", f)
        if seq in self.received:
            self.repeats.append(f)
        self.received.add(seq)
        if seq <= self.version.get(c, 0):
            self.dropped.append(f)
        else:
            self.version[c] = seq
            self.timeline[c][seq] = {k: v for k, v in f.items() if k != "type"}
        if not self.resyncing and seq > (self.cursor or 0):
            self.cursor, self.hash = seq, None

    # ---- waiting
    def mark(self):
        return len(self.frames)

    def since(self, mark=0, type_=None, **want):
        return [f for f in self.frames[mark:] if (type_ is None or f.get("type") == type_)
                and all(f.get(k) == v for k, v in want.items())]

    async def wait_for(self, pred, timeout=T, since=0, what=""):
        """The first frame (from `since` on) for which pred holds."""
        end = time.monotonic() + timeout
        at = since
        while True:
            while at < len(self.frames):
                if pred(self.frames[at]):
                    return self.frames[at]
                at += 1
            left = end - time.monotonic()
            if left <= 0 or self.closed.is_set():
                tail = [json.dumps(f)[:300] for f in self.frames[since:]][-12:]
                raise AssertionError(f"[{self.name}] waited {timeout} s in vain for {what or pred} "
                                     f"(closed: {self.close_code}); the last frames since:\n" + "\n".join(tail))
            async with self.moved:
                if at < len(self.frames) or self.closed.is_set():
                    continue
                try:
                    await asyncio.wait_for(self.moved.wait(), left)
                except asyncio.TimeoutError:
                    pass

    async def push(self, type_, timeout=T, since=0, **want):
        return await self.wait_for(
            lambda f: f.get("type") == type_ and all(f.get(k) == v for k, v in want.items()), timeout, since,
            f"a push {type_} {want}")

    async def event(self, kind, timeout=T, since=0, conversation=None, **want):
        return await self.wait_for(
            lambda f: f.get("type") == "event" and f["event"]["kind"] == kind
            and (conversation is None or f["conversation"] == conversation)
            and all(f["event"].get(k) == v for k, v in want.items()), timeout, since, f"an event {kind} {want}")

    async def wait_closed(self, timeout=T):
        await asyncio.wait_for(self.closed.wait(), timeout)
        return self.close_code

    async def settle(self):
        """All that was on its way to this session when called has (very probably) arrived."""
        await self.cmd("ping")
        await asyncio.sleep(0.3)
        await self.cmd("ping")

    async def quiet(self, seconds=0.8, timeout=T):
        """Until no frame has come for `seconds`."""
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            last = self.stamps[-1] if self.stamps else 0
            rest = last + seconds - time.monotonic()
            if rest <= 0:
                return
            await asyncio.sleep(min(rest, 0.2))

    def events(self, conversation=None, since=0):
        return [f for f in self.frames[since:] if f.get("type") == "event"
                and (conversation is None or f["conversation"] == conversation)]

    def check(self):
        problems = list(self.problems)
        for v in self.views.values():
            problems += v.problems
        return problems


# ------------------------------------------------------------------------------------------------ a workspace
class Workspace:
    """A workspace of its own for a test: agents, a channel, HTTP."""

    def __init__(self, server, name=None):
        self.server = server
        self.name = name or "w" + uuid.uuid4().hex[:12]
        self.clients: list[Client] = []
        self.seen_agents: dict[str, tuple] = {}
        self._http = None

    def token(self, sub="priya", role="agent", **kw):
        kw.setdefault("workspace", self.name)
        return make_token(sub, role=role, **kw)

    def channel_token(self, **kw):
        return self.token("adapter", role="channel", **kw)

    async def agent(self, sub="priya", role="agent", resume=None, **kw) -> Client:
        kw.setdefault("name", sub.capitalize())
        c = Client(self.server, self.token(sub, role=role, **kw), name=sub)
        c.agent_id = sub
        self.clients.append(c)
        await c.start(resume)
        self.seen_agents[sub] = (kw["name"], role, tuple(kw.get("teams", ())))
        return c

    async def supervisor(self, sub="sue", **kw):
        return await self.agent(sub, role="supervisor", **kw)

    @property
    def base(self):
        return f"{self.server.http}/v1/workspaces/{self.name}"

    async def http(self, method, path, token=None, json_=None, params=None, raw=None, headers=None, timeout=T, url=None):
        """→ (status, body, headers)"""
        if self._http is None:
            self._http = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=64))
        h = dict(headers or {})
        if token is not None:
            h["Authorization"] = f"Bearer {token}"
        data = raw
        if json_ is not None:
            data = json.dumps(json_, ensure_ascii=False).encode()
        if data is not None:
            h.setdefault("Content-Type", "application/json")
        async with self._http.request(method, url or self.base + path, data=data, params=params, headers=h,
                                      timeout=aiohttp.ClientTimeout(total=timeout)) as r:
            text = await r.text()
            try:
                body = json.loads(text)
            except ValueError:
                body = text
            return r.status, body, r.headers

    async def post_message(self, channel="mail", customer="c-1", text="hello", k=None, token=None, **kw):
        cust = customer if isinstance(customer, dict) else {"id": customer, "name": f"Name of {customer}"}
        body = {"key": k or key(), "channel": channel, "customer": cust, "text": text, **kw}
        return await self.http("POST", "/messages", token or self.channel_token(), body)

    async def ingest(self, channel="mail", customer=None, text="hello", **kw):
        """A message must go in; by default of a customer of its own."""
        status, body, _ = await self.post_message(channel, customer or "c-" + uuid.uuid4().hex[:8], text, **kw)
        assert status in (200, 201), f"ingest: {status} {body}"
        return body

    async def conversation(self, **kw):
        return (await self.ingest(**kw))["conversation"]

    async def many(self, n, **kw):
        return list(await gather_some(16, [self.ingest(**kw) for _ in range(n)]))

    async def events_of(self, conversation, token=None):
        """All of a conversation's events, over HTTP."""
        token = token or self.token("http-reader", role="supervisor")
        out, after = [], 0
        for _ in range(10000):
            s, b, _ = await self.http("GET", f"/conversations/{conversation}/events", token,
                                      params={"after": str(after), "limit": "200"})
            assert s == 200, (s, b)
            out += b["entries"]
            if not b["more"]:
                return out
            assert b["entries"], "more, but no entries"
            after = b["entries"][-1]["seq"]
        raise AssertionError("the events never end")

    async def get_summary(self, conversation, token=None):
        s, b, _ = await self.http("GET", f"/conversations/{conversation}", token or self.token("http-reader", role="supervisor"))
        assert s == 200, (s, b)
        return b["summary"] if "summary" in b else b

    async def close(self):
        problems = []
        for c in self.clients:
            problems += c.check()
            await c.close()
        if self._http is not None:
            await self._http.close()
        return problems


async def gather_some(n, coros):
    sem = asyncio.Semaphore(n)

    async def one(c):
        async with sem:
            return await c

    return await asyncio.gather(*[one(c) for c in coros])


async def eventually(probe, timeout=T, every=0.05, what=""):
    end = time.monotonic() + timeout
    last = None
    while True:
        try:
            last = await probe()
            if last:
                return last
        except AssertionError as e:
            last = e
        if time.monotonic() > end:
            raise AssertionError(f"not within {timeout} s: {what or probe}; last: {last}")
        await asyncio.sleep(every)


def iso(delta):
    t = time.time() + delta
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(t)) + f".{int(t % 1 * 1000):03d}Z"


def mention_names(m):
    """The agents and teams of an answer's or event's `mentions`."""
    if isinstance(m, dict):
        return set(m.get("agents", [])), set(m.get("teams", []))
    return set(m), set()


def kinds(entries):
    return [e["event"]["kind"] for e in entries]


rng = random.Random(int(os.environ.get("DIBS_SEED", "0")) or None)
