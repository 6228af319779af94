"""What looks at a machine or a server from outside, or prepares it: doctor, pull, verify, backup, export, logs.

Nothing here imports the fleet: what changes while a cluster runs is its owner's.
"""
