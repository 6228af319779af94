"""Live transcription: sessions of somebody who speaks, over any recognizer.

Owns turns, drafts and what is final. Knows neither sockets nor the events of anybody's protocol.
"""
