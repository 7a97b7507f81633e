"""Write NOTICE, what the package carries of others, and licences/DEPENDENCIES.md, what it needs beside itself.

    python tools/licences.py           # writes both
    python tools/licences.py --check   # exit code 1 if they are not what would be written

The texts of the licences in NOTICE lie in licences/ and travel inside the wheel. The second file is made from what the
installed packages say about themselves: run it in an environment with all extras (`make test` makes one). It is stale
when a package is missing or too many, not when one has begun to spell its licence differently.
"""

import argparse
import sys
import tomllib
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
NOTICE, DEPENDENCIES = ROOT / "NOTICE", ROOT / "licences" / "DEPENDENCIES.md"
EXTRAS = ("serve", "train", "wav2vec2", "microphone")
UNNAMED = {
    "jaxtyping": "MIT",
    "matplotlib": "PSF-2.0 (matplotlib's own wording)",
    "mediapipe": "Apache-2.0",
    "onnxscript": "MIT",
    "safetensors": "Apache-2.0",
    "scipy": "BSD-3-Clause",
    "tensorboard": "Apache-2.0",
    "transformers": "Apache-2.0",
}
"""Licences by their SPDX name, of packages whose metadata has a text or a family in its place."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Material:
    """Something of others that lies in src/kfusion/assets."""

    files: tuple[str, ...]
    what: str
    licences: tuple[str, ...] = ()
    """Files in licences/; none: public domain, or ours."""


MATERIAL = (
    Material(
        files=("default.onnx",),
        what="""Weights trained by the kfusion developers (MIT, see LICENSE) on the GRID audio-visual corpus
(M. Cooke, J. Barker, S. Cunningham, X. Shao: "An audio-visual corpus for speech perception and
automatic speech recognition", JASA 120(5), 2006), CC BY 4.0
(https://creativecommons.org/licenses/by/4.0/), on FACEGOOD-Audio2Face (MIT License, copyright (c) 2022-2032 the
FACEGOOD authors), its motion put through the landmarks of ICT-FaceKit (MIT License, copyright (c) 2020 USC Institute
for Creative Technologies), and on speech alone, see live.onnx, labelled by earlier weights and by ones that read the
encoder of Whisper base (MIT License, OpenAI). The recordings were converted to facial landmarks and speech features;
none of them is included. They contain the encoder of Whisper tiny.en, copyright (c) 2022 OpenAI, MIT License.""",
        licences=("CC-BY-4.0.txt", "CC-BY-3.0.txt", "Apache-2.0.txt", "FaceShapes-MIT.txt", "Whisper-MIT.txt"),
    ),
    Material(
        files=("live.onnx", "streaming_encoder.safetensors"),
        what="""Weights trained by the kfusion developers (MIT, see LICENSE) on the GRID corpus and
FACEGOOD-Audio2Face (see above) and on speech alone, labelled by other weights of ours; the encoder of Whisper tiny.en
(MIT) was their teacher. None is included.
CC BY 4.0: LibriSpeech (V. Panayotov, G. Chen, D. Povey, S. Khudanpur, 2015), speechocean762 (J. Zhang et al., 2021).
CC BY 3.0: the core sounds of Asterisk. Apache License 2.0: AISHELL-1 (H. Bu et al., 2017), Picovoice's recordings of
baristas. MIT: test recordings of the Montreal Forced Aligner. CC0 or public domain: Common Voice, CoVoST 2, EmoDB,
LibriVox, LJ Speech, OHF Voice, Rhasspy (kerstin, nathalie), Thorsten, Dutch VL TTS, Precise community data.""",
        licences=("CC-BY-4.0.txt", "CC-BY-3.0.txt", "Apache-2.0.txt", "FaceShapes-MIT.txt", "Whisper-MIT.txt"),
    ),
    Material(
        files=("visemes.onnx",),
        what="""Weights trained by the kfusion developers (MIT, see LICENSE): streaming_encoder.safetensors (see
above), and a layer on it taught with GRID and the same speech, whose phones pocketsphinx (BSD) and hama (Apache
License 2.0) found. None is included.""",
        licences=("CC-BY-4.0.txt", "CC-BY-3.0.txt", "Apache-2.0.txt", "Whisper-MIT.txt"),
    ),
    Material(
        files=("whisper_tiny_en_encoder.safetensors",),
        what="The encoder of Whisper tiny.en, copyright (c) 2022 OpenAI, MIT License, stored as float16.",
        licences=("Whisper-MIT.txt",),
    ),
    Material(
        files=("face_landmarker.task",),
        what="""MediaPipe Face Landmarker (float16, version 1), copyright Google LLC, Apache License 2.0
(http://www.apache.org/licenses/LICENSE-2.0), unchanged.""",
        licences=("Apache-2.0.txt",),
    ),
    Material(
        files=("face_shapes.npz",),
        what="""Displacements of 68 landmarks, solved from the recordings of FACEGOOD-Audio2Face (MIT License,
copyright (c) 2022-2032 the FACEGOOD authors), put through the landmarks of ICT-FaceKit (MIT License, copyright (c) 2020
USC Institute for Creative Technologies); the depth of the landmarks from pictures of the GRID corpus (see above),
CC BY 4.0. None is included.""",
        licences=("FaceShapes-MIT.txt", "CC-BY-4.0.txt"),
    ),
    Material(
        files=("mean_face.npy",),
        what="The mean of rest faces found in the GRID corpus (see above), CC BY 4.0, made symmetric.",
        licences=("CC-BY-4.0.txt",),
    ),
    Material(files=("portrait.jpg",), what="Eileen Collins, photographed by NASA, public domain; cropped."),
    Material(
        files=("speech.flac",),
        what='LibriVox recording of "Sense and Sensibility" by Jane Austen, public domain.',
    ),
)


PAGE = """The page for the browser (src/kfusion/web/page, built from web/) is made of programs of others. Their names,
versions, licences and the texts of these: licences.txt in that folder, made with it. The invented faces of its samples
are ours."""


def notice() -> str:
    """The text of NOTICE."""
    parts = ["kfusion carries material of others inside the package (src/kfusion/assets):"]
    for one in MATERIAL:
        lines = one.what.splitlines()
        if one.licences:
            lines.append(f"Text: licences/{', licences/'.join(one.licences)}")
        parts.append("\n".join([", ".join(one.files), *(f"    {line}" for line in lines)]))
    parts.append(PAGE)
    parts.append(f"What it needs beside itself is not carried: licences/{DEPENDENCIES.name}.")
    return "\n\n".join(parts) + "\n"


def required() -> list[tuple[str, str]]:
    """Every package that pyproject.toml asks for, and the extra that brings it, "" for all installations."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    groups = {"": project["dependencies"]} | {name: project["optional-dependencies"][name] for name in EXTRAS}
    return [
        (name, extra) for extra, lines in groups.items() for name in sorted({Requirement(line).name for line in lines})
    ]


def dependencies() -> str:
    """The text of DEPENDENCIES.md.

    Raises:
        SystemExit: a package is not installed.
    """
    head = "# What kfusion needs, and under which licence\n\nInstalled beside kfusion by pip, not carried in it.\n\n"
    rows = [f"| {name} | {licence_of(name)} | {f'`{extra}`' if extra else 'always'} |" for name, extra in required()]
    return head + "\n".join(["| package | licence | extra |", "|---|---|---|", *rows]) + "\n"


def listed() -> list[str]:
    """The packages in DEPENDENCIES.md."""
    rows = [line for line in DEPENDENCIES.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    return [row.split("|")[1].strip() for row in rows[1:]]


def licence_of(name: str) -> str:
    """The licence that a package names in its metadata."""
    try:
        metadata = distribution(name).metadata
    except PackageNotFoundError:
        sys.exit(f"{name}: not installed: pip install -e '.[{','.join(EXTRAS)}]'")
    licence = UNNAMED.get(name) or metadata.get("License-Expression") or metadata.get("License")
    if not licence or "\n" in licence or len(licence) > 120:
        sys.exit(f"{name}: its metadata names no licence: look it up and add it to UNNAMED")
    return licence.removesuffix(" License")


def main() -> int:
    """Write or check both files."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing")
    if parser.parse_args().check:
        fresh = {NOTICE: NOTICE.read_text(encoding="utf-8") == notice()}
        fresh[DEPENDENCIES] = listed() == [name for name, _ in required()]
        for path in (path for path, good in fresh.items() if not good):
            print(f"{path.name}: differs: run python tools/licences.py")
        return int(not all(fresh.values()))
    NOTICE.write_text(notice(), encoding="utf-8")
    DEPENDENCIES.write_text(dependencies(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
