"""A prepared data set on disk: Parquet shards, one row a clip.

Why Parquet: one self-describing file format that pyarrow, pandas, polars and Hugging Face
`datasets` (`load_dataset("parquet", data_dir=...)`) all read, typed, appendable by whole files, and
with a row group a clip any clip is one short read away, without unpacking an archive.

Folder: `data/<split>-<n>.parquet`, `README.md` (the data card), `splits.csv`, `failures.csv`, and
`features/` with the cached speech features.
"""

import io
import wave
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from kfusion.audio import SAMPLE_RATE_HZ, Samples
from kfusion.data.clip import SPLITS
from kfusion.errors import InputError
from kfusion.landmarks import POINT_COUNT, Points

_Pcm = NDArray[np.int16]
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
        ("sync_rule", pa.string()),
        ("sync_ms", pa.float32()),
        ("sync_low_ms", pa.float32()),
        ("sync_high_ms", pa.float32()),
        ("sync_cut", pa.binary()),
        ("notes", pa.list_(pa.string())),
    ],
    metadata={"kfusion_format": DATA_FORMAT},
)
"""`landmarks` are (frames, 68, 2) in crop pixels, `crop` is left, top, side in image pixels, `audio`
is a mono 16 kHz 16-bit WAV (the layout of `datasets.Audio`), moved by `sync_ms` (see `SoundClock`) and without the
samples `sync_cut` that this took off; `notes` say what is odd. The columns `sync_*` and `notes` may be absent."""
_LATER = {"sync_rule", "sync_ms", "sync_low_ms", "sync_high_ms", "sync_cut", "notes"}
META_COLUMNS = [name for name in SCHEMA.names if name not in {"landmarks", "audio", "sync_cut"}]


@dataclass(frozen=True, kw_only=True, slots=True)
class SoundClock:
    """How the sound of a clip was put on the clock of its landmarks."""

    rule: str = "off"
    """`off`, `auto` or the milliseconds that were asked for."""
    ms: float = 0.0
    """The sound was so late, and stands so much earlier now."""
    low_ms: float | None = None
    """Of the 95 % interval of what was measured, which may be too wide to move anything; None where nothing was."""
    high_ms: float | None = None

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Self:
        """What the columns of a clip say."""
        return cls(
            rule=row.get("sync_rule") or "off",
            ms=row.get("sync_ms") or 0.0,
            low_ms=row.get("sync_low_ms"),
            high_ms=row.get("sync_high_ms"),
        )


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
    sync_ms: float = 0.0
    """By how much the sound was moved, see `SoundClock`."""

    @property
    def moved(self) -> str:
        """What a digest of the clip holds of that; nothing where the sound is as it was recorded."""
        return f" sync {self.sync_ms:g}" if self.sync_ms else ""

    def landmarks(self) -> Points:
        """(frames, 68, 2), crop pixels, 30 fps.

        Raises:
            InputError: the shard is damaged or gone.
        """
        with _readable(self.shard):
            return decode_points(self._column("landmarks"))

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
        self.clips = [clip for shard in shards for clip in shard_clips(shard)]

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


def shard_clips(shard: Path) -> list[StoredClip]:
    """The clips of a shard.

    Raises:
        InputError: the shard is damaged, or another version wrote it.
    """
    names = ("clip_id", "corpus", "speaker", "split", "emotion", "intensity", "frames")
    return [
        StoredClip(**{name: row[name] for name in names}, shard=shard, row_group=index, sync_ms=SoundClock.of(row).ms)
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


def write_shard(path: "Path | pa.NativeFile", tables: Iterable[pa.Table]) -> None:
    """Write one-row tables as a shard, a row group a clip; columns that earlier versions did not know are empty."""
    with pq.ParquetWriter(path, SCHEMA, compression="zstd", write_page_checksum=True) as writer:
        for table in tables:
            for field in SCHEMA:
                if field.name not in table.column_names:
                    table = table.append_column(field, pa.nulls(1, field.type))
            writer.write_table(table, row_group_size=1)


def clip_table(row: dict[str, Any], landmarks: Points, samples: Samples) -> pa.Table:
    """The one-row table of a clip; `row` holds the columns other than `landmarks`, `audio` and `sync_*`."""
    points = pa.array(landmarks.ravel(), pa.float32())
    faces = pa.FixedSizeListArray.from_arrays(pa.FixedSizeListArray.from_arrays(points, 2), POINT_COUNT)
    nested = pa.ListArray.from_arrays(pa.array([0, len(landmarks)], pa.int32()), faces)
    values: dict[str, Any] = {name: [row.get(name) if name in _LATER else row[name]] for name in META_COLUMNS}
    values |= {"landmarks": nested, "audio": [{"bytes": encode_wav(samples), "path": f"{row['clip_id']}.wav"}]}
    return pa.table({name: values.get(name, [None]) for name in SCHEMA.names}, schema=SCHEMA)


def on_clock(table: pa.Table, clock: SoundClock) -> pa.Table:
    """The one-row table of a clip with its sound moved as `clock` says, however it was moved before.

    Sound that is late stands earlier by what is cut from its start, with silence after its end; sound that is early
    the other way round. What was cut is kept, so that nothing is lost by being moved and moved back. A clip that is
    moved back is, to the byte, the clip that was never moved.
    """
    row = {name: table.column(name)[0].as_py() for name in table.column_names if name != "landmarks"}
    cut = np.frombuffer(row.get("sync_cut") or b"", "<i2")
    recorded = _put_back(_pcm(row["audio"]["bytes"]), cut, SoundClock.of(row).ms)
    moved, cut = _moved(recorded, clock.ms)
    new = {"audio": {**row["audio"], "bytes": _wav(moved)}, **_clock_columns(clock, cut)}
    arrays = {name: table.column(name) for name in table.column_names if name not in new}
    return pa.table({name: arrays.get(name, [new.get(name)]) for name in SCHEMA.names}, schema=SCHEMA)


def _clock_columns(clock: SoundClock, cut: _Pcm) -> dict[str, Any]:
    if clock == SoundClock():
        return dict.fromkeys(name for name in SCHEMA.names if name.startswith("sync_"))
    return {
        "sync_rule": clock.rule,
        "sync_ms": clock.ms,
        "sync_low_ms": clock.low_ms,
        "sync_high_ms": clock.high_ms,
        "sync_cut": cut.tobytes(),
    }


def _moved(recorded: _Pcm, late_ms: float) -> tuple[_Pcm, _Pcm]:
    """The sound put earlier, and what was cut from it."""
    count = min(abs(round(late_ms * SAMPLE_RATE_HZ / 1000)), len(recorded))
    silence, rest = np.zeros(count, "<i2"), len(recorded) - count
    if late_ms >= 0:
        return np.concatenate([recorded[count:], silence]), recorded[:count]
    return np.concatenate([silence, recorded[:rest]]), recorded[rest:]


def _put_back(moved: _Pcm, cut: _Pcm, late_ms: float) -> _Pcm:
    """The sound as it was recorded."""
    if late_ms >= 0:
        return np.concatenate([cut, moved[: len(moved) - len(cut)]])
    return np.concatenate([moved[len(cut) :], cut])


def encode_wav(samples: Samples) -> bytes:
    """A mono 16 kHz 16-bit WAV file."""
    return _wav((np.clip(samples, -1, 1) * 32767).astype("<i2"))


def _wav(samples: _Pcm) -> bytes:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE_HZ)
        file.writeframes(samples.tobytes())
    return buffer.getvalue()


def decode_wav(content: bytes) -> Samples:
    """The samples of a file that `encode_wav` made."""
    return _pcm(content).astype(np.float32) / np.float32(32767)


def _pcm(content: bytes) -> _Pcm:
    with wave.open(io.BytesIO(content)) as file:
        return np.frombuffer(file.readframes(file.getnframes()), "<i2")


def decode_points(column: Any) -> Points:
    """The landmarks (frames, 68, 2) of the column `landmarks` of a clip."""
    values = column.flatten().flatten().flatten()
    return np.asarray(values.to_numpy(zero_copy_only=False).reshape(-1, POINT_COUNT, 2), np.float32)
