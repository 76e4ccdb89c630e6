# The free-standing door as a container, and the manifests that deploy it.
.PHONY: test-container lint-deploy

test-container: $(VENV)/.installed  ## the Dockerfile, carried out and started without an engine (Linux, as root)
	@test "$$(id -u)" = 0 || { echo "test-container makes overlays and gives up its rights: run it as root"; exit 1; }
	$(BIN)/python -m pytest -m slow tests/platform/test_functions_framework_image.py

# The tools need pydantic models of all of Kubernetes, so they have an environment of their own.
lint-deploy: .venv-deploy/.installed  ## the Dockerfile by hadolint, deploy/knative/ by the CRDs' models
	.venv-deploy/bin/hadolint Dockerfile
	@.venv-deploy/bin/python -m scripts.check_manifests deploy/knative/*.yaml deploy/knative/undo/*.yaml
