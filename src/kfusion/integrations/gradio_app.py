"""The app for a browser, built with Gradio (the extra `app`): a recording and a face in, a film and files out.

Programs find it as `/generate` in Gradio's API. A live voice comes from a browser alone (Gradio's client for Python has
no streams): programs that have one connect to `kfusion serve`.
"""

import shutil
import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from kfusion import assets
from kfusion.emotion import EMOTIONS, INTENSITIES
from kfusion.errors import InputError, KfusionError, MissingExtraError, foreign
from kfusion.formats.motion_files import MOTION_FORMATS
from kfusion.inference.generator import Generator
from kfusion.integrations.studio import LIFE, SHOWN, LiveFace, Studio, Wishes
from kfusion.landmarks import LANDMARK_KINDS
from kfusion.video import Image

try:
    import gradio as gr
except ModuleNotFoundError as error:
    raise MissingExtraError("the app", "app") from error

LONGEST_S = 300.0
LIVE_S = 600.0
"""A live voice ends after so long."""
LIVE_VOICES = 4
"""How many visitors may speak at the same time."""
_KEPT_S = 3600
"""Files of visitors are deleted after so long."""
LAUNCH: Final[dict[str, Any]] = {
    "theme": gr.themes.Default(font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"]),
    "max_file_size": "200mb",
    "ssr_mode": False,
    "enable_monitoring": False,
    "num_workers": 0,
    "run_history": False,
    "footer_links": ["api"],
}
"""How the app is launched, wherever it runs: nothing is fetched from others for its looks."""
_UNKNOWN = "unknown"
_HEAD = """# A portrait that speaks with your voice
Drop a picture of a face and a recording, or speak. Everything is done on the machine that runs this app.
A face that says what its owner did not say is a synthetic one: show it as such, and ask whom you show."""

Answer = tuple[str, list[str]]


def build_app(generator: Generator, *, longest_s: float = LONGEST_S) -> gr.Blocks:
    """The app, ready for `launch` with the arguments of `LAUNCH`.

    Args:
        generator: what `kfusion.load` returned; all visitors share it.
        longest_s: recordings that last longer are refused.
    """
    studio = Studio(generator, longest_s)
    with gr.Blocks(title="kfusion", analytics_enabled=False, delete_cache=(_KEPT_S, _KEPT_S)) as app:
        gr.Markdown(_HEAD)
        with gr.Row():
            with gr.Column():
                face = gr.Image(
                    label="Face", type="filepath", format="png", sources=["upload", "webcam"], height=320, buttons=[]
                )
                with gr.Accordion("How it speaks", open=False):
                    wishes = _wish_fields()
            with gr.Column():
                _recording_tab(studio, face, wishes)
                _live_tab(studio, face, wishes)
    return app


@contextmanager
def launch(
    generator: Generator,
    *,
    host: str = "127.0.0.1",
    port: int = 7860,
    login: tuple[str, str] | None = None,
    longest_s: float = LONGEST_S,
    browser: bool = False,
) -> Iterator[tuple[str, Callable[[], None]]]:
    """Serve the app while the block runs: its address, and what waits until it is told to stop.

    Args:
        generator: what `kfusion.load` returned.
        host: address to listen on.
        port: 0 for any free one.
        login: name and password that visitors need.
        longest_s: recordings that last longer are refused.
        browser: open it there.

    Raises:
        InputError: the port is taken.
    """
    app = build_app(generator, longest_s=longest_s)
    with foreign(f"{host}:{port}: cannot listen there", "choose another --port"):
        _, address, _ = app.launch(
            server_name=host,
            server_port=port or _free_port(host),
            auth=login,
            inbrowser=browser,
            prevent_thread_lock=True,
            quiet=True,
            **LAUNCH,
        )
    try:
        yield address.rstrip("/"), app.block_thread
    finally:
        app.close(verbose=False)


def _free_port(host: str) -> int:
    with socket.create_server((host, 0)) as found:
        return int(found.getsockname()[1])


def _wish_fields() -> list[Any]:
    """A field for every wish, in the order in which `generate` and `hear` take them."""
    landmarks = [(f"landmarks: {kind}", kind) for kind in LANDMARK_KINDS]
    motions = [(f"{name}: {form.what}", name) for name, form in MOTION_FORMATS.items()]
    return [
        gr.Dropdown([_UNKNOWN, *EMOTIONS], value=_UNKNOWN, label="Emotion"),
        gr.Dropdown([_UNKNOWN, *map(str, INTENSITIES)], value=_UNKNOWN, label="Intensity of the emotion"),
        gr.Slider(0, 2, 1, step=0.05, label="Expressiveness"),
        gr.Slider(-500, 500, 0, step=10, label="Lips earlier than the sound (ms)"),
        gr.Slider(10, 60, 30, step=1, label="Frames a second (recordings)"),
        gr.Radio(list(SHOWN), value="picture", label="Film (recordings)"),
        gr.CheckboxGroup(list(LIFE), value=list(LIFE), label="Signs of life"),
        gr.Number(0, precision=0, minimum=0, label="Seed of the signs of life"),
        gr.CheckboxGroup([*landmarks, *motions], value=["npz"], label="Files (recordings)"),
    ]


def _read_wishes(emotion: str | None, intensity: str | None, seed: float | None, **others: Any) -> Wishes:
    return Wishes(
        emotion=None if emotion in (None, _UNKNOWN) else emotion,
        intensity=None if intensity in (None, _UNKNOWN) else int(intensity),
        seed=int(seed or 0),
        **others,
    )


def _recording_tab(studio: Studio, face: Any, wishes: list[Any]) -> None:
    with gr.Tab("Recording"):
        speech = gr.Audio(label="Speech", type="filepath", sources=["upload", "microphone"], buttons=[])
        button = gr.Button("Speak", variant="primary")
        film = gr.Video(label="Film", interactive=False)
        files = gr.File(label="Files", file_count="multiple", interactive=False)
        gr.Examples([[str(assets.SAMPLE_PORTRAIT), str(assets.SAMPLE_SPEECH)]], [face, speech], label="Or begin with")

    def generate(  # noqa: PLR0913 - their names are those of Gradio's API
        speech: str | None,
        face: str | None,
        emotion: str | None,
        intensity: str | None,
        expressiveness: float,
        lead_ms: float,
        fps: float,
        shown: str,
        life: list[str],
        seed: float | None,
        files: list[str],
        progress: gr.Progress = gr.Progress(),  # noqa: B008 - how Gradio finds it
    ) -> Iterator[Answer]:
        with _shown_errors(speech, face), _visit() as folder:
            if speech is None:
                raise InputError("no recording: drop one, or press the microphone")
            asked = _read_wishes(
                emotion,
                intensity,
                seed,
                expressiveness=expressiveness,
                lead_ms=lead_ms,
                fps=fps,
                shown=shown,
                life=life,
                files=files,
            )
            made, others = studio.film(
                speech, face, asked, folder, lambda done, total: progress((done, total), unit="s")
            )
            yield str(made), [str(path) for path in others]  # Gradio copies them before the block ends

    made = [film, files]
    button.click(generate, [speech, face, *wishes], made, api_name="generate", concurrency_limit=1)


def _live_tab(studio: Studio, face: Any, wishes: list[Any]) -> None:
    with gr.Tab("Live"):
        gr.Markdown("Press the microphone and speak: the portrait follows.")
        voice = gr.Audio(label="Voice", type="numpy", sources=["microphone"], streaming=True)
        picture = gr.Image(
            label="Portrait", interactive=False, streaming=True, format="jpeg", height=420, buttons=["fullscreen"]
        )
        state = gr.State(None)

    def hear(  # noqa: PLR0913 - their names are those of Gradio's API
        piece: tuple[int, NDArray[Any]] | None,
        live: LiveFace | None,
        face: str | None,
        emotion: str | None,
        intensity: str | None,
        expressiveness: float,
        lead_ms: float,
        life: list[str],
        seed: float | None,
    ) -> tuple[Image | None, LiveFace | None]:
        with _shown_errors(face):
            if live is None:
                asked = _read_wishes(
                    emotion, intensity, seed, expressiveness=expressiveness, lead_ms=lead_ms, life=life
                )
                live = studio.live(face, asked)
            if piece is None:
                return live.picture, live
            rate_hz, samples = piece
            return live.hear(rate_hz, _as_int16(samples)), live

    emotion, intensity, expressiveness, lead_ms, _, _, life, seed, _ = wishes
    voice.stream(
        hear,
        [voice, state, face, emotion, intensity, expressiveness, lead_ms, life, seed],
        [picture, state],
        api_name="hear",
        api_visibility="undocumented",
        stream_every=0.1,
        time_limit=round(LIVE_S),
        concurrency_limit=LIVE_VOICES,
        show_progress="hidden",
    )
    voice.stop_recording(lambda: None, None, state, api_name=False, show_progress="hidden")


def _as_int16(samples: NDArray[Any]) -> NDArray[np.int16]:
    """Sound as Gradio hands it over: int16, or floats of full scale 1."""
    if samples.dtype == np.int16:
        return samples
    if samples.dtype.kind != "f":
        raise InputError(f"sound of type {samples.dtype}: pass int16 or floats")
    return np.asarray(np.clip(samples, -1, 1) * np.iinfo(np.int16).max, np.int16)


@contextmanager
def _visit() -> Iterator[Path]:
    """A folder of one request, deleted when it was answered."""
    folder = Path(tempfile.mkdtemp(prefix="kfusion-app-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _shown_errors(*uploads: str | None) -> Iterator[None]:
    """Shows what cannot be used to the visitor, in our words, with the names of the uploads and not our paths."""
    try:
        yield
    except KfusionError as error:
        message = str(error)
        for upload in filter(None, uploads):
            message = message.replace(upload, Path(upload).name)
        raise gr.Error(message, duration=None, print_exception=False) from error
