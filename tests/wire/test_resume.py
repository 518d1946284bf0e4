"""Resume, grace, crashes, drain: nothing is lost and nothing is repeated."""
import asyncio

import random
import socket
import time

import pytest
import websockets

from dibswire import Client, Closed, Refused, Workspace, eventually, key, kinds, now_id

OWN = pytest.mark.own_server


async def test_a_resume_replays_what_was_missed_then_position(w):
    c, d = await w.conversation(customer="c"), await w.conversation(customer="d")
    p = await w.agent()  # its cursor: the welcome's seq
    await p.watch(c)
    await p.abort()
    ms = [await w.ingest(customer="c", text=f"{i}") for i in range(5)]
    await w.ingest(customer="d")
    welcome = await p.reconnect()
    assert welcome["resumed"] is True
    pos = await p.push("position")
    at = p.frames.index(pos)
    assert [f["seq"] for f in p.frames[:at] if f["type"] == "event"] == [m["seq"] for m in ms]
    assert pos["seq"] >= welcome["seq"] >= ms[-1]["seq"]
    m = await w.ingest(customer="c")
    assert (await p.event("message_received", since=at))["seq"] == m["seq"], "watched again without another command"
    await w.ingest(customer="d")
    await p.settle()
    assert not p.events(d)


async def test_a_resume_that_missed_nothing_is_resumed(w):
    c = await w.conversation()
    p = await w.agent()
    await p.watch(c)
    await p.abort()
    assert (await p.reconnect())["resumed"] is True
    await p.push("position")
    assert not p.events() and not p.dropped


async def test_a_resume_without_watching_and_without_hash(w):
    p = await w.agent()
    await p.abort()
    w1 = await p.reconnect({"epoch": p.epoch, "seq": p.cursor, "watching": []})
    assert w1["resumed"] is True


async def test_what_the_watch_answered_is_replayed_only_from_the_cursor_on(w):
    """The cursor never moves by an answer: events between the old cursor and the snapshot come again, and are dropped."""
    p = await w.agent()
    c = await w.conversation(customer="c")
    ms = [await w.ingest(customer="c") for _ in range(3)]
    a = await p.watch(c)
    cut = p.cursor
    assert a["summary"]["version"] == ms[-1]["seq"] > cut
    await p.abort()
    await p.reconnect()
    await p.push("position")
    assert [f["seq"] for f in p.events(c)] == [e["seq"] for e in await w.events_of(c) if e["seq"] > cut]
    assert len(p.dropped) == len(p.events(c)) and not p.repeats


async def test_every_event_after_the_cursor_is_replayed_exactly_once(w):
    p = await w.agent()
    cs = [await w.conversation(customer=f"c{i}") for i in range(4)]
    for i in range(12):
        await w.ingest(customer=f"c{i % 4}")
    all_ = sorted([e["seq"] for c in cs for e in await w.events_of(c)])
    for back in (0, 1, 3, 7, 12, len(all_) - 1):
        cut = all_[-1 - back]
        p.received.clear()
        assert (await p.reconnect({"epoch": p.epoch, "seq": cut, "watching": cs}))["resumed"] is True
        await p.push("position")
        assert [f["seq"] for f in p.events()] == [s for s in all_ if s > cut]


@pytest.mark.parametrize("wrong", ["epoch", "hash", "ahead", "far ahead"])
async def test_a_resume_that_does_not_fit_is_not_resumed_and_nothing_is_watched(w, wrong):
    p = await w.agent()
    c = await w.conversation(customer="c")
    await p.watch(c)
    await p.close()
    p2 = await w.agent("sam")  # its cursor has a hash: that of its welcome
    h, seq = p2.welcome["hash"], p2.welcome["seq"]
    await p2.close()
    r = {"epoch": p2.epoch, "seq": seq, "hash": h, "watching": [c]}
    r.update({"epoch": {"epoch": "another"}, "hash": {"hash": ("0" if h[0] != "0" else "1") + h[1:]}, "ahead": {"seq": seq + 50},
              "far ahead": {"seq": 2**53 - 1}}[wrong])
    if wrong in ("ahead", "far ahead"):
        del r["hash"]
    welcome = await p.reconnect(r)
    assert welcome["resumed"] is False
    await w.ingest(customer="c")
    await p.settle()
    assert not p.events() and not p.since(0, "summary") and not p.since(0, "viewers")
    await p.watch(c)


async def test_the_right_hash_is_resumed(w):
    p = await w.agent()
    c = await w.conversation(customer="c")
    await p.watch(c)
    await p.abort()
    await p.reconnect()
    pos = await p.push("position")
    await p.abort()
    r = p.resume_frame()
    assert r["hash"] == pos["hash"] and r["seq"] == pos["seq"]
    for _ in range(3):
        await w.ingest(customer="c")
    assert (await p.reconnect(r))["resumed"] is True
    await p.push("position")
    assert len(p.events(c)) == 3


async def test_an_old_hash_of_the_chain_still_fits(w):
    p = await w.agent()
    r = p.resume_frame()
    assert "hash" in r
    await p.close()
    c = await w.conversation(customer="c")
    for _ in range(20):
        await w.ingest(customer="c")
    assert (await p.reconnect({**r, "watching": [c]}))["resumed"] is True
    await p.push("position")
    assert len(p.events(c)) == 22


async def test_views_do_not_survive_a_connection(w):
    p = await w.agent()
    await p.open_view("v")
    await p.abort()
    await p.reconnect()
    await w.ingest()
    await p.settle()
    assert not p.since(0, "view_changed")
    await p.open_view("v")


async def test_a_hello_without_resume_watches_nothing(w):
    p = await w.agent()
    c = await w.conversation(customer="c")
    await p.watch(c)
    await p.abort()
    assert (await p.reconnect(False))["resumed"] is False
    await w.ingest(customer="c")
    await p.settle()
    assert not p.events()


async def test_what_was_unwatched_is_not_replayed(w):
    p = await w.agent()
    c = await w.conversation(customer="c")
    await p.watch(c)
    await p.cmd("unwatch", conversation=c)
    await p.abort()
    await w.ingest(customer="c")
    await p.reconnect()
    await p.settle()
    assert not p.events()


async def test_a_long_replay_is_complete(w):
    p, q = await w.agent("priya"), await w.agent("sam")
    cs = [m["conversation"] for m in await w.many(5)]
    for c in cs:
        await p.watch(c)
    await p.abort()
    cut = p.cursor
    futs = [await q.post("note", conversation=random.choice(cs), key=key(), text="x" * 800) for _ in range(2000)]
    answers = await asyncio.wait_for(asyncio.gather(*futs), 60)
    assert all(a["type"] == "ok" for a in answers)
    welcome = await p.reconnect()
    assert welcome["resumed"] is True
    await p.push("position")
    want = sorted([e["seq"] for c in cs for e in await w.events_of(c) if e["seq"] > cut])
    assert [f["seq"] for f in p.events()] == want and len(want) >= 2000


async def load(w, convs, stop, customers):
    """Notes, messages, updates, as fast as two agents do them."""
    a, b = await w.agent("load-a"), await w.agent("load-b")

    async def one(x):
        while not stop.is_set():
            c = random.choice(convs)
            await x.ask("note", conversation=c, key=key(), text="n")
            await x.ask("update", conversation=c, subject=str(random.random()))
            await asyncio.sleep(0.002)

    async def cust():
        while not stop.is_set():
            await w.ingest(customer=random.choice(customers))
            await asyncio.sleep(0.005)

    await asyncio.gather(one(a), one(b), cust())


@pytest.mark.slow
@pytest.mark.parametrize("seed", [11, 12])
async def test_six_random_cuts_under_load_miss_nothing_and_repeat_nothing(w, seed):
    random.seed(seed)
    customers = [f"c{i}" for i in range(8)]
    convs = [await w.conversation(customer=c) for c in customers]
    p = await w.agent("priya")
    for c in convs[:6]:
        await p.watch(c)
    stop = asyncio.Event()
    task = asyncio.create_task(load(w, convs, stop, customers))
    try:
        for i in range(6):
            await asyncio.sleep(random.uniform(0.2, 1.0))
            await p.abort()
            await asyncio.sleep(random.choice([0, 0.05, 0.5]))
            welcome = await p.reconnect()
            assert welcome["resumed"] is True, welcome
            if i == 2:  # cut again in the middle of the replay
                await p.abort()
                assert (await p.reconnect())["resumed"] is True
            if i == 3:  # and watch one more
                await p.watch(convs[6])
    finally:
        stop.set()
        await task
    await p.settle()
    assert not p.repeats, p.repeats[:3]
    for c in convs[:7]:
        want = [e["seq"] for e in await w.events_of(c)]
        got = sorted(p.timeline[c])
        first = got[0]
        assert got == [s for s in want if s >= first], f"missed {sorted(set(want) - set(got))[:10]}"
    ev = {e["seq"]: e for c in convs[:7] for e in await w.events_of(c)}
    for c in convs[:7]:
        for s, e in p.timeline[c].items():
            assert e == ev[s], "a replayed event is the event"


@pytest.mark.slow
async def test_position_comes_with_the_heartbeat_and_moves_an_idle_cursor(w):
    p = await w.agent("priya")
    c = await w.conversation()
    await p.watch(c)
    for _ in range(5):
        await w.ingest(customer="elsewhere")
    t = time.monotonic()
    f = None
    while time.monotonic() - t < 32 and f is None:
        f = next(iter(p.since(0, "position")), None)
        await asyncio.sleep(0.2)
    assert f and f["hash"]
    head = (await w.agent("zed")).welcome["seq"]
    assert f["seq"] >= head - 1 and p.cursor == f["seq"] and p.hash == f["hash"]
    r = p.resume_frame()
    await p.abort()
    assert "hash" in r and (await p.reconnect(r))["resumed"] is True


@pytest.mark.slow
async def test_a_silent_client_is_closed_with_4009_and_one_that_pongs_is_not(w):
    """A raw socket that never answers a ping; beside it one that does."""
    p = await w.agent("priya")
    c = Client(w.server, w.token("mute"), "mute")
    w.clients.append(c)
    await c.start()
    proto = c.ws.protocol  # websockets answers pings there: cut its pongs off at the source
    real = proto.send_frame
    proto.send_frame = lambda frame: None if frame.opcode == 0xA else real(frame)
    t = time.monotonic()
    while time.monotonic() - t < 100 and not c.closed.is_set():
        await asyncio.sleep(0.5)
    assert c.close_code == 4009 and 50 < time.monotonic() - t < 95
    assert not p.closed.is_set()


@pytest.mark.slow
async def test_a_stalled_reader_is_told_all_or_resynced_or_closed_and_then_knows_everything(w):
    p, q = await w.agent("priya"), await w.agent("sam")
    m = await w.ingest(customer="c")
    c = m["conversation"]
    await p.watch(c)
    await p.open_view("v", {}, "newest")
    p.gate.clear()
    for _ in range(400):
        await w.ingest(customer="c", text="x" * 60000)
    n = await q.note(c, "@priya wake up")
    p.gate.set()
    try:
        await p.wait_for(lambda f: p.version.get(c, 0) >= n["seq"] and not p.resyncing, 10)
        await p.push("mention")
    except AssertionError:
        assert p.closed.is_set() and p.close_code in (4009, 1006), p.close_code
        await p.reconnect()
        if p.watching:
            await p.push("position")
        else:
            await p.watch(c)
    await p.quiet()
    have = set(p.timeline[c])
    lowest = min(s for s in have)
    if not p.resyncs:
        assert have >= {e["seq"] for e in await w.events_of(c) if e["seq"] >= lowest}
    assert p.version[c] == n["seq"]
    assert (await p.cmd("mentions"))["unread"] == 1


# ---------------------------------------------------------------------------------------------- grace and idleness
@OWN
async def test_a_blip_keeps_a_claim(own_w):
    w = own_w("--claim-grace", "2s")
    p, q = await w.agent("priya"), await w.agent("sam")
    c = await w.conversation()
    await q.watch(c)
    t = await p.claim(c)
    for _ in range(3):
        await p.abort()
        await asyncio.sleep(0.8)
        await p.reconnect()
        assert [(x["conversation"], x["token"]) for x in p.welcome["claims"]] == [(c, t)]
    await asyncio.sleep(3)
    assert not [f for f in q.events() if f["event"]["kind"] == "claim_expired"]
    assert await p.claim(c) == t


@OWN
@pytest.mark.parametrize("how", ["close", "abort"])
async def test_leaving_frees_the_claim_after_the_grace(own_w, how):
    w = own_w("--claim-grace", "2s")
    p, q = await w.agent("priya"), await w.agent("sam")
    m = await w.ingest()
    c = m["conversation"]
    await q.watch(c)
    t = await p.claim(c)
    await getattr(p, how)()
    left = time.monotonic()
    await q.refused("already_claimed", "claim", conversation=c)
    e = await q.event("claim_expired", timeout=8)
    took = time.monotonic() - left
    assert 1.5 < took < 6, took
    assert e["event"] == {"kind": "claim_expired", "agent": "priya", "token": t, "reason": "holder_gone"} and e["actor"]["kind"] == "system"
    s = await q.summary_of(c)
    assert s["claim"] is None and s["assignee"] == "priya"
    t2 = await q.claim(c)
    await p.reconnect()
    assert p.welcome["claims"] == []
    await p.refused("claim_lost", "reply", conversation=c, token=t, key=key(), seen=m["seq"], text="x")
    assert t2 > t


@OWN
async def test_one_of_two_sessions_is_enough_to_keep_a_claim(own_w):
    w = own_w("--claim-grace", "2s")
    p, p2, q = await w.agent("priya"), await w.agent("priya"), await w.agent("sam")
    c = await w.conversation()
    t = await p.claim(c)
    await p.close()
    await asyncio.sleep(4)
    assert (await q.summary_of(c))["claim"]["token"] == t
    assert await p2.claim(c) == t


@OWN
@pytest.mark.slow
async def test_an_idle_claim_expires_and_a_busy_one_does_not(own_w):
    w = own_w("--claim-idle", "3s")
    p, q = await w.agent("priya"), await w.agent("sam")
    m1, m2 = await w.ingest(), await w.ingest()
    idle, busy = m1["conversation"], m2["conversation"]
    await q.watch(idle)
    await q.watch(busy)
    t1, t2 = await p.claim(idle), await p.claim(busy)
    start = time.monotonic()
    while time.monotonic() - start < 7:
        await p.reply(busy, t2, m2["seq"], "still here")
        await asyncio.sleep(1)
    e = await q.event("claim_expired", conversation=idle, timeout=3)
    assert e["event"]["reason"] == "idle" and e["event"]["token"] == t1
    f = await p.push("claim_lost", conversation=idle)
    assert f["token"] == t1
    assert (await q.summary_of(busy))["claim"]["token"] == t2
    await q.event("claim_expired", conversation=busy, timeout=8)


@OWN
async def test_after_a_crash_all_holders_have_just_left(own_w):
    w = own_w("--claim-grace", "2s")
    p, q = await w.agent("priya"), await w.agent("sam")
    c, d = await w.conversation(), await w.conversation()
    t, u = await p.claim(c), await q.claim(d)
    w.server.restart()
    await q.reconnect_patiently()
    assert [x["token"] for x in q.welcome["claims"]] == [u]
    await q.watch(c)
    if (await q.summary_of(c))["claim"] is not None:
        await q.event("claim_expired", timeout=8, reason="holder_gone")
    await asyncio.sleep(2)
    assert (await q.summary_of(d))["claim"]["token"] == u, "the one who came back keeps his"


# ---------------------------------------------------------------------------------------------- crashes
@OWN
async def test_resume_after_kill_9(own_w):
    w = own_w()
    p, q = await w.agent("priya"), await w.agent("sam")
    c = await w.conversation(customer="c")
    await p.watch(c)
    for i in range(5):
        await w.ingest(customer="c", text=f"{i}")
    await p.settle()
    await p.abort()
    last = await q.note(c, "after the cut")
    epoch = p.epoch
    w.server.restart()
    welcome = await p.reconnect_patiently()
    assert welcome["resumed"] is True and welcome["epoch"] == epoch
    await p.push("position")
    assert [f["seq"] for f in p.events(c)] == [last["seq"]]
    assert welcome["seq"] >= last["seq"]
    assert (await w.ingest(customer="c"))["seq"] > last["seq"]


@OWN
async def test_mentions_and_keys_and_tokens_survive_kill_9(own_w):
    w = own_w()
    p, q = await w.agent("priya"), await w.agent("sam")
    m = await w.ingest(customer="c", k="ingest-key")
    c = m["conversation"]
    t = await p.claim(c)
    r = await p.reply(c, t, m["seq"], "x", "k")
    n = await p.note(c, "@sam look", "k")
    n2 = await p.note(c, "@sam again")
    await q.cmd("read_mentions", up_to=n["seq"])
    await q.cmd("mark_read", conversation=c, up_to=n["seq"])
    snoozed = await w.conversation()
    before = await w.events_of(c)
    w.server.restart()
    await p.reconnect_patiently(resume=False)
    await q.reconnect_patiently(resume=False)
    assert q.welcome["unread_mentions"] == 1
    got = {x["seq"]: x["read"] for x in (await q.cmd("mentions"))["mentions"]}
    assert got == {n["seq"]: True, n2["seq"]: False}
    assert (await p.reply(c, t, m["seq"], "x", "k"))["seq"] == r["seq"]
    d = await p.note(c, "@sam look", "k")
    assert d["seq"] == n["seq"] and d["duplicate"] is True
    s, b, _ = await w.post_message(customer="c", text="hello", k="ingest-key")
    assert s == 200 and b == m, (s, b)
    assert [x["token"] for x in p.welcome["claims"]] == [t]
    assert await w.events_of(c) == before
    await p.reply(c, t, r["seq"], "still the holder")
    assert (await w.get_summary(snoozed))["status"] == "new"


@OWN
async def test_a_snooze_and_an_offer_outlive_kill_9(own_w):
    from dibswire import iso
    w = own_w()
    p, q = await w.agent("priya"), await w.agent("sam")
    c, d = await w.conversation(), await w.conversation()
    t = await p.claim(d)
    await p.cmd("transfer", conversation=d, token=t, to={"agent": "sam"})
    await p.update(c, status="pending", snoozed_until=iso(1.5))
    w.server.kill()
    await asyncio.sleep(2)
    w.server.start()
    await q.reconnect_patiently(resume=False)
    assert [o["conversation"] for o in q.welcome["offers"]] == [d]
    await eventually(lambda: _status(w, c, "open"), 6)
    assert (await q.cmd("answer_transfer", conversation=d, accept=True))["token"] > t


async def _status(w, c, status):
    return (await w.get_summary(c))["status"] == status


@OWN
@pytest.mark.slow
async def test_three_kill_9_in_a_storm_lose_no_acknowledged_write(own_w):
    w = own_w()
    names = [f"a{i}" for i in range(5)]
    agents = [await w.agent(n) for n in names]
    watcher = await w.agent("watcher")
    convs = [await w.conversation(customer=f"c{i}") for i in range(6)]
    for c in convs:
        await watcher.watch(c)
    epoch = watcher.epoch
    acked, unknown, ingested, up, stop = {}, {}, {}, asyncio.Event(), asyncio.Event()
    up.set()

    async def writer(a, n):
        i = 0
        while not stop.is_set():
            await up.wait()
            i += 1
            k, c = f"{n}-{i}", random.choice(convs)
            text = f"note {k}"
            while True:
                try:
                    r = await a.ask("note", conversation=c, key=k, text=text)
                    if r["type"] == "ok":
                        if k in unknown:
                            unknown[k] = r["duplicate"]
                        acked[k] = (c, r["seq"])
                        break
                    assert r["code"] == "unavailable", r
                    await asyncio.sleep(0.05)
                except (Closed, websockets.WebSocketException, OSError, asyncio.TimeoutError):
                    unknown[k] = None
                    await up.wait()
                    if a.ws is None or a.closed.is_set():
                        try:
                            await a.reconnect_patiently(10)
                        except (Closed, Refused, websockets.WebSocketException, OSError, asyncio.TimeoutError):
                            await asyncio.sleep(0.1)

    async def customer(n):
        i = 0
        import aiohttp
        while not stop.is_set():
            await up.wait()
            i += 1
            k = f"in-{n}-{i}"
            while True:
                await up.wait()
                try:
                    s, b, _ = await w.post_message(customer=f"c{n}", text=k, k=k)
                    if s in (200, 201):
                        ingested[k] = b
                        break
                    assert s == 503, (s, b)
                except (aiohttp.ClientError, OSError, asyncio.TimeoutError):
                    pass
                await asyncio.sleep(0.05)

    tasks = [asyncio.create_task(writer(a, n)) for a, n in zip(agents, names)] + [asyncio.create_task(customer(i)) for i in range(3)]
    try:
        for _ in range(3):
            await asyncio.sleep(random.uniform(1.0, 2.5))
            up.clear()
            w.server.kill()
            await asyncio.sleep(0.2)
            w.server.start()
            up.set()
            welcome = await watcher.reconnect_patiently()
            assert welcome["resumed"] is True and welcome["epoch"] == epoch, "the same history"
        await asyncio.sleep(1)
    finally:
        stop.set()
        done = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 30)
    assert not [d for d in done if isinstance(d, BaseException)], done
    await watcher.settle()
    all_ = {c: await w.events_of(c) for c in convs}
    notes = {}
    for c, ev in all_.items():
        for e in ev:
            if e["event"]["kind"] == "note_added":
                notes.setdefault(e["event"]["note"]["text"], []).append((c, e["seq"]))
    for k, where in acked.items():
        assert notes.get(f"note {k}") == [where], f"{k} was acknowledged at {where}, the log has {notes.get(f'note {k}')}"
    assert set(notes) == {f"note {k}" for k in acked}
    stored = [(e["event"]["message"]["text"], e["seq"], e["event"]["message"]["id"]) for ev in all_.values() for e in ev
              if e["event"]["kind"] == "message_received"]
    for k, b in ingested.items():
        assert [(s, i) for t, s, i in stored if t == k] == [(b["seq"], b["message"])], k
    seqs = [e["seq"] for ev in all_.values() for e in ev]
    head = (await w.agent("a0")).welcome["seq"]
    holes = set(range(1, head + 1)) - set(seqs)
    assert len(seqs) == len(set(seqs)) and len(holes) == len(names) + 1, f"holes beside the first hellos: {sorted(holes)}"
    assert not watcher.repeats
    for c in convs:
        got = sorted(watcher.timeline[c])
        assert got == [e["seq"] for e in all_[c] if e["seq"] >= got[0]], "the watcher missed something"
    assert len(acked) > 30 and len(ingested) > 10


# ---------------------------------------------------------------------------------------------- drain
@OWN
async def test_sigterm_says_reconnect_then_1001_and_nothing_is_lost(own_w):
    w = own_w()
    p, q = await w.agent("priya"), await w.agent("sam")
    c = await w.conversation()
    await p.watch(c)
    n = await q.note(c, "x")
    await p.event("note_added")
    w.server.term()
    for x in (p, q):
        f = await x.push("reconnect", timeout=5)
        assert isinstance(f["after_ms"], int) and f["after_ms"] >= 0 and isinstance(f["reason"], str)
        assert await x.wait_closed(10) == 1001
    assert await asyncio.to_thread(w.server.proc.wait, 10) == 0
    w.server.start()
    welcome = await p.reconnect_patiently()
    assert welcome["resumed"] is True
    await p.push("position")
    assert [f["seq"] for f in p.events()] == [] and (await w.events_of(c))[-1]["seq"] == n["seq"]


@OWN
async def test_the_server_exits_within_10_s_though_a_client_does_not_react(own_w):
    w = own_w()
    c = Client(w.server, w.token("stone"), "stone")
    c.strict_watch = False
    await c.start()
    c.gate.clear()
    c.ws.transport.pause_reading()
    half = socket.create_connection(("127.0.0.1", w.server.port))
    half.sendall(b"GET /v1/ws HTTP/1.1\r\nHost: x\r\n")
    poll = asyncio.create_task(w.http("GET", "/outbox", w.channel_token(), params={"channel": "mail", "after": "0", "wait_s": "30"}, timeout=30))
    await asyncio.sleep(0.3)
    t = time.monotonic()
    w.server.term()
    await asyncio.to_thread(w.server.proc.wait, 15)
    assert time.monotonic() - t < 10.5
    half.close()
    poll.cancel()
    await asyncio.gather(poll, return_exceptions=True)
    c.ws.transport.abort()
    c.gate.set()
    await c.abort()


@OWN
async def test_what_was_acknowledged_before_sigterm_is_there_afterwards(own_w):
    w = own_w()
    p = await w.agent()
    c = await w.conversation()
    acked = {}

    async def write():
        i = 0
        while True:
            i += 1
            try:
                r = await p.ask("note", conversation=c, key=f"k{i}", text=f"{i}")
            except (Closed, asyncio.TimeoutError):
                return
            if r["type"] == "ok":
                acked[f"{i}"] = r["seq"]
            else:
                assert r["code"] in ("unavailable",), r
                await asyncio.sleep(0.02)

    task = asyncio.create_task(write())
    await asyncio.sleep(0.7)
    w.server.term()
    await asyncio.wait_for(task, 12)
    await asyncio.to_thread(w.server.proc.wait, 12)
    w.server.start()
    stored = {e["event"]["note"]["text"]: e["seq"] for e in await w.events_of(c) if e["event"]["kind"] == "note_added"}
    assert acked and all(stored.get(k) == s for k, s in acked.items())


@OWN
async def test_two_programs_do_not_share_a_folder(own_w):
    from dibswire import Server
    w = own_w()
    s = Server(data=w.server.data)
    try:
        with pytest.raises(RuntimeError):
            s.start(timeout=8)
    finally:
        s.close()
    assert w.server.alive()
    await w.ingest()
