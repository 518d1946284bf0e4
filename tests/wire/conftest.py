import os
import subprocess

import pytest

from dibswire import Client, Server, Workspace


def pytest_collection_modifyitems(config, items):
    if not os.environ.get("DIBS_BIN"):
        skip = pytest.mark.skip(reason="DIBS_BIN is not set")
        for i in items:
            if "test_stub" not in str(i.fspath):
                i.add_marker(skip)


@pytest.fixture(scope="session")
def server():
    s = Server().start()
    yield s
    alive = s.alive()
    tail = s.tail() if not alive else ""
    s.close()
    assert alive, "the shared server died during the suite:\n" + tail


async def _end(ws):
    problems = await ws.close()
    assert not problems, f"{len(problems)} promises about every frame were broken:\n" + "\n".join(problems[:10])


@pytest.fixture
async def w(server):
    """A workspace of its own on the shared server; every frame is linted at the end."""
    if not server.alive():
        pytest.fail("the shared server is dead:\n" + server.tail())
    ws = Workspace(server)
    yield ws
    await _end(ws)


@pytest.fixture
async def w2(server):
    ws = Workspace(server)
    yield ws
    await _end(ws)


@pytest.fixture
def own():
    """own("--claim-grace", "2s") starts a server for this test alone."""
    started = []

    def make(*args, **kw):
        s = Server(*args, **kw)
        started.append(s)
        return s.start()

    yield make
    for s in started:
        s.close()


@pytest.fixture
async def own_w(own):
    made = []

    def make(*args, **kw):
        ws = Workspace(own(*args, **kw))
        made.append(ws)
        return ws

    yield make
    for ws in made:
        await _end(ws)
