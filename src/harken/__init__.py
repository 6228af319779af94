"""Harken: a self-hosted speech-recognition cluster for Qwen3-ASR."""

__version__ = "0.1.0"
