"""The launcher of llama.cpp's server: what it takes, what it refuses, how it ends. What it serves: tests/e2e."""

from __future__ import annotations

import os
import signal
import struct
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from loro_llamacpp import __main__ as launcher
from loro_llamacpp.header import Header, NotGguf, read_header


def text(value: str) -> bytes:
    data = value.encode()
    return struct.pack("<Q", len(data)) + data


def pair(key: str, kind: int, value: bytes) -> bytes:
    return text(key) + struct.pack("<I", kind) + value


ARCHITECTURE = pair("general.architecture", 8, text("llama"))
CONTEXT = pair("llama.context_length", 4, struct.pack("<I", 4096))
STRINGS = pair("tokens", 9, struct.pack("<IQ", 8, 2) + text("a") + text("bc"))
NUMBERS = pair("scores", 9, struct.pack("<IQ", 6, 3) + b"\0" * 12)
OTHERS = pair("name", 8, text("x")) + pair("flag", 7, b"\1") + STRINGS + NUMBERS


def written(path: Path, *pairs: bytes, magic: bytes = b"GGUF", version: int = 3, count: int | None = None) -> Path:
    head = magic + struct.pack("<IQQ", version, 0, len(pairs) if count is None else count)
    path.write_bytes(head + b"".join(pairs))
    return path


def test_the_header_tells_architecture_and_context(tmp_path):
    # OTHERS are four pairs
    path = written(tmp_path / "a.gguf", OTHERS, CONTEXT, ARCHITECTURE, b"weights", count=6)
    assert read_header(path) == Header(architecture="llama", context_tokens=4096)
    path = written(tmp_path / "b.gguf", ARCHITECTURE)
    assert read_header(path) == Header(architecture="llama", context_tokens=None)


@pytest.mark.parametrize(
    ("data", "wrong"),
    [
        (b"", "it begins with b'', a GGUF file with b'GGUF'"),
        (b"PK\3\4more", "it begins with b'PK\\x03\\x04', a GGUF file with b'GGUF'"),
        (b"GGUF" + struct.pack("<I", 9), "it has GGUF version 9, needs one of 2, 3"),
        (b"GGUF\3\0", "its header is damaged or cut off"),
        (b"GGUF" + struct.pack("<IQQQ", 3, 0, 1, 2**60), "its header is damaged or cut off"),
        (
            b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + text("a") + struct.pack("<I", 99),
            "its header is damaged or cut off",
        ),
        (b"GGUF" + struct.pack("<IQQ", 3, 0, 0), "it does not say what architecture it has"),
    ],
)
def test_what_is_no_gguf_file_says_what_is_wrong(data, wrong, tmp_path):
    path = tmp_path / "a.gguf"
    path.write_bytes(data)
    with pytest.raises(NotGguf) as caught:
        read_header(path)
    assert str(caught.value) == wrong


def test_any_cut_of_a_header_is_told_and_not_a_traceback(tmp_path):
    whole = written(tmp_path / "a.gguf", OTHERS, ARCHITECTURE, CONTEXT, count=6).read_bytes()
    for length in range(len(whole)):
        path = tmp_path / "cut.gguf"
        path.write_bytes(whole[:length])
        with suppress(NotGguf):
            assert read_header(path).context_tokens is None


@pytest.mark.parametrize(
    ("asked", "trained", "got"), [(0, 4096, 4096), (0, 131072, 8192), (0, None, 8192), (32768, 4096, 32768)]
)
def test_the_usual_context_is_neither_more_than_the_models_nor_huge(asked, trained, got):
    assert launcher.context_tokens(asked, Header(architecture="llama", context_tokens=trained)) == got


class Library:
    """What of xllamacpp the launcher touches."""

    class CommonParams:
        def __init__(self):
            self.model = type("Model", (), {})()
            self.cpuparams = type("Cpu", (), {"n_threads": -1})()
            self.cpuparams_batch = type("Cpu", (), {"n_threads": -1})()
            self.n_batch, self.n_ubatch = 2048, 512
            self.n_gpu_layers = -1
            self.embedding = False

    class llama_pooling_type:  # noqa: N801
        LLAMA_POOLING_TYPE_MEAN = "mean"


def parameters(*words):
    options = launcher.arguments(["--model", "dir/tiny.gguf", *words])
    return launcher.parameters(Library, options, Header(architecture="llama", context_tokens=4096))


def test_each_call_at_once_has_its_whole_context():
    params = parameters("--parallel", "3", "--ctx-size", "1000")
    assert (params.n_parallel, params.n_ctx) == (3, 3000)


def test_defaults_are_this_machines_only_and_bounded():
    params = parameters()
    assert (params.model.path, params.model_alias) == ("dir/tiny.gguf", {"tiny"})
    assert (params.hostnames, params.port, params.n_parallel, params.n_ctx) == (["127.0.0.1"], 8080, 1, 4096)
    assert (params.cache_ram_mib, params.embedding, params.n_gpu_layers) == (512, False, -1)


@pytest.mark.parametrize(
    ("quota", "allowed"),
    [("400000 100000", 4), ("50000 100000", 1), ("max 100000", None), ("6400000 100000", None), ("", None)],
)
def test_a_containers_quota_bounds_the_threads(quota, allowed, tmp_path, monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(64)), raising=False)
    (tmp_path / "cpu.max").write_text(quota)
    assert launcher.fewer_processors(tmp_path / "cpu.max") == allowed
    assert launcher.fewer_processors(tmp_path / "none") is None


def test_the_processors_it_is_bound_to_bound_the_threads(monkeypatch, tmp_path):
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {1, 5}, raising=False)
    assert launcher.fewer_processors(tmp_path / "none") == 2
    params = parameters()
    assert params.cpuparams.n_threads == params.cpuparams_batch.n_threads <= 2


def test_options_reach_llamacpp():
    params = parameters(
        *("--host", "::1", "--port", "9", "--alias", "a", "--threads", "2", "--gpu-layers", "0"),
        *("--batch-size", "256", "--embedding", "--cache-ram", "0"),
    )
    assert (params.hostnames, params.port, params.model_alias, params.n_gpu_layers) == (["::1"], 9, {"a"}, 0)
    assert (params.cpuparams.n_threads, params.cpuparams_batch.n_threads) == (2, 2)
    assert (params.n_batch, params.n_ubatch, params.embedding, params.pooling_type) == (256, 256, True, "mean")
    assert params.cache_ram_mib == 0


@pytest.mark.parametrize("words", [["--parallel", "0"], ["--port", "x"], ["--ctx", "9"], ["--threads", "-1"]])
def test_what_makes_no_sense_is_refused(words, capsys):
    with pytest.raises(SystemExit) as caught:
        parameters(*words)
    assert caught.value.code == 2
    assert "error: " in capsys.readouterr().err


def run(*words, code="from loro_llamacpp.__main__ import main; raise SystemExit(main())"):
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, words)], check=False, capture_output=True, text=True, timeout=30
    )


def test_a_file_that_is_none_is_an_error_in_one_line(tmp_path):
    bad = tmp_path / "bad.gguf"
    bad.write_bytes(b"hello")
    for path, told in [
        (bad, "is not a GGUF file that can be read: it begins with b'hell'"),
        (tmp_path / "no", "No such file"),
    ]:
        done = run("--model", path)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith("error: ") and told in done.stderr and done.stderr.count("\n") == 1


def test_without_its_package_it_names_the_extra(tmp_path):
    path = written(tmp_path / "a.gguf", ARCHITECTURE)
    code = (
        "import sys; sys.modules['xllamacpp'] = None; from loro_llamacpp.__main__ import main; raise SystemExit(main())"
    )
    done = run("--model", path, code=code)
    assert done.returncode == 2
    assert "pip install 'loro-core[llamacpp]'" in done.stderr


def test_it_ends_soon_after_its_parent():
    waiting = """
import time
from loro_llamacpp.__main__ import end_with_parent
end_with_parent(0.05)
print("up", flush=True)
time.sleep(60)
"""
    parent = f"""
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", {waiting!r}])
print(child.pid, flush=True)
child.wait()
"""
    with subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        child = int(process.stdout.readline())
        assert process.stdout.readline() == "up\n"
        process.kill()
        began = time.monotonic()
        while Path(f"/proc/{child}").exists() if Path("/proc").exists() else _alive(child):
            assert time.monotonic() - began < 5
            time.sleep(0.02)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_it_ends_at_sigterm_while_it_does_anything(tmp_path):
    code = (
        "import sys, types, time, loro_llamacpp.__main__ as launcher\n"
        "launcher.load = lambda options: (print('loading', flush=True), time.sleep(60))\n"
        "launcher.main()"
    )
    with subprocess.Popen([sys.executable, "-c", code, "--model", "a"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "loading\n"
        process.terminate()
        assert process.wait(5) == -signal.SIGTERM
