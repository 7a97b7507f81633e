import pytest

from kfusion.errors import InputError
from kfusion.serve.settings import ServerSettings, is_loopback


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "localhost", "::1", "[::1]"])
def test_loopback_needs_no_token(host: str) -> None:
    assert is_loopback(host)
    ServerSettings(host=host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "192.168.1.2", "face.example", "localhost.evil.example"])
def test_other_addresses_need_a_token_or_the_word_of_the_user(host: str) -> None:
    with pytest.raises(InputError, match=r"KFUSION_TOKEN, or pass --allow-open"):
        ServerSettings(host=host)
    ServerSettings(host=host, token="secret")
    ServerSettings(host=host, allow_open=True)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("port", 70_000),
        ("port", -1),
        ("lead_ms", 501.0),
        ("lead_ms", float("nan")),
        ("expressiveness", 2.1),
        ("expressiveness", -0.1),
        ("max_streams", 0),
        ("max_body_mb", -1.0),
        ("idle_timeout_s", float("nan")),
        ("max_duration_s", float("inf")),
        ("max_connections", 1),
        ("token", ""),
        ("token", "with\nbreak"),
        ("token", "ключ"),
    ],
)
def test_a_value_that_cannot_be_used_is_named(field: str, value: object) -> None:
    with pytest.raises(InputError, match=field):
        ServerSettings(**{field: value})  # type: ignore[arg-type]


def test_origins_are_taken_apart() -> None:
    assert ServerSettings(allow_origin=" https://a.example/ ,https://b.example,").origins == {
        "https://a.example",
        "https://b.example",
    }
