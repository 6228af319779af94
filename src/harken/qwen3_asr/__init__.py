"""The Qwen3-ASR network in plain torch: log-mel features, encoder, decoder, prompt, tokenizer, weights.

Owns everything that is particular to this family of models. It refuses to know requests, batching policy and time:
the engine decides which segments run together, this package computes. Its invariant: the same samples and options
give the same text whatever else is in the batch. Read in this order: config, features, windows, encoder, cache,
decoder, network, tokenizer, prompt, answer, weights, model. The forced aligner is the same body under another head:
words, aligner_config, aligner_network, timestamps, word_times, aligner.

This file imports nothing, so that `card`, `words` and `word_times` can be used where there is no torch.
"""
