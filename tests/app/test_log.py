from __future__ import annotations

import io
import json
import logging
import re

import pytest
from msgspec.structs import replace

from loro_core.app import log
from loro_core.app.log import Over
from loro_core.fleet import Secret

KEY = 'sk-very\\secret"key'


@pytest.fixture
def logged():
    """Return a function that sets the log up and returns one that tells the lines written since."""
    root = logging.getLogger()
    chatty = [logging.getLogger(name) for name in ("httpx", "httpcore")]
    before = root.level, list(root.handlers), [logger.level for logger in chatty]

    def set_up(level="info", form="text", **kwargs):
        # pytest's own stumble over what ours must stand.
        root.handlers[:] = [h for h in root.handlers if "pytest" not in type(h).__module__]
        stream = io.StringIO()
        log.set_up(level, form, stream=stream, **kwargs)
        return lambda: stream.getvalue().split("\n")[:-1]

    yield set_up
    root.setLevel(before[0])
    root.handlers[:] = before[1]
    for logger, level in zip(chatty, before[2], strict=True):
        logger.setLevel(level)


@pytest.fixture
def logger():
    return logging.getLogger("loro.test")


def test_a_text_line_is_time_level_logger_event_and_fields(logged, logger):
    lines = logged()
    logger.warning("process.ready model=%s load_s=%.2f ok=%s none=%s", "llama", 1.239, True, None)
    (line,) = lines()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line.split(" ")[0])
    assert line.split(" ", 1)[1] == "warn  loro.test process.ready model=llama load_s=1.24 ok=true none=-"


def test_a_json_line_has_the_same_as_values(logged, logger):
    lines = logged(form="json")
    logger.info("process.ready model=%s load_s=%.2f tokens=%d ok=%s none=%s", "llama", 1.239, 5, True, None)
    line = json.loads(lines()[0])
    assert list(line)[:4] == ["time", "level", "logger", "event"]
    del line["time"]
    assert line == {
        "level": "info",
        "logger": "loro.test",
        "event": "process.ready",
        "model": "llama",
        "load_s": 1.24,
        "tokens": 5,
        "ok": True,
        "none": None,
    }


def test_times_are_utc_to_the_millisecond():
    assert log.utc(0) == "1970-01-01T00:00:00.000Z"
    assert log.utc(1767225599.9999) == "2025-12-31T23:59:59.999Z"


def test_free_text_is_a_message(logged, logger):
    lines = logged(form="json")
    logger.info("Something %s happened", "odd")
    assert json.loads(lines()[0])["message"] == "Something odd happened"


def test_an_event_without_fields(logged, logger):
    lines = logged(form="json")
    logger.info("server.draining")
    assert json.loads(lines()[0])["event"] == "server.draining"


def test_values_with_blanks_are_quoted(logged, logger):
    lines = logged()
    logger.info("x a=%s b=%s c=%s", "two words", "", 'q"=')
    assert lines()[0].endswith('x a="two words" b="" c="q\\"="')


@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.parametrize("message", ["x a=%s", "It was %s"])
def test_a_forged_line_end_does_not_start_a_line(logged, logger, form, message):
    lines = logged(form=form)
    logger.info(message, "b\n2026-01-01T00:00:00.000Z info  loro.access\r\u2028\u0085\x1b[2Jfake")
    (line,) = lines()
    assert line.isprintable()
    assert len(line.splitlines()) == 1


def test_a_traceback_is_a_field_of_a_json_line(logged, logger):
    lines = logged(form="json")
    try:
        raise ValueError("a\nb")
    except ValueError:
        logger.exception("chat.failed request_id=%s", "r1")
    (line,) = lines()
    assert json.loads(line)["traceback"].endswith("ValueError: a\nb")
    assert json.loads(line)["request_id"] == "r1"


def test_a_traceback_follows_a_text_line_indented(logged, logger):
    lines = logged()
    try:
        raise ValueError("a\n2026-01-01T00:00:00.000Z info  loro.access fake\rline")
    except ValueError:
        logger.exception("chat.failed")
    first, *rest = lines()
    assert first.endswith("error loro.test chat.failed")
    assert rest
    assert all(line.startswith("    ") and line.isprintable() for line in rest)


def test_levels(logged, logger):
    assert [log.LEVELS[name] for name in ("trace", "debug", "info", "warn", "error")] == [5, 10, 20, 30, 40]
    for level, expected in (("trace", 5), ("debug", 4), ("info", 3), ("warn", 2), ("error", 1)):
        lines = logged(level)
        for number in (5, 10, 20, 30, 40):
            logger.log(number, "x")
        assert len(lines()) == expected


@pytest.mark.parametrize(("number", "name"), [(1, "trace"), (5, "trace"), (10, "debug"), (25, "info"), (50, "error")])
def test_levels_between_and_beyond_are_told_as_the_one_below(logged, logger, number, name):
    root_lines = logged("trace")
    logging.getLogger().setLevel(1)
    logger.log(number, "x")
    assert root_lines()[0].split(" ")[1] == name


@pytest.mark.parametrize(("level", "expected"), [("info", 1), ("debug", 1), ("trace", 2)])
def test_http_libraries_are_quiet_unless_tracing(logged, level, expected):
    lines = logged(level)
    logging.getLogger("httpcore.http11").debug("send_request_headers.started")
    logging.getLogger("httpx").warning("odd")
    assert len(lines()) == expected


def test_set_up_again_replaces_what_was_set_up(logged, logger):
    old, new = logged(), logged()
    logger.info("x")
    assert (len(old()), len(new())) == (0, 1)


@pytest.mark.parametrize("form", ["text", "json"])
def test_no_line_shows_a_key_wherever_it_comes_from(logged, logger, form):
    lines = logged("trace", form, secrets=[Secret(KEY), Secret("sk-short")])
    logger.info("x url=%s", f"http://h?key={KEY}")
    logger.info("Free %s", KEY)
    logger.info("x header=%s", f"Bearer {KEY}")
    logger.info("x %d", KEY)
    logging.getLogger("httpcore").debug(f"authorization: {KEY}")
    try:
        raise ValueError(KEY)
    except ValueError:
        logger.exception("x")
    text = "\n".join(lines())
    assert text.count("[hidden]") >= 6
    for spelling in (KEY, json.dumps(KEY)[1:-1], "very", "secret"):
        assert spelling not in text


def test_a_key_like_a_word_does_not_tear_holes_into_lines(logged, logger):
    lines = logged(secrets=[Secret("test")])
    logger.info("test.passed")
    assert lines()[0].endswith("test.passed")


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_format_that_does_not_fit_its_value_still_gives_a_line(logged, logger, form, capsys):
    lines = logged(form=form)
    logger.info("x a=%d", "word")
    logger.info("x a=%d and %s", "word")
    logger.info("x a=%s", "b", "c")
    assert len(lines()) == 3
    assert "word" in lines()[0]
    assert capsys.readouterr().err == ""


def test_numbers_that_json_cannot_say(logged, logger):
    lines = logged(form="json")
    logger.info("x a=%.3f b=%s", float("nan"), float("inf"))
    line = json.loads(lines()[0], parse_constant=pytest.fail)
    assert (line["a"], line["b"]) == ("nan", "inf")


def test_a_field_named_like_a_part_of_the_line_does_not_replace_it(logged, logger):
    lines = logged(form="json")
    logger.info("x level=%s event=%s", 3, "y")
    line = json.loads(lines()[0])
    assert (line["level"], line["level_"], line["event"], line["event_"]) == ("info", 3, "x", "y")


def over(path="/", **fields) -> Over:
    return Over(request_id="r1", method="GET", path=path, status=200, at=1769860800.5, fields=fields)


def test_the_access_line(logged):
    lines = logged()
    known = {"model": "m", "winner": None, "ttft_s": 0.0123456, "duration_s": 1.0}
    log.access([replace(over("/v1/models?api_key=sk-1", **known), late=lambda: {"prompt_tokens": 5, "error": None})])
    (line,) = lines()
    assert line == (
        "2026-01-31T12:00:00.500Z info  loro.access request request_id=r1 method=GET path=/v1/models "
        "status=200 model=m ttft_s=0.012 duration_s=1.0 prompt_tokens=5"
    )


def test_the_access_line_as_json(logged):
    lines = logged(form="json")
    log.access([over(ttft_s=0.0123456)])
    line = json.loads(lines()[0])
    assert (line["event"], line["status"], line["ttft_s"]) == ("request", 200, 0.012)


def test_no_access_line_below_its_level(logged):
    logged("warn")
    assert not log.tells_access()
    logged("info")
    assert log.tells_access()


class Writes(io.StringIO):
    """A stream that counts what is written to it."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def write(self, text: str) -> int:
        self.count += 1
        return super().write(text)


def test_lines_of_several_requests_are_one_write_and_another_handler_gets_each(logged, caplog):
    logged()
    stream = Writes()
    log.set_up("info", "text", stream=stream)
    logging.getLogger().addHandler(caplog.handler)
    with caplog.at_level("INFO", logger="loro.access"):
        log.access([over("/a"), over("/b")])
    assert stream.count == 1
    assert [line.split("path=")[1] for line in stream.getvalue().splitlines()] == ["/a status=200", "/b status=200"]
    assert len(caplog.records) == 2


def test_a_line_that_cannot_be_made_does_not_take_the_others_with_it(logged, capsys):
    class Odd:
        def __str__(self) -> str:
            raise ValueError("no text for this")

    lines = logged()
    log.access([over("/a"), over("/b", model=Odd()), over("/c")])
    assert [line.split("path=")[1] for line in lines()] == ["/a status=200", "/c status=200"]
    assert "no text for this" in capsys.readouterr().err


def test_a_log_that_nobody_reads_any_more_stops_no_request(logged, capsys):
    class Broken(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError("nobody reads")

    logged()
    log.set_up("info", "text", stream=Broken())
    log.access([over("/a"), over("/b")])
    assert "nobody reads" in capsys.readouterr().err


def test_one_of_several_processes_says_which_it_is_in_every_line(logged, logger):
    lines = logged(worker="2")
    logger.info("process.ready model=%s", "llama")
    logger.info("free text, as libraries write it")
    assert [line.split("loro.test ")[1] for line in lines()] == [
        "process.ready model=llama worker=2",
        "free text, as libraries write it worker=2",
    ]
    lines = logged(form="json", worker="2-aside")
    logger.info("process.ready model=%s", "llama")
    assert json.loads(lines()[0])["worker"] == "2-aside"
