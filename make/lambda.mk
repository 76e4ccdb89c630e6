# The package for AWS Lambda, and its tests under AWS's own runtime emulator.
# The folders are sources, too: their date changes when a file in them is removed.
LAMBDA_SOURCES := $(shell find src/handlers src/shared -name __pycache__ -prune -o -print) src/lambda_function.py src/requirements.txt \
  scripts/build_package.py scripts/find_python.py
WHEELS_arm64 := manylinux2014_aarch64
WHEELS_x86_64 := manylinux2014_x86_64
# ARCH: the architecture of the function that `sam build` builds. HOST_ARCH: the architecture of this machine.
ARCH ?= arm64
HOST_ARCH := $(subst aarch64,arm64,$(shell uname -m))

.PHONY: build lambda-artifact test-lambda bench-cold-start

build: build/lambda.zip build/lambda-x86_64.zip  ## the packages for AWS Lambda: build/lambda.zip (arm64), build/lambda-x86_64.zip

build/lambda.zip: build/lambda-arm64.zip
	@cp $< $@

# The folder build/lambda/ARCH and the zip of it.
build/lambda-%.zip: $(LAMBDA_SOURCES) | .venv-build/.installed
	@.venv-build/bin/python -m scripts.build_package --python $(LAMBDA_PYTHON) --platform $(WHEELS_$*) \
	  --door lambda_function.py --out build/lambda/$* --zip $@

# For `sam build` with BuildMethod makefile. It says in ARTIFACTS_DIR which folder to fill.
lambda-artifact: build/lambda-$(ARCH).zip
	cp -R build/lambda/$(ARCH)/. "$(ARTIFACTS_DIR)"

test-lambda: $(VENV)/.installed .venv-lambda/.installed build build/lambda-$(HOST_ARCH).zip  ## the package under AWS's own runtime emulator
	$(BIN)/python -m pytest -m slow tests/platform/test_lambda*.py

bench-cold-start: $(VENV)/.installed .venv-lambda/.installed build/lambda-$(HOST_ARCH).zip  ## the first answer of a new process, with and without bytecode
	@$(BIN)/python -m benchmarks.cold_start
