# AWS: the checks of the templates, and the template deployed to a stand-in of AWS.
FUNCTIONS := CertificateExpiry DomainDecommission ScheduledCleanup Undo CleanupPlan
TEMPLATES := template.yaml $(sort $(wildcard deploy/aws/*.yaml))

.PHONY: $(FUNCTIONS:%=build-%) check-template e2e lock-e2e

# `sam build` asks for build-FUNCTION. All functions have the same package.
$(FUNCTIONS:%=build-%): lambda-artifact

# cfn-lint and checkov have the names of the templates in .cfnlintrc and .checkov.yaml.
check-template: .venv-aws-checks/.installed .venv-checkov/.installed  ## all templates for AWS by sam validate, cfn-lint and checkov
	@set -e; for template in $(TEMPLATES); do \
	  SAM_CLI_TELEMETRY=0 AWS_DEFAULT_REGION=eu-central-1 .venv-aws-checks/bin/sam validate --lint --template $$template; done
	.venv-aws-checks/bin/cfn-lint
	.venv-checkov/bin/checkov

# `make` reads lambda.mk after this file, so the name of the package is given as $$(HOST_ARCH), which is expanded later.
e2e: $(VENV)/.installed .venv-aws-checks/.installed .venv-localstack/.installed .venv-lambda/.installed build/lambda-$$(HOST_ARCH).zip  ## the template deployed to a stand-in of AWS, events in, detaches out
	env -u AWS_CA_BUNDLE $(BIN)/python -m pytest -m slow tests/e2e/aws

# This is not part of `make lock`: the last free release of LocalStack works with the packages of its time, on Python 3.13.
lock-e2e: $(VENV)/.installed  ## compile requirements/e2e/*.in
	$(BIN)/python -m pip install --quiet uv
	for file in requirements/e2e/*.in; do \
	  $(BIN)/uv pip compile --quiet --python-version 3.13 --exclude-newer 2026-04-10 --generate-hashes \
	    --no-emit-index-url --no-header $$file -o $${file%.in}.txt || exit 1; done
