"""What the handlers work with: see docs/decisions/0010 for the layout."""
