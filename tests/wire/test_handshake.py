"""Transport, hello, tokens, frames that are wrong."""
import asyncio
import json
import time

import jwt
import pytest
import websockets
from websockets.asyncio.client import connect

from dibswire import SECRET, TIME_RE, Client, Closed, Refused, iso, key, make_token, now_id, raw_jwt


async def opened(w, **kw):
    """A socket that has not said hello."""
    c = Client(w.server, w.token(), "raw")
    c.strict_watch = False
    w.clients.append(c)
    return await c.connect(**kw)


async def is_alive(c):
    assert "time" in await c.cmd("ping")


# ---------------------------------------------------------------------------------------------- the upgrade
async def test_the_server_speaks_dibs_v1(w):
    c = await opened(w)
    assert c.ws.subprotocol == "dibs.v1"


async def test_offering_no_subprotocol_means_dibs_v1(w):
    c = await opened(w, subprotocols=None)
    assert (await c.hello())["type"] == "welcome"


async def test_dibs_v1_is_picked_among_others(w):
    c = await opened(w, subprotocols=["graphql-ws", "dibs.v1"])
    assert c.ws.subprotocol == "dibs.v1"
    await c.hello()


@pytest.mark.parametrize("offer", [["dibs.v2"], ["graphql-ws", "mqtt"], ["dibs"], ["DIBS.V1"]])
async def test_other_subprotocols_only_are_refused(w, offer):
    with pytest.raises(websockets.InvalidStatus) as e:
        await opened(w, subprotocols=offer)
    assert 400 <= e.value.response.status_code < 500


async def test_a_plain_get_is_no_upgrade(w):
    s, _, _ = await w.http("GET", "", url=w.server.http + "/v1/ws")
    assert 400 <= s < 500


async def test_an_upgrade_without_a_key_is_refused(w):
    s, _, _ = await w.http("GET", "", url=w.server.http + "/v1/ws",
                           headers={"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"})
    assert 400 <= s < 500


async def test_an_upgrade_of_another_version_is_refused(w):
    s, _, _ = await w.http("GET", "", url=w.server.http + "/v1/ws",
                           headers={"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "8",
                                    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="})
    assert 400 <= s < 500


async def test_a_client_that_offers_compression_is_served(w):
    async with connect(w.server.ws, subprotocols=["dibs.v1"], compression="deflate", proxy=None) as ws:
        await ws.send(json.dumps({"type": "hello", "id": 1, "token": w.token()}))
        assert json.loads(await asyncio.wait_for(ws.recv(), 5))["type"] == "welcome"


async def test_a_foreign_origin_is_refused(w):
    """4003, or a refused upgrade, which looks like 1006."""
    try:
        c = await opened(w, origin="https://evil.example")
    except websockets.InvalidStatus as e:
        assert 400 <= e.response.status_code < 500
        return
    with pytest.raises((Refused, Closed)):
        await c.hello()
    assert await c.wait_closed() == 4003


@pytest.mark.parametrize("origin", ["null", "http://127.0.0.1.evil.example", "http://evil.example:80"])
async def test_origins_that_look_near_are_refused(w, origin):
    try:
        c = await opened(w, origin=origin)
    except websockets.InvalidStatus as e:
        assert 400 <= e.response.status_code < 500
        return
    with pytest.raises((Refused, Closed)):
        await c.hello()
    assert await c.wait_closed() == 4003


async def test_the_consoles_own_origin_is_welcome(w):
    c = await opened(w, origin=w.server.http)
    await c.hello()


@pytest.mark.own_server
async def test_an_allowed_origin_is_welcome(own_w):
    w = own_w("--allow-origin", "https://console.example")
    c = await opened(w, origin="https://console.example")
    await c.hello()
    with pytest.raises((websockets.InvalidStatus, Refused, Closed)):
        c = await opened(w, origin="https://console.example.evil.example")
        await c.hello()


# ---------------------------------------------------------------------------------------------- bad frames
@pytest.mark.parametrize("before_hello", [True, False])
async def test_a_binary_frame_closes_with_1003(w, before_hello):
    c = await opened(w)
    if not before_hello:
        await c.hello()
    await c.send_raw(b'{"type":"ping","id":1}')
    assert await c.wait_closed() == 1003


@pytest.mark.parametrize("before_hello", [True, False])
async def test_invalid_utf8_closes_with_1007(w, before_hello):
    c = await opened(w)
    if not before_hello:
        await c.hello()
    await c.send_raw(b'{"type":"ping","id":7,"x":"\xff\xfe"}', text=True)
    assert await c.wait_closed() == 1007


async def test_utf8_surrogates_in_bytes_close_with_1007(w):
    c = await opened(w)
    await c.hello()
    await c.send_raw(b'{"type":"ping","id":7,"x":"\xed\xa0\x80"}', text=True)
    assert await c.wait_closed() == 1007


@pytest.mark.parametrize("size", [65537, 70000, 1_000_000])
async def test_a_frame_over_64_kib_closes_with_1009(w, size):
    c = await opened(w)
    await c.hello()
    try:
        await c.send_raw('{"type":"ping","id":7}'.ljust(size))
    except websockets.ConnectionClosed:
        pass
    assert await c.wait_closed() == 1009


async def test_a_fragmented_message_over_64_kib_closes_with_1009(w):
    c = await opened(w)
    await c.hello()

    async def parts():
        for _ in range(9):
            yield " " * 8000

    try:
        await c.send_raw(parts())
    except websockets.ConnectionClosed:
        pass
    assert await c.wait_closed() == 1009


async def test_a_frame_of_exactly_64_kib_is_served(w):
    c = await opened(w)
    await c.hello()
    fut = asyncio.get_running_loop().create_future()
    c.answers[777] = fut
    await c.send_raw('{"type":"ping","id":777}'.ljust(65536))
    assert (await asyncio.wait_for(fut, 5))["type"] == "ok"


async def test_a_fragmented_command_is_served(w):
    c = await opened(w)
    await c.hello()

    async def parts():
        for ch in '{"type":"ping","id":778}':
            yield ch

    fut = asyncio.get_running_loop().create_future()
    c.answers[778] = fut
    await c.send_raw(parts())
    assert (await asyncio.wait_for(fut, 5))["type"] == "ok"


async def test_no_hello_closes_with_4008_after_about_5_s(w):
    c = await opened(w)
    t = time.monotonic()
    assert await c.wait_closed(9) == 4008
    assert 3.5 < time.monotonic() - t < 8


async def test_pings_do_not_replace_the_hello(w):
    c = await opened(w)
    t = time.monotonic()
    while time.monotonic() - t < 8 and not c.closed.is_set():
        try:
            pong = await c.ws.ping()
            await asyncio.wait_for(pong, 1)
        except Exception:
            pass
        await asyncio.sleep(0.5)
    assert c.close_code == 4008


async def test_nothing_is_answered_ok_before_hello(w):
    c = await opened(w)
    try:
        a = await c.ask("ping", timeout=7)
        assert a["type"] == "error"
    except Closed:
        assert c.close_code in (4000, 4008, 4001)


# ---------------------------------------------------------------------------------------------- welcome
async def test_welcome_carries_everything_the_contract_lists(w):
    c = await w.agent("priya", teams=["billing"], skills=["french"])
    f = c.welcome
    for k in "id session workspace agent epoch seq hash resumed time heartbeat_seconds limits features unread_mentions claims offers".split():
        assert k in f, f"welcome lacks {k}"
    assert f["workspace"] == w.name and f["resumed"] is False and f["unread_mentions"] == 0
    assert f["agent"] == {"id": "priya", "name": "Priya", "kind": "human", "role": "agent", "teams": ["billing"],
                          "skills": ["french"]}
    assert f["heartbeat_seconds"] == 25 and isinstance(f["features"], list) and f["claims"] == [] and f["offers"] == []
    assert isinstance(f["seq"], int) and isinstance(f["hash"], str) and f["hash"] and TIME_RE.match(f["time"])


async def test_welcome_repeats_the_limits(w):
    c = await w.agent()
    found = set()

    def walk(v):
        if isinstance(v, dict):
            [walk(x) for x in v.values()]
        elif isinstance(v, list):
            [walk(x) for x in v]
        else:
            found.add(v)

    walk(c.welcome["limits"])
    assert {32768, 65536, 500, 200, 50, 32, 10, 20, 128} <= found, c.welcome["limits"]


async def test_two_sessions_have_two_ids_and_one_epoch(w):
    a, b = await w.agent(), await w.agent()
    assert a.welcome["session"] != b.welcome["session"] and a.epoch == b.epoch


async def test_a_bot_is_welcome_as_a_bot(w):
    c = await w.agent("robo", kind="bot")
    assert c.welcome["agent"]["kind"] == "bot"


@pytest.mark.parametrize("role", ["agent", "supervisor", "admin"])
async def test_every_agents_role_is_welcome(w, role):
    c = await w.agent("x", role=role)
    assert c.welcome["agent"]["role"] == role


async def test_hello_twice_is_refused(w):
    c = await w.agent()
    a = await c.ask("hello", token=w.token())
    assert a["type"] == "error"


async def test_answers_carry_the_clients_id(w):
    c = await w.agent()
    for i in (0, 1_000_000, 2**53 - 1):
        a = await asyncio.wait_for(await c.post_frame({"type": "ping", "id": i}), 5)
        assert a["id"] == i and a["type"] == "ok" and TIME_RE.match(a["time"])


# ---------------------------------------------------------------------------------------------- tokens
H = {"alg": "HS256", "typ": "JWT"}


def body(w, **kw):
    b = {"sub": "priya", "workspace": w.name, "role": "agent", "exp": int(time.time()) + 600}
    b.update(kw)
    return {k: v for k, v in b.items() if v is not ...}


BAD_TOKENS = {
    "alg none": lambda w: raw_jwt({"alg": "none", "typ": "JWT"}, body(w), None),
    "alg None, signed": lambda w: raw_jwt({"alg": "None", "typ": "JWT"}, body(w), SECRET),
    "alg in header lies": lambda w: raw_jwt({"alg": "RS256", "typ": "JWT"}, body(w), SECRET),
    "no signature": lambda w: raw_jwt(H, body(w), None),
    "wrong key": lambda w: jwt.encode(body(w), "another-secret-that-is-long-enough-0123", "HS256"),
    "HS512": lambda w: jwt.encode(body(w), SECRET, "HS512"),
    "HS384": lambda w: jwt.encode(body(w), SECRET, "HS384"),
    "no exp": lambda w: raw_jwt(H, body(w, exp=...), SECRET),
    "exp is a string": lambda w: raw_jwt(H, body(w, exp="tomorrow"), SECRET),
    "expired an hour ago": lambda w: raw_jwt(H, body(w, exp=int(time.time()) - 3600), SECRET),
    "expired 2 s ago (no leeway)": lambda w: raw_jwt(H, body(w, exp=int(time.time()) - 2), SECRET),
    "nbf in two minutes": lambda w: raw_jwt(H, body(w, nbf=int(time.time()) + 120), SECRET),
    "iat in two minutes": lambda w: raw_jwt(H, body(w, iat=int(time.time()) + 120), SECRET),
    "no sub": lambda w: raw_jwt(H, body(w, sub=...), SECRET),
    "empty sub": lambda w: raw_jwt(H, body(w, sub=""), SECRET),
    "sub with a capital": lambda w: raw_jwt(H, body(w, sub="Priya"), SECRET),
    "sub of 65": lambda w: raw_jwt(H, body(w, sub="a" * 65), SECRET),
    "sub a number": lambda w: raw_jwt(H, body(w, sub=5), SECRET),
    "no workspace": lambda w: raw_jwt(H, body(w, workspace=...), SECRET),
    "workspace with a slash": lambda w: raw_jwt(H, body(w, workspace="a/b"), SECRET),
    "workspace with a capital": lambda w: raw_jwt(H, body(w, workspace="Acme"), SECRET),
    "workspace of 65": lambda w: raw_jwt(H, body(w, workspace="a" * 65), SECRET),
    "workspace empty": lambda w: raw_jwt(H, body(w, workspace=""), SECRET),
    "workspace with NUL": lambda w: raw_jwt(H, body(w, workspace="a\0b"), SECRET),
    "no role": lambda w: raw_jwt(H, body(w, role=...), SECRET),
    "role unknown": lambda w: raw_jwt(H, body(w, role="root"), SECRET),
    "team malformed": lambda w: raw_jwt(H, body(w, teams=["Bill ing"]), SECRET),
    "teams a string": lambda w: raw_jwt(H, body(w, teams="billing"), SECRET),
    "empty": lambda w: "",
    "garbage": lambda w: "garbage",
    "three dots": lambda w: "...",
    "body swapped": lambda w: (lambda t, u: ".".join([t.split(".")[0], u.split(".")[1], t.split(".")[2]]))(
        raw_jwt(H, body(w), SECRET), raw_jwt(H, body(w, role="admin"), SECRET)),
}


@pytest.mark.parametrize("which", BAD_TOKENS)
async def test_a_bad_token_is_unauthenticated_and_closes_with_4001(w, which):
    c = await opened(w)
    frame = {"type": "hello", "id": 1, "token": BAD_TOKENS[which](w)}
    a = await asyncio.wait_for(await c.post_frame(frame), 5)
    assert a["type"] == "error" and a["code"] == "unauthenticated", a
    code = await c.wait_closed()
    assert code == 4001 or which == "role unknown" and code == 4003, code


async def test_a_channels_token_has_no_socket(w):
    c = await opened(w)
    a = await asyncio.wait_for(await c.post_frame({"type": "hello", "id": 1, "token": w.channel_token()}), 5)
    assert a["type"] == "error" and a["code"] in ("forbidden", "unauthenticated"), a
    assert await c.wait_closed() == 4003


@pytest.mark.parametrize("claims", [{"nbf": 20}, {"iat": 20}], ids=["nbf", "iat"])
async def test_nbf_and_iat_have_30_s_of_leeway(w, claims):
    c = Client(w.server, w.token(**{k: int(time.time()) + v for k, v in claims.items()}), "x")
    w.clients.append(c)
    await c.start()


async def test_unknown_claims_in_a_token_do_no_harm(w):
    c = Client(w.server, w.token(email="p@example.org", jti="abc", nested={"a": 1}), "x")
    w.clients.append(c)
    await c.start()


async def test_the_secret_of_a_token_is_never_echoed(w):
    c = await opened(w)
    t = BAD_TOKENS["wrong key"](w)
    a = await asyncio.wait_for(await c.post_frame({"type": "hello", "id": 1, "token": t}), 5)
    assert t not in json.dumps(a) and t.split(".")[2] not in json.dumps(a)


async def test_hello_with_an_unknown_field_is_invalid(w):
    c = await opened(w)
    with pytest.raises(Refused) as e:
        await c.hello(colour="green")
    assert e.value.code == "invalid" and "colour" in e.value.frame["field"]


@pytest.mark.parametrize("resume,field", [
    ({"epoch": "x", "seq": "1", "watching": []}, "seq"),
    ({"epoch": "x", "seq": 1, "watching": ["nonsense"]}, "watching"),
    ({"epoch": "x", "seq": 1, "watching": [], "color": 1}, "color"),
    ({"seq": 1, "watching": []}, "epoch"),
    ({"epoch": "x", "seq": -1, "watching": []}, "seq"),
])
async def test_a_malformed_resume_is_invalid(w, resume, field):
    c = await opened(w)
    with pytest.raises(Refused) as e:
        await c.hello(resume)
    assert e.value.code == "invalid" and field in e.value.frame["field"], e.value.frame


# ---------------------------------------------------------------------------------------------- what is no command
NO_COMMAND = {
    "not JSON": "hello?", "empty": "", "half": '{"type":"ping","id":', "array": "[]", "number": "17", "string": '"ping"',
    "null": "null", "no id": '{"type":"ping"}', "id null": '{"type":"ping","id":null}', "id float": '{"type":"ping","id":1.5}',
    "id string": '{"type":"ping","id":"1"}', "id true": '{"type":"ping","id":true}', "id object": '{"type":"ping","id":{}}',
    "trailing": '{"type":"ping","id":1} x', "two": '{"type":"ping","id":1}{"type":"ping","id":2}',
    "single quotes": "{'type':'ping','id':1}", "NaN": '{"type":"ping","id":NaN}',
}


@pytest.mark.parametrize("which", NO_COMMAND)
async def test_a_frame_that_is_no_command_gets_an_error_with_id_null(w, which):
    c = await w.agent()
    m = c.mark()
    await c.send_raw(NO_COMMAND[which])
    f = await c.push("error", since=m)
    assert "id" in f and f["id"] is None and f["code"] == "invalid", f
    await is_alive(c)
    assert len(c.since(m, "error")) == 1


async def test_the_tenth_such_frame_closes_with_4000(w):
    c = await w.agent()
    for i in range(9):
        await c.send_raw(f"nonsense {i}")
    await c.wait_for(lambda f: len(c.since(0, "error", id=None)) == 9, what="nine errors with id null")
    await is_alive(c)
    await c.send_raw('{"type":"ping"}')
    assert await c.wait_closed() == 4000


@pytest.mark.parametrize("i", ["-1", str(2**53), str(2**64), str(10**40), "1e2", "1.0"])
async def test_an_id_at_the_border_is_answered_once_exactly_or_refused_with_null(w, i):
    """Free: whether such an id is usable. Not free: silence, or an answer with another number."""
    c = await w.agent()
    m = c.mark()
    await c.send_raw('{"type":"ping","id":%s}' % i)
    f = await c.wait_for(lambda f: f.get("type") in ("ok", "error"), since=m)
    assert f["id"] is None and f["code"] == "invalid" or f["id"] == json.loads(i), f
    await is_alive(c)


async def test_a_failed_command_with_an_id_does_not_count_towards_the_ten(w):
    c = await w.agent()
    for _ in range(25):
        await c.refused("invalid", "watch", conversation="nonsense")
    await is_alive(c)


@pytest.mark.parametrize("t", ["fly", "merge", "split", "watch_stats", "unwatch_stats", "event", "ok", "welcome", "position",
                               "Ping", "", "viewers"])
async def test_unknown_commands_are_named_so(w, t):
    """`merge`, `split`, `watch_stats`, `unwatch_stats`: names that version 0.1 does not know."""
    c = await w.agent("sue", role="supervisor")
    await c.refused("unknown_command", t)


@pytest.mark.parametrize("t", [5, None, {}, ["ping"]])
async def test_a_type_that_is_no_string_is_invalid(w, t):
    c = await w.agent()
    a = await asyncio.wait_for(await c.post_frame({"type": t, "id": 55}), 5)
    assert a["type"] == "error" and a["code"] in ("invalid", "unknown_command")


async def test_a_missing_type_is_invalid(w):
    c = await w.agent()
    fut = asyncio.get_running_loop().create_future()
    c.answers[56] = fut
    await c.send_raw('{"id":56}')
    a = await asyncio.wait_for(fut, 5)
    assert a["type"] == "error" and a["code"] in ("invalid", "unknown_command")


U = "0190a000-0000-7000-8000-000000000001"
FIELDS = [
    # command, fields, the field that must be named
    ("ping", {"x": 1}, "x"),
    ("watch", {"conversation": U, "silently": True}, "silently"),
    ("watch", {}, "conversation"),
    ("watch", {"conversation": 5}, "conversation"),
    ("watch", {"conversation": None}, "conversation"),
    ("watch", {"conversation": "nonsense"}, "conversation"),
    ("watch", {"conversation": U, "limit": None}, "limit"),
    ("watch", {"conversation": U, "limit": "5"}, "limit"),
    ("watch", {"conversation": U, "limit": -1}, "limit"),
    ("watch", {"conversation": U, "limit": 201}, "limit"),
    ("watch", {"conversation": U, "limit": 1.5}, "limit"),
    ("watch", {"conversation": U, "silent": "yes"}, "silent"),
    ("unwatch", {}, "conversation"),
    ("history", {"conversation": U}, "before"),
    ("history", {"conversation": U, "before": "x"}, "before"),
    ("history", {"conversation": U, "before": 10**25}, "before"),
    ("history", {"conversation": U, "before": 5, "limit": 201}, "limit"),
    ("open_view", {"filter": {}, "sort": "newest"}, "view"),
    ("open_view", {"view": "v", "sort": "newest"}, "filter"),
    ("open_view", {"view": "v", "filter": {}}, "sort"),
    ("open_view", {"view": "v", "filter": {}, "sort": "prettiest"}, "sort"),
    ("open_view", {"view": "v", "filter": {"colour": ["red"]}, "sort": "newest"}, "colour"),
    ("open_view", {"view": "v", "filter": {"status": "open"}, "sort": "newest"}, "status"),
    ("open_view", {"view": "v", "filter": {"status": ["awake"]}, "sort": "newest"}, "status"),
    ("open_view", {"view": "v", "filter": {"claimed": "yes"}, "sort": "newest"}, "claimed"),
    ("open_view", {"view": "v", "filter": [], "sort": "newest"}, "filter"),
    ("open_view", {"view": "v", "filter": {"tags": {"some": ["a"]}}, "sort": "newest"}, "tags"),
    ("open_view", {"view": "v", "filter": {}, "sort": "newest", "limit": 201}, "limit"),
    ("open_view", {"view": "v", "filter": {}, "sort": "newest", "limit": 10, "offset": 5}, "offset"),
    ("open_view", {"view": "v", "filter": {}, "sort": "newest", "offset": -50}, "offset"),
    ("close_view", {}, "view"),
    ("list", {"filter": {}, "sort": "newest", "limit": 201}, "limit"),
    ("list", {"filter": {}, "sort": "newest", "offset": 50}, "offset"),
    ("claim", {"conversation": U, "force": True}, "force"),
    ("claim", {"conversation": "X" * 36}, "conversation"),
    ("claim", {"conversation": U, "key": None}, "key"),
    ("claim", {"conversation": U, "expect": {"status": "new"}}, "expect"),
    ("release", {"conversation": U}, "token"),
    ("release", {"conversation": U, "token": "5"}, "token"),
    ("transfer", {"conversation": U, "token": 1}, "to"),
    ("transfer", {"conversation": U, "token": 1, "to": {}}, "to"),
    ("transfer", {"conversation": U, "token": 1, "to": {"agent": "a", "team": "b"}}, "to"),
    ("transfer", {"conversation": U, "token": 1, "to": "sam"}, "to"),
    ("transfer", {"conversation": U, "token": 1, "to": {"agent": "Sam!"}}, "to"),
    ("answer_transfer", {"conversation": U}, "accept"),
    ("answer_transfer", {"conversation": U, "accept": 1}, "accept"),
    ("take_over", {"conversation": U}, "reason"),
    ("reply", {"conversation": U, "token": 1, "seen": 1, "text": "x"}, "key"),
    ("reply", {"conversation": U, "token": 1, "key": "k", "text": "x"}, "seen"),
    ("reply", {"conversation": U, "key": "k", "seen": 1, "text": "x"}, "token"),
    ("reply", {"conversation": U, "token": 1, "key": "k", "seen": 1}, "text"),
    ("reply", {"conversation": U, "token": 1, "key": "k", "seen": 1, "text": ""}, "text"),
    ("reply", {"conversation": U, "token": 1, "key": "k", "seen": 1, "text": 5}, "text"),
    ("reply", {"conversation": U, "token": 1, "key": "k", "seen": -1, "text": "x"}, "seen"),
    ("reply", {"conversation": U, "token": 1, "key": "", "seen": 1, "text": "x"}, "key"),
    ("reply", {"conversation": U, "token": 1, "key": "k" * 129, "seen": 1, "text": "x"}, "key"),
    ("reply", {"conversation": U, "token": 1, "key": "schlüssel", "seen": 1, "text": "x"}, "key"),
    ("reply", {"conversation": U, "token": 1, "key": "a\nb", "seen": 1, "text": "x"}, "key"),
    ("reply", {"conversation": U, "token": 1, "key": "k", "seen": 1, "text": "x", "then": "closed"}, "then"),
    ("reply", {"conversation": U, "token": 1, "key": "k", "seen": 1, "text": "x", "then": None}, "then"),
    ("reply", {"conversation": U, "token": 1, "key": "k", "seen": 1, "text": "x", "expect": {}}, "expect"),
    ("reply", {"conversation": U, "token": 1, "key": "k", "seen": 1, "text": "x", "attachments": {}}, "attachments"),
    ("note", {"conversation": U, "text": "x"}, "key"),
    ("note", {"conversation": U, "key": "k"}, "text"),
    ("note", {"conversation": U, "key": "k", "text": ""}, "text"),
    ("update", {"priority": "high"}, "conversation"),
    ("update", {"conversation": U, "priority": "highest"}, "priority"),
    ("update", {"conversation": U, "status": "asleep"}, "status"),
    ("update", {"conversation": U, "status": None}, "status"),
    ("update", {"conversation": U, "expect": {"colour": "red"}, "priority": "high"}, "colour"),
    ("update", {"conversation": U, "expects": {"priority": "low"}, "priority": "high"}, "expects"),
    ("update", {"conversation": U, "add_tags": "vip"}, "add_tags"),
    ("update", {"conversation": U, "add_tags": ["t" * 65]}, "add_tags"),
    ("update", {"conversation": U, "add_tags": [""]}, "add_tags"),
    ("update", {"conversation": U, "queue": "No Queue"}, "queue"),
    ("update", {"conversation": U, "team": "No Team"}, "team"),
    ("update", {"conversation": U, "assignee": "No One"}, "assignee"),
    ("update", {"conversation": U, "subject": "s" * 501}, "subject"),
    ("update", {"conversation": U, "status": "pending", "snoozed_until": "tomorrow"}, "snoozed_until"),
    ("bulk", {"action": {"type": "claim"}}, "conversations"),
    ("bulk", {"conversations": [U]}, "action"),
    ("bulk", {"conversations": [U], "action": {"type": "reply"}}, "action"),
    ("bulk", {"conversations": [U], "action": {"type": "update", "conversation": U, "priority": "high"}}, "conversation"),
    ("bulk", {"conversations": [U], "action": {"type": "update", "colour": "red"}}, "colour"),
    ("bulk", {"conversations": [U] * 501, "action": {"type": "claim"}}, "conversations"),
    ("bulk", {"conversations": ["x"], "action": {"type": "claim"}}, "conversations"),
    ("open", {"customer": {"id": "c", "name": "C"}, "channel": "mail"}, "key"),
    ("open", {"key": "k", "channel": "mail"}, "customer"),
    ("open", {"key": "k", "customer": {"id": "c", "name": "C"}}, "channel"),
    ("open", {"key": "k", "customer": {"id": "c", "name": "C"}, "channel": "Mail!"}, "channel"),
    ("set_presence", {}, "status"),
    ("set_presence", {"status": "asleep"}, "status"),
    ("set_presence", {"status": "away", "reason": "r" * 501}, "reason"),
    ("mark_read", {"conversation": U}, "up_to"),
    ("mentions", {"limit": 201}, "limit"),
    ("mentions", {"before": "x"}, "before"),
    ("read_mentions", {}, "up_to"),
    ("watch_agents", {"team": "x"}, "team"),
    ("refresh", {}, "token"),
    ("refresh", {"token": 5}, "token"),
    ("read_marks", {"conversation": U}, "conversation"),
]


@pytest.mark.parametrize("n", range(len(FIELDS)), ids=lambda n: f"{FIELDS[n][0]}-{FIELDS[n][2]}-{n}")
async def test_what_is_wrong_with_a_command_is_invalid_and_names_the_field(w, n):
    """Unknown, missing, mistyped, null for absent, out of its limits. `field` may be a path: it must contain the name.
    The conversation does exist, so that nothing else is wrong."""
    t, fields, wrong = FIELDS[n]
    c = await w.agent("priya")
    conv = await w.conversation()
    fields = {k: conv if v == U else v for k, v in fields.items()}
    if "conversations" in fields and fields["conversations"] == [U]:
        fields["conversations"] = [conv]
    a = await c.refused("invalid", t, **fields)
    assert isinstance(a.get("field"), str) and wrong in a["field"], a
    await is_alive(c)


async def test_an_invalid_command_changes_nothing(w):
    c = await w.agent()
    conv = await w.conversation()
    before = await c.summary_of(conv)
    await c.refused("invalid", "update", conversation=conv, priority="high", colour="red")
    await c.refused("invalid", "update", conversation=conv, priority="high", add_tags=["t" * 65])
    assert await c.summary_of(conv) == before


# ---------------------------------------------------------------------------------------------- JSON's dark corners
@pytest.mark.parametrize("opening,closing", [("[", "]"), ('{"a":', "}")])
@pytest.mark.parametrize("depth", [200, 10_000])
async def test_a_depth_bomb_is_an_error_and_no_more(w, opening, closing, depth):
    c = await w.agent()
    m = c.mark()
    await c.send_raw('{"type":"ping","id":4242,"x":' + opening * depth + "1" + closing * depth + "}")
    f = await c.push("error", since=m)
    assert f["id"] in (None, 4242) and f["code"] == "invalid"
    await is_alive(c)


async def test_an_unclosed_depth_bomb_is_an_error_and_no_more(w):
    c = await w.agent()
    m = c.mark()
    await c.send_raw("[" * 65000)
    assert (await c.push("error", since=m))["id"] is None
    await is_alive(c)


@pytest.mark.parametrize("n", ["1e400", "-1e400", "1" + "0" * 5000, "18446744073709551616", "0.1", "1e15", "9007199254740993",
                               "-0.0", "-9223372036854775809"])
async def test_a_number_that_is_no_seq_is_invalid(w, n):
    c = await w.agent()
    conv = await w.conversation()
    m = c.mark()
    await c.send_raw('{"type":"reply","id":4243,"conversation":"%s","token":1,"key":"k","seen":%s,"text":"x"}' % (conv, n))
    f = await c.wait_for(lambda f: f.get("type") in ("ok", "error"), since=m)
    # nobody holds it: a number that is read as one may also meet claim_lost, which is checked before `seen`
    assert f["type"] == "error" and f["code"] in ("invalid", "claim_lost") and f["id"] in (None, 4243), f
    await is_alive(c)


@pytest.mark.parametrize("first,second", [("low", "normal"), ("normal", "low")])
async def test_a_duplicate_key_never_drops_a_precondition(w, first, second):
    """No precondition is ever silently dropped: of two `expect`, one of which does not hold, nothing may be done."""
    c = await w.agent()
    conv = await w.conversation(priority="normal")
    m = c.mark()
    await c.send_raw('{"type":"update","id":4244,"conversation":"%s","expect":{"priority":"%s"},"expect":{"priority":"%s"},'
                     '"priority":"urgent"}' % (conv, first, second))
    f = await c.wait_for(lambda f: f.get("type") in ("ok", "error"), since=m)
    assert f["type"] == "error" and f["code"] in ("invalid", "conflict"), f
    assert (await c.summary_of(conv))["priority"] == "normal"


@pytest.mark.parametrize("raw", ['{"type":"ping","id":1001,"id":1002}', '{"type":"ping","type":"mentions","id":1003}'])
async def test_duplicate_keys_are_answered_once(w, raw):
    c = await w.agent()
    m = c.mark()
    await c.send_raw(raw)
    await c.wait_for(lambda f: f.get("type") in ("ok", "error"), since=m)
    await is_alive(c)
    assert len([f for f in c.frames[m:] if f.get("type") in ("ok", "error") and f.get("id") in (1001, 1002, 1003, None)]) == 1


@pytest.mark.parametrize("esc", ["\\ud800", "\\udc00", "a\\ud83dz", "\\udc00\\ud800"])
async def test_a_lone_surrogate_is_invalid_and_never_stored(w, esc):
    c = await w.agent()
    conv = await w.conversation()
    v = (await c.summary_of(conv))["version"]
    m = c.mark()
    await c.send_raw('{"type":"note","id":4245,"conversation":"%s","key":"k1","text":"x%s"}' % (conv, esc))
    f = await c.wait_for(lambda f: f.get("type") in ("ok", "error"), since=m)
    assert f["type"] == "error" and f["code"] == "invalid", f
    assert (await c.summary_of(conv))["version"] == v


async def test_a_surrogate_pair_is_one_character(w):
    c = await w.agent()
    conv = await w.conversation()
    await c.watch(conv)
    fut = asyncio.get_running_loop().create_future()
    c.answers[4246] = fut
    await c.send_raw('{"type":"note","id":4246,"conversation":"%s","key":"k1","text":"\\ud83d\\ude00 ok"}' % conv)
    assert (await asyncio.wait_for(fut, 5))["type"] == "ok"
    assert (await c.event("note_added"))["event"]["note"]["text"] == "\U0001F600 ok"


@pytest.mark.parametrize("text", ["a\0b", "\0"])
async def test_nul_in_a_text_comes_back_as_it_was_or_is_refused(w, text):
    c = await w.agent()
    conv = await w.conversation()
    await c.watch(conv)
    a = await c.ask("note", conversation=conv, key=key(), text=text)
    if a["type"] == "ok":
        assert (await c.event("note_added"))["event"]["note"]["text"] == text
    else:
        assert a["code"] == "invalid" and "text" in a["field"]


@pytest.mark.parametrize("text", ["\u202eabc\u200b", "\u00e9", "e\u0301", "\r\n\t", "<script>alert(1)</script>", "\ufeffbom", "\uffff", "\u0007\u001b[31m",
                                  "\U0001F468\u200d\U0001F469\u200d\U0001F467", " lead and trail ", "\u2028", "\\u0041 \\n"])
async def test_texts_come_back_byte_for_byte(w, text):
    c = await w.agent()
    conv = await w.conversation(text=text)
    a = await c.watch(conv)
    assert a["entries"][-1]["event"]["message"]["text"] == text
    await c.note(conv, text)
    assert (await c.event("note_added"))["event"]["note"]["text"] == text


# ---------------------------------------------------------------------------------------------- limits of texts and lists
@pytest.mark.parametrize("what", ["reply", "note"])
@pytest.mark.parametrize("text,ok", [("x" * 32768, True), ("x" * 32769, False), ("é" * 16384, True), ("é" * 16385, False),
                                     ("€" * 10922 + "ab", True), ("€" * 10923, False)], ids=range(6))
async def test_a_text_has_at_most_32768_bytes(w, what, text, ok):
    c = await w.agent()
    conv = await w.ingest()
    cid = conv["conversation"]
    token = await c.claim(cid)
    f = dict(conversation=cid, key=key(), text=text)
    if what == "reply":
        f.update(token=token, seen=conv["seq"])
    if ok:
        await c.cmd(what, **f)
    else:
        await c.refused("too_large", what, **f)


async def test_a_subject_has_at_most_500_characters_not_bytes(w):
    c = await w.agent()
    conv = await w.conversation()
    await c.update(conv, subject="€" * 500)
    a = await c.refused("invalid", "update", conversation=conv, subject="€" * 501)
    assert "subject" in a["field"]


async def test_a_tag_has_at_most_64_characters(w):
    c = await w.agent()
    conv = await w.conversation()
    await c.update(conv, add_tags=["€" * 64])
    a = await c.refused("invalid", "update", conversation=conv, add_tags=["€" * 65])
    assert "tags" in a["field"]


async def test_a_conversation_has_at_most_50_tags(w):
    c = await w.agent()
    conv = await w.conversation()
    await c.update(conv, add_tags=[f"t{i}" for i in range(50)])
    a = await c.refused("invalid", "update", conversation=conv, add_tags=["one-more"])
    assert "tags" in a["field"]
    await c.update(conv, add_tags=["one-more"], remove_tags=["t0"])
    assert len((await c.summary_of(conv))["tags"]) == 50


async def test_a_key_has_up_to_128_characters(w):
    c = await w.agent()
    conv = await w.conversation()
    k = "!" * 64 + "~" * 64
    a = await c.note(conv, "x", k)
    b = await c.note(conv, "x", k)
    assert a["seq"] == b["seq"] and b["duplicate"] is True


def attachment(i, **kw):
    return {"name": f"{i}.pdf", "media_type": "application/pdf", "size": 1000 + i, "url": f"https://files.example/{i}", **kw}


async def test_attachments_are_stored_as_references_and_at_most_ten(w):
    c = await w.agent()
    m = await w.ingest(attachments=[attachment(i) for i in range(10)])
    cid = m["conversation"]
    a = await c.watch(cid)
    assert a["entries"][-1]["event"]["message"]["attachments"] == [attachment(i) for i in range(10)]
    token = await c.claim(cid)
    await c.reply(cid, token, m["seq"], attachments=[attachment(i) for i in range(10)])
    e = await c.event("message_sent")
    assert e["event"]["message"]["attachments"] == [attachment(i) for i in range(10)]
    a = await c.refused("invalid", "reply", conversation=cid, token=token, key=key(), seen=e["seq"], text="x",
                        attachments=[attachment(i) for i in range(11)])
    assert "attachments" in a["field"]


@pytest.mark.parametrize("bad", [{"url": "http://files.example/x"}, {"url": "javascript:alert(1)"}, {"url": "nonsense"},
                                 {"size": -1}, {"size": "big"}, {"virus": True}, {"name": 5}])
async def test_a_bad_attachment_is_invalid(w, bad):
    c = await w.agent()
    m = await w.ingest()
    token = await c.claim(m["conversation"])
    a = await c.refused("invalid", "reply", conversation=m["conversation"], token=token, key=key(), seen=m["seq"], text="x",
                        attachments=[attachment(1, **bad)])
    assert any(k in a["field"] for k in ("attachments", *bad)), a


async def test_a_note_mentions_at_most_20(w):
    c = await w.agent("author")
    conv = await w.conversation()
    names = [f"m{i}" for i in range(21)]
    for n in names:
        await w.agent(n)
    a = await c.note(conv, " ".join("@" + n for n in names[:20]))
    agents = a["mentions"]["agents"] if isinstance(a["mentions"], dict) else a["mentions"]
    assert len(agents) == 20
    await c.refused("invalid", "note", conversation=conv, key=key(), text=" ".join("@" + n for n in names))


async def test_a_session_has_at_most_32_views(w):
    c = await w.agent()
    for i in range(32):
        await c.open_view(f"v{i}", limit=0)
    await c.refused("invalid", "open_view", view="v32", filter={}, sort="newest")
    await c.open_view("v31", limit=1)
    await c.cmd("close_view", view="v0")
    await c.open_view("v32", limit=0)


async def test_a_session_watches_at_most_200(w):
    c = await w.agent()
    convs = [m["conversation"] for m in await w.many(201)]
    for conv in convs[:200]:
        await c.watch(conv, limit=1)
    await c.refused("invalid", "watch", conversation=convs[200])
    await c.watch(convs[0], limit=1)
    await c.cmd("unwatch", conversation=convs[0])
    await c.watch(convs[200], limit=1)


async def test_a_signal_has_no_answer(w):
    c = await w.agent()
    conv = await w.conversation()
    await c.watch(conv)
    m = c.mark()
    for _ in range(5):
        await c.typing(conv)
    await c.settle()
    assert [f["type"] for f in c.frames[m:] if f["type"] in ("ok", "error")] == ["ok", "ok"]


# ---------------------------------------------------------------------------------------------- expiry and refresh
async def test_a_token_near_its_end_is_announced_and_can_be_refreshed(w):
    c = Client(w.server, w.token(exp=int(time.time()) + 4), "short")
    w.clients.append(c)
    await c.start()
    await c.push("token_expiring", timeout=5)
    await c.cmd("refresh", token=w.token())
    await asyncio.sleep(5)
    await is_alive(c)


async def test_a_token_is_announced_60_s_before_its_end_not_earlier(w):
    c = Client(w.server, w.token(exp=int(time.time()) + 64), "short")
    w.clients.append(c)
    await c.start()
    await asyncio.sleep(1.5)
    assert not c.since(0, "token_expiring")
    await c.push("token_expiring", timeout=6)


async def test_a_session_ends_with_4002_at_exp(w):
    exp = int(time.time()) + 4
    c = Client(w.server, w.token(exp=exp), "short")
    w.clients.append(c)
    await c.start()
    assert await c.wait_closed(8) == 4002
    assert -0.2 < time.time() - exp < 3


@pytest.mark.parametrize("who", ["sub", "workspace", "signature"])
async def test_a_refresh_must_be_of_the_same_person(w, who):
    c = await w.agent("priya")
    t = {"sub": lambda: w.token("sam"), "workspace": lambda: w.token("priya", workspace="other"),
         "signature": lambda: w.token("priya", secret="x" * 40)}[who]()
    a = await c.ask("refresh", token=t)
    assert a["type"] == "error" and a["code"] in ("unauthenticated", "forbidden", "invalid"), a


async def test_health_is_outside_of_workspaces(w):
    for path in ("/livez", "/readyz", "/metrics"):
        s, b, h = await w.http("GET", "", url=w.server.http + path)
        assert s == 200, (path, s)
        if path == "/metrics":
            assert "# TYPE" in b and "# HELP" in b
    s, b, h = await w.http("GET", "", url=w.server.http + "/")
    assert s == 200 and "html" in h["Content-Type"]


async def test_metrics_name_no_people(w):
    c = await w.agent("secretname")
    conv = await w.conversation(customer="secretcustomer")
    await c.claim(conv)
    _, b, _ = await w.http("GET", "", url=w.server.http + "/metrics")
    assert "secretname" not in b and conv not in b and "secretcustomer" not in b


@pytest.mark.own_server
async def test_too_many_commands_are_rate_limited_and_told_when_to_return(own_w):
    w = own_w("--commands-per-second", "5")
    c = await w.agent()
    conv = await w.conversation()
    futs = [await c.post("update", conversation=conv, add_tags=[f"t{i % 40}"]) for i in range(150)]
    done = await asyncio.wait_for(asyncio.gather(*futs, return_exceptions=True), 10)
    limited = [a for a in done if isinstance(a, dict) and a.get("code") == "rate_limited"]
    assert limited and all(isinstance(a["retry_after_ms"], int) and a["retry_after_ms"] > 0 for a in limited)
    if c.closed.is_set():
        assert c.close_code == 4029
        return
    await asyncio.sleep(min(5, limited[-1]["retry_after_ms"] / 1000 + 1))
    await is_alive(c)


@pytest.mark.own_server
async def test_too_many_ingested_messages_are_429(own_w):
    w = own_w("--ingest-per-second", "5")
    got = await asyncio.gather(*[w.post_message() for _ in range(80)])
    codes = {s for s, _, _ in got}
    assert codes <= {201, 429} and 429 in codes and 201 in codes, codes
    s, b, h = next(g for g in got if g[0] == 429)
    assert b["code"] == "rate_limited" and b["retry_after_ms"] > 0 and h["Content-Type"].startswith("application/problem+json")


@pytest.mark.own_server
async def test_one_address_has_only_so_many_connections(own_w):
    w = own_w("--connections-per-address", "3")
    for i in range(3):
        await w.agent(f"a{i}")
    refused = False
    try:
        c = Client(w.server, w.token("a4"), "a4")
        w.clients.append(c)
        await c.start()
    except (websockets.WebSocketException, OSError, Closed, Refused, asyncio.TimeoutError):
        refused = True
    assert refused
