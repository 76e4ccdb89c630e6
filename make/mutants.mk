# Mutation testing: the code of src/ with one thing changed at a time, under the unit and integration tests.
# On Python 3.11 the interpreter crashed under mutmut's wrappers of our functions (seen with 3.11.7); on 3.13 it does not.
PYTHON_mutants := $(LAMBDA_PYTHON)
LOCKS_mutants := requirements/mutants.txt

.PHONY: mutants

mutants: .venv-mutants/.installed  ## mutants of src/ under the tests: SAMPLE= how many by lot (SEED=), ONLY= a pattern of names; without both all, which takes hours
	@PATH="$(CURDIR)/.venv-mutants/bin:$$PATH" PYTHONPATH=. .venv-mutants/bin/python -m scripts.mutants \
	  $(if $(SAMPLE),--sample $(SAMPLE) --seed $(or $(SEED),1)) $(if $(ONLY),--only "$(ONLY)")
