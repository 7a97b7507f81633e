"""A LiveKit agent whose portrait speaks: everyone in the room sees it.

    pip install 'kfusion[livekit]'
    export LIVEKIT_URL=ws://localhost:7880 LIVEKIT_API_KEY=devkey LIVEKIT_API_SECRET=secret    # livekit-server --dev
    python examples/livekit_video.py dev

The agent speaks the packaged recording; pass `stt`, `llm` and `tts` to `AgentSession` to have it converse. KFUSION_FACE
may name another portrait, KFUSION_MODEL another stream bundle.
"""

import os
from collections.abc import AsyncIterator

import numpy as np
from livekit import rtc
from livekit.agents import Agent, AgentServer, AgentSession, JobContext, JobProcess, cli
from livekit.agents.voice.avatar import AvatarRunner, QueueAudioOutput
from livekit.agents.voice.room_io import RoomOptions

import kfusion
from kfusion import assets
from kfusion.audio import SAMPLE_RATE_HZ, audio_blocks
from kfusion.integrations.livekit_video import TalkingVideo, avatar_runner
from kfusion.integrations.talking_call import TalkingCall

server = AgentServer()


def prepare(process: JobProcess) -> None:
    """Load the weights once a process."""
    process.userdata["generator"] = kfusion.load(os.environ.get("KFUSION_MODEL"))


server.setup_fnc = prepare


async def give_face(session: AgentSession[None], call: TalkingCall, room: rtc.Room) -> AvatarRunner:
    """Show all that a session says, before it starts, as a portrait in the room."""
    await call.prepare()
    sound = QueueAudioOutput(sample_rate=call.options.rate_hz, wait_playback_start=True)
    session.output.audio = sound
    runner = avatar_runner(room, sound, TalkingVideo(call))
    await runner.start()
    return runner


async def recording() -> AsyncIterator[rtc.AudioFrame]:
    """The packaged recording, as a speech synthesis would give it."""
    for samples in audio_blocks(assets.SAMPLE_SPEECH):
        pcm = np.round(samples.clip(-1, 1) * 32767).astype("<i2").tobytes()
        yield rtc.AudioFrame(pcm, SAMPLE_RATE_HZ, 1, len(samples))


@server.rtc_session()
async def speak(job: JobContext) -> None:
    """One room."""
    await job.connect()
    call = TalkingCall(job.proc.userdata["generator"], os.environ.get("KFUSION_FACE", assets.SAMPLE_PORTRAIT))
    session: AgentSession[None] = AgentSession()
    runner = await give_face(session, call, job.room)

    async def leave() -> None:
        await runner.aclose()
        call.close()

    job.add_shutdown_callback(leave)
    await session.start(Agent(instructions="Speak."), room=job.room, room_options=RoomOptions(audio_output=False))
    await session.say("", audio=recording())


if __name__ == "__main__":
    cli.run_app(server)
