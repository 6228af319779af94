"""The skeleton of a file, walked before anything is decoded.

Decoders are built to be forgiving: they skip what they cannot read and stop quietly where the bytes stop. For a
transcript that means missing words that nobody notices. These walkers read only lengths and checksums, so they are
cheap, and they raise where a decoder would shrug. Each is pure: bytes in, facts or an error out.
"""
