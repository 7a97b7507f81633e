"""A LiveKit agent with a face: everyone in the room gets its landmarks in step with its voice.

    pip install 'kfusion[livekit]'
    export LIVEKIT_URL=ws://localhost:7880 LIVEKIT_API_KEY=devkey LIVEKIT_API_SECRET=secret    # livekit-server --dev
    python examples/livekit_agent.py dev

The agent speaks the packaged recording; pass `stt`, `llm` and `tts` to `AgentSession` to have it converse.
The landmarks are data messages of the topic `kfusion.landmarks`: in a browser,
`room.on("dataReceived", (payload, participant, kind, topic) => ...)`. KFUSION_MODEL may name another stream bundle.
"""

import os
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import numpy as np
from livekit import rtc
from livekit.agents import Agent, AgentServer, AgentSession, JobContext, JobProcess, cli

import kfusion
from kfusion import assets
from kfusion.audio import SAMPLE_RATE_HZ, audio_blocks
from kfusion.inference.generator import Generator
from kfusion.integrations.follower import VoiceFollower
from kfusion.integrations.livekit import publish
from kfusion.integrations.livekit_agents import LandmarkAudioOutput

server = AgentServer()


def prepare(process: JobProcess) -> None:
    """Load the weights once a process."""
    process.userdata["generator"] = kfusion.load(os.environ.get("KFUSION_MODEL"))


server.setup_fnc = prepare


async def give_face(
    session: AgentSession[Any], generator: Generator, participant: rtc.LocalParticipant
) -> LandmarkAudioOutput:
    """Send the landmarks of all that a session says, once it has started, to the room."""
    follower = VoiceFollower(generator)
    await follower.prepare()
    face = LandmarkAudioOutput(session.output.audio, follower, partial(publish, participant))
    session.output.audio = face
    return face


async def recording() -> AsyncIterator[rtc.AudioFrame]:
    """The packaged recording, as a speech synthesis would give it."""
    for samples in audio_blocks(assets.SAMPLE_SPEECH):
        pcm = np.round(samples.clip(-1, 1) * 32767).astype("<i2").tobytes()
        yield rtc.AudioFrame(pcm, SAMPLE_RATE_HZ, 1, len(samples))


@server.rtc_session()
async def speak(job: JobContext) -> None:
    """One room."""
    await job.connect()
    session: AgentSession[None] = AgentSession()
    await session.start(Agent(instructions="Speak."), room=job.room)
    face = await give_face(session, job.proc.userdata["generator"], job.room.local_participant)
    job.add_shutdown_callback(face.aclose)
    await session.say("", audio=recording())


if __name__ == "__main__":
    cli.run_app(server)
