# make run     set up and start the gateway (a demo when no model is configured)
# make run-local MODEL=file.gguf    the same with one model of your own as the large one, in llama.cpp
# make test    set up and run the tests                  make check   types, style, floors
# make deep    many more examples, slow suites           make bench   what loro costs, measured here and now
# make bench URL=http://HOST:PORT                        the same conversations with any server that runs
# make bench-peers  beside nginx and the LiteLLM proxy   make micro   the pieces of the hot path
# make figures the headline figures on this machine      make format  let ruff lay out the code
# make sim     what a fleet of model servers would do, played by the deciding code alone (ARGS=day)
# make blocking what one client does to the live streams of others
# make bench-transport  what a call to a model costs in CPU, by HTTP client
# make voice   set up the voice clients apart, see when they speak what they are sent, and report what is heard when
# make page    the models page in a real browser (Chromium; SHOTS=DIR saves pictures of it)
# make supervision  what keeping a local model's server costs, and how quick it is
# make phrases proofread the acknowledgements (FILES=my.toml for yours)
# make clean   forget the virtual environment and all that was built

PYTHON ?= python3
VENV   ?= .venv
VOICE  ?= .venv-voice
PY     := $(VENV)/bin/python
PEERS  ?= .venv-peers
# One worker a core; a file's tests stay together, for they share what is slow to start. `make test ARGS=-n0` has none.
SPREAD := -n auto --maxprocesses 8 --dist loadfile --no-loadscope-reorder

.PHONY: run run-local test check deep voice-env voice bench bench-peers bench-transport micro figures sim blocking supervision page phrases format clean
.DEFAULT_GOAL := help

.PHONY: help
help:
	@sed -n 's/^# //p' Makefile

$(VENV)/run: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 10) else "loro needs Python 3.10 or newer, this is " + sys.version.split()[0] + "; try: make run PYTHON=python3.11")'
	test -x $(PY) || $(PYTHON) -m venv $(VENV)
	$(PY) -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

# An editable installation is not compiled, and where PYTHONDONTWRITEBYTECODE is set each start would compile it anew.
$(VENV)/compiled: $(VENV)/run $(shell find loro_core providers contrib -name '*.py')
	$(PY) -m compileall -q loro_core providers contrib
	@touch $@

$(VENV)/dev: pyproject.toml $(VENV)/run
	$(PY) -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

$(VOICE)/ready: pyproject.toml
	test -x $(VOICE)/bin/python || $(PYTHON) -m venv $(VOICE)
	$(VOICE)/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[voice]'
	@touch $@

run: $(VENV)/compiled
	$(PY) -m loro_core $(ARGS)

$(VENV)/llamacpp: pyproject.toml $(VENV)/run
	$(PY) -m pip install --quiet --disable-pip-version-check --editable '.[llamacpp]'
	@touch $@

run-local: $(VENV)/llamacpp $(VENV)/compiled
	@test -n "$(MODEL)" || { echo "which model? make run-local MODEL=path/to/model.gguf"; exit 2; }
	$(PY) -m loro_core --local "$(MODEL)" $(ARGS)

test: $(VENV)/dev $(VENV)/compiled
	$(PY) -m pytest -q -m 'not slow' $(SPREAD) $(ARGS)

check: $(VENV)/dev
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy

deep: $(VENV)/dev $(VENV)/compiled
	HYPOTHESIS_PROFILE=$${HYPOTHESIS_PROFILE:-deep} $(PY) -m pytest -q $(SPREAD) $(ARGS)

voice-env: $(VOICE)/ready

voice: $(VENV)/dev $(VENV)/compiled $(VOICE)/ready
	VOICE_PYTHON=$(abspath $(VOICE))/bin/python $(PY) -m pytest -q tests/voice $(ARGS)
	$(PY) -m tests.decide.turn_figures
	VOICE_PYTHON=$(abspath $(VOICE))/bin/python $(PY) -m tests.voice.report

bench: $(VENV)/compiled
	$(PY) -m $(if $(URL),loro_core bench --url $(URL),tests.bench) $(ARGS)

$(PEERS)/ready:
	test -x $(PEERS)/bin/python || $(PYTHON) -m venv $(PEERS)
	$(PEERS)/bin/python -m pip install --quiet --disable-pip-version-check 'litellm[proxy]'
	@touch $@

bench-peers: $(VENV)/compiled $(PEERS)/ready
	@command -v nginx /usr/sbin/nginx > /dev/null || echo "nginx is not here (Debian: apt-get install nginx); without it"
	PEERS=$(PEERS) $(PY) -m tests.bench --peers $(ARGS)

micro: $(VENV)/run
	$(PY) -m tests.bench.micro $(ARGS)

bench-transport: $(VENV)/dev
	$(PY) -m tests.bench.transport $(ARGS)

figures: $(VENV)/dev $(VENV)/compiled
	$(PY) -m tests.e2e.figures

sim: $(VENV)/run
	$(PY) -m tests.sim $(ARGS)

blocking: $(VENV)/dev
	$(PY) -m tests.e2e.blocking

page: $(VENV)/dev $(VENV)/compiled
	$(PY) -m pytest -q tests/page $(ARGS)
	$(if $(SHOTS),$(PY) -m tests.page.shots $(SHOTS))

supervision: $(VENV)/dev $(VENV)/compiled
	$(PY) -m tests.e2e.supervision_figures

phrases: $(VENV)/run
	$(PY) -m loro_core phrases $(FILES)

format: $(VENV)/dev
	$(PY) -m ruff check --fix-only --quiet .
	$(PY) -m ruff format .

clean:
	rm -rf $(VENV) $(VOICE) $(PEERS) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name '*.egg-info' -maxdepth 1 -exec rm -rf {} +
