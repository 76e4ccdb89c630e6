# The sweep at fleet scale, and the way back.
.PHONY: undo test-sweep bench-sweep

# ENV names a file of KEY=VALUE lines, such as the sandbox writes with --write-env; without it the environment holds.
undo: $(VENV)/.installed  ## attach again what REPORT=FILE (an outcome or a log) says was detached; ENV=FILE for settings
	@test -n "$(REPORT)" || { echo "make undo REPORT=FILE [ENV=FILE]" >&2; exit 2; }
	@set -a; $(if $(ENV),. "$(abspath $(ENV))";) PYTHONPATH=src $(BIN)/python -m scripts.undo "$(REPORT)"

test-sweep: $(VENV)/.installed  ## the sweep of 1 500 certificates, and one killed twenty times
	$(BIN)/python -m pytest -m "slow or not slow" -s tests/e2e/test_sweep_scale.py tests/e2e/test_sweep_kill.py

bench-sweep: $(VENV)/.installed  ## calls, wall time and memory of a sweep of 1 500 certificates
	@PYTHONPATH=src $(BIN)/python -m benchmarks.sweep
