"""Plans carried out, and the inventory of a fleet."""
