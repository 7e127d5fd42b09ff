# make setup | demo | test | lint | bench: each makes .venv first if it is missing.
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.neurokit-installed
EXTRAS ?= train,fast,lava,dev
ARGS ?=

.PHONY: setup demo test lint bench clean

setup: $(STAMP)

$(STAMP): pyproject.toml
	@set -e; \
	python=""; \
	for candidate in "$(PYTHON)" python3.10 "$$(uv python find 3.10 2>/dev/null)" \
	    "$$(pyenv prefix 3.10 2>/dev/null)/bin/python" "$$HOME/.pyenv/versions/3.10/bin/python" python3; do \
	  if [ -n "$$candidate" ] && "$$candidate" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 10))' 2>/dev/null; \
	  then python="$$candidate"; break; fi; \
	done; \
	if [ -z "$$python" ]; then \
	  echo "neurokit: no Python 3.10 found, and Lava runs on 3.10 only."; \
	  echo "  Install it with one of:  uv python install 3.10   |   pyenv install 3.10   |   apt install python3.10-venv"; \
	  echo "  or name it:              make setup PYTHON=/path/to/python3.10"; \
	  echo "  Without Lava, training, compiling and the twin work on 3.11 to 3.13:  pip install '.[train,fast]'"; \
	  exit 1; \
	fi; \
	echo "neurokit: making $(VENV) with $$("$$python" --version)"; \
	"$$python" -m venv "$(VENV)" || { \
	  echo "neurokit: '$$python -m venv' failed. On Debian and Ubuntu: apt install python3.10-venv"; exit 1; }; \
	echo "neurokit: installing (torch alone is 0.8 GB; the first time takes some minutes)"; \
	"$(BIN)/python" -m pip install --quiet --disable-pip-version-check -e '.[$(EXTRAS)]' || { \
	  echo "neurokit: the installation failed; pip says why above. The usual reasons:"; \
	  echo "  no network   - pip must reach a package index (behind a mirror, set PIP_INDEX_URL)"; \
	  echo "  no compiler  - a package without a wheel for this machine needs one: apt install build-essential"; \
	  echo "  no disk      - the environment takes 6 GB"; \
	  exit 1; }; \
	touch "$(STAMP)"

demo: setup
	@$(BIN)/neurokit demo $(ARGS)

# All of tests/ and notebooks/, or what ARGS selects: ARGS="tests/compilers/chip/test_place.py", ARGS="-k readout".
# Three at a time on two cores: a test is one thread, or a Lava network of many processes that mostly wait for each other.
test: setup
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 3 --dist worksteal --nbmake $(ARGS)

lint: setup
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && $(BIN)/lint-imports --no-logo

bench: setup
	@$(BIN)/neurokit bench twin $(ARGS)
	@$(BIN)/neurokit bench rfg $(ARGS)

clean:
	rm -rf build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
