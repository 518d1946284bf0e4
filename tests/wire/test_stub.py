"""The client against a stub of a server: runs without DIBS_BIN."""
import asyncio
import json

import pytest
from websockets.asyncio.server import serve

from dibswire import Client, Refused, View, mention_names


class Stub:
    async def __aenter__(self):
        self.seen = []

        async def handler(ws):
            async for m in ws:
                f = json.loads(m)
                self.seen.append(f)
                if f["type"] == "hello":
                    r = f.get("resume")
                    await ws.send(json.dumps({"type": "welcome", "id": f["id"], "epoch": "e", "seq": 9, "hash": "h9",
                                              "resumed": bool(r), "time": "2026-01-01T00:00:00.000Z"}))
                    if r:
                        for s in (8, 9):
                            await ws.send(json.dumps({"type": "event", "seq": s, "conversation": "c",
                                                      "at": "2026-01-01T00:00:00.000Z", "actor": {"kind": "system", "id": "x"},
                                                      "event": {"kind": "tagged", "added": [], "removed": []}}))
                        await ws.send(json.dumps({"type": "position", "seq": 9, "hash": "h9", "time": "2026-01-01T00:00:00.000Z"}))
                elif f["type"] == "ping":
                    await ws.send(json.dumps({"type": "ok", "id": f["id"], "time": "2026-01-01T00:00:00.000Z"}))
                else:
                    await ws.send(json.dumps({"type": "error", "id": f["id"], "code": "unknown_command", "message": "No."}))

        self.s = await serve(handler, "127.0.0.1", 0, subprotocols=["dibs.v1"])
        self.port = self.s.sockets[0].getsockname()[1]
        self.ws = f"ws://127.0.0.1:{self.port}"
        return self

    async def __aexit__(self, *a):
        self.s.close()
        await self.s.wait_closed()


async def test_hello_answers_refusals_and_resume():
    async with Stub() as s:
        c = Client(s, "t", "x")
        await c.start()
        assert (c.epoch, c.cursor, c.hash) == ("e", 9, "h9")
        await c.cmd("ping")
        with pytest.raises(Refused):
            await c.cmd("fly")
        await c.abort()
        c.cursor, c.hash = 7, None
        c.watching = {"c"}
        await c.reconnect()
        assert s.seen[-1]["resume"] == {"epoch": "e", "seq": 7, "watching": ["c"]}
        await c.push("position", timeout=2)
        assert c.cursor == 9 and c.hash == "h9" and [e["seq"] for e in c.events()] == [8, 9]
        assert not c.problems, c.problems
        await c.close()


async def test_the_lint_sees_a_repeated_event():
    async with Stub() as s:
        c = Client(s, "t", "x")
        await c.start()
        await c.abort()
        c.cursor, c.hash, c.watching = 8, None, {"c"}
        await c.reconnect()
        await c.push("position", timeout=2)
        assert any("already passed" in p for p in c.problems)
        await c.close()


def test_a_view_applies_upserts_removes_order():
    v = View("v", {"seq": 1, "total": 2, "conversations": [{"id": "a"}, {"id": "b"}]})
    v.apply({"seq": 2, "total": 2, "upserts": [{"id": "c"}], "removes": ["a"], "order": ["c", "b"]})
    assert v.ids() == ["c", "b"] and not v.problems
    v.apply({"seq": 3, "total": 2, "upserts": [{"id": "d"}], "removes": []})
    assert v.problems


def test_mention_names():
    assert mention_names({"agents": ["a"], "teams": []}) == ({"a"}, set())
