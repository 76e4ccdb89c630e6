"""Credentials: where they are kept, and how they get onto a request."""
