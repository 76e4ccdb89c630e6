# Processes that are killed, and processes that get into each other's way.
.PHONY: test-crash

test-crash: $(VENV)/.installed  ## kill -9 at 125 points; four processes of eight threads at once; SEED= repeats a run
	$(BIN)/python -m pytest -m "slow or not slow" tests/e2e/test_kill.py tests/e2e/test_door_kill.py tests/e2e/test_overlap.py \
	  tests/e2e/test_token_renewal.py
