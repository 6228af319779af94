"""The Qwen3-ASR network in plain torch: log-mel features, encoder, decoder, prompt, tokenizer, weights.

Owns everything that is particular to this family of models. It refuses to know requests, batching policy and time:
the engine decides which segments run together, this package computes. Its invariant: the same samples and options
give the same text whatever else is in the batch. Read in this order: config, features, windows, encoder, cache,
decoder, network, tokenizer, prompt, answer, weights, model.

This file imports nothing, so that `harken.qwen3_asr.card` can be read where there is no torch.
"""
