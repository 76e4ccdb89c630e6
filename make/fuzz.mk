# The coverage-guided fuzzer over the parsing of events and over the API's answers. CI: make fuzz SECONDS=15
SECONDS := $(if $(filter command line,$(origin SECONDS)),$(SECONDS),60)

.PHONY: fuzz

fuzz: .venv-fuzz/.installed  ## look for odd events and answers, SECONDS=60 for each target; it starts from tests/corpus
	@set -e; for target in events replies; do echo "fuzzing $$target for $(SECONDS) s"; \
	  PYTHONPATH=src:. .venv-fuzz/bin/python -m tests.corpus.fuzz $$target $(SECONDS); done
