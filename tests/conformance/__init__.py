"""Do OpenAI's own SDKs work against a Harken server unchanged? Every format, option and error, in Python and Node.

`python -m tests.conformance --server URL` asks a running server and prints one row for each check; `test_conformance`
does so in the test suite. The recording is a sample whose text is known, so answers are right and not only well formed.
"""
