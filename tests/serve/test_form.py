"""Forms are taken apart where they lie, and what is not one is refused in one clear line."""

import httpx
import pytest

from kfusion.serve.form import MAX_PARTS, boundary_of, read_form, text_of
from kfusion.serve.refusal import RefusedError

FORM = "multipart/form-data; boundary=b0"
AUDIO = b'Content-Disposition: form-data; name="audio"; filename="a.wav"'


def part(head: bytes, content: bytes = b"x") -> bytes:
    return b"--b0\r\n" + head + b"\r\n\r\n" + content + b"\r\n"


def field(name: bytes, content: bytes = b"x", more: bytes = b"") -> bytes:
    return part(b'Content-Disposition: form-data; name="' + name + b'"' + more, content)


END = b"--b0--\r\n"


def test_a_form_of_a_common_client_is_read_whole() -> None:
    files = {"audio": ("grüße.wav", b"\r\n--no\0\xff"), "face": ("f.json", b"[]")}
    request = httpx.Request("POST", "http://x", files=files, data={"fps": "25", "emotion": "fröhlich"})
    body = request.read()
    parts = read_form(body, boundary_of(request.headers["content-type"]))
    assert {name: body[found.start : found.end] for name, found in parts.items()} == {
        "fps": b"25",
        "emotion": "fröhlich".encode(),
        "audio": b"\r\n--no\0\xff",
        "face": b"[]",
    }
    assert [found.file_name for found in parts.values()] == [None, None, "grüße.wav", "f.json"]
    assert text_of(body, parts["emotion"]) == "fröhlich"


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (b'name="audio"; filename="a \\"b\\".wav"', 'a "b".wav'),
        (b"name=audio; filename=plain.wav", "plain.wav"),
        (b"name=audio; filename=x; filename*=UTF-8''%e2%82%ac%20.wav", "€ .wav"),
        (b'name="audio"; filename=""', ""),
        (b'name="audio"; filename="c:\\d;e\\f.wav"', "c:\\d;e\\f.wav"),
    ],
)
def test_file_names_are_read_as_clients_write_them(head: bytes, name: str) -> None:
    body = part(b"content-disposition:form-data; " + head) + END
    assert read_form(body, "b0")["audio"].file_name == name


@pytest.mark.parametrize("before", [b"", b"\r\n", b"a preamble\r\n", b"\r\n--b\r\n"])
def test_what_stands_before_and_behind_the_parts_is_not_theirs(before: bytes) -> None:
    body = before + part(AUDIO, b"") + b"--b0--\r\nan epilogue\r\n--b0\r\n"
    (found,) = read_form(body, "b0").values()
    assert (found.name, found.end - found.start) == ("audio", 0)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "no part"),
        (b"no form at all", "no part"),
        (part(AUDIO), "breaks off"),
        (b"--b0\r\n" + AUDIO + b"\r\n\r\nx", "breaks off"),
        (b"--b0 and more\r\n" + AUDIO + b"\r\n\r\nx\r\n" + END, "breaks off at a boundary"),
        (part(AUDIO) + part(AUDIO) + END, "audio: is there twice"),
        (part(b"X: y") + END, "has no name"),
        (part(b"X: " + b"y" * 9000) + END, "head is too long"),
        (part(b"Content-Disposition: form-data; name=\xff") + END, "is not UTF-8"),
        (field(b"a", b"x", b"\r\nContent-Transfer-Encoding: base64") + END, "transfer encoding"),
        (field(b"a", b"x", b"\r\nContent-Type: text/plain; charset=utf-7") + END, "charset is 'utf-7'"),
        (part(b"Content-Disposition: form-data; name=a; filename*=koi8-r''b") + END, "charset is 'koi8-r'"),
        (part(b"Content-Disposition: form-data; name=a; filename*=UTF-8''%ff") + END, "is not UTF-8"),
        (b"".join(field(b"%d" % number) for number in range(MAX_PARTS + 1)) + END, "more than 16 parts"),
    ],
)
def test_what_is_no_form_is_refused_in_one_line(body: bytes, said: str) -> None:
    with pytest.raises(RefusedError, match=said) as refused:
        read_form(body, "b0")
    assert refused.value.code == "bad_request"
    assert str(refused.value).isprintable()


@pytest.mark.parametrize(("content", "said"), [(b"y" * 2000, "has 2000 bytes"), (b"\xff", "is not UTF-8")])
def test_a_field_that_is_too_long_or_no_text_is_refused(content: bytes, said: str) -> None:
    body = field(b"fps", content) + END
    with pytest.raises(RefusedError, match=said):
        text_of(body, read_form(body, "b0")["fps"])


@pytest.mark.parametrize(
    ("content_type", "said"),
    [
        ("", "'missing'"),
        ("application/x-www-form-urlencoded", "send multipart/form-data"),
        ("application/json", "send multipart/form-data"),
        ("multipart/form-data", "names no boundary"),
        ('multipart/form-data; boundary=""', "names no boundary"),
        ("multipart/form-data; boundary=" + "b" * 71, "names no boundary"),
        ("multipart/form-data; boundary=" + "b" * 9000, "9030 characters"),
        ("multipart/form-data; boundary=é", "names no boundary"),
        ("multipart/form-data; boundary=b; charset=utf-7", "charset is 'utf-7'"),
        ("multipart/form-data; boundary=b; charset=zip", "charset is 'zip'"),
        ("multipart/form-data; boundary=b; charset=\x1b[1m", "charset is"),
    ],
)
def test_a_type_that_is_no_form_in_unicode_is_refused(content_type: str, said: str) -> None:
    with pytest.raises(RefusedError, match=said) as refused:
        boundary_of(content_type)
    assert refused.value.code == "bad_request"
    assert str(refused.value).isprintable()


def test_the_boundary_may_be_quoted_and_the_type_in_capitals() -> None:
    assert boundary_of('Multipart/Form-Data; charset=UTF-8; boundary="a b"') == "a b"
