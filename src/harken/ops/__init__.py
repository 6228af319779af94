"""What operators ask about a machine or a server, from outside.

Nothing here is part of a server that runs, and nothing here imports a fleet: what changes a running one belongs there.
"""
