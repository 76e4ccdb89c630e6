"""How it is done: the words (models, outcome, errors, settings), the steps that use them, and their wiring."""
