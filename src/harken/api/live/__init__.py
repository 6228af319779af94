"""The doors to live transcription: WebSockets in, OpenAI's realtime events or a plain protocol out.

Owns what clients say and are told. Knows nothing of drafts, turns' boundaries or recognition: that is `harken.live`.
"""
