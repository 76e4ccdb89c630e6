"""The project's own storm: a seeded fleet, seeded events and faults, real doors, and senders that behave as a broker."""
