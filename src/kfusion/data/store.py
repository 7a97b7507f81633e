"""A prepared data set on disk: Parquet shards, one row a clip.

Why Parquet: one self-describing file format that pyarrow, pandas, polars and Hugging Face
`datasets` (`load_dataset("parquet", data_dir=...)`) all read, typed, appendable by whole files, and
with a row group a clip any clip is one short read away, without unpacking an archive.

Folder: `data/<split>-<n>.parquet`, `README.md` (the data card), `splits.csv`, `failures.csv`, and
`features/` with the cached speech features.
"""

import io
import wave
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from kfusion.audio import SAMPLE_RATE_HZ, Samples
from kfusion.data.clip import SPLITS
from kfusion.errors import InputError
from kfusion.landmarks import POINT_COUNT, Points

DATA_FORMAT = "1"
SHARD_CLIPS = 512
SCHEMA = pa.schema(
    [
        ("clip_id", pa.string()),
        ("corpus", pa.string()),
        ("speaker", pa.string()),
        ("split", pa.string()),
        ("emotion", pa.string()),
        ("intensity", pa.int8()),
        ("fps", pa.int16()),
        ("frames", pa.int32()),
        ("missing", pa.int32()),
        ("crop", pa.list_(pa.int32(), 3)),
        ("source", pa.string()),
        ("landmarks", pa.list_(pa.list_(pa.list_(pa.float32(), 2), POINT_COUNT))),
        ("audio", pa.struct([("bytes", pa.binary()), ("path", pa.string())])),
    ],
    metadata={"kfusion_format": DATA_FORMAT},
)
"""`landmarks` are (frames, 68, 2) in crop pixels, `crop` is left, top, side in image pixels, `audio`
is a mono 16 kHz 16-bit WAV (the layout of `datasets.Audio`)."""
META_COLUMNS = [name for name in SCHEMA.names if name not in {"landmarks", "audio"}]


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredClip:
    """One clip of a prepared data set, its arrays still on disk."""

    clip_id: str
    corpus: str
    speaker: str
    split: str
    emotion: str | None
    intensity: int | None
    frames: int
    shard: Path
    row_group: int

    def landmarks(self) -> Points:
        """(frames, 68, 2), crop pixels, 30 fps.

        Raises:
            InputError: the shard is damaged or gone.
        """
        with _readable(self.shard):
            values = self._column("landmarks").flatten().flatten().flatten()
            points = values.to_numpy(zero_copy_only=False).reshape(-1, POINT_COUNT, 2)
        return np.asarray(points, np.float32)

    def samples(self) -> Samples:
        """(frames * 16000 // 30,), 16 kHz.

        Raises:
            InputError: the shard is damaged or gone.
        """
        with _readable(self.shard):
            return decode_wav(self._column("audio")[0]["bytes"].as_py())

    def _column(self, name: str) -> Any:
        return read_clip(self.shard, self.row_group, columns=[name]).column(0).combine_chunks()


class ClipStore:
    """A prepared data set, opened for reading.

    Raises:
        InputError: the folder is not a prepared data set, or another version wrote it.
    """

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root)
        shards = shard_paths(self.root)
        if not shards:
            raise InputError(f"{root}: not a prepared data set: make it with `kfusion prepare CORPUS SRC -o {root}`")
        self.clips = [clip for shard in shards for clip in _shard_clips(shard)]

    def split(self, *names: str) -> list[StoredClip]:
        """The clips of the named splits.

        Raises:
            InputError: a name is not a split.
        """
        for name in names:
            if name not in SPLITS:
                raise InputError(f"unknown split '{name}': use {', '.join(SPLITS)}")
        return [clip for clip in self.clips if clip.split in names]

    @cached_property
    def by_id(self) -> dict[str, StoredClip]:
        """The clips by their id."""
        return {clip.clip_id: clip for clip in self.clips}


def shard_paths(root: Path) -> list[Path]:
    """The shards of the data set in `root`; hidden files are half-written and none."""
    return sorted(path for path in (root / "data").glob("*.parquet") if not path.name.startswith("."))


def shard_rows(shard: Path) -> list[dict[str, Any]]:
    """The columns of `META_COLUMNS` of every clip in a shard, a row group a clip.

    Raises:
        InputError: the shard is damaged, or another version wrote it.
    """
    with _readable(shard), pq.ParquetFile(shard) as file:
        found = (file.schema_arrow.metadata or {}).get(b"kfusion_format", b"none").decode()
        if found != DATA_FORMAT:
            raise InputError(
                f"{shard}: data format {found}, this version reads {DATA_FORMAT}: prepare the data set again"
            )
        rows: list[dict[str, Any]] = file.read(columns=META_COLUMNS).to_pylist()
        if file.num_row_groups != len(rows):
            raise InputError(f"{shard}: {len(rows)} clips in {file.num_row_groups} row groups: prepare it again")
    return rows


def _shard_clips(shard: Path) -> list[StoredClip]:
    names = ("clip_id", "corpus", "speaker", "split", "emotion", "intensity", "frames")
    return [
        StoredClip(**{name: row[name] for name in names}, shard=shard, row_group=index)
        for index, row in enumerate(shard_rows(shard))
    ]


@contextmanager
def _readable(shard: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, EOFError, ValueError, KeyError, pa.ArrowException, wave.Error) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{shard}: damaged or not a kfusion shard ({reason}): prepare the data set again") from error


def read_clip(shard: Path, row_group: int, columns: list[str] | None = None) -> pa.Table:
    """The one-row table of a clip.

    Raises:
        OSError, pa.ArrowException: the shard is damaged or gone.
    """
    metadata = _metadata(shard, shard.stat().st_mtime_ns)
    with pq.ParquetFile(shard, metadata=metadata, page_checksum_verification=True) as file:
        return file.read_row_group(row_group, columns=columns)


@lru_cache(maxsize=256)
def _metadata(shard: Path, changed_ns: int) -> Any:
    """The footer of a shard: with a row group a clip it takes longer to read than a clip."""
    return pq.read_metadata(shard)


def write_shard(path: Path, tables: Iterable[pa.Table]) -> None:
    """Write one-row tables as a shard, a row group a clip."""
    with pq.ParquetWriter(path, SCHEMA, compression="zstd", write_page_checksum=True) as writer:
        for table in tables:
            writer.write_table(table, row_group_size=1)


def clip_table(row: dict[str, Any], landmarks: Points, samples: Samples) -> pa.Table:
    """The one-row table of a clip; `row` holds the columns other than `landmarks` and `audio`."""
    points = pa.array(landmarks.ravel(), pa.float32())
    faces = pa.FixedSizeListArray.from_arrays(pa.FixedSizeListArray.from_arrays(points, 2), POINT_COUNT)
    nested = pa.ListArray.from_arrays(pa.array([0, len(landmarks)], pa.int32()), faces)
    columns = [pa.array([row[name]], SCHEMA.field(name).type) for name in META_COLUMNS]
    audio = pa.array([{"bytes": encode_wav(samples), "path": f"{row['clip_id']}.wav"}], SCHEMA.field("audio").type)
    return pa.Table.from_arrays([*columns, nested, audio], schema=SCHEMA)


def encode_wav(samples: Samples) -> bytes:
    """A mono 16 kHz 16-bit WAV file."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE_HZ)
        file.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
    return buffer.getvalue()


def decode_wav(content: bytes) -> Samples:
    """The samples of a file that `encode_wav` made."""
    with wave.open(io.BytesIO(content)) as file:
        return np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.float32) / np.float32(32767)
