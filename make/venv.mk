# One rule makes every virtual environment. .venv-NAME/.installed stands for the environment .venv-NAME with all that
# its lock files name; .venv (NAME: dev) is the environment for development. What differs is in variables:
#   LOCKS_NAME   the lock files, installed one after the other
#   PYTHON_NAME  the version of Python that it has to be; otherwise it is the python3 that $(PYTHON) names
#   VENV_NAME    more options of `python -m venv`
#   PIP_LOCK     more options of pip for requirements/LOCK.txt
LAMBDA_PYTHON := 3.13

LOCKS_dev := requirements/dev.txt
LOCKS_deploy := requirements/deploy.txt
LOCKS_fuzz := requirements/fuzz.txt
LOCKS_services := requirements/services.txt
LOCKS_aws-checks := requirements/aws-checks.txt
LOCKS_checkov := requirements/checkov.txt

# It has a pip and nothing else. This pip fills all the other environments. The packages are built with it, too, so that
# a deployment installs no development tools.
LOCKS_build :=

# There is no pip in it, so that an import that works here works in AWS Lambda. The emulator is beside the packages, in a
# folder of its own, so that nothing can import it.
LOCKS_lambda := requirements/lambda-runtime.txt requirements/lambda-emulator.txt
PYTHON_lambda := $(LAMBDA_PYTHON)
VENV_lambda := --without-pip
PIP_lambda-emulator := --no-compile --target .venv-lambda/emulator

# The first lock file holds what builds the three packages of the second that come only as sources.
LOCKS_localstack := requirements/e2e/build.txt requirements/e2e/localstack.txt
PYTHON_localstack := $(LAMBDA_PYTHON)
PIP_localstack := --no-build-isolation --no-binary airspeed-ext,crontab,jsonpath-rw

# Functions of the rule: $(1) is the folder of the environment, $(2) a lock file.
name = $(patsubst .venv-%,%,$(patsubst .venv,.venv-dev,$(1)))
python = $(if $(PYTHON_$(name)),$$($(PYTHON) -m scripts.find_python $(PYTHON_$(name))),$(PYTHON))
install = .venv-build/bin/python -m pip --python $(1)/bin/python install --quiet --no-deps --require-hashes \
  --only-binary :all: $(PIP_$(basename $(notdir $(2)))) -r $(2)

# $$ is expanded once the name of the environment is known. --no-deps: the lock files are complete, so pip need not look
# for dependencies. --clear: after a change of a lock file nothing old stays.
.SECONDEXPANSION:
%/.installed: $$(LOCKS_$$(call name,$$*)) | $$(filter-out $$@,.venv-build/.installed)
	@echo "making $*"
	@python="$(call python,$*)" && "$$python" -m venv --clear $(VENV_$(call name,$*)) $*
	@set -e; $(foreach lock,$(LOCKS_$(call name,$*)),$(call install,$*,$(lock));)
	@touch $@
