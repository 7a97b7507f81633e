"""Opening sound and video files, with one of their tracks."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Literal

import av

from kfusion.errors import InputError, foreign
from kfusion.files import check_file
from kfusion.media.announced import check_size, codec_name
from kfusion.media.holes import check_written
from kfusion.media.index import check_index

MediaKind = Literal["audio", "video"]
Note = Callable[..., None]
"""Tells the user something, as `logging.Logger.warning` does."""
MISSING: Final[dict[MediaKind, str]] = {"audio": "recording", "video": "video"}
CONTENT: Final[dict[MediaKind, str]] = {"audio": "sound", "video": "video"}
_NO_TRACK: dict[MediaKind, str] = {
    "audio": "has no audio track: pass a recording with sound",
    "video": "has no video track: pass a video of a talking face",
}
DAMAGED = "damaged, truncated or of an unknown kind: copy or export it again"
CONTAINERS = (
    "3gp,aa,aac,aax,ac3,ac4,acm,adx,aea,aiff,alp,amr,amrnb,amrwb,ape,apm,asf,asf_o,ast,au,avi,avr,avs,bfstm,bink,"
    "brstm,c93,caf,codec2,dhav,dsf,dss,dts,dtshd,dv,dxa,ea,eac3,epaf,film_cpk,flac,flv,fsb,gsm,gxf,h264,hca,hcom,hevc,"
    "iamf,iff,ilbc,ircam,iss,ivf,kux,kvag,live_flv,loas,lvf,lxf,m4v,matroska,mca,mjpeg,mlp,mmf,mov,mp3,mpc,mpc8,mpeg,"
    "mpegts,mpegvideo,msf,mtaf,musx,mv,mxf,mxg,nc,nistsphere,nsv,nut,nuv,obu,ogg,oma,osq,paf,pva,pvf,qcp,qoa,r3d,rka,"
    "rm,roq,rpl,rso,sbc,sdr2,sds,sdx,shn,siff,smjpeg,smk,sol,sox,spdif,svag,svs,swf,tak,thp,truehd,tta,ty,usm,vag,"
    "vc1,vivo,voc,vpk,vqf,w64,wady,wav,wavarc,wc3movie,webm,wsaud,wsd,wsvqa,wtv,wv,wve,xa,xmv,xvag,xwma,yop,"
    "yuv4mpegpipe"
)
"""FFmpeg's names of the containers that hold their own sound and pictures. What names other files (playlists, `concat`,
HLS, DASH, SDP), what is on the network and what is a device is not among them."""
MIN_RATE_HZ, MAX_RATE_HZ, MAX_CHANNELS = 2_000, 768_000, 64
"""What sound may be: below this rate nobody is understood; DSD becomes 705,600 Hz."""
_PICTURES = (b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"II*\0", b"MM\0*")
_LISTS = (b"#EXTM3U", b"ffconcat", b"v=0", b"<?xml", b"<MPD", b"RTSPtext", b"[playlist]", b"[Reference]")
# Tags may be in any encoding: PyAV 19 reads them all, and before it had to be told to.
_ANY_TAGS: dict[str, Any] = {} if int(av.__version__.split(".")[0]) >= 19 else {"metadata_errors": "ignore"}


@dataclass(frozen=True, slots=True)
class FFmpeg:
    """Whatever FFmpeg or PyAV raise in the block, as one `InputError`; cheap enough to stand round every packet."""

    path: Path
    kind: MediaKind

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            return
        with foreign(f"{self.path}: cannot decode the {CONTENT[self.kind]}", DAMAGED):
            if isinstance(error, av.error.FFmpegError):  # its text ends in the path again
                raise OSError(error.strerror) from error
            raise error


@dataclass(frozen=True, kw_only=True, slots=True)
class Media:
    """An opened file and one track of it."""

    path: Path
    kind: MediaKind
    container: Any
    stream: Any

    @property
    def decoding(self) -> FFmpeg:
        """What stands round every call that decodes."""
        return FFmpeg(self.path, self.kind)

    @property
    def choice(self) -> int:
        """How many tracks of its kind the file has."""
        return len(tracks(self.container, self.kind))


@contextmanager
def open_container(path: Path, kind: MediaKind = "audio") -> Iterator[Any]:
    """A file of one of `CONTAINERS`, opened by FFmpeg, which reads this file and no other.

    Raises:
        InputError: there is no such file, it is empty, a folder, a pipe or a device, it was not wholly written, or it
            is of no kind that FFmpeg reads or that holds its own sound.
    """
    size = check_file(path, MISSING[kind])
    check_written(path, size)
    check_index(path, size)
    limits = {"format_whitelist": CONTAINERS, "protocol_whitelist": "file"}
    try:
        with FFmpeg(path, kind):
            # An absolute path, because FFmpeg takes what stands before a colon for a protocol.
            container = av.open(str(path.absolute()), container_options=limits, **_ANY_TAGS)
    except InputError:
        _refuse_by_start(path, kind)
        check_size(path, size)
        raise
    with closing(container):
        yield container


@contextmanager
def open_media(path: Path, kind: MediaKind, track: int | None = None) -> Iterator[Media]:
    """The opened file and one track of `kind`.

    Args:
        path: a file.
        kind: of the track.
        track: which of the tracks of `kind`, counted from 1; None for the first that can be decoded.

    Raises:
        InputError: as `open_container`; the file has no such track, or there is no decoder for it, or it announces what
            cannot be sound.
    """
    with open_container(path, kind) as container:
        stream = _track(path, tracks(container, kind), kind, track)
        if kind == "audio" and stream.codec_context.sample_rate:
            check_sound(path, stream.codec_context.sample_rate, stream.codec_context.channels)
        yield Media(path=path, kind=kind, container=container, stream=stream)


def tracks(container: Any, kind: MediaKind) -> list[Any]:
    """The tracks of `kind`; the picture on the cover of a record is no video."""
    covers = av.stream.Disposition.attached_pic
    return [stream for stream in container.streams if stream.type == kind and not stream.disposition & covers]


def check_sound(path: Path, rate_hz: int, channels: int) -> None:
    """Raises `InputError` for a rate or a number of channels that no sound has."""
    if not MIN_RATE_HZ <= rate_hz <= MAX_RATE_HZ:
        raise InputError(f"{path}: its sample rate is {rate_hz} Hz: pass sound of {MIN_RATE_HZ} to {MAX_RATE_HZ} Hz")
    if channels > MAX_CHANNELS:
        raise InputError(f"{path}: has {channels} channels: pass sound of at most {MAX_CHANNELS}")


def _track(path: Path, found: list[Any], kind: MediaKind, track: int | None) -> Any:
    if not found:
        raise InputError(f"{path}: {_NO_TRACK[kind]}")
    if track is not None and not 1 <= track <= len(found):
        raise InputError(f"{path}: has {len(found)} {kind} track(s): track {track} is not among them")
    wanted = found if track is None else [found[track - 1]]
    decodable = next((stream for stream in wanted if stream.codec_context is not None), None)
    if decodable is None:
        codec = codec_name(path, kind, found.index(wanted[0]))
        raise InputError(
            f"{path}: its {CONTENT[kind]} is coded as {codec}, which cannot be decoded here: "
            "export it as WAV, FLAC, MP3 or MP4"
        )
    return decodable


def _refuse_by_start(path: Path, kind: MediaKind) -> None:
    """Say what the file is, where it is known and no recording."""
    with path.open("rb") as file:
        start = file.read(64).lstrip(b"\xef\xbb\xbf \t\r\n")
    if start.startswith(_LISTS):
        raise InputError(f"{path}: is a list that names other files or addresses: pass the recording itself")
    if start.startswith(_PICTURES) or start[8:12] == b"WEBP":
        raise InputError(f"{path}: is a picture, it {_NO_TRACK[kind]}")
