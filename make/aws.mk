# AWS: the checks of template.yaml, and the template deployed and at work on a stand-in.
FUNCTIONS := CertificateExpiry DomainDecommission ScheduledCleanup Restore CleanupPlan
AWS_CHECKS_VENV := .venv-aws-checks
CHECKOV_VENV := .venv-checkov
LOCALSTACK_VENV := .venv-localstack

.PHONY: $(FUNCTIONS:%=build-%) check-template e2e lock-e2e

# `sam build` asks for build-FUNCTION in ARTIFACTS_DIR: one package, copied for each.
$(FUNCTIONS:%=build-%): lambda-artifact

# The locks are complete, hence no dependency is looked for beside them.
$(AWS_CHECKS_VENV)/.installed $(CHECKOV_VENV)/.installed: .venv-%/.installed: requirements/%.txt
	@$(PYTHON) -m venv .venv-$*
	@.venv-$*/bin/python -m pip install --quiet --no-deps --require-hashes --only-binary :all: -r $<
	@touch $@

check-template: $(AWS_CHECKS_VENV)/.installed $(CHECKOV_VENV)/.installed  ## template.yaml by sam validate, cfn-lint and checkov
	SAM_CLI_TELEMETRY=0 AWS_DEFAULT_REGION=eu-central-1 $(AWS_CHECKS_VENV)/bin/sam validate --lint
	$(AWS_CHECKS_VENV)/bin/cfn-lint
	$(CHECKOV_VENV)/bin/checkov

$(LOCALSTACK_VENV)/.installed: requirements/e2e/build.txt requirements/e2e/localstack.txt
	@python="$$($(PYTHON) -m scripts.find_python $(LAMBDA_PYTHON))" && "$$python" -m venv $(LOCALSTACK_VENV)
	@$(LOCALSTACK_VENV)/bin/python -m pip install --quiet --no-deps --require-hashes --only-binary :all: \
	  -r requirements/e2e/build.txt
	@$(LOCALSTACK_VENV)/bin/python -m pip install --quiet --no-deps --require-hashes --no-build-isolation \
	  --only-binary :all: --no-binary airspeed-ext,crontab,jsonpath-rw -r requirements/e2e/localstack.txt
	@touch $@

e2e: $(VENV)/.installed $(AWS_CHECKS_VENV)/.installed $(LOCALSTACK_VENV)/.installed  ## the template deployed to a stand-in of AWS, events in, detaches out
	@$(MAKE) --no-print-directory $(LAMBDA_VENV)/.installed build/lambda-$(HOST_ARCH).zip  # of lambda.mk, read after this
	env -u AWS_CA_BUNDLE $(BIN)/python -m pytest -m slow tests/e2e/aws

# Apart from `make lock`: LocalStack's last free release works with what was there in its time, on Python 3.13.
lock-e2e: $(VENV)/.installed  ## compile requirements/e2e/*.in
	$(BIN)/python -m pip install --quiet uv
	for file in requirements/e2e/*.in; do \
	  $(BIN)/uv pip compile --quiet --python-version 3.13 --exclude-newer 2026-04-10 --generate-hashes \
	    --no-emit-index-url --no-header $$file -o $${file%.in}.txt || exit 1; done
