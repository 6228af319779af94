"""The recognizer that has the model in this process: continuous batching over a fixed number of slots.

Read in this order: model (what is asked of a network), stopping, scheduler (pure), messages, loop (the thread that owns
the model), deltas, engine (the asyncio side), then load, resolve, canary. Times of words come from an aligner beside
the model: aligner (what is asked of one), align_batch (pure), align_loop (its thread), aligning, with_words. The stubs
stand in for all of it in tests of everything above. Engines of other packages (load_plugin): plugin_model,
plugin_answer (both pure), plugin_call, plugin_threads, plugin_engine. Nothing here imports torch before a real model is
loaded.
"""
