# The storm: seeded events and faults through the real doors, judged by an oracle that does not know the function.
EVENTS ?= 2000
SEED ?= 1
DOOR ?= http
SENDERS ?= 8
FAULTS ?= 0.2

.PHONY: storm test-storm

# The package is needed by the Lambda door alone.
STORM_PACKAGE := $(if $(filter lambda both,$(DOOR)),.venv-lambda/.installed build/lambda-$(HOST_ARCH).zip)

storm: $(VENV)/.installed $(STORM_PACKAGE)  ## a storm of events and faults: EVENTS= SEED= DOOR=http|lambda|both SENDERS= FAULTS= ONLY= AGAIN= KEEP=
	@$(BIN)/python -m tests.storm --events $(EVENTS) --seed $(SEED) --door $(DOOR) --senders $(SENDERS) \
	  --faults $(FAULTS) $(if $(ONLY),--only "$(ONLY)") $(if $(AGAIN),--again "$(AGAIN)") $(if $(KEEP),--keep "$(KEEP)")

test-storm: $(VENV)/.installed  ## a storm on each of twenty copies of the function with a planted bug, which the oracle has to find
	$(BIN)/python -m pytest -m slow tests/storm/test_planted.py
