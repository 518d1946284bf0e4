"""Ingest, outbox, deliveries, ratings, lists over HTTP; the wall between workspaces."""
import asyncio
import json
import time

import pytest

from dibswire import SUMMARY_FIELDS, TIME_RE, Workspace, eventually, gather_some, key, kinds, make_token, now_id


def is_problem(got, status, code):
    s, b, h = got
    assert s == status and isinstance(b, dict) and b.get("code") == code, got
    assert h["Content-Type"].startswith("application/problem+json"), h["Content-Type"]


# ---------------------------------------------------------------------------------------------- ingest: once
async def test_a_first_message_opens_a_conversation(w):
    s, b, h = await w.post_message(text="hello", subject="Help", queue="sales", priority="high", tags=["vip", "de"])
    assert s == 201 and set(b) == {"conversation", "message", "seq", "opened"} and b["opened"] is True
    ev = await w.events_of(b["conversation"])
    assert kinds(ev) == ["conversation_opened", "message_received"]
    o, m = ev
    assert m["seq"] == b["seq"] == o["seq"] + 1
    assert o["event"]["channel"] == "mail" and o["event"]["customer"]["id"] == "c-1" and o["event"]["subject"] == "Help"
    assert o["event"]["queue"] == "sales" and o["event"]["priority"] == "high" and sorted(o["event"]["tags"]) == ["de", "vip"]
    assert m["event"]["message"]["id"] == b["message"] and m["event"]["message"]["text"] == "hello"
    assert m["event"]["message"]["attachments"] == []
    assert m["actor"]["kind"] == "customer"


async def test_absent_fields_stay_absent_in_events(w):
    ev = await w.events_of(await w.conversation())
    assert "subject" not in ev[0]["event"]
    assert ev[0]["event"]["priority"] == "normal" and isinstance(ev[0]["event"]["queue"], str) and ev[0]["event"]["tags"] == []


async def test_the_same_key_answers_200_with_the_same_body(w):
    k = key()
    a = await w.post_message(k=k)
    b = await w.post_message(k=k)
    assert (a[0], b[0]) == (201, 200) and a[1] == b[1]
    assert len(await w.events_of(a[1]["conversation"])) == 2


async def test_20_parallel_posts_of_one_key_are_stored_once(w):
    k = key()
    got = await asyncio.gather(*[w.post_message(k=k) for _ in range(20)])
    assert sorted(g[0] for g in got) == [200] * 19 + [201]
    assert all(g[1] == got[0][1] for g in got)
    assert len(await w.events_of(got[0][1]["conversation"])) == 2


@pytest.mark.parametrize("other", [{"text": "other"}, {"customer": "c-9"}, {"subject": "s"}, {"priority": "high"}, {"tags": ["x"]}])
async def test_the_same_key_with_other_content_is_key_reused(w, other):
    k = key()
    await w.post_message(k=k)
    is_problem(await w.post_message(k=k, **other), 409, "key_reused")


async def test_keys_are_per_channel(w):
    k = key()
    assert (await w.post_message(k=k, channel="mail"))[0] == 201
    assert (await w.post_message(k=k, channel="chat"))[0] == 201


# ---------------------------------------------------------------------------------------------- routing
async def test_a_customers_second_message_joins_the_open_conversation(w):
    a = await w.ingest(customer="c")
    b = await w.ingest(customer="c")
    assert a["conversation"] == b["conversation"] and b["opened"] is False and b["seq"] > a["seq"]
    assert kinds(await w.events_of(a["conversation"])) == ["conversation_opened", "message_received", "message_received"]


async def test_another_channel_is_another_conversation(w):
    a = await w.ingest(customer="c", channel="mail")
    b = await w.ingest(customer="c", channel="chat")
    assert a["conversation"] != b["conversation"] and b["opened"] is True


async def test_another_customer_is_another_conversation(w):
    assert (await w.ingest(customer="c"))["conversation"] != (await w.ingest(customer="d"))["conversation"]


@pytest.mark.parametrize("a,b", [("Bob", "bob"), ("\u00e9", "e\u0301"), ("a", "a "), ("ß", "ss")])
async def test_customer_ids_are_compared_bytewise(w, a, b):
    assert (await w.ingest(customer=a))["conversation"] != (await w.ingest(customer=b))["conversation"]
    assert (await w.ingest(customer=a))["opened"] is False


async def test_a_thread_keeps_its_conversation(w):
    a = await w.ingest(customer="c", thread="T1")
    b = await w.ingest(customer="c", thread="T2")
    c = await w.ingest(customer="c", thread="T1")
    assert a["conversation"] == c["conversation"] != b["conversation"] and b["opened"] is True and c["opened"] is False
    assert (await w.events_of(a["conversation"]))[0]["event"]["thread"] == "T1"


async def test_an_unknown_thread_opens_a_new_conversation_even_beside_an_open_one(w):
    a = await w.ingest(customer="c")
    b = await w.ingest(customer="c", thread="new")
    assert a["conversation"] != b["conversation"] and b["opened"] is True


async def test_threads_are_of_their_channel(w):
    a = await w.ingest(customer="c", channel="mail", thread="T")
    b = await w.ingest(customer="c", channel="chat", thread="T")
    assert a["conversation"] != b["conversation"]


async def test_without_a_thread_the_most_recently_active_one_is_taken(w):
    a = await w.ingest(customer="c", thread="T1")
    b = await w.ingest(customer="c", thread="T2")
    assert (await w.ingest(customer="c"))["conversation"] == b["conversation"]
    await w.ingest(customer="c", thread="T1")
    assert (await w.ingest(customer="c"))["conversation"] == a["conversation"]


async def test_a_named_conversation_wins_over_the_thread(w):
    a = await w.ingest(customer="c", thread="T1")
    await w.ingest(customer="c", thread="T2")
    assert (await w.ingest(customer="c", thread="T2", conversation=a["conversation"]))["conversation"] == a["conversation"]


async def test_another_customers_conversation_is_not_found(w):
    a = await w.ingest(customer="c")
    is_problem(await w.post_message(customer="d", conversation=a["conversation"]), 404, "not_found")


async def test_an_unknown_conversation_is_not_found(w):
    is_problem(await w.post_message(conversation=now_id()), 404, "not_found")


async def test_another_workspaces_conversation_is_not_found(w, w2):
    a = await w.ingest(customer="c")
    is_problem(await w2.post_message(customer="c", conversation=a["conversation"]), 404, "not_found")


async def test_a_refused_message_leaves_no_key(w):
    k = key()
    is_problem(await w.post_message(k=k, conversation=now_id()), 404, "not_found")
    assert (await w.post_message(k=k))[0] == 201


@pytest.mark.parametrize("how", ["customer", "thread", "conversation"])
async def test_a_message_into_a_closed_conversation_opens_a_new_one(w, how):
    sue = await w.supervisor()
    a = await w.ingest(customer="c", thread="T")
    await sue.update(a["conversation"], status="closed")
    kw = {"customer": {}, "thread": {"thread": "T"}, "conversation": {"conversation": a["conversation"]}}[how]
    b = await w.ingest(customer="c", **kw)
    assert b["opened"] is True and b["conversation"] != a["conversation"]
    assert (await w.get_summary(a["conversation"]))["status"] == "closed"
    c = await w.ingest(customer="c")
    assert c["conversation"] == b["conversation"]


async def test_a_new_customers_20_first_messages_at_once_open_one_conversation(w):
    got = await asyncio.gather(*[w.ingest(customer="new") for _ in range(20)])
    assert len({g["conversation"] for g in got}) == 1 and [g["opened"] for g in got].count(True) == 1
    assert len({g["seq"] for g in got}) == 20


@pytest.mark.parametrize("status,after", [("pending", "open"), ("resolved", "open"), ("open", "open"), ("new", "new")])
async def test_a_customers_message_reopens_pending_and_resolved(w, status, after):
    p = await w.agent()
    a = await w.ingest(customer="c")
    await p.watch(a["conversation"])
    if status != "new":
        await p.update(a["conversation"], status=status)
    m = p.mark()
    b = await w.ingest(customer="c")
    e = await p.event("message_received", since=m)
    assert e["seq"] == b["seq"]
    s = await p.summary_of(a["conversation"])
    assert s["status"] == after
    changes = [e["event"] for e in await w.events_of(a["conversation"]) if e["event"]["kind"] == "status_changed"]
    if status != after:
        assert (changes[-1]["from"], changes[-1]["to"]) == (status, "open")


async def test_waiting_since_is_the_oldest_unanswered_message(w):
    p = await w.agent()
    a = await w.ingest(customer="c")
    first = (await w.events_of(a["conversation"]))[-1]["at"]
    await asyncio.sleep(0.05)
    b = await w.ingest(customer="c")
    s = await p.summary_of(a["conversation"])
    assert s["waiting_since"] == first and s["unanswered"] == 2
    assert s["last_message"]["seq"] == b["seq"] and s["last_message"]["excerpt"] == "hello"
    token = await p.claim(a["conversation"])
    await p.reply(a["conversation"], token, b["seq"])
    s = await p.summary_of(a["conversation"])
    assert s["waiting_since"] is None and s["unanswered"] == 0 and s["first_response_at"]


async def test_an_excerpt_has_at_most_140_characters(w):
    p = await w.agent()
    s = await p.summary_of(await w.conversation(text="€" * 5000))
    assert 0 < len(s["last_message"]["excerpt"]) <= 140


async def test_a_fresh_summary_has_every_field(w):
    p = await w.agent()
    m = await w.ingest(customer={"id": "c", "name": "Cleo", "handle": "cleo@example.org", "tier": "gold"})
    s = await p.summary_of(m["conversation"])
    assert set(s) >= SUMMARY_FIELDS
    assert s["id"] == m["conversation"] and s["version"] == m["seq"] and s["status"] == "new" and s["priority"] == "normal"
    assert s["customer"] == {"id": "c", "name": "Cleo", "handle": "cleo@example.org", "tier": "gold"}
    for k in "snoozed_until subject assignee team claim offer first_response_at sla rating".split():
        assert s[k] is None, (k, s[k])
    assert s["tags"] == [] and s["unanswered"] == 1 and TIME_RE.match(s["opened_at"])


# ---------------------------------------------------------------------------------------------- ingest: refusals
BAD_BODIES = {
    "unknown field": ({"colour": "red"}, "colour"), "unknown customer field": ({"customer": {"id": "c", "name": "C", "age": 5}}, "age"),
    "no customer": ({"customer": ...}, "customer"), "customer a string": ({"customer": "c"}, "customer"),
    "no customer id": ({"customer": {"name": "C"}}, "id"), "empty customer id": ({"customer": {"id": "", "name": "C"}}, "id"),
    "customer id of 257": ({"customer": {"id": "c" * 257, "name": "C"}}, "id"),
    "customer id with a control": ({"customer": {"id": "a\nb", "name": "C"}}, "id"),
    "customer id with NUL": ({"customer": {"id": "a\0b", "name": "C"}}, "id"),
    "customer name of 501": ({"customer": {"id": "c", "name": "n" * 501}}, "name"),
    "handle of 257": ({"customer": {"id": "c", "name": "C", "handle": "h" * 257}}, "handle"),
    "no key": ({"key": ...}, "key"), "empty key": ({"key": ""}, "key"), "key of 129": ({"key": "k" * 129}, "key"),
    "key with umlaut": ({"key": "ü"}, "key"), "key a number": ({"key": 5}, "key"),
    "no channel": ({"channel": ...}, "channel"), "channel malformed": ({"channel": "Mail!"}, "channel"),
    "channel of 65": ({"channel": "c" * 65}, "channel"),
    "no text": ({"text": ...}, "text"), "text null": ({"text": None}, "text"), "empty text": ({"text": ""}, "text"),
    "thread empty": ({"thread": ""}, "thread"), "thread of 257": ({"thread": "t" * 257}, "thread"),
    "thread with a control": ({"thread": "a\tb"}, "thread"), "thread null": ({"thread": None}, "thread"),
    "conversation malformed": ({"conversation": "nonsense"}, "conversation"),
    "subject of 501": ({"subject": "s" * 501}, "subject"), "queue malformed": ({"queue": "A B"}, "queue"),
    "priority unknown": ({"priority": "asap"}, "priority"), "tag of 65": ({"tags": ["t" * 65]}, "tags"),
    "51 tags": ({"tags": [f"t{i}" for i in range(51)]}, "tags"), "tags a string": ({"tags": "vip"}, "tags"),
    "attachment over http": ({"attachments": [{"name": "a", "media_type": "a/b", "size": 1, "url": "http://x.example/"}]}, ""),
    "11 attachments": ({"attachments": [{"name": "a", "media_type": "a/b", "size": 1, "url": "https://x.example/"}] * 11}, "attachments"),
}


@pytest.mark.parametrize("which", BAD_BODIES)
async def test_a_bad_message_is_400_invalid(w, which):
    change, field = BAD_BODIES[which]
    body = {"key": key(), "channel": "mail", "customer": {"id": "c", "name": "C"}, "text": "x", **change}
    body = {k: v for k, v in body.items() if v is not ...}
    got = await w.http("POST", "/messages", w.channel_token(), body)
    is_problem(got, 400, "invalid")
    assert field in got[1]["field"], got[1]


@pytest.mark.parametrize("raw", [b"", b"nonsense", b"[]", b"null", b'{"key":', b'{"text":"\xff"}', b'{"text":"\\ud800"}', b"[" * 100000])
async def test_a_body_that_is_no_json_object_is_400(w, raw):
    is_problem(await w.http("POST", "/messages", w.channel_token(), raw=raw), 400, "invalid")


async def test_an_ingested_text_has_up_to_65536_bytes(w):
    assert (await w.post_message(text="x" * 65536))[0] == 201
    assert (await w.post_message(text="é" * 32768))[0] == 201
    is_problem(await w.post_message(text="x" * 65537), 413, "too_large")
    is_problem(await w.post_message(text="é" * 32768 + "x"), 413, "too_large")


async def test_a_body_over_256_kib_is_413(w):
    is_problem(await w.http("POST", "/messages", w.channel_token(), raw=b" " * (256 * 1024 + 1)), 413, "too_large")
    ok = json.dumps({"key": key(), "channel": "mail", "customer": {"id": "c", "name": "C"}, "text": "x"}).encode()
    s, b, _ = await w.http("POST", "/messages", w.channel_token(), raw=ok.ljust(256 * 1024))
    assert s == 201, b


async def test_limits_themselves_are_allowed(w):
    s, b, _ = await w.post_message(k="k" * 128, customer={"id": "c" * 256, "name": "n" * 500, "handle": "h" * 256}, thread="t" * 256,
                                   subject="€" * 500, tags=[f"t{i}" for i in range(49)] + ["€" * 64], channel="a.b_c-" + "9" * 58)
    assert s == 201, b


# ---------------------------------------------------------------------------------------------- who may
async def test_no_token_is_401(w):
    is_problem(await w.http("POST", "/messages", None, {"key": "k"}), 401, "unauthenticated")
    is_problem(await w.http("GET", "/conversations"), 401, "unauthenticated")


@pytest.mark.parametrize("kw", [{"secret": "y" * 40}, {"exp": int(time.time()) - 5}, {"drop": ["exp"]}])
async def test_a_bad_token_is_401(w, kw):
    is_problem(await w.post_message(token=w.channel_token(**kw)), 401, "unauthenticated")


async def test_a_token_in_the_url_is_no_token(w):
    got = await w.http("GET", "/conversations", params={"token": w.token()})
    assert got[0] in (400, 401)
    for q in ("token", "access_token"):
        s, _, _ = await w.http("GET", "/conversations", params={q: w.token()})
        assert s in (400, 401)


@pytest.mark.parametrize("role", ["agent", "supervisor", "admin"])
async def test_agents_do_not_ingest(w, role):
    is_problem(await w.post_message(token=w.token("x", role=role)), 403, "forbidden")


async def test_a_channel_speaks_only_for_its_channels(w):
    t = w.channel_token(channels=["mail"])
    assert (await w.post_message(channel="mail", token=t))[0] == 201
    is_problem(await w.post_message(channel="chat", token=t), 403, "forbidden")
    is_problem(await w.http("GET", "/outbox", t, params={"channel": "chat", "after": "0"}), 403, "forbidden")


async def test_a_channel_without_a_list_speaks_for_any(w):
    for ch in ("mail", "chat", "x.y-z_1"):
        assert (await w.post_message(channel=ch))[0] == 201


async def test_an_empty_list_of_channels_speaks_for_none(w):
    is_problem(await w.post_message(token=w.channel_token(channels=[])), 403, "forbidden")


async def test_a_token_opens_its_own_workspace_only(w, w2):
    s, b, _ = await w.post_message(token=w2.channel_token())
    assert s in (401, 403, 404) and b["code"] in ("unauthenticated", "forbidden", "not_found")


@pytest.mark.parametrize("path", ["/conversations", f"/conversations/{now_id()}", f"/conversations/{now_id()}/events"])
async def test_a_channel_reads_no_conversations(w, path):
    is_problem(await w.http("GET", path, w.channel_token()), 403, "forbidden")


@pytest.mark.parametrize("role", ["agent", "supervisor"])
async def test_agents_read_no_outbox(w, role):
    is_problem(await w.http("GET", "/outbox", w.token("x", role=role), params={"channel": "mail", "after": "0"}), 403, "forbidden")


async def test_an_unknown_path_is_a_404_problem(w):
    got = await w.http("GET", "/nonsense", w.token())
    is_problem(got, 404, "not_found")


async def test_a_malformed_workspace_in_the_path_is_refused(w):
    s, b, _ = await w.http("GET", "", w.token(), url=w.server.http + "/v1/workspaces/NOT%20ONE/conversations")
    assert 400 <= s < 500


# ---------------------------------------------------------------------------------------------- outbox
async def held(w, agent, **kw):
    m = await w.ingest(**kw)
    return m["conversation"], await agent.claim(m["conversation"]), m["seq"]


async def outbox(w, channel="mail", after=0, token=None, **kw):
    p = {"channel": channel, **{k: str(v) for k, v in kw.items()}}
    if after is not None:
        p["after"] = str(after)
    s, b, h = await w.http("GET", "/outbox", token or w.channel_token(), params=p)
    assert s == 200, (s, b)
    assert set(b) == {"events", "next"}, b
    return b


async def test_replies_reach_the_outbox_in_order(w):
    p = await w.agent()
    c, t, seq = await held(w, p)
    sent = []
    for i in range(5):
        r = await p.reply(c, t, seq, f"reply {i}")
        sent.append((r["seq"], r["message"]))
    b = await outbox(w)
    assert [(e["seq"], e["event"]["message"]["id"]) for e in b["events"]] == sent
    assert set(kinds(b["events"])) == {"message_sent"}
    assert [e["event"]["message"]["text"] for e in b["events"]] == [f"reply {i}" for i in range(5)]
    assert (await outbox(w, after=b["next"]))["events"] == []
    r = await p.reply(c, t, seq, "one more")
    assert [e["seq"] for e in (await outbox(w, after=b["next"]))["events"]] == [r["seq"]]


async def test_the_outbox_is_read_in_pages(w):
    p = await w.agent()
    c, t, seq = await held(w, p)
    sent = [(await p.reply(c, t, seq, f"{i}"))["seq"] for i in range(7)]
    got, after = [], 0
    for _ in range(10):
        b = await outbox(w, after=after, limit=2)
        assert len(b["events"]) <= 2
        if not b["events"]:
            break
        got += [e["seq"] for e in b["events"]]
        after = b["next"]
    assert got == sent


async def test_an_outbox_is_of_one_channel(w):
    p = await w.agent()
    c1, t1, s1 = await held(w, p, channel="mail")
    c2, t2, s2 = await held(w, p, channel="chat")
    r1 = await p.reply(c1, t1, s1)
    r2 = await p.reply(c2, t2, s2)
    assert [e["seq"] for e in (await outbox(w, "mail"))["events"]] == [r1["seq"]]
    assert [e["seq"] for e in (await outbox(w, "chat"))["events"]] == [r2["seq"]]


async def test_a_long_poll_returns_as_soon_as_there_is_something(w):
    p = await w.agent()
    c, t, seq = await held(w, p)
    start = time.monotonic()
    poll = asyncio.create_task(outbox(w, wait_s=8))
    await asyncio.sleep(0.7)
    assert not poll.done()
    r = await p.reply(c, t, seq)
    b = await asyncio.wait_for(poll, 5)
    assert [e["seq"] for e in b["events"]] == [r["seq"]] and time.monotonic() - start < 4


async def test_a_long_poll_ends_empty_after_its_time(w):
    start = time.monotonic()
    b = await outbox(w, wait_s=2)
    assert b["events"] == [] and 1.5 < time.monotonic() - start < 5


async def test_a_long_poll_is_not_woken_into_an_answer_by_other_channels(w):
    p = await w.agent()
    c, t, seq = await held(w, p, channel="chat")
    poll = asyncio.create_task(outbox(w, "mail", wait_s=2))
    await asyncio.sleep(0.3)
    await p.reply(c, t, seq)
    assert (await asyncio.wait_for(poll, 6))["events"] == []


async def test_an_outbox_wants_a_channel(w):
    is_problem(await w.http("GET", "/outbox", w.channel_token(), params={"after": "0"}), 400, "invalid")
    is_problem(await w.http("GET", "/outbox", w.channel_token(), params={"channel": "mail", "after": "x"}), 400, "invalid")


async def test_no_note_and_no_customers_message_ever_reaches_the_outbox(w):
    p = await w.agent()
    await w.agent("sam")
    c, t, seq = await held(w, p)
    polls = [asyncio.create_task(outbox(w, wait_s=3)) for _ in range(3)]
    for i in range(20):
        await p.note(c, f"SECRET-{i} @sam")
    r = await p.reply(c, t, seq, "public")
    got = [await asyncio.wait_for(x, 8) for x in polls] + [await outbox(w), await outbox(w, after=None)]
    for b in got:
        assert "SECRET" not in json.dumps(b) and all(e["event"]["kind"] == "message_sent" for e in b["events"])
    assert [e["seq"] for e in got[-2]["events"]] == [r["seq"]]


async def test_replies_of_a_bot_reach_the_outbox(w):
    p = await w.agent("robo", kind="bot")
    c, t, seq = await held(w, p)
    await p.reply(c, t, seq)
    e = (await outbox(w))["events"][0]
    assert e["actor"] == {"kind": "bot", "id": "robo"} and e["event"]["agent"] == "robo"


# ---------------------------------------------------------------------------------------------- deliveries, ratings
async def deliver(w, message, state="delivered", token=None, **kw):
    return await w.http("POST", "/deliveries", token or w.channel_token(), {"message": message, "state": state, **kw})


async def test_a_delivery_becomes_an_event_once(w):
    p = await w.agent()
    c, t, seq = await held(w, p)
    await p.watch(c)
    r = await p.reply(c, t, seq)
    s, b, _ = await deliver(w, r["message"])
    assert s in (200, 201), b
    e = await p.event("message_delivery")
    assert e["event"]["message"] == r["message"] and e["event"]["state"] == "delivered" and "reason" not in e["event"]
    s, b, _ = await deliver(w, r["message"])
    assert s == 200
    await p.settle()
    assert kinds(await w.events_of(c)).count("message_delivery") == 1


@pytest.mark.parametrize("then", ["pending", "resolved", None])
async def test_a_failed_delivery_reopens_and_waits_again(w, then):
    p = await w.agent()
    c, t, seq = await held(w, p)
    r = await p.reply(c, t, seq, **({"then": then} if then else {}))
    assert (await p.summary_of(c))["waiting_since"] is None
    s, b, _ = await deliver(w, r["message"], "failed", reason="mailbox full")
    assert s in (200, 201), b
    ev = await w.events_of(c)
    d = next(e for e in ev if e["event"]["kind"] == "message_delivery")
    assert d["event"]["state"] == "failed" and d["event"]["reason"] == "mailbox full"
    s = await p.summary_of(c)
    assert s["status"] == "open" and s["waiting_since"] is not None


async def test_deliveries_are_checked(w):
    p = await w.agent()
    c, t, seq = await held(w, p)
    r = await p.reply(c, t, seq)
    is_problem(await deliver(w, now_id()), 404, "not_found")
    is_problem(await deliver(w, "nonsense"), 400, "invalid")
    is_problem(await deliver(w, r["message"], "lost"), 400, "invalid")
    is_problem(await deliver(w, r["message"], colour="red"), 400, "invalid")
    is_problem(await deliver(w, r["message"], reason="r" * 501), 400, "invalid")
    is_problem(await deliver(w, r["message"], token=w.token()), 403, "forbidden")
    s, b, _ = await deliver(w, r["message"], token=w.channel_token(channels=["chat"]))
    assert s in (403, 404)
    assert "message_delivery" not in kinds(await w.events_of(c))


async def test_another_workspaces_message_is_not_found(w, w2):
    p = await w.agent()
    c, t, seq = await held(w, p)
    r = await p.reply(c, t, seq)
    is_problem(await deliver(w2, r["message"]), 404, "not_found")


async def rate(w, conversation, score, token=None, **kw):
    return await w.http("POST", "/ratings", token or w.channel_token(), {"conversation": conversation, "score": score, **kw})


async def test_a_rating_becomes_an_event_once(w):
    p = await w.agent()
    c = await w.conversation()
    await p.watch(c)
    s, b, _ = await rate(w, c, 5, comment="lovely")
    assert s in (200, 201), b
    e = await p.event("rated")
    assert e["event"]["score"] == 5 and e["event"]["comment"] == "lovely"
    assert (await rate(w, c, 5, comment="lovely"))[0] == 200
    await p.settle()
    assert kinds(await w.events_of(c)).count("rated") == 1
    assert (await p.summary_of(c))["rating"] is not None


@pytest.mark.parametrize("score", [0, 6, -1, 3.5, "5", None])
async def test_a_score_is_1_to_5(w, score):
    is_problem(await rate(w, await w.conversation(), score), 400, "invalid")


async def test_ratings_are_for_channels_and_known_conversations(w):
    c = await w.conversation()
    is_problem(await rate(w, c, 5, token=w.token()), 403, "forbidden")
    is_problem(await rate(w, now_id(), 5), 404, "not_found")


# ---------------------------------------------------------------------------------------------- lists over HTTP
async def test_conversations_are_listed_over_http(w):
    convs = {(await w.conversation(priority=p)): p for p in ("low", "high", "high", "urgent")}
    s, b, _ = await w.http("GET", "/conversations", w.token())
    assert s == 200 and {c["id"] for c in b["conversations"]} == set(convs)
    assert all(set(c) >= SUMMARY_FIELDS for c in b["conversations"])
    s, b, _ = await w.http("GET", "/conversations", w.token(), params={"filter": json.dumps({"priority": ["high"]}), "sort": "oldest"})
    assert [c["id"] for c in b["conversations"]] == [c for c, p in convs.items() if p == "high"]


async def test_a_http_list_is_read_in_pages(w):
    convs = [m["conversation"] for m in [await w.ingest() for _ in range(7)]]
    got, after = [], None
    for _ in range(10):
        p = {"sort": "oldest", "limit": "3", **({"after": after} if after else {})}
        s, b, _ = await w.http("GET", "/conversations", w.token(), params=p)
        assert s == 200 and len(b["conversations"]) <= 3
        got += [c["id"] for c in b["conversations"]]
        after = b.get("cursor")
        if not after:
            break
    assert got == convs


@pytest.mark.parametrize("params", [{"filter": "nonsense"}, {"filter": '{"colour":["red"]}'}, {"sort": "prettiest"}, {"limit": "201"},
                                    {"limit": "x"}, {"filter": "[]"}, {"after": "not-a-cursor-of-ours"}])
async def test_a_bad_http_list_is_invalid(w, params):
    is_problem(await w.http("GET", "/conversations", w.token(), params=params), 400, "invalid")


async def test_one_conversation_and_its_events_over_http(w):
    p = await w.agent()
    m = await w.ingest(customer="c")
    c = m["conversation"]
    for i in range(9):
        await w.ingest(customer="c", text=f"m{i}")
    assert (await w.get_summary(c, w.token()))["id"] == c
    a = await p.watch(c)
    all_ = await w.events_of(c, w.token())
    assert all_ == a["entries"]
    s, b, _ = await w.http("GET", f"/conversations/{c}/events", w.token(), params={"after": str(all_[2]["seq"]), "limit": "3"})
    assert b["entries"] == all_[3:6] and b["more"] is True, "after is exclusive, ascending, cut at the new end"
    s, b, _ = await w.http("GET", f"/conversations/{c}/events", w.token(), params={"after": str(all_[-1]["seq"])})
    assert b["entries"] == [] and b["more"] is False


async def test_http_events_are_cut_at_the_new_end(w):
    for _ in range(8):
        m = await w.ingest(customer="c", text="x" * 60000)
    s, b, _ = await w.http("GET", f"/conversations/{m['conversation']}/events", w.token(), params={"after": "0", "limit": "200"})
    assert b["more"] is True and len(json.dumps(b["entries"])) <= 300 * 1024
    assert b["entries"][0]["event"]["kind"] == "conversation_opened"
    assert len(await w.events_of(m["conversation"])) == 9


async def test_malformed_and_unknown_ids_over_http(w):
    for tail in ("", "/events"):
        is_problem(await w.http("GET", f"/conversations/nonsense{tail}", w.token()), 400, "invalid")
        is_problem(await w.http("GET", f"/conversations/{now_id()}{tail}", w.token()), 404, "not_found")


# ---------------------------------------------------------------------------------------------- the wall
async def test_another_workspaces_conversation_is_not_found_whatever_one_does(w, w2):
    c = await w.conversation()
    spy = await w2.agent("spy", role="admin")
    for t, f in [("watch", {}), ("unwatch", None), ("history", {"before": 10}), ("claim", {}), ("release", {"token": 1}),
                 ("transfer", {"token": 1, "to": {"agent": "spy"}}), ("cancel_transfer", {"token": 1}), ("answer_transfer", {"accept": True}),
                 ("take_over", {"reason": "x"}), ("reply", {"token": 1, "key": "k", "seen": 1, "text": "x"}),
                 ("note", {"key": "k", "text": "x"}), ("update", {"priority": "high"}), ("mark_read", {"up_to": 1})]:
        if f is not None:
            await spy.refused("not_found", t, conversation=c, **f)
    a = await spy.cmd("bulk", conversations=[c], action={"type": "claim"})
    assert a["results"][0]["error"]["code"] == "not_found"
    assert (await spy.cmd("list", filter={}, sort="newest"))["conversations"] == []
    assert (await spy.open_view())["total"] == 0
    for tail in ("", "/events"):
        is_problem(await w2.http("GET", f"/conversations/{c}{tail}", w2.token()), 404, "not_found")
    is_problem(await rate(w2, c, 5), 404, "not_found")
    assert len(await w.events_of(c)) == 2


async def test_no_byte_of_another_workspace_is_pushed(w, w2):
    p, spy = await w.agent("priya"), await w2.agent("priya")
    await spy.open_view()
    await spy.cmd("watch_agents")
    c = await w.conversation(text="SECRET")
    await p.watch(c)
    await p.note(c, "SECRET @priya @spy")
    t = await p.claim(c)
    await w.agent("sam")
    await p.cmd("transfer", conversation=c, token=t, to={"agent": "sam"}, note="SECRET")
    await spy.settle()
    text = json.dumps(spy.frames)
    assert "SECRET" not in text and c not in text
    assert not [f for f in spy.frames if f["type"] in ("view_changed", "offer", "mention", "claim_gained", "event")]


async def test_seqs_of_workspaces_are_their_own(w, w2):
    a, b = await w.ingest(), await w2.ingest()
    assert a["seq"] == b["seq"] == 2
