"""`python -m tests.voice.report`: what a user of a voice client hears, and when; ends with 1 if a bar is missed.

The gateway runs as a process, its models as another, between real sockets; what it streams goes, with the times at
which it came, through the TTS paths of the installed LiveKit and Pipecat (`clients.py`). The turns are those of
tests/data/turns that want words, the policy is `adaptive`, the settings are the defaults, and a small model answers
after 100 ms.

    first speech     the installed client hands its first text to speech, from the request on; beside it the same
                     without loro's words (policy `direct`)
    needless         of the turns of a model that answers in 80 ms, those that were acknowledged
    missed           of the turns of a model that answers in 1.5 s, those that were not
    hole             silence: from the estimated end of what was spoken (`decide.stages.spoken_s`) to the next text that
                     the client hands to speech; the longest of a reply
    answer heard     from the answer's first token until the client speaks the first text that holds some of it
    upstream work    tokens that the model says for three requests of one turn, to those for one

Left out of the turns, and counted: those that the gate leaves out by themselves (a lone "hi"), and grave ones, whose
words lead in to nothing, so clients hold them, and which get no lines while the answer does not come.
"""

from __future__ import annotations

import argparse
import json
import math
import platform
import random
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import httpx
import trio

from loro_core.chat import ChatRequest, Message, Turn, TurnKind
from loro_core.decide.gate import skip
from loro_core.decide.history import spoken_form
from loro_core.decide.language import language_of
from loro_core.decide.languages import LANGUAGES
from loro_core.decide.release.profile import Phrasing
from loro_core.decide.stages import spoken_s
from loro_core.decide.tone import Tone, tone_of_call
from loro_core.testing import Script, upstream_process
from loro_core.testing.upstream import UpstreamProcess
from tests.decide.turn_figures import turns_of
from tests.e2e.gateway import gateway, models
from tests.voice.conftest import PYTHON, Clients, Heard, Piece

CLIENTS = ("pipecat", "livekit")
TOKENS_PER_S = 25.0
SLOW_S, QUICK_S, SLOWER_S, STALL_S = 1.2, 0.08, 1.5, 8.0
SMALL_S = 0.1
RATE_PER_S = 5.0
"""Requests begin so often: at 2 s a reply ten are under way, and two cores are a quarter used."""

FIRST_SPEECH_S, NEEDLESS, MISSED, HOLE_S, ANSWER_HEARD_S, WORK = 0.45, 0.02, 0.02, 2.5, 6.0, 1.1
"""The bars: 95th percentiles, shares, and a ratio."""

SLOW_DEATH = "closes after 0.6 s"
"""Before that nothing tells it from a slow model: its turns are acknowledged, and then fail."""

PREEMPTED = 8
"""Turns that are sent three times."""

WORDS = "Let me think about that one."
ANSWERS = {
    "en": "It is easier than it looks, and there are two good ways to do it. Shall I tell you more about them?",
    "zh-CN": "这个其实没有看起来那么难，有两个好办法可以做到。您想让我再介绍一下其中的哪一个呢？",
    "zh-TW": "這個其實沒有看起來那麼難，有兩個好辦法可以做到。您想讓我再介紹一下其中的哪一個呢？",
    "ja": "これは見た目ほど難しくなくて、よい方法が二つあります。もう少し詳しくお話ししましょうか？",
    "ko": "이건 보기보다 쉽고, 좋은 방법이 두 가지 있어요. 조금 더 자세히 말씀드릴까요?",
    "es": "Es más fácil de lo que parece y hay dos buenas maneras de hacerlo. ¿Quiere que le cuente más?",
    "fr": "C'est plus facile qu'il n'y paraît et il y a deux bonnes façons de faire. Voulez-vous en savoir plus ?",
    "de": "Das ist leichter, als es aussieht, und es gibt zwei gute Wege dafür. Möchten Sie mehr darüber hören?",
    "pt": "É mais fácil do que parece e há duas boas maneiras de fazer isso. Quer que eu conte mais?",
    "ru": "Это проще, чем кажется, и сделать это можно двумя хорошими способами. Рассказать подробнее?",
    "ar": "الأمر أسهل مما يبدو وهناك طريقتان جيدتان للقيام به. هل تريد أن أخبرك بالمزيد؟",
    "hi": "यह जितना दिखता है उससे आसान है और इसे करने के दो अच्छे तरीके हैं। क्या आप और जानना चाहेंगे?",
}


@dataclass(slots=True, kw_only=True)
class Reply:
    """What came of one request. pieces: what was streamed, with the seconds since the request."""

    status: int = 0
    pieces: list[Piece] = field(default_factory=list)
    failed: str = ""

    @property
    def text(self) -> str:
        return "".join(piece for _, piece in self.pieces)

    def answer_at(self, answer: str) -> int:
        """Return the place among the pieces at which the answer begins; raises ValueError where it is not whole."""
        if not self.text.casefold().endswith(answer.casefold()):
            raise ValueError(f"{self.text!r} does not end with the answer")
        place, begins = 0, len(self.text) - len(answer)
        for number, (_, piece) in enumerate(self.pieces):
            place += len(piece)
            if place > begins:
                return number
        raise ValueError("the answer is empty")


@dataclass(slots=True)
class Table:
    """The report: its lines, and the bars that were missed."""

    lines: list[str] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)

    def add(self, line: str = "") -> None:
        self.lines.append(line)
        sys.stdout.write(line + "\n")
        sys.stdout.flush()

    def hold(self, what: str, value: float, bar: float) -> str:
        """Return a mark for the line, and remember `what` if `value` is over its bar."""
        if value <= bar:
            return ""
        self.missed.append(f"{what}: {value:.3g}, wanted at most {bar:g}")
        return " !"


def p(share: float, values: Sequence[float]) -> float:
    """Return the smallest of `values` that at least `share` of them do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else math.nan


# --- the turns -----------------------------------------------------------------------------------------------------


def wanted_turns(left_out: Counter[str]) -> dict[str, list[str]]:
    """Return by language the turns that want words; count into `left_out` those that do not, by reason."""
    chosen: dict[str, list[str]] = {tag: [] for tag in LANGUAGES}
    for turn in turns_of("turns"):
        if turn.language not in LANGUAGES:
            continue
        request = ChatRequest(model="loro", messages=(Message.of("user", turn.text),), stream=True)
        tone = tone_of_call(request, language_of(request))
        reason = skip(request, Turn(kind=TurnKind.NEW, number=1), tone=tone)
        if reason is not None or tone is not Tone.PLAIN:
            left_out[tone.value if reason is None else reason.value] += 1
        else:
            chosen[turn.language].append(turn.text)
    return chosen


def some(texts: Sequence[str], count: int) -> list[str]:
    """Return `count` of `texts`, spread over all of them."""
    return [texts[at * len(texts) // count] for at in range(min(count, len(texts)))]


# --- asking --------------------------------------------------------------------------------------------------------


class Asker:
    """Sends requests on connections that stay open. number: of those sent, which names their calls."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client
        self.number = 0

    async def ask(self, url: str, text: str, client: str, policy: str = "adaptive", call: str = "") -> Reply:
        self.number += 1
        headers = {"x-loro-client": client, "x-loro-call": call or f"call-{self.number}", "x-loro-policy": policy}
        body = {"model": "loro", "stream": True, "messages": [{"role": "user", "content": text}]}
        reply = Reply()
        start = time.perf_counter()
        async with self._client.stream("POST", f"{url}/v1/chat/completions", json=body, headers=headers) as response:
            reply.status = response.status_code
            async for line in response.aiter_lines():
                if not line.startswith("data: {"):
                    continue
                event = json.loads(line.removeprefix("data: "))
                if "error" in event:
                    reply.failed = str(event["error"]["code"] or event["error"]["type"])
                elif event["choices"] and (piece := event["choices"][0]["delta"].get("content")):
                    reply.pieces.append((time.perf_counter() - start, piece))
        return reply


Job = Callable[[], Awaitable[None]]


async def at_rate(jobs: Sequence[Job]) -> None:
    """Run `jobs`, one begun after the other at RATE_PER_S, whether those before are over or not."""
    async with trio.open_nursery() as nursery:
        start = trio.current_time()
        for number, job in enumerate(jobs):
            await trio.sleep_until(start + number / RATE_PER_S)
            nursery.start_soon(job)


async def gather(asks: Sequence[Callable[[], Awaitable[Reply]]]) -> list[Reply]:
    """Return the replies, in the order of `asks`."""
    replies = [Reply() for _ in asks]

    def job(at: int, ask: Callable[[], Awaitable[Reply]]) -> Job:
        async def run() -> None:
            replies[at] = await ask()

        return run

    await at_rate([job(at, ask) for at, ask in enumerate(asks)])
    return replies


# --- the parts of the report ---------------------------------------------------------------------------------------


@contextmanager
def gateways(upstream: UpstreamProcess, names: Sequence[str], **environment: str) -> Iterator[dict[str, str]]:
    """Give the URL of a gateway before each of the large models of these names."""
    with ExitStack() as stack:
        urls: dict[str, str] = {}
        for at in range(0, len(names), 2):
            # A busy machine starts two at a time sooner than all of them.
            started = {
                name: stack.enter_context(gateway(**models(upstream.openai_url, large=name), **environment))
                for name in names[at : at + 2]
            }
            urls.update({name: each.url for name, each in started.items()})
        yield urls


async def warm(asker: Asker, urls: dict[str, str], text: str = "why is the sky blue") -> None:
    """Let the gateways see their models answer: some calls make them known."""
    for _ in range(5):
        async with trio.open_nursery() as nursery:
            for url in urls.values():
                nursery.start_soon(asker.ask, url, text, "pipecat")


async def first_speech(asker: Asker, clients: Clients, turns: dict[str, list[str]], count: int, table: Table) -> None:
    scripts = {
        f"large-{tag}": Script(text=text, first_token_s=SLOW_S, tokens_per_s=TOKENS_PER_S)
        for tag, text in ANSWERS.items()
    }
    small = {"small": Script(text=WORDS, first_token_s=SMALL_S)}
    table.add(f"First speech, s: the large model's first token after {SLOW_S} s, then {TOKENS_PER_S:g} tokens a second")
    table.add(f"{'':8}{'':7}" + "".join(f"  {name:^16}  {'without words':^14}" for name in CLIENTS))
    table.add(f"{'':8}{'turns':>6} " + f"  {'p50':>7} {'p95':>8}  {'p50':>6} {'p95':>7}" * len(CLIENTS))
    with upstream_process({**small, **scripts}) as upstream, gateways(upstream, list(scripts)) as urls:
        await warm(asker, urls)
        plan = [
            (tag, name, policy, text)
            for tag in LANGUAGES
            for name in CLIENTS
            for policy, number in (("adaptive", count), ("direct", 2))
            for text in some(turns[tag], number)
        ]
        # In no order, so that what the machine does besides falls on no language.
        order = random.Random(1).sample(range(len(plan)), len(plan))  # an order, no secret
        asks = [
            partial(asker.ask, urls[f"large-{tag}"], text, name, policy)
            for tag, name, policy, text in (plan[at] for at in order)
        ]
        replies = dict(zip(order, await gather(asks), strict=True))
    times: dict[tuple[str, str, str], list[float]] = {}
    for at, (tag, name, policy, _) in enumerate(plan):
        heard = spoken(clients, name, replies[at])
        times.setdefault((tag, name, policy), []).append(heard[0][0] if heard else math.inf)
    for tag in (*LANGUAGES, "all"):
        line = ""
        for name in CLIENTS:
            own, direct = (
                [s for t in LANGUAGES if tag in (t, "all") for s in times[t, name, policy]]
                for policy in ("adaptive", "direct")
            )
            # Of one language there are too few for a percentile: its p95 is its slowest turn.
            mark = table.hold(f"first speech, {name}, p95", p(0.95, own), FIRST_SPEECH_S) if tag == "all" else ""
            line += f"  {p(0.5, own):7.2f} {p(0.95, own):6.2f}{mark:2}  {p(0.5, direct):6.2f} {p(0.95, direct):7.2f}"
        number = sum(len(times[t, CLIENTS[0], "adaptive"]) for t in LANGUAGES if tag in (t, "all"))
        table.add(f"{tag:8}{number:6} {line}")
    table.add()


def spoken(clients: Clients, name: str, reply: Reply) -> list[tuple[float, str]]:
    """Return what the installed client hands to speech, the end of the reply being when its last piece came."""
    heard: Heard = clients.say(name, reply.pieces)
    end_s = reply.pieces[-1][0] if reply.pieces else math.inf
    return [(end_s if at_s is None else at_s, text) for at_s, text in heard if text.strip()]


async def needless_and_missed(asker: Asker, turns: dict[str, list[str]], count: int, table: Table) -> None:
    texts = [text for tag in LANGUAGES for text in some(turns[tag], count)]
    answer = ANSWERS["en"]
    for name, first_token_s, bar in (("needless", QUICK_S, NEEDLESS), ("missed", SLOWER_S, MISSED)):
        scripts = {
            "small": Script(text=WORDS, first_token_s=SMALL_S),
            "large": Script(text=answer, first_token_s=first_token_s, tokens_per_s=200.0),
        }
        with upstream_process(scripts) as upstream, gateways(upstream, ["large"]) as urls:
            await warm(asker, urls)
            replies = await gather([partial(asker.ask, urls["large"], text, "pipecat") for text in texts])
        acknowledged = sum(len(reply.text) > len(answer) for reply in replies)
        wrong = acknowledged if name == "needless" else len(replies) - acknowledged
        mark = table.hold(name, wrong / len(replies), bar)
        table.add(
            f"{name:9} large after {first_token_s:g} s: {acknowledged} of {len(replies)} acknowledged, "
            f"{wrong / len(replies):.1%} {name}{mark}"
        )


async def stalls(asker: Asker, clients: Clients, turns: dict[str, list[str]], count: int, table: Table) -> None:
    scripts = {
        f"large-{tag}": Script(text=text, first_token_s=STALL_S, tokens_per_s=TOKENS_PER_S)
        for tag, text in ANSWERS.items()
    }
    small = {"small": Script(text=WORDS, first_token_s=SMALL_S)}
    plan = [(tag, name, text) for tag in LANGUAGES for name in CLIENTS for text in some(turns[tag], count)]
    with upstream_process({**small, **scripts}) as upstream, gateways(upstream, list(scripts)) as urls:
        replies = await gather([partial(asker.ask, urls[f"large-{tag}"], text, name) for tag, name, text in plan])
    for name in CLIENTS:
        longest, waits, lines, repeated = [], [], [], 0
        for (tag, client, _), reply in zip(plan, replies, strict=True):
            if client != name:
                continue
            hole_s, wait_s = silence(spoken(clients, name, reply), reply, ANSWERS[tag])
            longest.append(hole_s)
            waits.append(wait_s)
            before = [
                spoken_form(Phrasing.of(piece).sentence) for _, piece in reply.pieces[: reply.answer_at(ANSWERS[tag])]
            ]
            lines.append(len(before))
            repeated += len(set(before)) < len(before)
        marks = table.hold(f"longest hole, {name}, p95", p(0.95, longest), HOLE_S)
        marks += table.hold(f"answer heard, {name}, p95", p(0.95, waits), ANSWER_HEARD_S)
        marks += table.hold(f"replies with a line twice, {name}", repeated, 0)
        table.add(
            f"stall     large after {STALL_S:g} s, {name}: longest hole p50 {p(0.5, longest):.2f} s, p95 "
            f"{p(0.95, longest):.2f} s; answer heard {p(0.95, waits):.2f} s after its first token (p95); "
            f"{statistics.mean(lines):.1f} lines a reply, {repeated} of {len(lines)} replies with one twice{marks}"
        )


def silence(heard: Sequence[tuple[float, str]], reply: Reply, answer: str) -> tuple[float, float]:
    """Return the longest hole, and how long after its first token the answer is heard."""
    first = reply.answer_at(answer)
    before = len(spoken_form("".join(piece for _, piece in reply.pieces[:first])))
    quiet_from_s = longest_s = 0.0
    said = 0
    for at_s, text in heard:
        longest_s = max(longest_s, at_s - quiet_from_s)
        begins_s = max(quiet_from_s, at_s)
        said += len(spoken_form(text))
        if said > before:
            return longest_s, begins_s - reply.pieces[first][0]
        quiet_from_s = begins_s + spoken_s(text)
    return math.inf, math.inf


async def preempted(asker: Asker, turns: dict[str, list[str]], table: Table) -> None:
    """Send each turn three times: as a client does that repeats itself, and as one whose transcript grows."""
    answer = ANSWERS["en"]
    texts = [text for text in turns["en"] if len(text.split()) >= 6][:PREEMPTED]
    scripts = {
        "small": Script(text=WORDS, first_token_s=SMALL_S),
        "large": Script(text=answer, first_token_s=SLOW_S, tokens_per_s=TOKENS_PER_S),
    }
    with upstream_process(scripts) as upstream, gateways(upstream, ["large"]) as urls:
        await warm(asker, urls)
        upstream.reset()
        await asker.ask(urls["large"], texts[0], "livekit")
        alone = sum(record.tokens for record in upstream.records() if record.model == "large")
        for how in ("the same text", "a growing text"):
            upstream.reset()
            wrong: list[Reply] = []

            async def turn(text: str, how: str, wrong: list[Reply]) -> None:
                words = text.split()
                sends = [text] * 3 if how == "the same text" else [" ".join(words[: len(words) - n]) for n in (2, 1, 0)]
                last = Reply()

                async def send(said: str, number: int) -> None:
                    nonlocal last
                    reply = await asker.ask(urls["large"], said, "livekit", call=f"{how} {text}")
                    last = reply if number == 2 else last

                async with trio.open_nursery() as nursery:
                    for number, said in enumerate(sends):
                        nursery.start_soon(send, said, number)
                        await trio.sleep(0.25)
                if not last.text.casefold().endswith(answer.casefold()):
                    wrong.append(last)

            await at_rate([partial(turn, text, how, wrong) for text in texts])
            records = [record for record in upstream.records() if record.model == "large"]
            work = sum(record.tokens for record in records) / (alone * len(texts))
            mark = table.hold(f"upstream work, {how}", work, WORK)
            mark += table.hold(f"replies without the answer, {how}", len(wrong), 0)
            table.add(
                f"three     sends of a turn, {how}: upstream work {work:.2f} x that of one send, "
                f"{len(records) / len(texts):.1f} calls a turn{mark}"
            )


async def dead(asker: Asker, turns: dict[str, list[str]], table: Table) -> None:
    """Ask while neither model answers, without and with an apology to be said."""
    apology = "I am sorry, something went wrong."
    broken = {
        "refuses (500)": Script(status=500),
        "resets": Script(reset_before_head=True),
        SLOW_DEATH: Script(reset_before_head=True, fault_s=0.6),
    }
    for how, script in broken.items():
        with upstream_process({"small": script, "large": script}) as upstream:
            silent = gateways(upstream, ["large"])
            sorry = gateways(upstream, ["large"], LORO_REPLY_APOLOGY=apology)
            with silent as quiet_urls, sorry as sorry_urls:
                for configured, urls in (("not set", quiet_urls), ("set", sorry_urls)):
                    asks = [partial(asker.ask, urls["large"], text, "pipecat") for text in some(turns["en"], 4)]
                    replies = await gather(asks)
                    failed = sum(reply.status >= 400 or bool(reply.failed) for reply in replies)
                    spoke = [reply.text for reply in replies if reply.text]
                    mark = table.hold(f"dead, {how}: replies without an error", len(replies) - failed, 0)
                    if configured == "not set" and how != SLOW_DEATH:
                        mark += table.hold(f"dead, {how}: replies with speech", len(spoke), 0)
                    table.add(
                        f"dead      both models, {how}, apology {configured}: {failed} of {len(replies)} errors, "
                        f"{len(spoke)} spoke{f': {spoke[0]!r}' if spoke else ''}{mark}"
                    )


async def lag(late_s: list[float]) -> None:
    """Note how late this process wakes up: what the machine, not loro, adds to every time in the report."""
    while True:
        due = trio.current_time() + 0.05
        await trio.sleep_until(due)
        late_s.append(trio.current_time() - due)


async def run(clients: Clients, turns: dict[str, list[str]], count: int, table: Table) -> None:
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=100)
    late_s: list[float] = []
    async with httpx.AsyncClient(timeout=30.0, limits=limits) as client, trio.open_nursery() as nursery:
        nursery.start_soon(lag, late_s)
        asker = Asker(client)
        await first_speech(asker, clients, turns, count, table)
        await needless_and_missed(asker, turns, max(2, count * 2 // 3), table)
        await stalls(asker, clients, turns, max(2, count // 4), table)
        await preempted(asker, turns, table)
        await dead(asker, turns, table)
        nursery.cancel_scope.cancel()
    table.add()
    table.add(
        f"this process woke up late by {p(0.5, late_s) * 1000:.0f} ms (p50), {p(0.95, late_s) * 1000:.0f} ms (p95)"
    )


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.voice.report", description="What a voice client's user hears."
    )
    parser.add_argument("--turns", type=int, default=8, help="turns a language and client (default %(default)s)")
    options = parser.parse_args(arguments)
    if not PYTHON.exists():
        sys.stderr.write("the voice clients are not installed: make voice-env\n")
        return 2
    left_out: Counter[str] = Counter()
    turns = wanted_turns(left_out)
    table = Table()
    start = time.perf_counter()
    command = [str(PYTHON), "-W", "ignore", str(Path(__file__).parent / "clients.py")]
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        encoding="utf-8",
    ) as process:
        clients = Clients(process)
        versions = ", ".join(f"{name} {version}" for name, version in clients.versions.items())
        table.add(f"Python {platform.python_version()}, {platform.system()} {platform.machine()}, {versions}")
        out = ", ".join(f"{number} {reason}" for reason, number in left_out.most_common())
        table.add(f"{sum(map(len, turns.values()))} turns want words; left out: {out}")
        table.add()
        trio.run(run, clients, turns, options.turns, table)
        assert process.stdin is not None
        process.stdin.close()
    table.add(
        f"{time.perf_counter() - start:.0f} s in all; " + ("bars missed (!):" if table.missed else "every bar is met")
    )
    for line in table.missed:
        table.add(f"  {line}")
    return 1 if table.missed else 0


if __name__ == "__main__":
    sys.exit(main())
