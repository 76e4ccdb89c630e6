"""API Gateway: its operations, and what its answers look like."""
