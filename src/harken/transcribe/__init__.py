"""A recording's way through the recognizer: decode, cut at pauses, recognise in parallel, stitch.

Knows `Recognizer` only as an interface: the same code runs over an engine and over a dispatcher. It never imports
torch, and it knows nothing of HTTP. The invariant: a recording gives one whole result or raises one `HarkenError`;
no part of it is dropped in silence.
"""
