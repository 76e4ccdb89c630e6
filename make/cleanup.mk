# The clean-up of a large fleet, and the undo.
.PHONY: undo test-cleanup bench-cleanup

# ENV names a file of KEY=VALUE lines, such as the sandbox writes with --write-env. Without ENV the settings are those of
# the environment.
undo: $(VENV)/.installed  ## attach again what REPORT=FILE (an outcome or a log) says was detached; ENV=FILE for settings
	@test -n "$(REPORT)" || { echo "make undo REPORT=FILE [ENV=FILE]" >&2; exit 2; }
	@set -a; $(if $(ENV),. "$(abspath $(ENV))";) PYTHONPATH=src $(BIN)/python -m scripts.undo "$(REPORT)"

test-cleanup: $(VENV)/.installed  ## the clean-up of 1 500 certificates
	$(BIN)/python -m pytest -m "slow or not slow" -s tests/e2e/test_cleanup_scale.py

bench-cleanup: $(VENV)/.installed  ## calls, wall time and memory of a clean-up of 1 500 certificates
	@PYTHONPATH=src $(BIN)/python -m benchmarks.cleanup
