"""update, bulk, permissions while a claim is held, snooze."""
import asyncio

import pytest

from dibswire import Refused, eventually, iso, key, kinds, now_id


async def last_events(w, c, n):
    return [e["event"] for e in (await w.events_of(c))[-n:]]


UPDATES = [
    ({"priority": "high"}, {"kind": "priority_changed", "from": "normal", "to": "high"}, {"priority": "high"}),
    ({"queue": "sales"}, "queue_changed", {"queue": "sales"}),
    ({"subject": "S"}, "subject_changed", {"subject": "S"}),
    ({"status": "pending"}, {"kind": "status_changed", "from": "new", "to": "pending"}, {"status": "pending"}),
    ({"status": "open"}, {"kind": "status_changed", "from": "new", "to": "open"}, {"status": "open"}),
    ({"status": "resolved"}, {"kind": "status_changed", "from": "new", "to": "resolved"}, {"status": "resolved"}),
    ({"status": "closed"}, {"kind": "status_changed", "from": "new", "to": "closed"}, {"status": "closed"}),
    ({"assignee": "priya"}, {"kind": "assigned", "agent": "priya"}, {"assignee": "priya"}),
    ({"team": "billing"}, {"kind": "assigned", "team": "billing"}, {"team": "billing"}),
    ({"add_tags": ["a"]}, {"kind": "tagged", "added": ["a"], "removed": []}, {"tags": ["a"]}),
]


@pytest.mark.parametrize("n", range(len(UPDATES)), ids=lambda n: str(UPDATES[n][0])[:40])
async def test_an_update_is_an_event_and_a_new_summary(w, n):
    fields, event, summary = UPDATES[n]
    p = await w.agent("priya", teams=["billing"])
    c = await w.conversation()
    await p.watch(c)
    a = await p.update(c, **fields)
    e = (await w.events_of(c))[-1]
    assert e["seq"] == a["seq"] and e["actor"] == {"kind": "agent", "id": "priya"}
    if isinstance(event, str):
        assert e["event"]["kind"] == event and e["event"]["to"] == list(fields.values())[0]
    else:
        assert e["event"] == event
    f = await p.push("summary")
    for k, v in summary.items():
        assert f["summary"][k] == v
    assert f["summary"]["version"] == a["seq"]


@pytest.mark.parametrize("fields", [{"priority": "normal"}, {"add_tags": ["a"]}, {"remove_tags": ["zz"]}, {"status": "new"},
                                    {"assignee": None}, {"team": None}, {"subject": "S"}, {"add_tags": []},
                                    {"priority": "normal", "add_tags": ["a"]}])
async def test_an_update_that_changes_nothing_is_ok_without_an_event(w, fields):
    p = await w.agent()
    c = await w.conversation(subject="S", tags=["a"])
    n = len(await w.events_of(c))
    a = await p.ask("update", conversation=c, **fields)
    if fields == {"status": "new"} and a["type"] == "error":
        pytest.skip("`new` is perhaps not a status to be set: free")
    assert a["type"] == "ok" and "seq" not in a, a
    assert len(await w.events_of(c)) == n


async def test_several_fields_are_one_commit(w):
    p = await w.agent()
    c = await w.conversation(tags=["old"])
    v = (await p.summary_of(c))["version"]
    a = await p.update(c, status="open", priority="urgent", queue="vip", subject="S", assignee="priya", add_tags=["x", "y"],
                       remove_tags=["old", "nope"])
    ev = [e for e in await w.events_of(c) if e["seq"] > v]
    assert [e["seq"] for e in ev] == list(range(v + 1, a["seq"] + 1)), "consecutive, and ok.seq is the last"
    assert sorted(kinds(ev)) == sorted(["status_changed", "priority_changed", "queue_changed", "subject_changed", "assigned", "tagged"])
    t = next(e["event"] for e in ev if e["event"]["kind"] == "tagged")
    assert sorted(t["added"]) == ["x", "y"] and t["removed"] == ["old"]
    assert len({e["at"] for e in ev}) == 1


async def test_null_clears(w):
    p = await w.agent("priya", teams=["billing"])
    c = await w.conversation(subject="S")
    await p.update(c, assignee="priya", team="billing")
    await p.update(c, assignee=None)
    assert (await last_events(w, c, 1)) == [{"kind": "assigned", "team": "billing"}]
    await p.update(c, team=None, subject=None)
    s = await p.summary_of(c)
    assert (s["assignee"], s["team"], s["subject"]) == (None, None, None)


@pytest.mark.parametrize("expect,differs", [({"priority": "low"}, "priority"), ({"status": "open"}, "status"), ({"assignee": "sam"}, "assignee"),
                                            ({"version": 1}, "version"), ({"priority": "normal", "queue": "zz"}, "queue"),
                                            ({"subject": None}, "subject"), ({"team": "x"}, "team"), ({"tags": ["b"]}, "tags")])
async def test_a_difference_is_a_conflict_with_current_and_nothing_is_done(w, expect, differs):
    p = await w.agent()
    c = await w.conversation(subject="S", tags=["a"])
    s = await p.summary_of(c)
    a = await p.refused("conflict", "update", conversation=c, expect=expect, priority="urgent")
    assert a["current"][differs] == s[differs]
    assert await p.summary_of(c) == s


async def test_what_is_as_expected_is_done(w):
    p = await w.agent()
    c = await w.conversation(subject="S", tags=["a", "b"])
    s = await p.summary_of(c)
    await p.update(c, expect={k: s[k] for k in ("version", "status", "priority", "assignee", "team", "queue", "subject", "snoozed_until")},
                   priority="high")
    await p.refused("conflict", "update", conversation=c, expect={"version": s["version"]}, priority="low")


async def test_of_20_parallel_updates_with_one_expectation_one_wins(w):
    agents = [await w.agent(f"a{i}") for i in range(5)]
    c = await w.conversation()
    v = (await agents[0].summary_of(c))["version"]
    got = await asyncio.gather(*[agents[i % 5].ask("update", conversation=c, expect={"version": v}, subject=f"s{i}") for i in range(20)])
    assert [g["type"] for g in got].count("ok") == 1
    assert all(g["code"] == "conflict" and g["current"]["version"] > v for g in got if g["type"] == "error")


async def test_a_repeated_key_of_an_update_answers_what_the_first_did(w):
    p = await w.agent()
    c = await w.conversation()
    a = await p.update(c, priority="high", key="k")
    await p.update(c, priority="low")
    b = await p.update(c, priority="high", key="k")
    assert b["seq"] == a["seq"] and b["duplicate"] is True
    assert (await p.summary_of(c))["priority"] == "low"
    await p.refused("key_reused", "update", conversation=c, priority="urgent", key="k")


async def test_a_key_of_an_update_with_expect_answers_the_first_too(w):
    p = await w.agent()
    c = await w.conversation()
    a = await p.update(c, priority="high", expect={"priority": "normal"}, key="k")
    b = await p.update(c, priority="high", expect={"priority": "normal"}, key="k")
    assert a["seq"] == b["seq"] and b["duplicate"] is True


# ---------------------------------------------------------------------------------------------- permissions while held
@pytest.mark.parametrize("fields", [{"status": "pending"}, {"status": "resolved"}, {"queue": "sales"}, {"assignee": "sam"}, {"assignee": None},
                                    {"team": "billing"}, {"priority": "high", "queue": "sales"}])
async def test_while_held_some_fields_are_the_holders(w, fields):
    p, q, s = await w.agent("priya"), await w.agent("sam"), await w.supervisor(teams=["billing"])
    c = await w.conversation()
    await p.claim(c)
    before = await q.summary_of(c)
    a = await q.refused("forbidden", "update", conversation=c, **fields)
    assert a["holder"] == "priya"
    assert await q.summary_of(c) == before
    await s.update(c, **fields)
    await p.update(c, status="open")


async def test_the_holder_and_supervisors_may(w):
    p, s = await w.agent("priya"), await w.supervisor(teams=["billing"])
    c = await w.conversation()
    await p.claim(c)
    await p.update(c, queue="sales", team="billing", status="pending")
    await s.update(c, queue="vip", assignee="sue", status="open")


async def test_while_held_notes_tags_and_priority_are_for_everybody(w):
    p, q = await w.agent("priya"), await w.agent("sam")
    c = await w.conversation()
    await p.claim(c)
    await q.update(c, priority="high", add_tags=["x"])
    await q.update(c, remove_tags=["x"])
    await q.note(c, "hm")


async def test_while_free_everything_is_for_every_agent(w):
    p, q = await w.agent("priya"), await w.agent("sam", teams=["billing"])
    c = await w.conversation()
    t = await p.claim(c)
    await p.cmd("release", conversation=c, token=t)
    await q.update(c, status="open", queue="sales", assignee="sam", team="billing")


# ---------------------------------------------------------------------------------------------- snooze
async def test_a_snoozed_conversation_wakes_to_open(w):
    p = await w.agent()
    c = await w.conversation()
    await p.watch(c)
    t = await p.claim(c)
    until = iso(1.5)
    await p.update(c, status="pending", snoozed_until=until)
    e = await p.event("status_changed", to="pending")
    assert e["event"]["snoozed_until"] == until and e["event"]["from"] == "new"
    assert (await p.event("claim_released"))["event"] == {"kind": "claim_released", "agent": "priya", "token": t, "via": "snoozed"}
    s = await p.summary_of(c)
    assert s["snoozed_until"] == until and s["claim"] is None
    assert [x["id"] for x in await p.list_all({"snoozed": True})] == [c]
    e = await p.event("status_changed", timeout=6, to="open")
    assert e["event"]["from"] == "pending" and e["actor"]["kind"] == "system" and e["at"] >= until
    s = await p.summary_of(c)
    assert s["status"] == "open" and s["snoozed_until"] is None
    assert await p.list_all({"snoozed": True}) == []


@pytest.mark.parametrize("fields", [{"snoozed_until": "F"}, {"status": "open", "snoozed_until": "F"}, {"status": "resolved", "snoozed_until": "F"}])
async def test_snoozed_until_goes_with_pending_only(w, fields):
    p = await w.agent()
    c = await w.conversation()
    fields = {k: iso(100) if v == "F" else v for k, v in fields.items()}
    a = await p.ask("update", conversation=c, **fields)
    assert a["type"] == "error" and a["code"] in ("invalid", "conflict"), a
    assert (await p.summary_of(c))["snoozed_until"] is None


async def test_a_customers_message_wakes_the_snoozed(w):
    p = await w.agent()
    c = await w.conversation(customer="cu")
    await p.update(c, status="pending", snoozed_until=iso(3600))
    await w.ingest(customer="cu")
    s = await p.summary_of(c)
    assert s["status"] == "open" and s["snoozed_until"] is None


async def test_waking_early_ends_the_snooze_for_good(w):
    p = await w.agent()
    c = await w.conversation()
    await p.watch(c)
    await p.update(c, status="pending", snoozed_until=iso(1.5))
    await p.update(c, status="open")
    await p.update(c, status="pending")
    await asyncio.sleep(2.5)
    s = await p.summary_of(c)
    assert s["status"] == "pending" and s["snoozed_until"] is None


# ---------------------------------------------------------------------------------------------- bulk
async def test_bulk_answers_in_the_order_asked(w):
    p, q = await w.agent("priya"), await w.agent("sam")
    c1, c2, c3 = [await w.conversation() for _ in range(3)]
    await q.claim(c2)
    ghost = now_id()
    a = await p.cmd("bulk", conversations=[c3, ghost, c2, c1], action={"type": "claim"})
    r = a["results"]
    assert [x["conversation"] for x in r] == [c3, ghost, c2, c1]
    assert r[0]["ok"]["token"] and r[3]["ok"]["token"] and "error" not in r[0] and "ok" not in r[1]
    assert r[1]["error"]["code"] == "not_found" and r[2]["error"]["code"] == "already_claimed" and r[2]["error"]["holder"] == "sam"
    assert (await p.summary_of(c1))["claim"]["token"] == r[3]["ok"]["token"]


async def test_bulk_updates_with_one_expectation_for_all(w):
    p = await w.agent()
    lo, no = await w.conversation(priority="low"), await w.conversation()
    a = await p.cmd("bulk", conversations=[lo, no], action={"type": "update", "priority": "urgent", "add_tags": ["b"]}, expect={"priority": "low"})
    assert "ok" in a["results"][0] and a["results"][1]["error"]["code"] == "conflict"
    assert a["results"][1]["error"]["current"]["priority"] == "normal"
    assert ((await p.summary_of(lo))["priority"], (await p.summary_of(no))["priority"]) == ("urgent", "normal")


async def test_bulk_release_without_token_releases_what_the_sender_holds(w):
    p, q = await w.agent("priya"), await w.agent("sam")
    a, b, c = [await w.conversation() for _ in range(3)]
    await p.claim(a)
    await q.claim(b)
    r = (await p.cmd("bulk", conversations=[a, b, c], action={"type": "release"}))["results"]
    assert "ok" in r[0] and r[1]["error"]["code"] in ("claim_lost", "forbidden") and r[2]["error"]["code"] == "not_claimed", r
    assert (await p.summary_of(a))["claim"] is None and (await p.summary_of(b))["claim"]["agent"] == "sam"


async def test_bulk_permissions_are_those_of_the_action(w):
    p, q = await w.agent("priya"), await w.agent("sam")
    a, b = await w.conversation(), await w.conversation()
    await p.claim(a)
    r = (await q.cmd("bulk", conversations=[a, b], action={"type": "update", "status": "resolved"}))["results"]
    assert r[0]["error"]["code"] == "forbidden" and r[0]["error"]["holder"] == "priya" and "ok" in r[1]


async def test_bulk_of_500(w):
    p = await w.agent()
    convs = [m["conversation"] for m in await w.many(500)]
    a = await p.cmd("bulk", conversations=convs, action={"type": "update", "add_tags": ["all"]})
    assert [r["conversation"] for r in a["results"]] == convs and all("ok" in r for r in a["results"])
    assert len(await p.list_all({"tags": {"all": ["all"]}})) == 500


async def test_a_bulk_with_a_key_happens_once(w):
    p = await w.agent()
    c = await w.conversation()
    f = dict(conversations=[c], action={"type": "update", "priority": "high"}, key="k")
    await p.cmd("bulk", **f)
    await p.update(c, priority="low")
    a = await p.cmd("bulk", **f)
    assert a["duplicate"] is True and (await p.summary_of(c))["priority"] == "low"
