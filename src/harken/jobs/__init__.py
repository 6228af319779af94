"""Jobs: recordings that are transcribed in the background, on the disk until they are done, whoever crashes meanwhile.

Owns the life of jobs and files, their leases, the pieces that are finished, and the webhook that tells of the end. It
knows nothing of HTTP routes and keys: an owner is a word. SQLAlchemy is imported only when a job is looked for or kept
(`harken.jobs.store` and what it uses), so that a server without jobs starts without it. The invariant: a file ends
exactly once, by whoever holds its lease at that moment, and a finished piece is never recognised again.
"""

from harken.jobs.types import (
    Counts,
    FileError,
    FileState,
    Job,
    JobFile,
    JobState,
    NewFile,
    NewJob,
    WebhookState,
)

__all__ = ["Counts", "FileError", "FileState", "Job", "JobFile", "JobState", "NewFile", "NewJob", "WebhookState"]
