# Identity and secrets against the real Keystone, OpenBao and moto, and AWS' extension under AWS' runtime emulator.
SERVICES_VENV := .venv-services

.PHONY: test-services

$(SERVICES_VENV)/.installed: requirements/services.txt
	@$(PYTHON) -m venv $(SERVICES_VENV)
	@$(SERVICES_VENV)/bin/python -m pip install --quiet --require-hashes --only-binary :all: -r requirements/services.txt
	@touch $@

# /opt/extensions, where the emulator looks for extensions, is made and removed by the test that needs it.
test-services: $(SERVICES_VENV)/.installed $(LAMBDA_VENV)/.installed build/lambda-$(HOST_ARCH).zip  ## secrets and identity against Keystone, OpenBao and moto
	env -u AWS_CA_BUNDLE $(SERVICES_VENV)/bin/python -m pytest -m slow tests/services
