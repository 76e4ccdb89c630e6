# The free-standing door as a container.
.PHONY: test-container

test-container: $(VENV)/.installed  ## the Dockerfile, carried out and started without an engine (Linux, as root)
	@test "$$(id -u)" = 0 || { echo "test-container makes overlays and gives up its rights: run it as root"; exit 1; }
	$(BIN)/python -m pytest -m slow tests/platform/test_functions_framework_image.py
