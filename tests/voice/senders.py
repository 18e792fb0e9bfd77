"""Lets the LLM plugins of the installed voice clients ask a server of our own, and prints what they sent.

Standard output: a JSON object, by client {"headers": {name in small letters: value}, "body": {...}}.
"""

import asyncio
import json
import logging
import os
import sys
import threading
import warnings
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

warnings.simplefilter("ignore")
logging.disable(logging.CRITICAL)

from livekit.agents import llm  # noqa: E402
from livekit.plugins import openai  # noqa: E402
from loguru import logger  # noqa: E402

logger.remove()

from pipecat.processors.aggregators.llm_context import LLMContext  # noqa: E402
from pipecat.services.openai.llm import OpenAILLMService  # noqa: E402

CHUNK = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "loro"}
DELTAS = (({"role": "assistant", "content": "Hello."}, None), ({}, "stop"))


class Server(BaseHTTPRequestHandler):
    received = None

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        type(self).received = {"headers": {k.lower(): v for k, v in self.headers.items()}, "body": body}
        events = [
            {**CHUNK, "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]} for delta, reason in DELTAS
        ]
        data = "".join(f"data: {json.dumps(event)}\n\n" for event in events) + "data: [DONE]\n\n"
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data.encode())

    def log_message(self, *args):
        pass


async def ask_with_livekit(url):
    context = llm.ChatContext()
    context.add_message(role="user", content="Hello")
    async with openai.LLM(model="loro", base_url=url, api_key="k").chat(chat_ctx=context) as stream:
        async for _ in stream:
            pass


async def ask_with_pipecat(url):
    service = OpenAILLMService(base_url=url, api_key="k", settings=OpenAILLMService.Settings(model="loro"))
    context = LLMContext(messages=[{"role": "user", "content": "Hello"}])
    async for _ in await service.get_chat_completions(context):
        pass


def main():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/v1"
    sent = {}
    for client, ask in (("livekit", ask_with_livekit), ("pipecat", ask_with_pipecat)):
        asyncio.run(ask(url))
        sent[client] = Server.received
    sys.stdout.write(json.dumps(sent) + "\n")
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
