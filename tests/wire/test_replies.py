"""Replies: once, and by the holder. Notes and mentions. Read marks."""
import asyncio
import random

import pytest

from dibswire import Refused, eventually, key, kinds, mention_names, now_id


async def held(w, p, **kw):
    m = await w.ingest(**kw)
    return m["conversation"], await p.claim(m["conversation"]), m["seq"]


# ---------------------------------------------------------------------------------------------- once
async def test_a_reply_is_stored_and_seen(w):
    p = await w.agent()
    c, t, seq = await held(w, p)
    await p.watch(c)
    r = await p.reply(c, t, seq, "hello", "my-key")
    assert r["duplicate"] is False and isinstance(r["message"], str)
    e = await p.event("message_sent")
    assert e["seq"] == r["seq"] and e["actor"] == {"kind": "agent", "id": "priya"}
    assert e["event"] == {"kind": "message_sent", "message": {"id": r["message"], "text": "hello", "attachments": []}, "agent": "priya",
                          "token": t, "key": "my-key"}


async def test_20_parallel_replies_with_one_key_are_stored_once(w):
    p = await w.agent()
    sessions = [p] + [await w.agent() for _ in range(4)]
    c, t, seq = await held(w, p)
    k = key()
    futs = [await sessions[i % 5].post("reply", conversation=c, token=t, key=k, seen=seq, text="once") for i in range(20)]
    got = await asyncio.wait_for(asyncio.gather(*futs), 10)
    assert all(g["type"] == "ok" for g in got), [g for g in got if g["type"] != "ok"]
    assert len({g["seq"] for g in got}) == 1 and len({g["message"] for g in got}) == 1
    assert sorted(g["duplicate"] for g in got) == [False] + [True] * 19
    assert kinds(await w.events_of(c)).count("message_sent") == 1


async def test_20_parallel_replies_with_own_keys_are_all_stored(w):
    p = await w.agent()
    c, t, seq = await held(w, p)
    futs = [await p.post("reply", conversation=c, token=t, key=f"k{i}", seen=seq, text=f"{i}") for i in range(20)]
    got = await asyncio.wait_for(asyncio.gather(*futs), 10)
    assert [g["duplicate"] for g in got] == [False] * 20
    ev = [e for e in await w.events_of(c) if e["event"]["kind"] == "message_sent"]
    assert [e["event"]["message"]["text"] for e in ev] == [str(i) for i in range(20)], "decided in the order sent"


async def test_a_known_key_with_another_body_is_key_reused(w):
    p = await w.agent()
    c, t, seq = await held(w, p)
    await p.reply(c, t, seq, "one", "k")
    for other in ({"text": "two"}, {"then": "pending"}, {"attachments": [{"name": "a", "media_type": "a/b", "size": 1, "url": "https://x.example/a"}]}):
        await p.refused("key_reused", "reply", **{**dict(conversation=c, token=t, key="k", seen=seq, text="one"), **other})
    assert kinds(await w.events_of(c)).count("message_sent") == 1


async def test_token_and_seen_do_not_make_another_body(w):
    p = await w.agent()
    c, t, seq = await held(w, p)
    r = await p.reply(c, t, seq, "one", "k")
    for tok, seen in ((t, r["seq"]), (t + 1000, seq), (1, 1), (t, 10**12)):
        d = await p.reply(c, tok, seen, "one", "k")
        assert d["seq"] == r["seq"] and d["message"] == r["message"] and d["duplicate"] is True


async def test_keys_are_per_sender_conversation_and_command(w):
    p, q = await w.agent("priya"), await w.agent("sam")
    c, t, seq = await held(w, p)
    c2, t2, seq2 = await held(w, p)
    a = await p.reply(c, t, seq, "x", "k")
    b = await p.reply(c2, t2, seq2, "x", "k")
    n = await p.note(c, "x", "k")
    n2 = await q.note(c, "x", "k")
    assert len({a["seq"], b["seq"], n["seq"], n2["seq"]}) == 4 and not any(x["duplicate"] for x in (a, b, n, n2))
    await p.cmd("release", conversation=c, token=t)
    tq = await q.claim(c)
    r = await q.reply(c, tq, a["seq"], "x", "k")
    assert r["duplicate"] is False


async def test_a_known_key_answers_whoever_holds_the_claim_now(w):
    p, s = await w.agent(), await w.supervisor()
    c, t, seq = await held(w, p)
    r = await p.reply(c, t, seq, "x", "k")
    await s.cmd("take_over", conversation=c, reason="r")
    d = await p.reply(c, t, seq, "x", "k")
    assert d["seq"] == r["seq"] and d["duplicate"] is True
    await p.refused("key_reused", "reply", conversation=c, token=t, key="k", seen=seq, text="y")
    await p.refused("claim_lost", "reply", conversation=c, token=t, key="k2", seen=seq, text="x")
    await s.update(c, status="closed")
    assert (await p.reply(c, t, seq, "x", "k"))["duplicate"] is True


async def test_the_claim_is_checked_before_what_was_seen(w):
    p, q = await w.agent("priya"), await w.agent("sam")
    c, t, seq = await held(w, p, customer="cu")
    await w.ingest(customer="cu")
    for who, tok, seen in ((q, t, seq), (p, t - 1, seq), (q, t, 10**12), (p, t - 1, 10**12)):
        a = await who.refused("claim_lost", "reply", conversation=c, token=tok, key=key(), seen=seen, text="x")
        assert a.get("holder") == "priya"


async def test_a_reply_without_any_claim_is_claim_lost_without_a_holder(w):
    p = await w.agent()
    m = await w.ingest()
    a = await p.refused("claim_lost", "reply", conversation=m["conversation"], token=1, key=key(), seen=m["seq"], text="x")
    assert "holder" not in a


async def test_a_reply_to_a_closed_conversation_is_claim_lost(w):
    p = await w.agent()
    c, t, seq = await held(w, p)
    await p.update(c, status="closed")
    await p.refused("claim_lost", "reply", conversation=c, token=t, key=key(), seen=seq, text="x")


async def test_seen_above_the_version_is_invalid(w):
    p = await w.agent()
    c, t, seq = await held(w, p)
    for seen in (t + 1, t + 1000, 2**53 - 1):
        a = await p.refused("invalid", "reply", conversation=c, token=t, key=key(), seen=seen, text="x")
        assert a["field"] == "seen"
    await p.reply(c, t, t)


# ---------------------------------------------------------------------------------------------- stale
async def test_a_reply_that_did_not_see_the_customers_last_message_is_stale(w):
    p = await w.agent()
    c, t, seq = await held(w, p, customer="cu")
    ms = [await w.ingest(customer="cu", text=f"more {i}") for i in range(3)]
    a = await p.refused("stale", "reply", conversation=c, token=t, key="k", seen=seq, text="x")
    missed = a["missed"]
    assert all("type" not in e for e in missed) and [e["seq"] for e in missed] == sorted(e["seq"] for e in missed)
    assert {m["seq"] for m in ms} <= {e["seq"] for e in missed} and all(e["seq"] > seq for e in missed)
    assert missed == [e for e in await w.events_of(c) if e["seq"] in {x["seq"] for x in missed}]
    r = await p.reply(c, t, max(e["seq"] for e in missed), "x", "k")
    assert r["duplicate"] is False


async def test_a_refused_command_leaves_no_key(w):
    p = await w.agent()
    c, t, seq = await held(w, p, customer="cu")
    m = await w.ingest(customer="cu")
    await p.refused("stale", "reply", conversation=c, token=t, key="k", seen=seq, text="old wording")
    await p.refused("claim_lost", "reply", conversation=c, token=1, key="k", seen=m["seq"], text="older wording")
    assert (await p.reply(c, t, m["seq"], "new wording", "k"))["duplicate"] is False


async def test_notes_tags_and_ones_own_replies_make_nothing_stale(w):
    p, q = await w.agent("priya"), await w.agent("sam")
    c, t, seq = await held(w, p)
    await q.note(c, "a note")
    await q.update(c, priority="high", add_tags=["x"])
    await p.reply(c, t, seq, "one")
    await p.reply(c, t, seq, "two")
    await p.reply(c, t, seq, "three")


async def test_anothers_reply_makes_stale(w):
    p, s = await w.agent(), await w.supervisor()
    c, t, seq = await held(w, p)
    r = await p.reply(c, t, seq, "by priya")
    t2 = (await s.cmd("take_over", conversation=c, reason="r"))["token"]
    a = await s.refused("stale", "reply", conversation=c, token=t2, key="k", seen=seq, text="x")
    assert r["seq"] in [e["seq"] for e in a["missed"]]
    await s.reply(c, t2, r["seq"], "x", "k")


async def test_a_bots_reply_makes_stale(w):
    b, p = await w.agent("robo", kind="bot"), await w.agent()
    c, t, seq = await held(w, b)
    r = await b.reply(c, t, seq, "beep")
    await b.cmd("release", conversation=c, token=t)
    t2 = await p.claim(c)
    await p.refused("stale", "reply", conversation=c, token=t2, key="k", seen=seq, text="x")
    await p.reply(c, t2, r["seq"], "x", "k")


async def test_missed_holds_the_newest_50(w):
    p = await w.agent()
    c, t, seq = await held(w, p, customer="cu")
    for i in range(60):
        last = await w.ingest(customer="cu", text=f"{i}")
    a = await p.refused("stale", "reply", conversation=c, token=t, key="k", seen=seq, text="x")
    assert len(a["missed"]) == 50 and a["missed"][-1]["seq"] == last["seq"]
    await p.reply(c, t, a["missed"][-1]["seq"], "x", "k")


async def test_the_customer_writes_while_agents_answer_and_nobody_answers_unseen(w):
    """Every accepted reply has seen every earlier customer's message: checked afterwards in the log."""
    p = await w.agent()
    c, t, seq = await held(w, p, customer="cu")
    stop = asyncio.Event()

    async def customer():
        for i in range(40):
            await w.ingest(customer="cu", text=f"{i}")
            await asyncio.sleep(random.random() * 0.02)
        stop.set()

    seen, accepted, stale = seq, {}, 0

    async def agent():
        nonlocal seen, stale
        while not stop.is_set():
            a = await p.ask("reply", conversation=c, token=t, key=key(), seen=seen, text="x")
            if a["type"] == "ok":
                accepted[a["seq"]] = seen
            else:
                assert a["code"] == "stale", a
                stale += 1
                seen = a["missed"][-1]["seq"]

    await asyncio.gather(customer(), agent())
    ev = await w.events_of(c)
    received = [e["seq"] for e in ev if e["event"]["kind"] == "message_received"]
    for s, saw in accepted.items():
        assert not [r for r in received if saw < r < s], f"the reply {s} saw {saw} only"
    assert accepted


# ---------------------------------------------------------------------------------------------- status
@pytest.mark.parametrize("before", ["new", "open", "pending", "resolved"])
@pytest.mark.parametrize("then", [None, "pending", "resolved"])
async def test_the_status_after_a_reply(w, before, then):
    p = await w.agent()
    m = await w.ingest()
    c = m["conversation"]
    if before != "new":
        await p.update(c, status=before)
    t = await p.claim(c)
    r = await p.reply(c, t, m["seq"], **({"then": then} if then else {}))
    after = then or "open"
    ev = await w.events_of(c)
    sent = next(e for e in ev if e["event"]["kind"] == "message_sent")
    assert sent["seq"] == r["seq"], "ok.seq is that of the message"
    s = await p.summary_of(c)
    assert s["status"] == after
    steps = [e["event"] for e in ev if e["event"]["kind"] == "status_changed" and e["seq"] > t]
    if before == after:
        assert steps == [] or steps[-1]["to"] == after
    else:
        assert steps and steps[0]["from"] == before and steps[-1]["to"] == after
    if then == "resolved":
        assert s["claim"] is None
        assert {"kind": "claim_released", "agent": "priya", "token": t, "via": "resolved"} in [e["event"] for e in ev]
    else:
        assert s["claim"]["token"] == t


async def test_first_response_at_is_of_the_first_reply(w):
    p = await w.agent()
    c, t, seq = await held(w, p)
    r = await p.reply(c, t, seq)
    await p.reply(c, t, seq)
    at = next(e["at"] for e in await w.events_of(c) if e["seq"] == r["seq"])
    assert (await p.summary_of(c))["first_response_at"] == at


async def test_last_message_is_the_last_message_and_never_a_note(w):
    p = await w.agent()
    c, t, seq = await held(w, p)
    assert (await p.summary_of(c))["last_message"]["seq"] == seq
    r = await p.reply(c, t, seq, "my reply")
    await p.note(c, "NOTE")
    lm = (await p.summary_of(c))["last_message"]
    assert lm["seq"] == r["seq"] and lm["excerpt"] == "my reply"
    assert "NOTE" not in str(await p.summary_of(c))


# ---------------------------------------------------------------------------------------------- notes
async def test_a_note_is_for_everybody_whoever_holds_the_claim(w):
    p, q = await w.agent("priya"), await w.agent("sam")
    c, t, seq = await held(w, p)
    await p.watch(c)
    a = await q.note(c, "look")
    assert a["duplicate"] is False and a["unknown"] == []
    e = await p.event("note_added")
    assert e["seq"] == a["seq"] and e["event"]["note"]["text"] == "look" and e["event"]["agent"] == "sam"
    assert e["event"]["mentions"] == {"agents": [], "teams": []}


async def test_a_notes_key_counts_once(w):
    p, q = await w.agent("priya"), await w.agent("sam")
    c = await w.conversation()
    a = await p.note(c, "look @sam", "k")
    b = await p.note(c, "look @sam", "k")
    assert b["seq"] == a["seq"] and (a["duplicate"], b["duplicate"]) == (False, True)
    assert b["mentions"] == a["mentions"]
    await p.refused("key_reused", "note", conversation=c, key="k", text="other")
    await q.settle()
    assert len(q.since(0, "mention")) == 1
    assert kinds(await w.events_of(c)).count("note_added") == 1


async def test_a_note_on_a_closed_conversation_is_a_note(w):
    p = await w.agent()
    c = await w.conversation()
    await p.update(c, status="closed")
    await p.note(c, "after the fact")
    assert (await w.get_summary(c))["status"] == "closed"


GRAMMAR = [
    # text, agents, teams, unknown (None: not looked at)
    ("@priya", {"priya"}, set(), set()),
    ("ask @priya.", {"priya"}, set(), set()),
    ("@Priya and @SAM", {"priya", "sam"}, set(), set()),
    ("@priya, @sam; and @sam again", {"priya", "sam"}, set(), set()),
    ("(@priya)", {"priya"}, set(), set()),
    ("\n@priya\n", {"priya"}, set(), set()),
    ("@@priya", {"priya"}, set(), set()),
    ("/@priya", {"priya"}, set(), set()),
    ("😀@priya", {"priya"}, set(), set()),
    ("@priya's", {"priya"}, set(), set()),
    ("@priya-", {"priya"}, set(), set()),
    ("@priya._-.", {"priya"}, set(), set()),
    ("@priya@sam", {"priya"}, set(), None),
    ("mail bob@priya", set(), set(), set()),
    ("9@priya", set(), set(), set()),
    ("x.@priya", set(), set(), set()),
    ("_@priya", set(), set(), set()),
    ("-@priya", set(), set(), set()),
    ("é@priya", set(), set(), set()),
    ("日@priya", set(), set(), set()),
    ("@ priya", set(), set(), set()),
    ("@", set(), set(), set()),
    ("priya", set(), set(), set()),
    ("@priyax", set(), set(), {"priyax"}),
    ("@pri", set(), set(), {"pri"}),
    ("@priya.sam", set(), set(), {"priya.sam"}),
    ("@nobody", set(), set(), {"nobody"}),
    ("@Nobody and @nobody", set(), set(), {"nobody"}),
    ("@priyä", set(), set(), None),
    ("@billing", set(), {"billing"}, set()),
    ("@billing.", set(), {"billing"}, set()),
    ("@billing @priya @nobody", {"priya"}, {"billing"}, {"nobody"}),
    ("@dual", {"dual"}, set(), set()),
    ("@al.", {"al."}, set(), set()),
    ("@al..", {"al."}, set(), set()),
    ("@al", {"al"}, set(), set()),
    ("@author", {"author"}, set(), set()),
]


@pytest.mark.parametrize("n", range(len(GRAMMAR)), ids=lambda n: repr(GRAMMAR[n][0])[:30])
async def test_the_grammar_of_mentions(w, n):
    text, agents, teams, unknown = GRAMMAR[n]
    for a, t in [("priya", ["billing"]), ("sam", ["dual"]), ("dual", []), ("al", []), ("al.", [])]:
        await w.agent(a, teams=t)
    c = await w.conversation()
    author = await w.agent("author")
    await author.watch(c)
    if text == "@priyä":  # the run is "priy": unknown
        agents, unknown = set(), {"priy"}
    if text == "@author":
        a = await author.note(c, text)
        assert (await author.cmd("mentions"))["unread"] == 0, "authors are not notified"
        assert a["unknown"] == []
        return
    a = await author.note(c, text)
    e = await author.event("note_added")
    assert (set(e["event"]["mentions"]["agents"]), set(e["event"]["mentions"]["teams"])) == (agents, teams), e
    assert mention_names(a["mentions"]) == (agents, teams) or not isinstance(a["mentions"], dict)
    if unknown is not None:
        assert {u.rstrip(".-_") for u in a["unknown"]} == unknown, a
    assert e["event"]["note"]["text"] == text


async def test_a_mention_reaches_every_session_of_the_mentioned(w):
    q1, q2, x = await w.agent("sam"), await w.agent("sam"), await w.agent("max")
    p = await w.agent("priya")
    c = await w.conversation()
    a = await p.note(c, "hello @sam " + "long " * 60)
    note = next(e for e in await w.events_of(c) if e["seq"] == a["seq"])["event"]["note"]["id"]
    for q in (q1, q2):
        f = await q.push("mention")
        assert f["seq"] == a["seq"] and f["conversation"] == c and f["note"] == note and f["by"] == "priya" and f["unread"] == 1
        assert f["excerpt"].startswith("hello @sam") and len(f["excerpt"]) <= 140
    await x.settle()
    assert not x.since(0, "mention") and not p.since(0, "mention")


async def test_a_mention_needs_no_watch_and_waits_for_the_absent(w):
    q = await w.agent("sam")
    await q.close()
    p = await w.agent("priya")
    c = await w.conversation()
    seqs = [(await p.note(c, f"@sam {i}"))["seq"] for i in range(3)]
    q = await w.agent("sam")
    assert q.welcome["unread_mentions"] == 3
    a = await q.cmd("mentions")
    assert [m["seq"] for m in a["mentions"]] == seqs[::-1] and a["unread"] == 3
    for m in a["mentions"]:
        assert m["conversation"] == c and m["by"] == "priya" and m["read"] is False and m["excerpt"].startswith("@sam") and m["note"] and m["at"]


async def test_the_inbox_is_read_in_pages(w):
    q, p = await w.agent("sam"), await w.agent("priya")
    c = await w.conversation()
    seqs = [(await p.note(c, f"@sam {i}"))["seq"] for i in range(7)][::-1]
    a = await q.cmd("mentions", limit=3)
    assert [m["seq"] for m in a["mentions"]] == seqs[:3]
    b = await q.cmd("mentions", limit=3, before=seqs[2])
    assert [m["seq"] for m in b["mentions"]] == seqs[3:6]
    b = await q.cmd("mentions", limit=3, before=seqs[5])
    assert [m["seq"] for m in b["mentions"]] == seqs[6:]


async def test_reading_mentions_tells_the_other_sessions(w):
    q, q2, p = await w.agent("sam"), await w.agent("sam"), await w.agent("priya")
    c = await w.conversation()
    seqs = [(await p.note(c, f"@sam {i}"))["seq"] for i in range(4)]
    a = await q.cmd("read_mentions", up_to=seqs[1])
    assert a["unread"] == 2
    f = await q2.push("mentions_read")
    assert f["up_to"] == seqs[1] and f["unread"] == 2
    got = {m["seq"]: m["read"] for m in (await q2.cmd("mentions"))["mentions"]}
    assert got == {seqs[0]: True, seqs[1]: True, seqs[2]: False, seqs[3]: False}
    assert (await q.cmd("read_mentions", up_to=seqs[0]))["unread"] == 2, "reading does not go back"
    assert (await q.cmd("read_mentions", up_to=seqs[3]))["unread"] == 0
    assert (await w.agent("sam")).welcome["unread_mentions"] == 0


async def test_a_team_means_its_members_known_when_the_note_is_stored(w):
    a = await w.agent("ann", teams=["billing"])
    b = await w.agent("ben", teams=["billing", "sales"])
    o = await w.agent("otto", teams=["sales"])
    p = await w.agent("priya", teams=["billing"])
    c = await w.conversation()
    await b.close()
    n = await p.note(c, "@billing look")
    assert (await a.push("mention"))["seq"] == n["seq"]
    late = await w.agent("late", teams=["billing"])
    b = await w.agent("ben", teams=["billing", "sales"])
    assert (a.since(0, "mention")[0]["unread"], b.welcome["unread_mentions"], late.welcome["unread_mentions"]) == (1, 1, 0)
    await p.settle()
    assert not p.since(0, "mention") and not o.since(0, "mention"), "authors are not notified"


async def test_agent_and_team_at_once_is_one_mention(w):
    a, p = await w.agent("ann", teams=["billing"]), await w.agent("priya")
    c = await w.conversation()
    await p.note(c, "@ann @billing @ann")
    await a.push("mention")
    await a.settle()
    assert len(a.since(0, "mention")) == 1 and (await a.cmd("mentions"))["unread"] == 1


async def test_an_agent_is_known_from_its_first_hello_on(w):
    p = await w.agent("priya")
    c = await w.conversation()
    a = await p.note(c, "@newbie")
    assert a["unknown"] == ["newbie"]
    n = await w.agent("newbie")
    assert n.welcome["unread_mentions"] == 0
    assert (await p.note(c, "@newbie"))["unknown"] == []
    assert (await n.push("mention"))["unread"] == 1


async def test_mentions_me_lists_what_is_unread(w):
    q, p = await w.agent("sam"), await w.agent("priya")
    c, d = await w.conversation(), await w.conversation()
    n = await p.note(c, "@sam")
    assert [s["id"] for s in await q.list_all({"mentions_me": True})] == [c]
    assert await p.list_all({"mentions_me": True}) == []
    await q.cmd("read_mentions", up_to=n["seq"])
    assert await q.list_all({"mentions_me": True}) == []


async def test_parallel_notes_count_every_mention(w):
    q = await w.agent("sam")
    authors = [await w.agent(f"a{i}") for i in range(5)]
    c = await w.conversation()
    await asyncio.gather(*[a.note(c, f"@sam {i}") for a in authors for i in range(10)])
    await q.wait_for(lambda f: f["type"] == "mention" and f["unread"] == 50, what="fifty unread")
    got = q.since(0, "mention")
    assert len({f["seq"] for f in got}) == 50 == len(got)
    assert (await q.cmd("mentions", limit=200))["unread"] == 50


# ---------------------------------------------------------------------------------------------- read marks
async def test_read_marks_are_told_to_watchers_and_ones_own_sessions(w):
    p, p2, q = await w.agent("priya"), await w.agent("priya"), await w.agent("sam")
    m = await w.ingest()
    c = m["conversation"]
    await q.watch(c)
    await p.cmd("mark_read", conversation=c, up_to=m["seq"])
    for x in (p2, q):
        f = await x.push("read_marks", conversation=c)
        assert {"agent": "priya", "up_to": m["seq"]} in f["marks"]
    assert (await p2.cmd("read_marks"))["marks"] == {c: m["seq"]}
    assert (await q.cmd("read_marks"))["marks"] == {}
    assert len(await w.events_of(c)) == 2, "read marks are no events"


async def test_read_marks_are_of_unclosed_conversations(w):
    p = await w.agent()
    m = await w.ingest()
    await p.cmd("mark_read", conversation=m["conversation"], up_to=m["seq"])
    await p.update(m["conversation"], status="closed")
    await eventually(lambda: _no_marks(p), 3)


async def _no_marks(p):
    return (await p.cmd("read_marks"))["marks"] == {}
