"""What operators do with a machine or a server from outside: look, fetch, prove, save, sum up.

None of it runs inside a fleet, and nothing here imports one. The invariant: a command that only looks changes nothing.
"""
