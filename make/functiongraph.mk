# The package for FunctionGraph. Its tests call it as the platform does, on the version of Python that the platform has.
FUNCTIONGRAPH_PYTHON := 3.12
FUNCTIONGRAPH_SOURCES := $(shell find src/handlers src/shared -name '*.py') src/index.py src/requirements.txt \
  scripts/build_package.py scripts/find_python.py

.PHONY: build-functiongraph test-functiongraph

build-functiongraph: build/functiongraph.zip  ## the package for FunctionGraph (Python 3.12, x86_64), index.py at its root

build/functiongraph.zip: $(FUNCTIONGRAPH_SOURCES) | .venv-build/.installed
	@.venv-build/bin/python -m scripts.build_package --python $(FUNCTIONGRAPH_PYTHON) \
	  --platform manylinux2014_x86_64 --door index.py --out build/functiongraph --zip $@

test-functiongraph: $(VENV)/.installed build/functiongraph.zip  ## that package, on Python 3.12 with nothing else to import
	$(BIN)/python -m pytest -m slow tests/platform/test_functiongraph*.py
