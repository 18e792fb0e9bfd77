"""The manual lists every path and every metric, and nothing that is not there."""

from __future__ import annotations

import json
import re
from pathlib import Path

from loro_core.app.exposition import families, worker_families
from loro_core.app.metrics import Metrics, ReplyRecord
from loro_core.app.processes.messages import Standing
from loro_core.app.receipt import receipt
from loro_core.wire.exposition import encode_exposition
from tests.app.serving import serving
from tests.runtime.fakes import STOP, PlayingProvider, says

DOCS = Path(__file__).parents[2] / "docs"


async def test_every_path_has_a_heading_in_the_http_api(autojump_clock):
    text = (DOCS / "http-api.md").read_text(encoding="utf-8")
    headings = re.findall(r"^## ((?:GET|POST) \S+)$", text, re.MULTILINE)
    async with serving(None, PlayingProvider([says("Air."), STOP])) as client:
        for heading in headings:
            method, path = heading.split()
            body = (
                b'{"model": "m", "messages": [{"role": "user", "content": "Hi"}]}' if path.startswith("/v1/") else b""
            )
            heard = await client.send(method, path, body=body)
            if path in ("/v1/embeddings", "/v1/audio/speech"):  # there is no model of these kinds here
                assert (heard.status, heard.json["error"]["code"]) == (404, "model_not_found")
            else:
                assert heard.status == 200, heading
        info = (await client.get("/")).json
    assert set(info["endpoints"]) | {"GET /"} == set(headings)


def test_every_metric_has_its_row_in_operations():
    text = (DOCS / "operations.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(loro_\w+)` \| (\w+) \|", text, re.MULTILINE)
    standing = Standing(count=2, ready=2, restarts=0, reporting=2)
    served = [
        (family.name, family.kind) for family in (*families(Metrics(100), connections=0), *worker_families(standing))
    ]
    assert sorted(rows) == sorted(served)
    assert encode_exposition(families(Metrics(100), connections=0))


def test_the_ledger_in_the_http_api_has_the_fields_of_a_real_one():
    text = (DOCS / "http-api.md").read_text(encoding="utf-8")
    shown = json.loads("{" + re.findall(r'```json\n("loro": .*?)```', text, re.DOTALL)[0] + "}")["loro"]
    real = receipt(
        ReplyRecord(
            request_id="", model="", policy="", reason="", quick=True, stream=True, outcome="finished", status=200
        )
    )
    assert list(shown) == list(real)
    acknowledgement = real["acknowledgement"]
    assert isinstance(acknowledgement, dict) and list(shown["acknowledgement"]) == list(acknowledgement)
