"""How the shipped `qwen3-asr-digits` checkpoint is made: synthesis, training, evaluation.

Nothing here is imported by `harken` itself; the package is run as scripts from the repository's
root (`python -m training.train`, `python -m training.evaluate`). The README beside this file tells
the story, the numbers and the limits.
"""
