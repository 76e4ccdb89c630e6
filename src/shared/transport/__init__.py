"""Requests over HTTPS: deadlines, retries, pace and TLS."""
