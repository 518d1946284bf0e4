"""Claims, transfers, take-over: at most one holder, whatever happens."""
import asyncio
import random
import time

import pytest

from dibswire import TIME_RE, Refused, eventually, gather_some, key, kinds, now_id


async def transfer(c, conv, token, **to):
    note = to.pop("note", None)
    return await c.cmd("transfer", conversation=conv, token=token, to=to, **({"note": note} if note else {}))


# ---------------------------------------------------------------------------------------------- claim
async def test_a_claim_gives_a_token_that_is_the_seq_of_its_grant(w):
    p = await w.agent()
    c = await w.conversation()
    a = await p.cmd("claim", conversation=c)
    e = (await w.events_of(c))[-1]
    assert e["event"] == {"kind": "claim_granted", "agent": "priya", "token": a["token"], "via": "claim"}
    assert e["seq"] == a["token"] and e["actor"] == {"kind": "agent", "id": "priya"}
    s = a["summary"]
    assert s["claim"]["agent"] == "priya" and s["claim"]["token"] == a["token"] and TIME_RE.match(s["claim"]["since"])
    assert s["assignee"] == "priya" and s["version"] == a["token"] and s["status"] == "new"


async def test_claiming_what_one_holds_returns_the_same_token_and_stores_nothing(w):
    p, p2 = await w.agent(), await w.agent()
    c = await w.conversation()
    t = await p.claim(c)
    assert await p.claim(c) == t and await p2.claim(c) == t
    assert kinds(await w.events_of(c)).count("claim_granted") == 1


async def test_anothers_claim_is_already_claimed_and_names_the_holder(w):
    p, q = await w.agent("priya"), await w.agent("sam")
    c = await w.conversation()
    a = await p.cmd("claim", conversation=c)
    e = await q.refused("already_claimed", "claim", conversation=c)
    assert e["holder"] == "priya" and e["since"] == a["summary"]["claim"]["since"]


async def test_tokens_only_grow(w):
    p, q = await w.agent("priya"), await w.agent("sam")
    c = await w.conversation()
    tokens = []
    for i in range(6):
        a = (p, q)[i % 2]
        t = await a.claim(c)
        tokens.append(t)
        await a.cmd("release", conversation=c, token=t)
    assert tokens == sorted(set(tokens))


async def test_a_release_frees_and_keeps_the_assignee(w):
    p, q = await w.agent("priya"), await w.agent("sam")
    c = await w.conversation()
    t = await p.claim(c)
    a = await p.cmd("release", conversation=c, token=t)
    e = (await w.events_of(c))[-1]
    assert e["event"] == {"kind": "claim_released", "agent": "priya", "token": t, "via": "release"} and e["seq"] == a["seq"]
    s = await q.summary_of(c)
    assert s["claim"] is None and s["assignee"] == "priya"
    assert await q.claim(c) > t
    assert (await q.summary_of(c))["assignee"] == "sam"


@pytest.mark.parametrize("command,extra", [("release", {}), ("transfer", {"to": {"agent": "sam"}}), ("cancel_transfer", {})])
async def test_without_the_current_token_not_claimed_or_claim_lost(w, command, extra):
    p, q = await w.agent("priya"), await w.agent("sam")
    c = await w.conversation()
    await p.refused("not_claimed", command, conversation=c, token=1, **extra)
    t = await p.claim(c)
    a = await p.refused("claim_lost", command, conversation=c, token=t - 1, **extra)
    assert a.get("holder", "priya") == "priya"
    a = await q.refused("claim_lost", command, conversation=c, token=t - 1, **extra)
    assert a["holder"] == "priya"
    await q.refused(("claim_lost", "forbidden"), command, conversation=c, token=t, **extra)
    assert (await p.summary_of(c))["claim"]["token"] == t


async def test_a_released_token_is_dead(w):
    p = await w.agent()
    m = await w.ingest()
    c = m["conversation"]
    t = await p.claim(c)
    await p.cmd("release", conversation=c, token=t)
    await p.refused("not_claimed", "release", conversation=c, token=t)
    await p.refused("claim_lost", "reply", conversation=c, token=t, key=key(), seen=m["seq"], text="x")
    t2 = await p.claim(c)
    await p.refused("claim_lost", "reply", conversation=c, token=t, key=key(), seen=m["seq"], text="x")
    await p.reply(c, t2, m["seq"])


async def test_claiming_a_closed_conversation_is_a_conflict(w):
    p = await w.agent()
    c = await w.conversation()
    await p.update(c, status="closed")
    await p.refused("conflict", "claim", conversation=c)
    await p.update(c, status="open")
    await p.claim(c)


@pytest.mark.parametrize("status", ["resolved", "closed"])
async def test_resolving_and_closing_release_the_claim(w, status):
    p, p2 = await w.agent(), await w.agent()
    c = await w.conversation()
    t = await p.claim(c)
    await p.update(c, status=status)
    rel = [e["event"] for e in await w.events_of(c) if e["event"]["kind"] == "claim_released"]
    assert rel == [{"kind": "claim_released", "agent": "priya", "token": t, "via": "resolved"}]
    assert (await p.summary_of(c))["claim"] is None


@pytest.mark.parametrize("status", ["pending", "resolved", "open"])
async def test_claiming_changes_no_status(w, status):
    p = await w.agent()
    c = await w.conversation()
    await p.update(c, status=status)
    a = await p.cmd("claim", conversation=c)
    assert a["summary"]["status"] == status


async def test_unknown_conversations_are_not_found(w):
    p = await w.agent()
    for t, f in [("claim", {}), ("release", {"token": 1}), ("take_over", {"reason": "r"}), ("watch", {}), ("note", {"key": "k", "text": "t"}),
                 ("history", {"before": 5}), ("update", {"priority": "low"}), ("answer_transfer", {"accept": True}),
                 ("reply", {"key": "k", "text": "t", "seen": 1, "token": 1}), ("mark_read", {"up_to": 1})]:
        if t == "take_over":
            await p.refused(("not_found", "forbidden"), t, conversation=now_id(), **f)
        else:
            await p.refused("not_found", t, conversation=now_id(), **f)


async def test_an_agents_other_sessions_learn_what_it_gained_and_lost(w):
    p, p2 = await w.agent(), await w.agent()
    c = await w.conversation()
    t = await p.claim(c)
    f = await p2.push("claim_gained", conversation=c)
    assert f["token"] == t and f["via"] == "claim"
    third = await w.agent()
    assert {"conversation": c, "token": t} in [{k: x[k] for k in ("conversation", "token")} for x in third.welcome["claims"]]


async def test_a_bot_claims_by_the_same_rules(w):
    b, p = await w.agent("robo", kind="bot"), await w.agent()
    m = await w.ingest()
    c = m["conversation"]
    t = await b.claim(c)
    assert (await p.refused("already_claimed", "claim", conversation=c))["holder"] == "robo"
    await b.reply(c, t, m["seq"])
    for e in await w.events_of(c):
        if e["event"]["kind"] in ("claim_granted", "message_sent"):
            assert e["actor"] == {"kind": "bot", "id": "robo"}


async def test_a_repeated_key_of_a_claim_answers_what_the_first_did(w):
    p, q = await w.agent("priya"), await w.agent("sam")
    c = await w.conversation()
    k = key()
    a = await p.cmd("claim", conversation=c, key=k)
    await p.cmd("release", conversation=c, token=a["token"])
    await q.claim(c)
    b = await p.cmd("claim", conversation=c, key=k)
    assert b["duplicate"] is True and b["token"] == a["token"]


# ---------------------------------------------------------------------------------------------- open
async def test_an_agent_opens_a_conversation_and_holds_it(w):
    p = await w.agent()
    k = key()
    f = dict(key=k, customer={"id": "c", "name": "Cleo"}, channel="mail", subject="Your order", queue="sales")
    a = await p.cmd("open", **f)
    ev = await w.events_of(a["conversation"])
    assert kinds(ev)[0] == "conversation_opened" and "claim_granted" in kinds(ev)
    g = next(e for e in ev if e["event"]["kind"] == "claim_granted")
    assert g["seq"] == a["token"] and g["event"]["agent"] == "priya"
    s = await p.summary_of(a["conversation"])
    assert s["subject"] == "Your order" and s["queue"] == "sales" and s["claim"]["token"] == a["token"] and s["unanswered"] == 0
    b = await p.cmd("open", **f)
    assert b["conversation"] == a["conversation"] and b["token"] == a["token"] and b["duplicate"] is True
    await p.refused("key_reused", "open", **{**f, "subject": "Other"})
    r = await p.reply(a["conversation"], a["token"], s["version"], "Good day")
    assert r["duplicate"] is False


async def test_a_customers_answer_joins_the_conversation_an_agent_opened(w):
    p = await w.agent()
    a = await p.cmd("open", key=key(), customer={"id": "cleo", "name": "Cleo"}, channel="mail")
    assert (await w.ingest(customer="cleo"))["conversation"] == a["conversation"]


# ---------------------------------------------------------------------------------------------- take over
async def test_a_supervisor_takes_over_and_the_old_token_is_dead(w):
    p, p2, s = await w.agent("priya"), await w.agent("priya"), await w.supervisor()
    m = await w.ingest()
    c = m["conversation"]
    t = await p.claim(c)
    await p.watch(c)
    a = await s.cmd("take_over", conversation=c, reason="customer waits")
    assert a["token"] > t
    for x in (p, p2):
        f = await x.push("claim_lost", conversation=c)
        assert f["token"] == t and f["by"] == "sue" and isinstance(f["reason"], str)
    ev = (await w.events_of(c))[-2:]
    assert ev[0]["event"] == {"kind": "claim_released", "agent": "priya", "token": t, "via": "take_over"}
    assert ev[1]["event"]["kind"] == "claim_granted" and ev[1]["event"]["via"] == "take_over"
    assert ev[1]["event"]["from"] == "priya" and ev[1]["event"]["reason"] == "customer waits"
    assert ev[1]["seq"] == ev[0]["seq"] + 1 == a["token"]
    e = await p.refused("claim_lost", "reply", conversation=c, token=t, key=key(), seen=m["seq"], text="too late")
    assert e["holder"] == "sue"
    await s.reply(c, a["token"], m["seq"])


async def test_take_over_is_not_for_agents(w):
    p, q = await w.agent("priya"), await w.agent("sam")
    c = await w.conversation()
    t = await p.claim(c)
    await q.refused("forbidden", "take_over", conversation=c, reason="mine")
    assert (await p.summary_of(c))["claim"]["token"] == t


async def test_take_over_of_a_free_one_grants(w):
    s = await w.supervisor()
    c = await w.conversation()
    a = await s.cmd("take_over", conversation=c, reason="r")
    ev = await w.events_of(c)
    assert ev[-1]["event"]["kind"] == "claim_granted" and ev[-1]["event"]["token"] == a["token"] and "from" not in ev[-1]["event"]


async def test_two_supervisors_taking_over_at_once_leave_one_holder(w):
    p = await w.agent()
    sups = [await w.supervisor(f"s{i}") for i in range(5)]
    c = await w.conversation()
    await p.claim(c)
    got = await asyncio.gather(*[s.cmd("take_over", conversation=c, reason="r") for s in sups])
    tokens = [g["token"] for g in got]
    assert len(set(tokens)) == 5
    s = await p.summary_of(c)
    assert s["claim"]["token"] == max(tokens) and s["claim"]["agent"] == f"s{tokens.index(max(tokens))}"


# ---------------------------------------------------------------------------------------------- transfer
async def test_a_transfer_keeps_the_claim_until_it_is_accepted(w):
    p, q, q2 = await w.agent("priya"), await w.agent("sam"), await w.agent("sam")
    m = await w.ingest()
    c = m["conversation"]
    t = await p.claim(c)
    a = await transfer(p, c, t, agent="sam", note="please")
    assert TIME_RE.match(a["expires_at"])
    ev = (await w.events_of(c))[-1]
    assert ev["event"]["kind"] == "transfer_offered" and ev["seq"] == a["seq"]
    assert ev["event"]["from"] == "priya" and ev["event"]["to"] == {"agent": "sam"} and ev["event"]["note"] == "please"
    assert ev["event"]["expires_at"] == a["expires_at"]
    for x in (q, q2):
        f = await x.push("offer", conversation=c)
        assert f["from"] == "priya" and f["to"] == {"agent": "sam"} and f["note"] == "please" and f["expires_at"] == a["expires_at"]
        assert f["summary"]["id"] == c
    assert (await p.summary_of(c))["offer"] is not None
    r = await p.reply(c, t, m["seq"], "still mine")
    b = await q.cmd("answer_transfer", conversation=c, accept=True)
    ev = await w.events_of(c)
    rel, gr = [e for e in ev if e["event"]["kind"] in ("claim_released", "claim_granted")][-2:]
    assert rel["event"] == {"kind": "claim_released", "agent": "priya", "token": t, "via": "transfer"}
    assert gr["event"]["kind"] == "claim_granted" and gr["event"]["via"] == "transfer" and gr["event"]["from"] == "priya"
    assert gr["event"]["agent"] == "sam" and gr["event"]["token"] == gr["seq"] == b["token"] == rel["seq"] + 1
    f = await p.push("claim_lost", conversation=c)
    assert f["token"] == t
    f = await q2.push("claim_gained", conversation=c)
    assert f["token"] == b["token"] and f["via"] == "transfer" and f["from"] == "priya"
    s = await q.summary_of(c)
    assert s["offer"] is None and s["assignee"] == "sam" and s["claim"]["agent"] == "sam"
    await p.refused("claim_lost", "reply", conversation=c, token=t, key=key(), seen=r["seq"], text="x")


async def test_a_declined_transfer_leaves_the_claim(w):
    p, q, q2 = await w.agent("priya"), await w.agent("sam"), await w.agent("sam")
    c = await w.conversation()
    t = await p.claim(c)
    await transfer(p, c, t, agent="sam")
    a = await q.cmd("answer_transfer", conversation=c, accept=False, note="busy")
    assert "token" not in a
    e = (await w.events_of(c))[-1]["event"]
    assert e["kind"] == "transfer_declined" and e["reason"] == "declined" and e["note"] == "busy"
    assert e["from"] == "priya" and e["to"] == {"agent": "sam"}
    await q2.push("offer_gone", conversation=c)
    s = await p.summary_of(c)
    assert s["claim"]["token"] == t and s["offer"] is None


async def test_a_cancelled_transfer_is_withdrawn(w):
    p, q = await w.agent("priya"), await w.agent("sam")
    c = await w.conversation()
    t = await p.claim(c)
    await transfer(p, c, t, agent="sam")
    await q.push("offer", conversation=c)
    a = await p.cmd("cancel_transfer", conversation=c, token=t)
    e = (await w.events_of(c))[-1]
    assert e["event"]["kind"] == "transfer_declined" and e["event"]["reason"] == "withdrawn" and e["seq"] == a["seq"]
    await q.push("offer_gone", conversation=c)
    assert (await q.ask("answer_transfer", conversation=c, accept=True))["type"] == "error"
    assert (await p.summary_of(c))["claim"]["token"] == t


async def test_only_the_one_asked_answers(w):
    p, q, x = await w.agent("priya"), await w.agent("sam"), await w.agent("max")
    c = await w.conversation()
    t = await p.claim(c)
    await transfer(p, c, t, agent="sam")
    assert (await x.ask("answer_transfer", conversation=c, accept=True))["type"] == "error"
    assert (await x.ask("answer_transfer", conversation=c, accept=False))["type"] == "error"
    s = await p.summary_of(c)
    assert s["claim"]["token"] == t and s["offer"] is not None
    assert not x.since(0, "offer")


async def test_an_answer_without_an_offer_is_refused(w):
    p = await w.agent()
    c = await w.conversation()
    a = await p.ask("answer_transfer", conversation=c, accept=True)
    assert a["type"] == "error" and a["code"] in ("not_found", "conflict", "not_claimed", "forbidden", "claim_lost"), a


async def test_a_newer_offer_supersedes(w):
    p, q, x = await w.agent("priya"), await w.agent("sam"), await w.agent("max")
    c = await w.conversation()
    t = await p.claim(c)
    await transfer(p, c, t, agent="sam")
    await q.push("offer", conversation=c)
    await transfer(p, c, t, agent="max")
    await q.push("offer_gone", conversation=c)
    d = [e["event"] for e in await w.events_of(c) if e["event"]["kind"] == "transfer_declined"]
    assert [e["reason"] for e in d] == ["superseded"]
    assert (await q.ask("answer_transfer", conversation=c, accept=True))["type"] == "error"
    await x.cmd("answer_transfer", conversation=c, accept=True)


async def test_a_take_over_ends_the_offer(w):
    p, q, s = await w.agent("priya"), await w.agent("sam"), await w.supervisor()
    c = await w.conversation()
    t = await p.claim(c)
    await transfer(p, c, t, agent="sam")
    await q.push("offer", conversation=c)
    await s.cmd("take_over", conversation=c, reason="r")
    await q.push("offer_gone", conversation=c)
    assert (await q.ask("answer_transfer", conversation=c, accept=True))["type"] == "error"
    assert (await s.summary_of(c))["offer"] is None


async def test_a_release_ends_the_offer(w):
    p, q = await w.agent("priya"), await w.agent("sam")
    c = await w.conversation()
    t = await p.claim(c)
    await transfer(p, c, t, agent="sam")
    await q.push("offer", conversation=c)
    await p.cmd("release", conversation=c, token=t)
    await q.push("offer_gone", conversation=c)
    assert (await p.summary_of(c))["offer"] is None


async def test_a_transfer_to_nobody_known_is_refused(w):
    p = await w.agent()
    c = await w.conversation()
    t = await p.claim(c)
    a = await p.ask("transfer", conversation=c, token=t, to={"agent": "nobody-here"})
    assert a["type"] == "error" and a["code"] in ("not_found", "invalid", "conflict"), a


async def test_a_teams_online_members_are_all_asked_and_the_first_wins(w):
    p = await w.agent("priya", teams=["billing"])
    team = [await w.agent(f"t{i}", teams=["billing"]) for i in range(6)]
    stranger = await w.agent("other", teams=["sales"])
    c = await w.conversation()
    t = await p.claim(c)
    await transfer(p, c, t, team="billing")
    for x in team:
        f = await x.push("offer", conversation=c)
        assert f["to"] == {"team": "billing"}
    got = await asyncio.gather(*[x.ask("answer_transfer", conversation=c, accept=True) for x in team])
    assert [g["type"] for g in got].count("ok") == 1, got
    winner = next(i for i, g in enumerate(got) if g["type"] == "ok")
    assert (await p.summary_of(c))["claim"]["agent"] == f"t{winner}"
    for i, x in enumerate(team):
        if i != winner:
            await x.push("offer_gone", conversation=c)
    assert not stranger.since(0, "offer")


async def test_an_offer_outlives_its_makers_session_and_is_in_the_welcome(w):
    p, q = await w.agent("priya"), await w.agent("sam")
    c = await w.conversation()
    t = await p.claim(c)
    await transfer(p, c, t, agent="sam", note="n")
    await q.close()
    q = await w.agent("sam")
    assert [o["conversation"] for o in q.welcome["offers"]] == [c]
    await p.abort()
    await asyncio.sleep(0.3)
    a = await q.cmd("answer_transfer", conversation=c, accept=True)
    assert a["token"] > t


@pytest.mark.slow
async def test_an_offer_ends_by_itself_after_60_s(w):
    p, q = await w.agent("priya"), await w.agent("sam")
    c = await w.conversation()
    await p.watch(c)
    t = await p.claim(c)
    await transfer(p, c, t, agent="sam")
    await asyncio.sleep(57)
    assert not p.since(0, "offer_gone")
    await p.event("transfer_declined", reason="expired")
    await q.push("offer_gone", conversation=c)
    assert (await p.summary_of(c))["claim"]["token"] == t


# ---------------------------------------------------------------------------------------------- races
async def test_30_agents_race_for_200_conversations_and_each_has_one_winner(w):
    convs = [m["conversation"] for m in await w.many(200)]
    agents = [await w.agent(f"a{i}") for i in range(30)]

    async def one(a):
        mine = convs[:]
        random.shuffle(mine)
        futs = [(c, await a.post("claim", conversation=c)) for c in mine]
        return a.agent_id, {c: await asyncio.wait_for(f, 60) for c, f in futs}

    got = await asyncio.gather(*[one(a) for a in agents])
    for c in convs:
        answers = {name: g[c] for name, g in got}
        winners = [n for n, a in answers.items() if a["type"] == "ok"]
        assert len(winners) == 1, (c, winners)
        for n, a in answers.items():
            if n != winners[0]:
                assert a["code"] == "already_claimed" and a["holder"] == winners[0]
    reader = w.token("http-reader", role="supervisor")
    all_ = await gather_some(8, [w.events_of(c, reader) for c in convs])
    for c, ev in zip(convs, all_):
        assert kinds(ev) == ["conversation_opened", "message_received", "claim_granted"]
        assert dict(got)[ev[-1]["event"]["agent"]][c]["token"] == ev[-1]["seq"] == ev[-1]["event"]["token"]


async def test_the_feed_is_numbered_without_gaps(w):
    """Every seq is an event of a conversation, or one agent's first hello."""
    agents = [await w.agent(f"a{i}") for i in range(5)]
    convs = [m["conversation"] for m in await w.many(10)]

    async def life(a):
        for c in random.sample(convs, 8):
            r = await a.ask("claim", conversation=c)
            await a.note(c, "n")
            if r["type"] == "ok":
                await a.reply(c, r["token"], r["token"], then=random.choice(["pending", "resolved"]))
            await a.ask("update", conversation=c, add_tags=[a.agent_id])

    await asyncio.gather(*[life(a) for a in agents])
    head = (await w.agent("a0")).welcome["seq"]
    seqs = [e["seq"] for c in convs for e in await w.events_of(c)]
    assert len(seqs) == len(set(seqs)), "a seq given twice"
    holes = sorted(set(range(1, head + 1)) - set(seqs))
    assert max(seqs) == head and len(holes) == 5, f"5 agents were first seen, but the holes are {holes}"


async def test_the_events_of_one_command_are_consecutive(w):
    """Each command changes subject and tags of one conversation while others do the same elsewhere."""
    agents = [await w.agent(f"a{i}") for i in range(6)]
    convs = [m["conversation"] for m in await w.many(6)]
    done = {}

    async def life(a):
        last = {}
        for n in range(8):
            for c in convs:
                name = f"{a.agent_id}-{n}"
                r = await a.cmd("update", conversation=c, subject=name, add_tags=[name], remove_tags=[last[c]] if c in last else [])
                last[c] = name
                done[c, name] = r["seq"]

    await asyncio.gather(*[life(a) for a in agents])
    for c in convs:
        ev = {e["seq"]: e for e in await w.events_of(c)}
        subject = {e["event"]["to"]: s for s, e in ev.items() if e["event"]["kind"] == "subject_changed"}
        tagged = {t: s for s, e in ev.items() if e["event"]["kind"] == "tagged" for t in e["event"]["added"]}
        for (cc, name), seq in done.items():
            if cc == c:
                pair = sorted((subject[name], tagged[name]))
                assert pair[1] == pair[0] + 1 == seq, f"{name}: subject {subject[name]}, tags {tagged[name]}, ok.seq {seq}"


async def test_commands_of_one_session_on_one_conversation_are_decided_in_the_order_sent(w):
    p = await w.agent()
    c = await w.conversation()
    await p.watch(c)
    wish = [random.choice(["low", "high", "urgent", "normal"]) for _ in range(80)]
    futs = [await p.post("update", conversation=c, priority=x) for x in wish]
    answers = [await asyncio.wait_for(f, 10) for f in futs]
    assert all(a["type"] == "ok" for a in answers)
    want, last = [], "normal"
    for x in wish:
        if x != last:
            want.append((last, x))
            last = x
    got = [(e["event"]["from"], e["event"]["to"]) for e in await w.events_of(c) if e["event"]["kind"] == "priority_changed"]
    assert got == want
    seqs = [a["seq"] for a in answers if "seq" in a]
    assert len(seqs) == len(want) and seqs == sorted(seqs)


async def test_claim_and_release_in_one_burst(w):
    p = await w.agent()
    c = await w.conversation()
    for _ in range(10):
        f1 = await p.post("claim", conversation=c)
        f2 = await p.post("note", conversation=c, key=key(), text="n")
        t = (await asyncio.wait_for(f1, 5))["token"]
        f3 = await p.post("release", conversation=c, token=t)
        f4 = await p.post("claim", conversation=c)
        a = await asyncio.wait_for(asyncio.gather(f2, f3, f4), 5)
        assert [x["type"] for x in a] == ["ok"] * 3 and a[2]["token"] > a[1]["seq"] > t
        await p.cmd("release", conversation=c, token=a[2]["token"])
