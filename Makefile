# Every target builds the environment it needs first: nothing has to be run before it.
PYTHON ?= python3.11
VENV := .venv
PY := $(VENV)/bin/python
STAMP := $(VENV)/.locked

.PHONY: setup demo test test-slow mutants check format lock clean

setup: $(STAMP)

# requirements.lock names every package of the environment, so nothing is resolved anew.
# The environment is made again only when the lock has changed.
$(STAMP): requirements.lock
	$(PYTHON) -m venv $(VENV)
	$(PY) -m pip install --quiet --disable-pip-version-check --no-deps -r requirements.lock
	cp requirements.lock $(STAMP)

demo: setup
	$(PY) cli.py demo

# A process for each core, and a thread for each process.
test: setup
	OMP_NUM_THREADS=1 $(PY) -m pytest -m "not slow" -q -n auto --dist loadfile

# Slow. Makes small changes and shows those that no test notices: in the functions that were changed
# since SINCE, or in an area of tests/mutation/areas.toml (AREA=pace, AREA=all).
SINCE ?= main
mutants: setup
	$(PY) -m tests.mutation --since $(SINCE) $(AREA)

test-slow: setup
	$(PY) -m pytest -m slow -q

# mypy knows no package whose parts lie beside it, as in a checkout: it is shown the package as it is
# installed, made of links.
LINKS := .mypy_links
define check_types
	rm -rf $(LINKS) && mkdir -p $(LINKS)/flickr_emotion
	ln -s $(CURDIR)/flickr_emotion/* $(CURDIR)/harvest $(CURDIR)/datasets $(CURDIR)/model \
		$(LINKS)/flickr_emotion/
	ln -s $(CURDIR)/tests $(CURDIR)/benchmarks $(CURDIR)/cli.py $(LINKS)/
	cd $(LINKS) && ../$(PY) -m mypy --config-file ../pyproject.toml --cache-dir ../.mypy_cache \
		-p flickr_emotion -p tests -p benchmarks -m cli
endef

check: setup
	$(PY) -m ruff format --check .
	$(PY) -m ruff check .
	$(call check_types)

format: setup
	$(PY) -m ruff format .
	$(PY) -m ruff check --fix .

# After a change of dependencies: install them into .venv by hand, then write the lock.
lock:
	$(PY) -m pip freeze --all --disable-pip-version-check | grep -v "^pip==" \
		| sed -E 's/^((nvidia|cuda|triton).*)$$/\1 ; sys_platform == "linux" and platform_machine == "x86_64"/' \
		> requirements.lock

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .mutants
