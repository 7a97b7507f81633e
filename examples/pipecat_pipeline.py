"""A Pipecat pipeline whose voice moves a face: prints a JSON line for every landmark frame.

    pip install 'kfusion[pipecat]'
    python examples/pipecat_pipeline.py [RECORDING] [--face PORTRAIT] [--model BUNDLE.onnx]

The recording stands for the speech synthesis of a bot. In a bot, `LandmarkProcessor` stands between the speech
synthesis and `transport.output()`, and behind it what draws the landmarks or sends them.
"""

import argparse
import asyncio
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from loguru import logger
from pipecat.frames.frames import EndFrame, Frame, TTSAudioRawFrame, TTSStoppedFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.workers.runner import WorkerRunner

import kfusion
from kfusion import assets
from kfusion.audio import SAMPLE_RATE_HZ, audio_blocks
from kfusion.integrations.follower import VoiceFollower
from kfusion.integrations.pipecat import LandmarkProcessor, LandmarksFrame


class Printer(FrameProcessor):
    """Where a bot would send the landmarks: `push_frame(OutputTransportMessageUrgentFrame(message=...))`."""

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Print what arrives, and pass it on."""
        await super().process_frame(frame, direction)
        if isinstance(frame, LandmarksFrame):
            print(json.dumps({"utterance": frame.face.utterance, **frame.face.message()}))
        await self.push_frame(frame, direction)


def speech(recording: Path) -> Iterator[Frame]:
    """A recording as frames of speech synthesis."""
    for samples in audio_blocks(recording):
        pcm = np.round(samples.clip(-1, 1) * 32767).astype("<i2").tobytes()
        yield TTSAudioRawFrame(audio=pcm, sample_rate=SAMPLE_RATE_HZ, num_channels=1)
    yield TTSStoppedFrame()


async def main(recording: Path, face: Path | None, model: Path | None) -> None:
    """Run the pipeline to the end of the recording."""
    follower = VoiceFollower(kfusion.load(model), face)
    worker = PipelineWorker(Pipeline([LandmarkProcessor(follower), Printer()]), enable_rtvi=False)
    runner = WorkerRunner()
    await runner.add_workers(worker)
    await worker.queue_frames([*speech(recording), EndFrame()])
    await runner.run()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Print the landmarks of a recording that a Pipecat pipeline speaks.")
    parser.add_argument("recording", nargs="?", type=Path, default=assets.SAMPLE_SPEECH)
    parser.add_argument("--face", type=Path)
    parser.add_argument("--model", type=Path)
    arguments = parser.parse_args()
    logger.remove()
    logger.add(sys.stderr, level="WARNING")
    asyncio.run(main(arguments.recording, arguments.face, arguments.model))
