"""Viewers, typing, activity, presence: what is not durable."""
import asyncio
import time

import pytest

from dibswire import Refused, eventually


async def viewers(c, conversation, names, typing=None, timeout=5, since=0):
    """Until the newest `viewers` push says exactly these."""
    def ok(_):
        got = c.since(since, "viewers", conversation=conversation)
        if not got:
            return False
        f = got[-1]
        t = {v["agent"]: v["typing"] for v in f["viewers"] if "typing" in v}
        return {v["agent"] for v in f["viewers"]} == set(names) and f["count"] == len(set(names)) and (typing is None or t == typing)

    end = time.monotonic() + timeout
    while not ok(None):
        left = end - time.monotonic()
        assert left > 0, f"viewers should be {names} {typing}: {c.since(since, 'viewers')[-3:]}"
        await asyncio.sleep(0.03)


async def test_watchers_see_who_else_looks_themselves_included(w):
    p, q = await w.agent("priya"), await w.agent("sam")
    c = await w.conversation()
    a = await p.watch(c)
    b = await q.watch(c)
    names = lambda v: {x["agent"] for x in (v["viewers"] if isinstance(v, dict) else v)}
    assert names(a["viewers"]) <= {"priya"} and "priya" in names(b["viewers"])
    for x in (p, q):
        await viewers(x, c, {"priya", "sam"})
    f = p.since(0, "viewers")[-1]
    assert all(v["since"] for v in f["viewers"])
    await q.cmd("unwatch", conversation=c)
    await viewers(p, c, {"priya"})


async def test_an_agent_is_one_viewer_however_many_sessions(w):
    p, p2, q = await w.agent("priya"), await w.agent("priya"), await w.agent("sam")
    c = await w.conversation()
    for x in (p, p2, q):
        await x.watch(c)
    await viewers(q, c, {"priya", "sam"})
    m = q.mark()
    await p.cmd("unwatch", conversation=c)
    await q.settle()
    for f in q.since(m, "viewers"):
        assert {v["agent"] for v in f["viewers"]} == {"priya", "sam"}
    await p2.close()
    await viewers(q, c, {"sam"})


@pytest.mark.parametrize("how", ["close", "abort"])
async def test_who_disconnects_looks_no_longer(w, how):
    p, q = await w.agent("priya"), await w.agent("sam")
    c = await w.conversation()
    await p.watch(c)
    await q.watch(c)
    await viewers(p, c, {"priya", "sam"})
    await getattr(q, how)()
    await viewers(p, c, {"priya"})


@pytest.mark.parametrize("what", ["reply", "note"])
async def test_typing_is_seen_and_ends_at_off(w, what):
    p, q = await w.agent("priya"), await w.agent("sam")
    c = await w.conversation()
    await p.watch(c)
    await q.watch(c)
    await q.typing(c, what)
    await viewers(p, c, {"priya", "sam"}, {"sam": what})
    await q.typing(c, what, False)
    await viewers(p, c, {"priya", "sam"}, {}, 3)


async def test_typing_ends_by_itself_after_6_s(w):
    p, q = await w.agent("priya"), await w.agent("sam")
    c = await w.conversation()
    await p.watch(c)
    await q.watch(c)
    await q.typing(c)
    await viewers(p, c, {"priya", "sam"}, {"sam": "reply"})
    t = time.monotonic()
    await viewers(p, c, {"priya", "sam"}, {}, 9)
    assert 4.5 < time.monotonic() - t < 8


@pytest.mark.slow
async def test_typing_goes_on_while_it_is_renewed(w):
    p, q = await w.agent("priya"), await w.agent("sam")
    c = await w.conversation()
    await p.watch(c)
    await q.watch(c)
    for _ in range(4):
        await q.typing(c)
        await asyncio.sleep(2.5)
        await viewers(p, c, {"priya", "sam"}, {"sam": "reply"})
    await viewers(p, c, {"priya", "sam"}, {}, 9)


@pytest.mark.parametrize("how", ["unwatch", "abort"])
async def test_typing_ends_with_the_watch_or_the_session(w, how):
    p, q, q2 = await w.agent("priya"), await w.agent("sam"), await w.agent("sam")
    c = await w.conversation()
    for x in (p, q, q2):
        await x.watch(c)
    await q.typing(c)
    await viewers(p, c, {"priya", "sam"}, {"sam": "reply"})
    if how == "unwatch":
        await q.cmd("unwatch", conversation=c)
    else:
        await q.abort()
    await viewers(p, c, {"priya", "sam"}, {}, 3)


async def test_typing_is_no_event(w):
    p, q = await w.agent("priya"), await w.agent("sam")
    c = await w.conversation()
    await p.watch(c)
    await q.watch(c)
    await q.typing(c)
    await viewers(p, c, {"priya", "sam"}, {"sam": "reply"})
    assert not p.events() and len(await w.events_of(c)) == 2


async def test_a_supervisor_may_watch_silently(w):
    p, s = await w.agent("priya"), await w.supervisor()
    c = await w.conversation(customer="c")
    await p.watch(c)
    a = await s.watch(c, silent=True)
    assert a["summary"]["id"] == c
    await s.typing(c)
    await p.settle()
    for f in p.since(0, "viewers"):
        assert [v["agent"] for v in f["viewers"]] == ["priya"] and f["count"] == 1 and "typing" not in f["viewers"][0]
    b = await p.watch(c)
    assert "sue" not in str(b["viewers"])
    m = await w.ingest(customer="c")
    assert (await s.event("message_received"))["seq"] == m["seq"]


async def test_an_agent_may_not_watch_silently(w):
    p = await w.agent()
    c = await w.conversation()
    await p.refused("forbidden", "watch", conversation=c, silent=True)
    await p.watch(c, silent=False)


async def test_activity_tells_a_list_who_looks_at_its_rows(w):
    p, q = await w.agent("priya"), await w.agent("sam")
    c, d = await w.conversation(), await w.conversation()
    await p.open_view("v")
    await q.watch(c)
    f = await p.wait_for(lambda f: f["type"] == "activity" and any(r["id"] == c and r["viewers"] for r in f["rows"]))
    assert f["view"] == "v" and not any(r["id"] == d and r["viewers"] for r in f["rows"])
    m = p.mark()
    await q.typing(c)
    await p.wait_for(lambda f: f["type"] == "activity" and any(r["id"] == c and r["typing"] for r in f["rows"]), since=m)
    m = p.mark()
    await q.cmd("unwatch", conversation=c)
    await p.wait_for(lambda f: f["type"] == "activity" and any(r["id"] == c and not r["viewers"] for r in f["rows"]), since=m)


async def test_activity_comes_at_most_once_a_second(w):
    p, q = await w.agent("priya"), await w.agent("sam")
    c = await w.conversation()
    await p.open_view("v")
    t = time.monotonic()
    for _ in range(12):
        await q.watch(c, limit=1)
        await asyncio.sleep(0.12)
        await q.cmd("unwatch", conversation=c)
        await asyncio.sleep(0.12)
    took = time.monotonic() - t
    assert len(p.since(0, "activity")) <= took + 2


# ---------------------------------------------------------------------------------------------- presence
def agent_row(rows, who):
    return next((r for r in rows if r["id"] == who), None)


async def test_watch_agents_lists_every_known_agent(w):
    q = await w.agent("sam", teams=["billing"])
    await q.close()
    b = await w.agent("robo", kind="bot")
    p = await w.agent("priya", role="supervisor")
    await p.claim(await w.conversation())
    a = await p.cmd("watch_agents")
    assert {r["id"] for r in a["agents"]} == {"sam", "robo", "priya"}
    for r in a["agents"]:
        assert set(r) >= set("id name kind role teams status connected last_seen_at claims capacity".split()) - {"capacity", "last_seen_at"}, r
    me, sam = agent_row(a["agents"], "priya"), agent_row(a["agents"], "sam")
    assert me["connected"] and me["claims"] == 1 and me["role"] == "supervisor" and me["status"] == "online" and me["name"] == "Priya"
    assert not sam["connected"] and sam["teams"] == ["billing"] and agent_row(a["agents"], "robo")["kind"] == "bot"
    assert "billing" in str(a["teams"])


async def presence_is(p, who, timeout=6, since=0, **want):
    return await p.wait_for(lambda f: f["type"] == "presence" and (r := agent_row(f["agents"], who)) is not None
                            and all((bool(r[k]) if isinstance(v, bool) else r[k]) == v for k, v in want.items()), timeout, since, f"presence of {who}: {want}")


async def test_presence_follows_connections_with_several_sessions(w):
    p = await w.agent("priya")
    await p.cmd("watch_agents")
    q = await w.agent("sam")
    await presence_is(p, "sam", connected=True)
    q2 = await w.agent("sam")
    m = p.mark()
    await q.close()
    await asyncio.sleep(1.5)
    assert not [f for f in p.since(m, "presence") if (r := agent_row(f["agents"], "sam")) and not r["connected"]], "one of two sessions left"
    await q2.abort()
    await presence_is(p, "sam", since=m, connected=False)


async def test_set_presence_is_told_and_belongs_to_the_agent(w):
    p, q, q2 = await w.agent("priya"), await w.agent("sam"), await w.agent("sam")
    await p.cmd("watch_agents")
    await q.cmd("set_presence", status="away", reason="lunch")
    await presence_is(p, "sam", status="away")
    m = p.mark()
    await q2.cmd("set_presence", status="busy")
    await presence_is(p, "sam", since=m, status="busy")


@pytest.mark.parametrize("status", ["away", "busy"])
async def test_set_presence_survives_reconnects(w, status):
    p, q = await w.agent("priya"), await w.agent("sam")
    await q.cmd("set_presence", status=status)
    await q.close()
    await asyncio.sleep(0.3)
    q = await w.agent("sam")
    a = await p.cmd("watch_agents")
    assert agent_row(a["agents"], "sam")["status"] == status


async def test_presence_counts_claims(w):
    p, q = await w.agent("priya"), await w.agent("sam")
    await p.cmd("watch_agents")
    c = await w.conversation()
    t = await q.claim(c)
    await presence_is(p, "sam", claims=1)
    m = p.mark()
    await q.cmd("release", conversation=c, token=t)
    await presence_is(p, "sam", since=m, claims=0)


async def test_presence_comes_at_most_once_a_second_and_only_to_those_who_asked(w):
    p, x, q = await w.agent("priya"), await w.agent("max"), await w.agent("sam")
    await p.cmd("watch_agents")
    t = time.monotonic()
    for i in range(30):
        await q.cmd("set_presence", status=("away", "busy", "online")[i % 3])
        await asyncio.sleep(0.1)
    took = time.monotonic() - t
    assert len(p.since(0, "presence")) <= took + 2
    assert not x.since(0, "presence")
    await presence_is(p, "sam", status="online")
    await p.cmd("unwatch_agents")
    await p.settle()
    m = p.mark()
    await q.cmd("set_presence", status="away")
    await asyncio.sleep(1.5)
    assert not p.since(m, "presence")


async def test_presence_is_no_event(w):
    p = await w.agent()
    m = await w.ingest()
    for s in ("away", "busy", "online"):
        await p.cmd("set_presence", status=s)
    assert (await w.ingest(customer="other"))["seq"] == m["seq"] + 2
