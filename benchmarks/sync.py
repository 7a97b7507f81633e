"""How well `kfusion sync` finds a known shift, and how often it says that it cannot tell.

Usage: python benchmarks/sync.py GRID [CLIPS ...]

GRID is the folder of the corpus (`s1/*.mp4`, `s26/`, `s31/`, `unseen/`); its clock is right in the mean over clips.
Shifts from -300 to +300 ms are put into its sound: into single clips of 3 s, and into 10 s of several clips of one
folder. Scored are the last 50 clips of s1 by name, the validation of the default weights, and speakers that they have
not heard. Columns: the share of which it is told; of those the median error against the shift that was put in, and
against what was found without a shift, which leaves out how the clip itself was cut; the share of errors above 80 ms;
the share of intervals that hold the shift; and the lateness without a shift, median and mean of all clips together.
Last the share that is told, wrongly, where the sound is that of another clip of the folder.

CLIPS are folders of other talking videos: for these there is no truth, and what is found is printed clip by clip.
"""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kfusion.audio import SAMPLE_RATE_HZ, Samples, read_audio
from kfusion.data.clip import videos_below
from kfusion.data.crop import FaceTracker
from kfusion.data.lateness import GRID_HZ, Evidence, Lateness, compare, estimate, mouth_motion, pooled
from kfusion.face import FaceFinder
from kfusion.inference.generator import load
from kfusion.inference.sync import Listener, video_lateness
from kfusion.landmarks import Points
from kfusion.video import video_frames

SHIFTS_MS = (-300, -120, 0, 50, 300)
VALIDATION_CLIPS = 50
LONG_S, CLIPS_OF_A_LONG = 10.0, 4
LONG_ONES = 20
GROSS_MS = 80.0


@dataclass(frozen=True, slots=True)
class Talk:
    """What one recording shows and sounds like, from its first picture on."""

    times_s: np.ndarray
    faces: Points
    """(T, 68, 2), NaN where none is seen."""
    samples: Samples

    @classmethod
    def read(cls, video: Path, finder: FaceFinder) -> "Talk":
        """As `kfusion sync` reads it."""
        tracker, times_s, faces = FaceTracker(finder), [], []
        for time_s, picture in video_frames(video):
            face = tracker.find(picture, time_s)
            times_s.append(time_s)
            faces.append(np.full((68, 2), np.nan, np.float32) if face is None else face)
        times = np.array(times_s) - times_s[0]
        count = round((times[-1] + times[1]) * SAMPLE_RATE_HZ)
        samples = read_audio(video, times_s[0])[:count]
        return cls(times, np.stack(faces), np.pad(samples, (0, count - len(samples))))

    @classmethod
    def joined(cls, talks: Sequence["Talk"], until_s: float) -> "Talk":
        """One after the other, cut off."""
        starts_s = np.cumsum([0.0, *(len(talk.samples) / SAMPLE_RATE_HZ for talk in talks)])
        times_s = np.concatenate([talk.times_s + start_s for talk, start_s in zip(talks, starts_s, strict=False)])
        samples = np.concatenate([talk.samples for talk in talks])[: round(until_s * SAMPLE_RATE_HZ)]
        kept = times_s < until_s
        return cls(times_s[kept], np.concatenate([talk.faces for talk in talks])[kept], samples)

    def evidence(self, listen: Listener, late_ms: float = 0.0, samples: Samples | None = None) -> Evidence:
        """With its own sound or another, so much later."""
        count = round(abs(late_ms) * SAMPLE_RATE_HZ / 1000)
        sound, silence = self.samples if samples is None else samples, np.zeros(count, np.float32)
        cut = sound[: len(sound) - count] if late_ms > 0 else sound[count:]
        moved = np.concatenate([silence, cut] if late_ms > 0 else [cut, silence])
        seen = mouth_motion(self.faces, self.times_s, int(self.times_s[-1] * GRID_HZ) + 1)
        return compare(listen(moved), seen)


def main() -> None:
    """Print the tables."""
    grid, listen = Path(sys.argv[1]), Listener(1)
    with FaceFinder(max_faces=1) as finder:
        sets = {"s1, validation": videos_below(grid / "s1")[-VALIDATION_CLIPS:]}
        sets |= {f"{name}, not heard": videos_below(grid / name) for name in ("s26", "s31", "unseen")}
        print(
            "| clips | seconds | told | error, ms | without the clip's own | gross | held | unshifted, ms | together |"
        )
        print("|---|---|---|---|---|---|---|---|---|")
        strange = []
        for name, videos in sets.items():
            talks = [Talk.read(video, finder) for video in videos]
            print_row(name, "3", talks, listen)
            longs = list(long_talks(talks))
            print_row(name, "10", longs, listen)
            strange += [(name, "3", told_of_another(talks, listen)), (name, "10", told_of_another(longs, listen))]
        print("\n| sound of another clip | seconds | told, wrongly |\n|---|---|---|")
        for name, seconds, share in strange:
            print(f"| {name} | {seconds} | {share:.0%} |")
        print_found([video for folder in sys.argv[2:] for video in videos_below(Path(folder))], finder)


def long_talks(talks: list[Talk]) -> Iterator[Talk]:
    """Ten seconds of several clips, drawn at random."""
    random = np.random.default_rng(0)
    for _ in range(LONG_ONES):
        drawn = random.choice(len(talks), CLIPS_OF_A_LONG, replace=False)
        yield Talk.joined([talks[index] for index in drawn], LONG_S)


def print_row(name: str, seconds: str, talks: list[Talk], listen: Listener) -> None:
    """A line of the first table."""
    own, found = [], []
    for talk in talks:
        own.append(estimate(talk.evidence(listen)))
        found += [(shift, own[-1], estimate(talk.evidence(listen, shift))) for shift in SHIFTS_MS]
    told = [(shift, unshifted, one) for shift, unshifted, one in found if one.is_certain]
    errors = np.array([one.ms - shift for shift, _, one in told])
    relative = np.array([one.ms - shift - unshifted.ms for shift, unshifted, one in told])
    held = np.mean([one.low <= shift <= one.high for shift, _, one in told])
    together = estimate(pooled(talk.evidence(listen).whole for talk in talks))
    print(
        f"| {name} | {seconds} | {len(told) / len(found):.1%} of {len(found)} | {np.median(np.abs(errors)):.1f} "
        f"| {np.median(np.abs(relative)):.1f} | {np.mean(np.abs(errors) > GROSS_MS):.1%} | {held:.0%} "
        f"| {np.median([one.ms for one in own]):+.1f} | {together.ms:+.1f} |",
        flush=True,
    )


def told_of_another(talks: list[Talk], listen: Listener) -> float:
    """How often something is told though the sound is that of another clip."""
    others = talks[1:] + talks[:1]
    pairs = zip(talks, others, strict=True)
    return float(np.mean([estimate(talk.evidence(listen, 0.0, other.samples)).is_certain for talk, other in pairs]))


def print_found(videos: list[Path], finder: FaceFinder) -> None:
    """What is found in videos of which nothing is known."""
    model = load(threads=1)
    for video in videos:
        print(f"{video}: {words(video_lateness(video, model, finder))}", flush=True)


def words(lateness: Lateness) -> str:
    """On one line."""
    return lateness.doubt or f"{lateness.ms:+.0f} ms [{lateness.low:+.0f}, {lateness.high:+.0f}]"


if __name__ == "__main__":
    main()
