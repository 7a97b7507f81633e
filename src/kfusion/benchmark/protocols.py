"""What the systems are trained on, and what they are tested on."""

from dataclasses import dataclass, replace

PREPARE = {
    "grid": "kfusion prepare grid GRID -o {place}",
    "lrwar": "kfusion prepare lrwar LRWAR -o {place}",
    "mead-sentences": "kfusion prepare mead MEAD --protocol sentences -o {place}",
    "mead-speakers": "kfusion prepare mead MEAD --protocol speakers -o {place}",
    "cremad": "kfusion prepare cremad CREMAD -o {place}",
    "ravdess": "kfusion prepare ravdess RAVDESS -o {place}",
    "ravdess-emotion": "kfusion prepare ravdess RAVDESS --protocol emotion -o {place}",
    "facegood": "kfusion prepare facegood FACEGOOD -o {place}",
}
"""Folder of a prepared data set under the data root -> the command that makes it at `place`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TestSet:
    """Clips that every system of a protocol is scored on."""

    __test__ = False  # pytest: a data set, not a test

    name: str
    title: str
    data: str
    """Folder under the data root."""
    split: str = "test"
    speakers: tuple[str, ...] = ()
    """Their names; empty: all of the split."""
    zero_shot: bool = False
    """Whether nothing of this corpus was trained on."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Protocol:
    """A training set and its test sets."""

    name: str
    title: str
    train: tuple[str, ...]
    """Folders under the data root; their `train` and `val` splits are used."""
    tests: tuple[TestSet, ...]
    trainings_of: str | None = None
    """Another protocol with the same training data, whose trainings are scored instead of training anew."""

    @property
    def trained_with(self) -> str:
        """The protocol whose trainings are scored."""
        return self.trainings_of or self.name


GRID_VALIDATION = TestSet(
    name="s1-validation",
    title="GRID s1, validation sentences (the speaker of the training data)",
    data="grid",
    split="val",
)
GRID_UNSEEN = TestSet(name="unseen-speakers", title="GRID, speakers never seen", data="grid")
LRWAR = TestSet(name="lrwar", title="lrwar, Arabic news, test speakers", data="lrwar")
CREMAD = TestSet(
    name="cremad", title="CREMA-D, zero-shot: other speakers and another recording", data="cremad", zero_shot=True
)

PROTOCOLS = {
    protocol.name: protocol
    for protocol in (
        Protocol(
            name="grid",
            title="Trained on GRID s1",
            train=("grid",),
            tests=(
                GRID_VALIDATION,
                GRID_UNSEEN,
                replace(LRWAR, title=f"{LRWAR.title}, zero-shot: another language", zero_shot=True),
            ),
        ),
        Protocol(
            name="lrwar",
            title="Trained on lrwar, speaker-disjoint",
            train=("lrwar",),
            tests=(
                LRWAR,
                replace(GRID_UNSEEN, title="GRID, speakers never seen, zero-shot: another language", zero_shot=True),
            ),
        ),
        Protocol(
            name="mead-sentences",
            title="Trained on MEAD, its own sentence split",
            train=("mead-sentences",),
            tests=(
                TestSet(
                    name="mead", title="MEAD, sentences never seen, speakers of the training", data="mead-sentences"
                ),
                CREMAD,
            ),
        ),
        Protocol(
            name="mead-speakers",
            title="Trained on MEAD, speaker-disjoint",
            train=("mead-speakers",),
            tests=(TestSet(name="mead", title="MEAD, speakers never seen", data="mead-speakers"), CREMAD),
        ),
        Protocol(
            name="ravdess",
            title="Trained on GRID s1, tested on RAVDESS",
            train=("grid",),
            tests=(
                TestSet(
                    name="ravdess",
                    title="RAVDESS, actors 9 to 24, angry and surprised, zero-shot: other speakers, another tracker",
                    data="ravdess",
                    zero_shot=True,
                ),
            ),
            trainings_of="grid",
        ),
        Protocol(
            name="facegood",
            title="Trained on FACEGOOD, one Mandarin voice",
            train=("facegood",),
            tests=(
                TestSet(name="facegood", title="FACEGOOD, recordings held out, the same voice", data="facegood"),
                replace(GRID_UNSEEN, title="GRID, speakers never seen, zero-shot: another language", zero_shot=True),
            ),
        ),
        Protocol(
            name="emotion",
            title="Trained on RAVDESS with emotion labels, speaker-disjoint (research only)",
            train=("ravdess-emotion",),
            tests=(
                TestSet(
                    name="emotion", title="RAVDESS, actors never seen, angry and surprised", data="ravdess-emotion"
                ),
            ),
        ),
    )
}
