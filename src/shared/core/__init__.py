"""What everything else is about: pure, without I/O."""
