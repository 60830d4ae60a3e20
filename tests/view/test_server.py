"""The server answers its own pages, refuses everybody else's, and survives bad questions."""

from __future__ import annotations

import json
import socket

import pytest

from shardsim.base.errors import UserError
from shardsim.view import assets, extras
from shardsim.view.page import Desk
from shardsim.view.server import application, bound, reply

pytestmark = pytest.mark.slow

PORT = 8765
OWN = f"http://127.0.0.1:{PORT}"
LIVE = f"ws://127.0.0.1:{PORT}/live"

pytest.importorskip("uvicorn", reason="the extra `view` is not installed")
pytest.importorskip("httpx", reason="starlette's TestClient needs httpx")
testclient = pytest.importorskip("starlette.testclient", reason="the extra `view` is missing")


@pytest.fixture(scope="module")
def client(desk: Desk):
    return testclient.TestClient(application(desk, PORT), base_url=OWN)


def test_the_page_and_its_three_files_are_served_and_nothing_else(client):
    first = client.get("/")
    assert first.status_code == 200 and 'src="live.js"' in first.text
    assert "default-src 'self'" in first.headers["content-security-policy"]
    assert client.get("/view.js").text == assets.module()
    assert client.get("/live.js").headers["content-type"].startswith("text/javascript")
    assert client.get("/view.css").headers["content-type"].startswith("text/css")
    for path in ("/config.toml", "/../config.toml", "/static/view.js", "/live"):
        assert client.get(path).status_code == 404
    assert client.post("/").status_code == 405


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "evil.example"},
        {"host": f"evil.example:{PORT}"},
        {"host": "127.0.0.1:1"},
        {"host": "127.0.0.1"},
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": f"https://127.0.0.1:{PORT}"},
        {"origin": f"http://localhost:{PORT}"},  # its own, but of the other name
    ],
)
def test_a_foreign_host_or_origin_is_refused(client, headers):
    assert client.get("/", headers=headers).status_code == 403
    asked = {"origin": OWN} | headers
    with (
        pytest.raises(testclient.WebSocketDisconnect),
        client.websocket_connect(LIVE, headers=asked),
    ):
        pass


def test_a_websocket_without_an_origin_is_refused(client):
    with pytest.raises(testclient.WebSocketDisconnect), client.websocket_connect(LIVE):
        pass


def test_localhost_is_the_same_machine(client):
    assert client.get("/", headers={"host": f"localhost:{PORT}"}).status_code == 200


def test_questions_are_answered_in_turn_and_bad_ones_say_why(client, desk):
    with client.websocket_connect(LIVE, headers={"origin": OWN}) as live:
        assert json.loads(live.receive_text())["page"] == json.loads(json.dumps(desk.page))
        live.send_text(json.dumps({"id": 7, "checkpoint": 0, "seeds": [1], "off": [0]}))
        told = json.loads(live.receive_text())
        expected = desk.answer({"checkpoint": 0, "seeds": [1], "off": [0]})
        assert told == {"id": 7, **json.loads(json.dumps(expected))}
        live.send_text("no JSON")
        assert "no JSON" in json.loads(live.receive_text())["error"]
        live.send_text(json.dumps({"id": 8, "seeds": [9]}))
        assert json.loads(live.receive_text()) == {
            "id": 8,
            "error": "there is no seed 9 among 2; reload the page",
        }


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ([], "a question is a JSON object"),
        ({"level": 99}, "there is no level 99"),
        ({"level": "1"}, "no whole number"),
        ({"level": True}, "no whole number"),
        ({"checkpoint": 99}, "there is no checkpoint 99"),
        ({"checkpoint": 1.5}, "no whole number"),
        ({"seeds": 0}, "seeds are not a list"),
        ({"off": [2]}, "there is no shard 2"),
        ({"edit": {"walls": "x"}}, "walls are not 25"),
        ({"edit": "x"}, "an edit holds"),
    ],
)
def test_what_is_wrong_with_a_question_is_one_line(desk, question, said):
    told = json.loads(reply(desk, json.dumps(question)))
    assert said in told["error"] and "\n" not in told["error"]


def test_a_taken_port_is_refused_in_one_line():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(UserError, match="give another with --port"):
            bound(other.getsockname()[1])
    with bound(0) as free:
        assert free.getsockname()[0] == "127.0.0.1"


def test_without_the_extra_one_line_says_what_to_install():
    with pytest.raises(UserError, match=r"pip install 'shardsim\[view\]'.*--export"):
        extras.needed("no_such_module", "view")
