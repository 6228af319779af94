"""The recognizer that has the model in this process: continuous batching over a fixed number of slots.

Read in this order: model (what is asked of a network), stopping, scheduler (pure), messages, loop (the thread that owns
the model), deltas, engine (the asyncio side), then load, resolve, canary. `stub` stands in for all of it in tests of
everything above. Nothing here imports torch before a real model is loaded.
"""
