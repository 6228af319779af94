"""The two servers: one instance with its model, and the gateway in front of many."""
