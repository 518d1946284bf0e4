"""watch, history, list, filters, sorts, live views, summaries."""
import asyncio
import random
import time

import pytest

from dibswire import Refused, eventually, gather_some, iso, key, kinds, now_id

UNCLOSED = ["new", "open", "pending", "resolved"]


# ---------------------------------------------------------------------------------------------- watch and history
async def test_watch_answers_with_the_latest_entries_oldest_first(w):
    p = await w.agent()
    for i in range(9):
        m = await w.ingest(customer="c", text=f"{i}")
    a = await p.watch(m["conversation"], limit=4)
    ev = await w.events_of(m["conversation"])
    assert a["entries"] == ev[-4:] and a["more"] is True and a["summary"]["version"] == ev[-1]["seq"]
    a = await p.watch(m["conversation"])
    assert a["entries"] == ev and a["more"] is False


async def test_watch_limit_is_50_by_default(w):
    p = await w.agent()
    for i in range(60):
        m = await w.ingest(customer="c", text=f"{i}")
    a = await p.watch(m["conversation"])
    assert len(a["entries"]) == 50 and a["more"] is True


async def test_history_reaches_back_to_the_beginning(w):
    p = await w.agent()
    for i in range(25):
        m = await w.ingest(customer="c", text=f"{i}")
    c = m["conversation"]
    a = await p.watch(c, limit=5)
    got, more = a["entries"], a["more"]
    while more:
        h = await p.cmd("history", conversation=c, before=got[0]["seq"], limit=7)
        assert h["entries"] and h["entries"][-1]["seq"] < got[0]["seq"] and len(h["entries"]) <= 7
        got, more = h["entries"] + got, h["more"]
    assert got == await w.events_of(c)
    assert (await p.cmd("history", conversation=c, before=1))["entries"] == []


async def test_history_needs_no_watch(w):
    p = await w.agent()
    m = await w.ingest()
    h = await p.cmd("history", conversation=m["conversation"], before=m["seq"] + 1)
    assert kinds(h["entries"]) == ["conversation_opened", "message_received"] and h["more"] is False
    await w.ingest(customer="x")
    await p.settle()
    assert not p.events()


async def test_entries_are_cut_at_256_kib_at_the_old_end(w):
    p = await w.agent()
    for _ in range(8):
        m = await w.ingest(customer="c", text="x" * 60000)
    c = m["conversation"]
    a = await p.watch(c)
    assert a["more"] is True and 1 <= len(a["entries"]) <= 5 and a["entries"][-1]["seq"] == m["seq"]
    got, more = a["entries"], True
    while more:
        h = await p.cmd("history", conversation=c, before=got[0]["seq"], limit=200)
        got, more = h["entries"] + got, h["more"]
    assert got == await w.events_of(c)


async def test_a_watcher_sees_every_event_once_and_in_order(w):
    p, q = await w.agent("priya"), await w.agent("sam")
    m = await w.ingest(customer="c")
    c = m["conversation"]
    await p.watch(c)

    async def noise(a):
        for i in range(30):
            await a.note(c, f"{i}")

    await asyncio.gather(noise(p), noise(q), *[w.ingest(customer="c", text=f"{i}") for i in range(30)])
    await p.settle()
    want = [e for e in await w.events_of(c) if e["seq"] > m["seq"]]
    got = [{k: v for k, v in f.items() if k != "type"} for f in p.events()]
    assert got == want and len(got) == 90


async def test_nothing_is_missed_or_repeated_between_the_answer_and_the_events(w):
    """Many watch while it rains events: entries + events = all of them, without overlap (the lint checks that, too)."""
    c = await w.conversation(customer="c")
    stop = False

    async def rain(a):
        while not stop:
            await a.note(c, "x")

    async def watcher(i):
        x = await w.agent(f"v{i}")
        await asyncio.sleep(random.random())
        a = await x.watch(c, limit=200)
        return x, a

    rainers = [asyncio.create_task(rain(await w.agent(f"r{i}"))) for i in range(3)]
    got = await asyncio.gather(*[watcher(i) for i in range(12)])
    stop = True
    await asyncio.gather(*rainers)
    all_ = [e["seq"] for e in await w.events_of(c)]
    for x, a in got:
        await x.settle()
        first = a["entries"][0]["seq"]
        seen = [e["seq"] for e in a["entries"]] + [f["seq"] for f in x.events()]
        assert seen == [s for s in all_ if s >= first]


async def test_unwatch_ends_the_events(w):
    p = await w.agent()
    c = await w.conversation(customer="c")
    await p.watch(c)
    await p.cmd("unwatch", conversation=c)
    await p.settle()
    m = p.mark()
    await w.ingest(customer="c")
    await p.settle()
    assert not [f for f in p.frames[m:] if f["type"] in ("event", "summary", "viewers")]


async def test_watching_again_and_unwatching_what_is_not_watched_do_no_harm(w):
    p = await w.agent()
    c = await w.conversation(customer="c")
    await p.watch(c)
    await p.watch(c)
    m = await w.ingest(customer="c")
    await p.event("message_received")
    await p.settle()
    assert [f["seq"] for f in p.events()] == [m["seq"]]
    await p.cmd("unwatch", conversation=c)
    await p.cmd("unwatch", conversation=c)


async def test_events_of_many_conversations_ascend_in_a_session(w):
    p = await w.agent()
    ms = await w.many(10)
    for m in ms:
        await p.watch(m["conversation"], limit=1)
    sends = [w.agent(f"x{i}") for i in range(4)]
    xs = await asyncio.gather(*sends)
    await asyncio.gather(*[x.note(m["conversation"], "n") for x in xs for m in ms for _ in range(3)])
    await p.settle()
    seqs = [f["seq"] for f in p.events()]
    assert len(seqs) == 120 and seqs == sorted(set(seqs))


async def test_summary_pushes_follow_changes_and_are_gathered(w):
    p, q = await w.agent("priya"), await w.agent("sam")
    c = await w.conversation()
    await p.watch(c)
    t = time.monotonic()
    futs = [await q.post("update", conversation=c, subject=f"s{i}") for i in range(200)]
    await asyncio.gather(*futs)
    took = time.monotonic() - t
    f = await p.wait_for(lambda f: f["type"] == "summary" and f["summary"]["subject"] == "s199", 3)
    n = len(p.since(0, "summary"))
    assert 1 <= n <= took / 0.1 + 4, f"{n} summaries in {took:.2f} s"
    assert f["summary"] == await w.get_summary(c)
    versions = [f["summary"]["version"] for f in p.since(0, "summary")]
    assert versions == sorted(versions)
    assert len(p.events(c)) == 200, "events are not gathered"


async def test_a_view_is_quick_when_quiet(w):
    p = await w.agent()
    await p.open_view()
    await asyncio.sleep(0.5)
    m = p.mark()
    t = time.monotonic()
    await w.ingest()
    await p.push("view_changed", since=m)
    assert time.monotonic() - t < 0.6


# ---------------------------------------------------------------------------------------------- filters
async def population(w):
    """Some 40 conversations that differ in everything a filter looks at; who looks is `priya`."""
    p = await w.agent("priya", teams=["billing"])
    q = await w.agent("sam", teams=["sales"])
    s = await w.supervisor()
    r = random.Random(7)
    for i in range(40):
        cust = {"id": f"c{i % 25}", "name": f"{r.choice(['Anna', 'BÖRJE', 'Zoë'])} {i}"}
        if i % 3:
            cust["tier"] = r.choice(["gold", "free"])
        m = await w.ingest(customer=cust, channel=r.choice(["mail", "chat", "sms"]), thread=f"th{i}", text=r.choice(["Invoice Übergang", "hello", "refund please"]),
                           priority=r.choice(["low", "normal", "high", "urgent"]), tags=r.sample(["a", "b", "c", "d"], r.randrange(4)),
                           **({"queue": r.choice(["q1", "q2"])} if i % 4 else {}), **({"subject": r.choice(["Order 7", "STRASSE", "x"])} if i % 2 else {}))
        c = m["conversation"]
        if r.random() < 0.5:
            await s.update(c, assignee=r.choice(["priya", "sam"]))
        if r.random() < 0.4:
            await s.update(c, team=r.choice(["billing", "sales"]))
        x = r.random()
        if x < 0.4:
            a = r.choice([p, q])
            t = await a.claim(c)
            if r.random() < 0.6:
                await a.reply(c, t, m["seq"], r.choice(["done", "refunded"]), **({"then": r.choice(["pending", "resolved"])} if r.random() < 0.6 else {}))
            if r.random() < 0.3 and (await a.summary_of(c))["claim"]:
                await a.cmd("transfer", conversation=c, token=t, to={"agent": "sam" if a is p else "priya"})
        elif x < 0.55:
            await s.update(c, status="closed")
        elif x < 0.7:
            await s.update(c, status="pending", snoozed_until=iso(3600))
        if r.random() < 0.2:
            await s.note(c, "@priya look")
    return p, q, s


def fold(s):
    return (s or "").casefold()


FILTERS = [
    ({}, lambda s: True),
    *[({"status": [x]}, lambda s, x=x: s["status"] == x) for x in UNCLOSED + ["closed"]],
    ({"status": ["new", "open"]}, lambda s: s["status"] in ("new", "open")),
    ({"claimed": True}, lambda s: s["claim"] is not None),
    ({"claimed": False}, lambda s: s["claim"] is None),
    ({"claimed_by": "me"}, lambda s: s["claim"] and s["claim"]["agent"] == "priya"),
    ({"claimed_by": "sam"}, lambda s: s["claim"] and s["claim"]["agent"] == "sam"),
    ({"claimed_by": "nobody"}, lambda s: False),
    ({"assignee": "me"}, lambda s: s["assignee"] == "priya"),
    ({"assignee": "sam"}, lambda s: s["assignee"] == "sam"),
    ({"assignee": None}, lambda s: s["assignee"] is None),
    ({"team": ["billing"]}, lambda s: s["team"] == "billing"),
    ({"team": [None]}, lambda s: s["team"] is None),
    ({"team": ["billing", None]}, lambda s: s["team"] in ("billing", None)),
    ({"queue": ["q1"]}, lambda s: s["queue"] == "q1"),
    ({"queue": ["q1", "q2"]}, lambda s: s["queue"] in ("q1", "q2")),
    ({"channel": ["mail", "sms"]}, lambda s: s["channel"] in ("mail", "sms")),
    ({"priority": ["urgent", "low"]}, lambda s: s["priority"] in ("urgent", "low")),
    ({"tags": {"any": ["a", "b"]}}, lambda s: {"a", "b"} & set(s["tags"])),
    ({"tags": {"all": ["a", "b"]}}, lambda s: {"a", "b"} <= set(s["tags"])),
    ({"tags": {"none": ["a"]}}, lambda s: "a" not in s["tags"]),
    ({"tags": {"any": ["a", "c"], "none": ["d"]}}, lambda s: {"a", "c"} & set(s["tags"]) and "d" not in s["tags"]),
    ({"customer": "c3"}, lambda s: s["customer"]["id"] == "c3"),
    ({"customer": "C3"}, lambda s: False),
    ({"tier": ["gold"]}, lambda s: s["customer"].get("tier") == "gold"),
    ({"tier": [None]}, lambda s: s["customer"].get("tier") is None),
    ({"tier": ["free", None]}, lambda s: s["customer"].get("tier") in ("free", None)),
    ({"waiting_longer_than_s": 1}, lambda s: s["waiting_since"] is not None),
    ({"waiting_longer_than_s": 3600}, lambda s: False),
    *[({"text": x}, lambda s, x=x: any(fold(x) in fold(y) for y in (s["subject"], s["customer"]["name"], s["last_message"]["excerpt"])))
      for x in ("order", "ORDER", "anna", "börje", "Zoë", "über", "refund", "nothing of it", "strasse", "7")],
    ({"snoozed": True}, lambda s: s["snoozed_until"] is not None),
    ({"snoozed": False}, lambda s: s["snoozed_until"] is None),
    ({"status": ["open", "pending"], "priority": ["high", "urgent"], "claimed": False},
     lambda s: s["status"] in ("open", "pending") and s["priority"] in ("high", "urgent") and s["claim"] is None),
    ({"assignee": None, "tags": {"any": ["c"]}, "channel": ["chat"]}, lambda s: s["assignee"] is None and "c" in s["tags"] and s["channel"] == "chat"),
]
RANK = {"urgent": 0, "high": 1, "normal": 2, "low": 3}
SORTS = {
    "waiting": lambda s: (s["waiting_since"] is None, s["waiting_since"] or ""),
    "oldest": lambda s: s["opened_at"],
    "priority": lambda s: RANK[s["priority"]],
}


async def test_every_filter_lists_what_it_says(w):
    """One population, all filters: as a list (closed included) and as a view (unclosed only), both against a filter in Python."""
    p, q, s = await population(w)
    await asyncio.sleep(1.5)  # for waiting_longer_than_s 1
    all_ = await p.list_all()
    assert len(all_) == 40 and any(x["status"] == "closed" for x in all_)
    wrong, empty = [], 0
    for f, f_py in FILTERS:
        want = {x["id"] for x in all_ if f_py(x)}
        got = [x["id"] for x in await p.list_all(f)]
        if len(got) != len(set(got)) or set(got) != want:
            wrong.append(f"list {f}: {len(got)} instead of {len(want)}")
        v = await p.open_view("v", f, limit=200)
        want = {x["id"] for x in all_ if f_py(x) and x["status"] != "closed"}
        got = [x["id"] for x in v["conversations"]]
        if set(got) != want or v["total"] != len(want) or len(got) != len(want):
            wrong.append(f"view {f}: {len(got)} rows, total {v['total']}, instead of {len(want)}")
        empty += not want
    assert not wrong, "\n".join(wrong)
    assert empty < 12, "the population is too thin"


async def test_mentions_me_and_offered_to_me_are_of_the_one_who_asks(w):
    p, q, s = await population(w)
    for a, name in ((p, "priya"), (q, "sam")):
        inbox = {m["conversation"] for m in (await a.cmd("mentions", limit=200))["mentions"] if not m["read"]}
        assert {x["id"] for x in await a.list_all({"mentions_me": True})} == inbox
        offered = {x["id"] for x in await a.list_all({"offered_to_me": True})}
        welcome = (await w.agent(name, teams=["billing"] if name == "priya" else ["sales"])).welcome
        assert offered == {o["conversation"] for o in welcome["offers"]}
        mine = {x["id"] for x in await a.list_all({"claimed_by": "me"})}
        assert mine == {c["conversation"] for c in welcome["claims"]}


@pytest.mark.parametrize("sort", ["waiting", "newest", "oldest", "priority", "last_activity"])
async def test_every_sort_sorts_and_pages_without_gaps(w, sort):
    p, q, s = await population(w)
    whole = await p.list_all(sort=sort)
    assert len(whole) == 40
    if sort in SORTS:
        ks = [SORTS[sort](x) for x in whole]
        assert ks == sorted(ks), ks
    elif sort == "newest":
        ks = [x["opened_at"] for x in whole]
        assert ks == sorted(ks, reverse=True)
        assert [x["id"] for x in whole] == [x["id"] for x in await p.list_all(sort="oldest")][::-1] or len(set(ks)) < len(ks)
    else:
        a, b = [x["version"] for x in whole], [x["last_message"]["at"] for x in whole]
        assert a == sorted(a, reverse=True) or b == sorted(b, reverse=True), (a, b)
    for limit in (1, 7, 40):
        assert [x["id"] for x in await p.list_all(sort=sort, limit=limit)] == [x["id"] for x in whole], f"pages of {limit}"
    # a view is the same order over the unclosed, in windows
    want = [x["id"] for x in whole if x["status"] != "closed"]
    got = []
    for off in range(0, 60, 10):
        v = await p.open_view("v", {}, sort, offset=off, limit=10)
        assert v["total"] == len(want)
        got += [x["id"] for x in v["conversations"]]
    assert got == want


async def test_waiting_longer_crosses_by_itself(w):
    p = await w.agent()
    await p.open_view("v", {"waiting_longer_than_s": 2}, "waiting")
    c = await w.conversation()
    t = time.monotonic()
    f = await p.wait_for(lambda f: f["type"] == "view_changed" and f["total"] == 1, 6)
    assert [s["id"] for s in f["upserts"]] == [c] and f["order"] == [c] and time.monotonic() - t > 1.5


# ---------------------------------------------------------------------------------------------- live views
async def test_a_view_follows_membership_order_and_rows(w):
    p = await w.agent()
    a = await w.conversation(priority="low")
    b = await w.conversation(priority="high")
    v = await p.open_view("v", {"priority": ["low", "high"]}, "priority")
    assert [s["id"] for s in v["conversations"]] == [b, a] and v["total"] == 2
    m = p.mark()
    u = await p.update(a, subject="S")
    f = await p.push("view_changed", since=m)
    assert f["view"] == "v" and f["seq"] >= u["seq"] > v["seq"] and f["total"] == 2
    assert [s["id"] for s in f["upserts"]] == [a] and f["removes"] == [] and f["upserts"][0]["subject"] == "S"
    m = p.mark()
    await p.update(b, priority="urgent")
    f = await p.push("view_changed", since=m)
    assert f["removes"] == [b] and f["order"] == [a] and f["total"] == 1
    m = p.mark()
    await p.update(b, priority="high")
    f = await p.push("view_changed", since=m)
    assert [s["id"] for s in f["upserts"]] == [b] and f["order"] == [b, a] and f["total"] == 2


async def test_closing_removes_from_every_view(w):
    p = await w.agent()
    c = await w.conversation()
    await p.open_view("v", {"status": ["closed", "new"]})
    await p.update(c, status="closed")
    f = await p.push("view_changed")
    assert f["removes"] == [c] and f["total"] == 0
    assert (await p.open_view("w", {"status": ["closed"]}))["total"] == 0
    assert len(await p.list_all({"status": ["closed"]})) == 1


async def test_a_view_of_limit_0_has_a_total_only(w):
    p = await w.agent()
    await w.ingest()
    v = await p.open_view("v", limit=0)
    assert v["total"] == 1 and v["conversations"] == []
    await w.ingest()
    f = await p.push("view_changed")
    assert f["total"] == 2 and f["upserts"] == [] and f["removes"] == [] and f.get("order", []) == []


async def test_a_change_beyond_the_window_changes_the_total_only(w):
    p = await w.agent()
    for _ in range(3):
        await w.ingest()
    await p.open_view("v", {}, "oldest", limit=2)
    await w.ingest()
    f = await p.push("view_changed")
    assert f["total"] == 4 and f["upserts"] == [] and f["removes"] == [] and f.get("order", p.views["v"].order) == p.views["v"].order


async def test_a_row_that_leaves_the_window_is_replaced_by_the_next(w):
    p = await w.agent()
    cs = [await w.conversation() for _ in range(5)]
    await p.open_view("v", {}, "oldest", limit=2)
    await p.open_view("u", {}, "oldest", limit=2, offset=2)
    await p.update(cs[0], status="closed")
    await p.wait_for(lambda f: p.views["v"].ids() == cs[1:3] and p.views["u"].ids() == cs[3:5], 3)


async def test_opening_an_open_name_replaces_it(w):
    p = await w.agent()
    c = await w.conversation(priority="low")
    await p.open_view("v", {"priority": ["low"]})
    await p.open_view("v", {"priority": ["high"]})
    m = p.mark()
    await p.update(c, subject="S")
    await p.settle()
    assert not p.since(m, "view_changed")
    await p.update(c, priority="high")
    await p.wait_for(lambda f: p.views["v"].ids() == [c], 3)


async def test_a_closed_view_is_silent(w):
    p = await w.agent()
    await p.open_view("v")
    await p.cmd("close_view", view="v")
    await p.settle()
    m = p.mark()
    await w.ingest()
    await p.settle()
    assert not p.since(m, "view_changed")
    a = await p.ask("close_view", view="v")
    assert a["type"] in ("ok", "error")


async def test_changes_of_a_busy_view_are_gathered(w):
    p, q = await w.agent("priya"), await w.agent("sam")
    cs = [m["conversation"] for m in await w.many(20)]
    await p.open_view("v", {}, "oldest")
    await asyncio.sleep(0.3)
    m = p.mark()
    t = time.monotonic()
    futs = [await q.post("update", conversation=cs[i % 20], subject=f"s{i}") for i in range(400)]
    await asyncio.gather(*futs)
    took = time.monotonic() - t
    await p.wait_for(lambda f: all(r["subject"] == f"s{380 + cs.index(r['id'])}" for r in p.views["v"].summaries()), 5)
    n = len(p.since(m, "view_changed"))
    assert 1 <= n <= took / 0.1 + 4, f"{n} frames in {took:.2f} s"


async def test_me_is_whoever_asks(w):
    p, q = await w.agent("priya"), await w.agent("sam")
    for a in (p, q):
        await a.open_view("mine", {"claimed_by": "me"})
    c = await w.conversation()
    t = await p.claim(c)
    await p.wait_for(lambda f: p.views["mine"].ids() == [c], 3)
    await p.cmd("transfer", conversation=c, token=t, to={"agent": "sam"})
    await q.cmd("answer_transfer", conversation=c, accept=True)
    await q.wait_for(lambda f: q.views["mine"].ids() == [c], 3)
    await p.wait_for(lambda f: p.views["mine"].ids() == [], 3)


async def test_mention_and_offer_views_are_live(w):
    p, q = await w.agent("priya"), await w.agent("sam")
    await q.open_view("m", {"mentions_me": True})
    await q.open_view("o", {"offered_to_me": True})
    c = await w.conversation()
    n = await p.note(c, "@sam")
    await q.wait_for(lambda f: q.views["m"].ids() == [c], 3)
    await q.cmd("read_mentions", up_to=n["seq"])
    await q.wait_for(lambda f: q.views["m"].ids() == [], 3)
    t = await p.claim(c)
    await p.cmd("transfer", conversation=c, token=t, to={"agent": "sam"})
    await q.wait_for(lambda f: q.views["o"].ids() == [c], 3)
    await p.cmd("cancel_transfer", conversation=c, token=t)
    await q.wait_for(lambda f: q.views["o"].ids() == [], 3)


async def storm(w, agents, convs, seconds=None, changes=None, closing=True):
    """Random changes by several agents and customers; every answer must be an ok or a refusal that is to be expected."""
    end = time.monotonic() + (seconds or 60)
    count = 0
    holds = {}
    fine = {"forbidden", "already_claimed", "claim_lost", "not_claimed", "stale", "conflict"}

    async def one(a):
        nonlocal count
        while time.monotonic() < end and (changes is None or count < changes):
            count += 1
            c = random.choice(convs)
            x = random.random()
            if x < 0.15:
                f = ("update", dict(priority=random.choice(list(RANK))))
            elif x < 0.3:
                f = ("update", dict(status=random.choice(UNCLOSED[1:] + (["closed"] if closing else []))))
            elif x < 0.4:
                f = ("update", dict(add_tags=[random.choice("abcd")], remove_tags=[random.choice("efgh")]))
            elif x < 0.45:
                f = ("update", dict(remove_tags=[random.choice("abcd")]))
            elif x < 0.5:
                f = ("update", dict(assignee=random.choice(["priya", "sam", None])))
            elif x < 0.55:
                f = ("update", dict(team=random.choice(["billing", "sales", None]), subject=random.choice(["apple", "Pear", "x"])))
            elif x < 0.7:
                f = ("claim", {})
            elif x < 0.77 and holds.get((a.agent_id, c)):
                f = ("release", dict(token=holds[a.agent_id, c]))
            elif x < 0.87 and holds.get((a.agent_id, c)):
                f = ("reply", dict(token=holds[a.agent_id, c], seen=a.version.get(c, holds[a.agent_id, c]), key=key(), text=random.choice(["apple pie", "done"]),
                                   **({"then": random.choice(["pending", "resolved"])} if random.random() < 0.5 else {})))
            elif x < 0.93:
                f = ("note", dict(key=key(), text=random.choice(["@priya hi", "@sam", "plain"])))
            else:
                cu = f"storm-{random.randrange(12)}"
                s, b, _ = await w.post_message(customer=cu, text=random.choice(["hello", "apple?"]))
                assert s == 201
                if b["opened"] and len(convs) < 120:
                    convs.append(b["conversation"])
                continue
            r = await a.ask(f[0], conversation=c, **f[1])
            if r["type"] == "error":
                assert r["code"] in fine, (f, r)
            elif f[0] == "claim":
                holds[a.agent_id, c] = r["token"]

    await asyncio.gather(*[one(a) for a in agents])
    return count


VIEWS = {
    "all newest": ({}, "newest", {"limit": 200}),
    "all waiting 10": ({}, "waiting", {"limit": 10}),
    "all waiting 10+10": ({}, "waiting", {"limit": 10, "offset": 10}),
    "oldest 5+10": ({}, "oldest", {"limit": 5, "offset": 10}),
    "unclaimed by priority": ({"claimed": False}, "priority", {"limit": 20}),
    "mine": ({"claimed_by": "me"}, "last_activity", {}),
    "assigned to sam": ({"assignee": "sam"}, "newest", {"limit": 7}),
    "nobody's": ({"assignee": None}, "oldest", {"limit": 7}),
    "open and pending": ({"status": ["open", "pending"]}, "last_activity", {"limit": 15}),
    "closed too": ({"status": ["closed", "resolved"]}, "newest", {"limit": 200}),
    "tags": ({"tags": {"any": ["a", "b"], "none": ["c"]}}, "priority", {"limit": 10}),
    "team none": ({"team": [None, "sales"]}, "waiting", {"limit": 10}),
    "text": ({"text": "APPLE"}, "last_activity", {"limit": 10}),
    "mentions": ({"mentions_me": True}, "newest", {"limit": 10}),
    "high": ({"priority": ["high", "urgent"], "status": ["new", "open"]}, "waiting", {"limit": 10}),
    "count": ({"claimed": True}, "newest", {"limit": 0}),
    "far away": ({}, "newest", {"limit": 50, "offset": 500}),
    "waiting long": ({"waiting_longer_than_s": 1}, "waiting", {"limit": 20}),
}


async def compare_views(a, views):
    """What pushes made of the views = a fresh answer = the list's window over the unclosed."""
    wrong = []
    for name, (f, sort, win) in views.items():
        v = a.views[name]
        mine, total = v.summaries(), v.total
        fresh = await a.cmd("open_view", view="fresh", filter=f, sort=sort, **win)
        if [s["id"] for s in fresh["conversations"]] != [s["id"] for s in mine]:
            wrong.append(f"{name}: order {[s['id'][-6:] for s in mine]} instead of {[s['id'][-6:] for s in fresh['conversations']]}")
        elif fresh["conversations"] != mine:
            d = next((x, y) for x, y in zip(mine, fresh["conversations"]) if x != y)
            wrong.append(f"{name}: a row is {[(k, d[0][k], d[1][k]) for k in d[0] if d[0][k] != d[1].get(k)]}")
        if fresh["total"] != total:
            wrong.append(f"{name}: total {total} instead of {fresh['total']}")
        g = dict(f)
        g["status"] = [s for s in g.get("status", UNCLOSED) if s != "closed"]
        lst = [s["id"] for s in await a.list_all(g, sort)]
        lo, n = win.get("offset", 0), win.get("limit", 50)
        if lst[lo:lo + n] != [s["id"] for s in fresh["conversations"]] or len(lst) != fresh["total"]:
            wrong.append(f"{name}: view and list differ")
    await a.cmd("close_view", view="fresh")
    return wrong


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_after_a_storm_every_view_equals_a_fresh_one(w, seed):
    random.seed(seed)
    p = await w.agent("priya", teams=["billing"])
    q = await w.agent("sam", teams=["sales"])
    agents = [p, q] + [await w.agent(f"x{i}") for i in range(4)] + [await w.supervisor()]
    convs = [m["conversation"] for m in await w.many(30)]
    for a in (p, q):
        for name, (f, sort, win) in VIEWS.items():
            await a.open_view(name, f, sort, **win)
    for a in agents:
        for c in random.sample(convs, 5):
            await a.watch(c, limit=1)
    await storm(w, agents, convs, changes=600)
    await asyncio.sleep(1.3)
    for a in (p, q):
        await a.quiet(0.6)
    for a in (p, q):
        wrong = await compare_views(a, VIEWS)
        assert not wrong, f"[{a.name}] " + "\n".join(wrong)


async def test_views_opened_during_a_storm_are_right_afterwards(w):
    agents = [await w.agent(f"x{i}") for i in range(4)]
    p = await w.agent("priya", teams=["billing"])
    await w.agent("sam", teams=["sales"])
    convs = [m["conversation"] for m in await w.many(20)]
    task = asyncio.create_task(storm(w, agents, convs, seconds=4))
    names = list(VIEWS) * 2
    for name in names:
        f, sort, win = VIEWS[name]
        await p.open_view(name, f, sort, **win)
        await asyncio.sleep(0.08)
    await task
    await asyncio.sleep(1.3)
    await p.quiet(0.6)
    wrong = await compare_views(p, VIEWS)
    assert not wrong, "\n".join(wrong)


async def test_a_views_changes_are_above_its_answer(w):
    p, q = await w.agent("priya", teams=["billing"]), await w.agent("sam", teams=["sales"])
    convs = [m["conversation"] for m in await w.many(10)]
    task = asyncio.create_task(storm(w, [q], convs, seconds=2))
    for i in range(20):
        a = await p.open_view(f"v{i}", {}, "last_activity")
        assert isinstance(a["seq"], int)
        await asyncio.sleep(0.05)
    await task
    await p.quiet()
    for v in p.views.values():
        assert all(ch["seq"] > v.answer_seq for ch in v.changes), (v.answer_seq, [ch["seq"] for ch in v.changes])


async def test_state_by_events_equals_state_by_snapshot(w):
    """status, tags, priority, claim… folded from the events by this client = the summary the server answers."""
    agents = [await w.agent("priya", teams=["billing"]), await w.agent("sam", teams=["sales"]), await w.supervisor()]
    convs = [m["conversation"] for m in await w.many(12)]
    await storm(w, agents, convs, changes=300)
    for c in convs:
        s = await w.get_summary(c)
        ev = await w.events_of(c)
        o = ev[0]["event"]
        st = {"status": "new", "priority": o["priority"], "tags": set(o["tags"]), "queue": o["queue"], "subject": o.get("subject"),
              "assignee": None, "team": None, "claim": None, "last": None}
        last_token = 0
        for e in ev:
            x = e["event"]
            k = x["kind"]
            if k == "status_changed":
                assert x["from"] == st["status"], (c, e)
                st["status"] = x["to"]
            elif k == "priority_changed":
                assert x["from"] == st["priority"]
                st["priority"] = x["to"]
            elif k == "queue_changed":
                st["queue"] = x["to"]
            elif k == "subject_changed":
                st["subject"] = x.get("to")
            elif k == "tagged":
                assert not set(x["added"]) & st["tags"] and set(x["removed"]) <= st["tags"]
                st["tags"] = st["tags"] - set(x["removed"]) | set(x["added"])
            elif k == "assigned":
                st["assignee"], st["team"] = x.get("agent"), x.get("team")
            elif k == "claim_granted":
                assert st["claim"] is None and x["token"] == e["seq"] > last_token, "one holder at any seq; tokens only grow"
                last_token = x["token"]
                st["claim"] = (x["agent"], x["token"])
                st["assignee"] = x["agent"]
            elif k in ("claim_released", "claim_expired"):
                assert st["claim"] == (x["agent"], x["token"])
                st["claim"] = None
            elif k == "message_sent":
                assert st["claim"] == (x["agent"], x["token"]), "every reply carries the token current at its seq"
                st["last"] = e["seq"]
            elif k == "message_received":
                st["last"] = e["seq"]
        assert s["version"] == ev[-1]["seq"]
        for k in ("status", "priority", "queue", "subject", "assignee", "team"):
            assert s[k] == st[k], (c, k, s[k], st[k])
        assert set(s["tags"]) == st["tags"] and s["last_message"]["seq"] == st["last"]
        assert (s["claim"] and (s["claim"]["agent"], s["claim"]["token"])) == st["claim"]


@pytest.mark.slow
async def test_no_answer_exceeds_1_mib_and_the_rest_of_a_view_follows(w):
    """120 rows of 13 kB and more: the lint looks at the size of every frame."""
    async def big(i):
        return await w.ingest(customer={"id": f"c{i}", "name": "\u20ac" * 500}, subject="\u20ac" * 500, tags=[f"{j:02}" + "\u20ac" * 62 for j in range(50)])

    convs = [m["conversation"] for m in await gather_some(8, [big(i) for i in range(120)])]
    p = await w.agent()
    a = await p.open_view("v", {}, "oldest", limit=200)
    assert a["total"] == 120 and len(a["conversations"]) < 120
    await p.wait_for(lambda f: set(p.views["v"].ids()) == set(convs), 8, what="the rest of the view in view_changed")
    lst = await p.list_all({}, "oldest")
    assert [s["id"] for s in lst] == p.views["v"].ids() and lst == p.views["v"].summaries()
    s, b, _ = await w.http("GET", "/conversations", w.token(), params={"limit": "200", "sort": "oldest"})
    assert s == 200 and b["conversations"]
