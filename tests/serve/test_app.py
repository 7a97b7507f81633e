"""The application under a plain ASGI host: start, access, pages, OpenAPI, metrics."""

import logging
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from factories.inputs import tone, write_bundle, write_wav
from factories.serve import QUICK, TinyGenerator
from fastapi.testclient import TestClient

from kfusion import __version__
from kfusion.errors import MissingWeightsError
from kfusion.inference.generator import load
from kfusion.serve.app import create_app
from kfusion.serve.settings import ServerSettings


def test_it_loads_the_model_of_its_settings_when_it_starts(model: Path, generator: TinyGenerator) -> None:
    with TestClient(create_app(ServerSettings(model=model))) as client:
        assert client.get("/healthz").json() == {"status": "ok", "version": __version__, "model": "tiny-stream"}
    app = create_app(ServerSettings(model=Path("none.onnx")))
    with pytest.raises(MissingWeightsError, match=r"none\.onnx"), TestClient(app):
        pass


def test_streams_and_recordings_work_under_any_host(generator: TinyGenerator, tmp_path: Path) -> None:
    speech = write_wav(tmp_path / "speech.wav", tone(0.5))
    with TestClient(create_app(QUICK, generator)) as client:
        answer = client.post("/v1/generate", files={"audio": ("speech.wav", speech.read_bytes())})
        assert len(answer.json()["landmarks"]) == 15
        with client.websocket_connect("/v1/stream") as socket:
            socket.send_json({"type": "start", "version": 1, "sample_rate": 16_000})
            assert socket.receive_json()["type"] == "ready"
            socket.send_bytes(bytes(16_000))
            socket.send_json({"type": "flush"})
            frames = 0
            while (message := socket.receive_json())["type"] == "frames":
                frames += len(message["points"])
            assert (frames, message) == (15, {"type": "end"})


def test_a_model_that_hears_whole_recordings_serves_all_but_streams(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    generator = load(write_bundle(tmp_path / "model.onnx"), threads=1)
    with caplog.at_level(logging.WARNING), TestClient(create_app(QUICK, generator)) as client:
        assert "no streams: " in caplog.text
        with client.websocket_connect("/v1/stream") as socket:
            socket.send_json({"type": "start", "version": 1, "sample_rate": 16_000})
            assert socket.receive_json()["type"] == "error"


def test_a_token_guards_what_costs_work_and_nothing_else(generator: TinyGenerator) -> None:
    with TestClient(create_app(replace(QUICK, token="right"), generator)) as client:
        for path in ("/healthz", "/metrics", "/stream", "/static/kfusion.js", "/openapi.json"):
            assert client.get(path).status_code == 200
        for header in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic right"}):
            answer = client.post("/v1/generate", headers=header)
            assert answer.status_code == 401
            assert answer.headers["www-authenticate"] == "Bearer"
            assert answer.json()["error"]["code"] == "unauthorized"
        assert client.post("/v1/generate", headers={"Authorization": "Bearer right"}).status_code == 400


def test_beyond_loopback_the_servers_own_page_may_ask(generator: TinyGenerator) -> None:
    settings = replace(QUICK, host="0.0.0.0", allow_open=True)
    with TestClient(create_app(settings, generator), base_url="http://face.lan:8000") as client:
        assert client.post("/v1/generate", headers={"Origin": "http://face.lan:8000"}).status_code == 400
        assert client.post("/v1/generate", headers={"Origin": "http://other.lan:8000"}).status_code == 403


def test_an_allowed_page_is_told_so_by_cors(generator: TinyGenerator) -> None:
    ask = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "Authorization"}
    with TestClient(create_app(replace(QUICK, allow_origin="https://face.example"), generator)) as client:
        for origin in ("https://face.example", "http://localhost:3000"):
            answer = client.options("/v1/generate", headers={"Origin": origin, **ask})
            assert answer.status_code == 200
            assert answer.headers["access-control-allow-origin"] == origin
            answer = client.post("/v1/generate", headers={"Origin": origin})
            assert answer.headers["access-control-allow-origin"] == origin
        answer = client.options("/v1/generate", headers={"Origin": "https://evil.example", **ask})
        assert "access-control-allow-origin" not in answer.headers


def test_openapi_names_the_fields_and_the_error_shape(generator: TinyGenerator) -> None:
    with TestClient(create_app(QUICK, generator)) as client:
        paths = client.get("/openapi.json").json()["paths"]
    assert set(paths) == {"/v1/generate", "/healthz", "/readyz", "/metrics"}
    post = paths["/v1/generate"]["post"]
    fields = post["requestBody"]["content"]["multipart/form-data"]["schema"]["properties"]
    speech = {"lead_ms", "expressiveness", "allow_silence"}
    assert set(fields) == {"audio", "face", "fps", "emotion", "intensity", "format"} | speech
    error = post["responses"]["default"]["content"]["application/json"]["schema"]
    assert "busy" in error["properties"]["error"]["properties"]["code"]["enum"]


def test_metrics_count_by_route_and_have_no_series_for_strange_paths(generator: TinyGenerator) -> None:
    with TestClient(create_app(QUICK, generator)) as client:
        for path in ("/healthz", "/a", "/b", "/v1/c"):
            client.get(path)
        text = client.get("/metrics").text
    assert 'kfusion_requests_total{path="/healthz",status="200"} 1.0' in text
    assert 'kfusion_requests_total{path="other",status="404"} 3.0' in text
    assert "kfusion_streams_active 0.0" in text


class References(HTMLParser):
    """The addresses that a page names."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value for name, value in attrs if name in ("src", "href", "action") and value]


def test_the_page_asks_for_nothing_from_elsewhere(generator: TinyGenerator) -> None:
    with TestClient(create_app(QUICK, generator)) as client:
        page = client.get("/stream")
        script = client.get("/static/kfusion.js")
    assert page.headers["content-type"].startswith("text/html")
    assert "javascript" in script.headers["content-type"]
    references = References()
    references.feed(page.text)
    assert all(address.startswith("data:") for address in references.found)
    assert "http" not in page.text.replace("http-equiv", "")
    assert "import(" not in script.text
