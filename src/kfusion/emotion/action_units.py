"""What each emotion does to a face, in action units, and those in ARKit's shapes: published, no number of it fitted.

Prototypes: EMFACS, P. Ekman, W. V. Friesen, J. C. Hager, Facial Action Coding System, Investigator's Guide, 2002, table
10-1; of its variants those with parted lips (25), since the face speaks: lips that are pressed together (24), or pushed
up by the chin (17), cannot. How much of a unit: all of it where most subjects used it in S. Du, Y. Tao, A. M. Martinez,
"Compound facial expressions of emotion", PNAS 111(15), 2014, table 1, the share of subjects that stands there for the
others, and all of one that stands in EMFACS alone. Contempt is on one side of the face, in EMFACS the right.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from kfusion.emotion import check_emotion

_BOTH = ("Left", "Right")


@dataclass(frozen=True, slots=True)
class ActionUnit:
    """A movement of the Facial Action Coding System (Ekman and Friesen, 1978), in ARKit's shapes."""

    name: str
    shapes: Mapping[str, float]
    """Shape, of both sides where it has sides -> its weight when the unit is at its most. A unit may do what others do:
    the nose wrinkler lowers the brows and narrows the eyes too, says the system's manual."""


ACTION_UNITS = {
    1: ActionUnit("inner brow raiser", {"browInnerUp": 1.0}),
    2: ActionUnit("outer brow raiser", {"browOuterUp": 1.0}),
    4: ActionUnit("brow lowerer", {"browDown": 1.0}),
    5: ActionUnit("upper lid raiser", {"eyeWide": 1.0}),
    6: ActionUnit("cheek raiser", {"cheekSquint": 1.0}),
    7: ActionUnit("lid tightener", {"eyeSquint": 1.0}),
    9: ActionUnit("nose wrinkler", {"noseSneer": 1.0, "browDown": 0.5, "eyeSquint": 0.5}),
    10: ActionUnit("upper lip raiser", {"mouthUpperUp": 1.0}),
    12: ActionUnit("lip corner puller", {"mouthSmile": 1.0}),
    14: ActionUnit("dimpler", {"mouthDimple": 1.0}),
    15: ActionUnit("lip corner depressor", {"mouthFrown": 1.0}),
    16: ActionUnit("lower lip depressor", {"mouthLowerDown": 1.0}),
    20: ActionUnit("lip stretcher", {"mouthStretch": 1.0}),
    23: ActionUnit("lip tightener", {"mouthRollLower": 0.4, "mouthRollUpper": 0.4}),
    25: ActionUnit("lips part", {"mouthLowerDown": 0.4, "mouthUpperUp": 0.2}),
    26: ActionUnit("jaw drop", {"jawOpen": 0.3}),
}
_SIDED = {"browOuterUp", "browDown", "eyeWide", "cheekSquint", "eyeSquint", "noseSneer"}
_SIDED |= {f"mouth{name}" for name in ("UpperUp", "Smile", "Dimple", "Frown", "Stretch", "LowerDown")}

PROTOTYPES: Mapping[str, Mapping[int, float]] = {
    "angry": {4: 1.0, 5: 1.0, 7: 1.0, 10: 0.26, 23: 0.29, 25: 1.0},
    "contempt": {12: 1.0, 14: 1.0},
    "disgusted": {4: 0.31, 9: 1.0, 10: 1.0, 16: 1.0, 25: 1.0},
    "fear": {1: 1.0, 2: 0.57, 4: 1.0, 5: 0.63, 20: 1.0, 25: 1.0, 26: 0.33},
    "happy": {6: 0.51, 12: 1.0, 25: 1.0},
    "neutral": {},
    "sad": {1: 0.6, 4: 1.0, 6: 0.5, 15: 1.0},
    "surprised": {1: 1.0, 2: 1.0, 5: 0.66, 25: 1.0, 26: 1.0},
}
ONE_SIDED = {"contempt": ("Right",)}
"""Emotions that show on one side of the face, the character's."""
STRENGTH = {1: 0.35, 2: 0.6, 3: 0.85}
"""Share of the most that a unit does, by intensity: marked, pronounced and severe, of the five grades of the system."""
USUAL_INTENSITY = 2


def emotion_weights(emotion: str, intensity: int | None = None) -> dict[str, float]:
    """The ARKit weights of a face that shows an emotion and says nothing; 2 where no intensity is given.

    Raises:
        InputError: the emotion or the intensity is unknown.
    """
    check_emotion(emotion, intensity)
    strength = STRENGTH[intensity or USUAL_INTENSITY]
    weights: dict[str, float] = {}
    for unit, amount in PROTOTYPES[emotion].items():
        for shape, weight in ACTION_UNITS[unit].shapes.items():
            for side in ONE_SIDED.get(emotion, _BOTH) if shape in _SIDED else ("",):
                name = f"{shape}{side}"
                weights[name] = min(1.0, weights.get(name, 0.0) + strength * amount * weight)
    return weights
