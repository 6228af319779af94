"""`harken verify`: does a running cluster do what it should? Asked from outside, as a client would.

Read in this order: check (what is told), known (a recording whose text is known), seen (what a server says of itself),
caller (HTTP), speaking (WebSockets), here (processes of this machine), visit (what all steps share); then the steps
door, keys, instances, recordings, traffic, stream, live, refusals; and run, which takes them in turn. Nothing here
imports a fleet or an engine's model. The invariant: what was not shown is never called ok; it is failed, or skipped
with the reason.
"""
