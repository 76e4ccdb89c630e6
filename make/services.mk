# Identity and secrets against the real Keystone, OpenBao and moto. AWS's extension runs under AWS's runtime emulator.
.PHONY: test-services

# The emulator looks for extensions in /opt/extensions. The test that needs this folder makes it and removes it.
test-services: .venv-services/.installed .venv-lambda/.installed build/lambda-$(HOST_ARCH).zip  ## secrets and identity against Keystone, OpenBao and moto
	env -u AWS_CA_BUNDLE .venv-services/bin/python -m pytest -m slow tests/services
