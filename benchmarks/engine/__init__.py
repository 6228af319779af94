"""How fast the engine is, and how far that is from what the machine could do.

`python -m benchmarks.engine` runs it; docs/reference/benchmarks.md says what is measured and how. One run measures our
engine, transformers' `generate` and the machine itself, one after another, on the same clips and the same weights.
"""
