"""Runs the TTS paths of the installed voice clients; started by the tests, in an environment of its own.

Each line of standard input is a JSON object: {"client": "livekit" | "pipecat" | "pipecat-token", "pieces": [[at_s,
text], ...]}, the pieces of one reply in the order and at the times at which a model streams them. For each the next
line of standard output is a list of [at_s, text]: what was handed to speech, with the time of the piece that let it
out, null for the end of the reply. The first line written names the packages' versions.

No time passes: after each piece the event loop runs until nothing in it is ready to run.

LiveKit: a whole `AgentSession` with its default TTS node, text transforms and sentence tokenizer, for a TTS that does
not stream; it speaks the pieces with `say`. Pipecat: a pipeline with a TTS service in the mode asked for, fed with the
frames that its LLM services send.
"""

import asyncio
import json
import logging
import os
import sys
import warnings
from importlib.metadata import version

warnings.simplefilter("ignore")
logging.disable(logging.CRITICAL)

from livekit.agents import Agent, AgentSession, tts, utils  # noqa: E402
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS  # noqa: E402
from livekit.agents.voice import io  # noqa: E402
from loguru import logger  # noqa: E402

logger.remove()

from pipecat.frames.frames import (  # noqa: E402
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMTextFrame,
    TTSAudioRawFrame,
)
from pipecat.pipeline.pipeline import Pipeline  # noqa: E402
from pipecat.pipeline.runner import PipelineRunner  # noqa: E402
from pipecat.pipeline.task import PipelineTask  # noqa: E402
from pipecat.services.tts_service import TextAggregationMode, TTSService  # noqa: E402

PACKAGES = ("livekit-agents", "livekit-plugins-openai", "pipecat-ai")
SAMPLE_RATE = 8000
SILENCE = bytes(2 * SAMPLE_RATE // 100)
MOST_ROUNDS = 20_000


async def settle():
    ready = asyncio.get_running_loop()._ready
    idle = 0
    for _ in range(MOST_ROUNDS):
        await asyncio.sleep(0)
        idle = 0 if ready else idle + 1
        if idle == 3:
            return
    raise RuntimeError("the event loop does not come to rest")


class Speech:
    """What was handed to speech, and when."""

    def __init__(self):
        self.at_s = None
        self.heard = []

    def add(self, text):
        self.heard.append([self.at_s, text])


class SilentStream(tts.ChunkedStream):
    async def _run(self, output_emitter):
        output_emitter.initialize(
            request_id=utils.shortuuid(), sample_rate=SAMPLE_RATE, num_channels=1, mime_type="audio/pcm"
        )
        output_emitter.push(SILENCE)
        output_emitter.flush()


class LiveKitSpeech(tts.TTS):
    def __init__(self, speech):
        super().__init__(capabilities=tts.TTSCapabilities(streaming=False), sample_rate=SAMPLE_RATE, num_channels=1)
        self._speech = speech

    def synthesize(self, text, *, conn_options=DEFAULT_API_CONNECT_OPTIONS):
        self._speech.add(text)
        return SilentStream(tts=self, input_text=text, conn_options=conn_options)


class Loudspeaker(io.AudioOutput):
    """Has played everything as soon as it has come."""

    def __init__(self):
        super().__init__(label="test", capabilities=io.AudioOutputCapabilities(pause=False), sample_rate=SAMPLE_RATE)
        self._played_s = 0.0

    async def capture_frame(self, frame):
        await super().capture_frame(frame)
        self._played_s += frame.duration

    def flush(self):
        super().flush()
        if self._played_s:
            self.on_playback_finished(playback_position=self._played_s, interrupted=False)
            self._played_s = 0.0

    def clear_buffer(self):
        pass


class LiveKit:
    def __init__(self):
        self._speech = Speech()

    async def start(self):
        self._session = AgentSession(tts=LiveKitSpeech(self._speech))
        self._session.output.audio = Loudspeaker()
        await self._session.start(Agent(instructions=""))

    async def say(self, pieces):
        queue = asyncio.Queue()
        self._speech.heard = []

        async def streamed():
            while (piece := await queue.get()) is not None:
                yield piece

        handle = self._session.say(streamed())
        for at_s, piece in [*pieces, (None, None)]:
            self._speech.at_s = at_s
            queue.put_nowait(piece)
            await settle()
        await handle
        return self._speech.heard


class PipecatSpeech(TTSService):
    def __init__(self, speech, **settings):
        super().__init__(sample_rate=SAMPLE_RATE, push_start_frame=True, push_stop_frames=True, **settings)
        self._heard_speech = speech

    async def run_tts(self, text, context_id):
        self._heard_speech.add(text)
        # A service that brings no sound three times running is given up.
        yield TTSAudioRawFrame(SILENCE, SAMPLE_RATE, 1, context_id=context_id)


class Pipecat:
    def __init__(self, mode):
        self._mode = mode
        self._speech = Speech()

    async def start(self):
        # Between two replies it may wait for minutes, after which it would give up.
        pipeline = Pipeline([PipecatSpeech(self._speech, text_aggregation_mode=self._mode)])
        self._task = PipelineTask(pipeline, idle_timeout_secs=None)
        self._run = asyncio.create_task(PipelineRunner(handle_sigint=False).run(self._task))
        await settle()

    async def say(self, pieces):
        self._speech.heard = []
        await self._task.queue_frame(LLMFullResponseStartFrame())
        for at_s, piece in [*pieces, (None, None)]:
            self._speech.at_s = at_s
            await self._task.queue_frame(LLMFullResponseEndFrame() if piece is None else LLMTextFrame(piece))
            await settle()
        return self._speech.heard


async def main():
    clients = {
        "livekit": LiveKit(),
        "pipecat": Pipecat(TextAggregationMode.SENTENCE),
        "pipecat-token": Pipecat(TextAggregationMode.TOKEN),
    }
    for client in clients.values():
        await client.start()
    sys.stdout.write(json.dumps({name: version(name) for name in PACKAGES}) + "\n")
    sys.stdout.flush()
    # Nothing else runs while a line is waited for: the clients are at rest.
    for line in sys.stdin:
        case = json.loads(line)
        heard = await clients[case["client"]].say(case["pieces"])
        sys.stdout.write(json.dumps(heard) + "\n")
        sys.stdout.flush()
    # The clients' own threads and watchdogs would keep the process for a minute.
    os._exit(0)


if __name__ == "__main__":
    asyncio.run(main())
