"""A line to any server with `/v1/audio/transcriptions`.

Read `line` first; beside it all is pure but for `exchange` and `look`.
"""
