# The package for AWS Lambda, and its tests on AWS's own runtime emulator.
LAMBDA_PYTHON := 3.13
# The folders too: their date tells that a file has gone.
LAMBDA_SOURCES := $(shell find src/handlers src/shared -name __pycache__ -prune -o -print) src/lambda_function.py src/requirements.txt \
  scripts/build_package.py scripts/find_python.py
WHEELS_arm64 := manylinux2014_aarch64
WHEELS_x86_64 := manylinux2014_x86_64
# Of the function that `sam build` asks for, and of this machine.
ARCH ?= arm64
HOST_ARCH := $(subst aarch64,arm64,$(shell uname -m))
BUILD_VENV := .venv-build
LAMBDA_VENV := .venv-lambda

.PHONY: build lambda-artifact test-lambda bench-cold-start

build: build/lambda.zip build/lambda-x86_64.zip  ## the packages for AWS Lambda: build/lambda.zip (arm64), build/lambda-x86_64.zip

build/lambda.zip: build/lambda-arm64.zip
	@cp $< $@

# The folder build/lambda/ARCH and the zip of it.
build/lambda-%.zip: $(LAMBDA_SOURCES) | $(BUILD_VENV)/.made
	@$(BUILD_VENV)/bin/python -m scripts.build_package --python $(LAMBDA_PYTHON) --platform $(WHEELS_$*) \
	  --door lambda_function.py --out build/lambda/$* --zip $@

# For `sam build` with BuildMethod makefile, which names the folder to fill: ARTIFACTS_DIR.
lambda-artifact: build/lambda-$(ARCH).zip
	cp -R build/lambda/$(ARCH)/. "$(ARTIFACTS_DIR)"

# A pip is all that the build needs, so that a deployment installs no development tools.
$(BUILD_VENV)/.made:
	@$(PYTHON) -m venv $(BUILD_VENV)
	@touch $@

# No pip in it: an import that works here works in Lambda.
$(LAMBDA_VENV)/.installed: requirements/lambda-runtime.txt requirements/lambda-emulator.txt | $(BUILD_VENV)/.made
	@python="$$($(PYTHON) -m scripts.find_python $(LAMBDA_PYTHON))" && \
	  "$$python" -m venv --clear --without-pip $(LAMBDA_VENV)
	@$(BUILD_VENV)/bin/python -m pip --python $(LAMBDA_VENV)/bin/python install --quiet --require-hashes \
	  --only-binary :all: -r requirements/lambda-runtime.txt
	@$(BUILD_VENV)/bin/python -m pip install --quiet --require-hashes --no-deps --no-compile \
	  --target $(LAMBDA_VENV)/emulator -r requirements/lambda-emulator.txt
	@touch $@

test-lambda: $(VENV)/.installed $(LAMBDA_VENV)/.installed build build/lambda-$(HOST_ARCH).zip  ## the package under AWS's own runtime emulator
	$(BIN)/python -m pytest -m slow tests/platform/test_lambda*.py

bench-cold-start: $(VENV)/.installed $(LAMBDA_VENV)/.installed build/lambda-$(HOST_ARCH).zip  ## the first answer of a new process, with and without bytecode
	@$(BIN)/python -m benchmarks.cold_start
