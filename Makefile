# `make run`: install into .venv and run the incident.  `make test`: install, then every check.
PYTHON ?= python3
VENV := .venv
# Tests start many processes: where no bytecode is kept, each of them compiles the whole package anew.
unexport PYTHONDONTWRITEBYTECODE
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

.PHONY: docs release run test test-fast search mutants spin storm rsvg chromium pages pictures reports site worth findings hammer bench clean

run: $(INSTALLED)
	$(BIN)/batchsim run scenarios/incident.yaml

test: $(INSTALLED) spin storm rsvg chromium
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(TESTS)
	$(BIN)/python -m tests.search --tests 8 --quick

# What to run before each commit: all but the tests of tests/slow.txt, in about a minute.
test-fast: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(TESTS) -m "not slow"

# Under another Python: make VENV=.venv-3.13 PYTHON=python3.13 test-fast.
# The plugin prints which share of the lines ran. Tests of one file mostly stay together: they share what is costly.
TESTS = PYTEST_PLUGINS=tests.lines $(BIN)/python -m pytest -n auto --dist worksteal

# New examples for all property tests, seed after seed, for an hour or until one fails; SEARCH='--seed N' replays one.
SEARCH ?= --seconds 3600
search: $(INSTALLED)
	$(BIN)/python -m tests.search $(SEARCH)

# The tests compare the exhaustive engine with SPIN where it is installed; root installs it.
spin:
	@command -v spin >/dev/null && command -v gcc >/dev/null || [ "$$(id -u)" != 0 ] || \
		{ apt-get update -qq && apt-get install -y -qq spin gcc libc6-dev; } || \
		echo "SPIN cannot be installed: its tests will be skipped" >&2

# They compare exact exploration with Storm where it is installed; its wheels are for some machines only.
storm: $(INSTALLED)
	@$(BIN)/python -c 'import stormpy' 2>/dev/null || \
		$(BIN)/pip install --quiet --disable-pip-version-check --only-binary :all: --retries 1 'stormpy>=2,<3' || \
		echo "Storm cannot be installed: its tests will be skipped" >&2

# The tests look at pictures as readers without CSS variables draw them, where one is installed; root installs it.
rsvg:
	@command -v rsvg-convert >/dev/null || [ "$$(id -u)" != 0 ] || \
		{ apt-get update -qq && apt-get install -y -qq librsvg2-bin; } || \
		echo "rsvg-convert cannot be installed: its tests will be skipped" >&2

# The tests open pages in a browser, where there is one; root installs it, and the font of the pictures of pages.
chromium:
	@command -v chromium >/dev/null || [ "$$(id -u)" != 0 ] || \
		{ apt-get update -qq && apt-get install -y -qq chromium fonts-dejavu-core; } || \
		echo "chromium cannot be installed: its tests will be skipped" >&2

# The script and the style of the pages, of their sources in frontend/; needs Node.
pages:
	cd frontend && npm ci --silent && npm run --silent check && npm run --silent build

# The pictures of pages in the README, and those that the tests hold pages against; needs chromium and DejaVu Sans.
pictures: $(INSTALLED) chromium
	$(BIN)/python -m tests.pages.pictures

# What the shipped scenarios say of themselves, as committed in reports/ and scenarios/schema.json.
reports: $(INSTALLED)
	$(BIN)/batchsim schema > scenarios/schema.json
	$(BIN)/batchsim run scenarios/*.yaml --report reports --quiet

# A page for each shipped scenario and each example, an index and a tour of the incident, to be opened in a browser;
# takes some minutes.
site: $(INSTALLED)
	$(BIN)/batchsim report scenarios/*.yaml examples/*.yaml -o pages

# What each fix is worth in the incident, and the links to it from the reports; about a minute on two cores.
worth: $(INSTALLED)
	$(BIN)/batchsim worth scenarios/incident.yaml --runs 1000 --report reports --quiet
	$(MAKE) reports

# Which verdicts can occur under which faults; takes some minutes on all cores. The index of `make site` links to its page.
findings: $(INSTALLED)
	mkdir -p pages
	$(BIN)/batchsim findings --out reports --html pages/findings.html --quiet

# Small mistakes in a copy of the code, and whether a test sees them; about an hour. MUTANTS='--count 3 PART' is less.
mutants: $(INSTALLED)
	$(BIN)/python -m tests.mutation $(MUTANTS)

# The model against real servers: every schedule step by step, thousands of batches that run freely, and what is
# predicted of them; up to half an hour on two cores. HAMMER='--batches 200' is less.
hammer: $(INSTALLED)
	$(BIN)/python -m tests.benchmarks.reality $(HAMMER)

# The documentation as a site, in site/; a warning is an error.
docs: $(INSTALLED)
	$(BIN)/mkdocs build --strict

# What is released: built, checked, and the wheel tried in a clean environment under each Python found here.
release: $(INSTALLED)
	$(BIN)/python -m tools.release

# What batchsim takes beside its peers, and docs/performance.md of it; for a machine that does nothing else.
bench: export BENCH_ROWS = .bench.jsonl
bench: $(INSTALLED) spin storm
	rm -f $$BENCH_ROWS
	$(BIN)/python -m tests.benchmarks
	$(BIN)/python -m tests.benchmarks.spin
	$(BIN)/python -m tests.benchmarks.exact
	$(BIN)/python -m tests.benchmarks.sweep
	$(BIN)/python -m tests.benchmarks.zones
	$(BIN)/python -m tests.benchmarks.page $$BENCH_ROWS docs/performance.md

clean:
	rm -rf $(VENV) .coverage.txt .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis

# Debian and Ubuntu keep venv in a package of its own.
$(INSTALLED): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "batchsim needs Python 3.11 or later; set PYTHON=python3.x" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || \
		{ apt-get update -qq && apt-get install -y -qq python3-venv; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@
