"""A Pipecat bot whose portrait speaks, seen in a browser: no service and no account.

    pip install 'kfusion[pipecat]' 'pipecat-ai[webrtc,runner]'
    python examples/pipecat_video.py    # then open http://localhost:7860 and connect

The bot says the packaged recording, which stands for the speech synthesis. In a bot that converses, `TalkingProcessor`
stands between the speech synthesis and `transport.output()`. KFUSION_FACE may name another portrait, KFUSION_MODEL
another stream bundle.
"""

import os
from collections.abc import Iterator
from typing import Any

import numpy as np
from pipecat.frames.frames import Frame, TTSAudioRawFrame, TTSStartedFrame, TTSStoppedFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.transports.base_transport import BaseTransport, TransportParams
from pipecat.workers.runner import WorkerRunner

import kfusion
from kfusion import assets
from kfusion.audio import SAMPLE_RATE_HZ, audio_blocks
from kfusion.integrations.pipecat_video import TalkingProcessor
from kfusion.integrations.talking_call import TalkingCall


def make_call() -> TalkingCall:
    """The portrait of one conversation."""
    generator = kfusion.load(os.environ.get("KFUSION_MODEL"))
    return TalkingCall(generator, os.environ.get("KFUSION_FACE", assets.SAMPLE_PORTRAIT))


def output_of(call: TalkingCall) -> TransportParams:
    """What a transport has to know about the pictures and the sound; `video_out_is_live` stays off."""
    width, height = call.size_px
    return TransportParams(
        audio_out_enabled=True,
        audio_out_10ms_chunks=1,  # a picture waits for the end of the chunk that it falls into
        video_out_enabled=True,
        video_out_width=width,
        video_out_height=height,
        video_out_framerate=round(call.options.fps),
    )


def speech() -> Iterator[Frame]:
    """The packaged recording as frames of speech synthesis."""
    yield TTSStartedFrame()
    for samples in audio_blocks(assets.SAMPLE_SPEECH):
        pcm = np.round(samples.clip(-1, 1) * 32767).astype("<i2").tobytes()
        yield TTSAudioRawFrame(audio=pcm, sample_rate=SAMPLE_RATE_HZ, num_channels=1)
    yield TTSStoppedFrame()


def make_worker(call: TalkingCall, transport: BaseTransport) -> PipelineWorker:
    """A bot that says the recording to everyone who connects."""
    pipeline = Pipeline([transport.input(), TalkingProcessor(call), transport.output()])
    worker = PipelineWorker(pipeline, cancel_on_idle_timeout=False)

    @transport.event_handler("on_client_connected")
    async def greet(*_: object) -> None:
        await worker.queue_frames(list(speech()))

    @transport.event_handler("on_client_disconnected")
    async def leave(*_: object) -> None:
        await worker.cancel()

    return worker


async def bot(arguments: Any) -> None:
    """One conversation; the runner calls this, with a `SmallWebRTCRunnerArguments`."""
    from pipecat.transports.smallwebrtc.transport import SmallWebRTCTransport

    call = make_call()
    transport = SmallWebRTCTransport(webrtc_connection=arguments.webrtc_connection, params=output_of(call))
    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(make_worker(call, transport))
    await runner.run()


if __name__ == "__main__":
    from pipecat.runner.run import main

    main()
