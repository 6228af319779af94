"""What operators do to a machine or a server from outside: look, fetch, verify, keep.

None of it imports the fleet.
"""
