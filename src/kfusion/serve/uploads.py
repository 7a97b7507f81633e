"""Files that strangers send."""

import re
import shutil
from pathlib import Path, PurePath

import av
from starlette.datastructures import UploadFile

from kfusion.errors import InputError

MAX_NAME = 200
MAX_LANDMARK_BYTES = 256 * 1024
"""Of a landmark file: a compressed one may become a thousand times as long."""
CONTAINERS = (
    "aac,ac3,aiff,amr,amrnb,amrwb,ape,asf,au,avi,caf,dts,eac3,flac,flv,matroska,mov,mp3,mpc,mpc8,mpeg,mpegts,mxf,"
    "oga,ogg,rm,truehd,tta,voc,w64,wav,webm,wv"
)
"""FFmpeg's names of the containers that hold their own sound. Playlists, which FFmpeg reads too, name other files."""


def spool(upload: UploadFile, stem: Path) -> Path:
    """The upload as a file that is called `stem` and ends as the client's file does, if that is a plain ending."""
    ending = PurePath(upload.filename or "").suffix.lower()
    path = stem.with_suffix(ending if re.fullmatch(r"\.[a-z0-9]{1,8}", ending) else "")
    with path.open("wb") as file:
        shutil.copyfileobj(upload.file, file)
    return path


def spool_recording(upload: UploadFile, stem: Path) -> Path:
    """As `spool`, for sound that FFmpeg is to read.

    Raises:
        InputError: it is of a kind that may lead FFmpeg to other files, or of an unknown kind.
    """
    path = spool(upload, stem)
    if not path.stat().st_size:
        return path  # refused with its own words when it is read
    try:
        av.open(str(path), metadata_errors="ignore", container_options={"format_whitelist": CONTAINERS}).close()
    except (av.error.FFmpegError, EOFError) as error:
        raise InputError(f"{path}: is no recording that this server takes: send WAV, FLAC, MP3, MP4 or Ogg") from error
    return path


def check_small(path: Path) -> None:
    """Raises `InputError` for a landmark file that holds more than a face."""
    size = path.stat().st_size
    if size > MAX_LANDMARK_BYTES:
        raise InputError(f"{path}: {size} bytes: send the landmarks of one face, up to {MAX_LANDMARK_BYTES} bytes")


def shown_name(upload: UploadFile) -> str:
    """The name that the client gave the file, without folders and control characters."""
    name = PurePath((upload.filename or "").replace("\\", "/")).name
    return "".join(character for character in name if character.isprintable())[:MAX_NAME] or "speech"
