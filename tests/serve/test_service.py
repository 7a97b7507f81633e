"""A server takes as many streams as it can serve."""

from dataclasses import replace

import pytest
from factories.serve import QUICK, TinyGenerator
from fastapi.testclient import TestClient

from kfusion.serve.app import create_app
from kfusion.serve.service import streams_served


@pytest.mark.parametrize(("block_s", "cores", "streams"), [(0.0044, 2, 12), (0.0044, 16, 101), (0.05, 2, 1), (1, 1, 1)])
def test_streams_take_a_third_of_the_processor_time(block_s: float, cores: int, streams: int) -> None:
    # 2 cores x 1/3 x 100 ms / (1.2 x 4.4 ms) = 12.6
    assert streams_served(block_s, cores) == streams


def test_what_the_machine_can_serve_is_measured_unless_it_is_said(generator: TinyGenerator) -> None:
    with TestClient(create_app(QUICK, generator)) as client:
        measured = client.app.state.service.streams.limit  # type: ignore[attr-defined]
        assert f"kfusion_streams_limit {measured:.1f}" in client.get("/metrics").text
        assert measured > 1  # a tiny network
    with TestClient(create_app(replace(QUICK, max_streams=3), generator)) as client:
        assert "kfusion_streams_limit 3.0" in client.get("/metrics").text
