"""A seeded storm: a fleet, events and faults, through the real doors, sent as a broker sends."""
