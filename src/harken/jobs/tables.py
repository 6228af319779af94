"""The tables of jobs: jobs, files, pieces, webhooks.

Only descriptions; what is done with them is in the modules beside this one. `info` names the room and the version of
these tables: a change of a column is a new version. Times are seconds since 1970. JSON is kept as text, because nothing
ever searches in it.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

TABLES = MetaData(info={"room": "jobs", "version": 1})

_NUMBER = BigInteger().with_variant(Integer, "sqlite")  # SQLite numbers rows by itself only in an INTEGER
_JOB = String(40)

jobs = Table(
    "jobs",
    TABLES,
    Column("id", _JOB, primary_key=True),
    Column("owner", String(64), nullable=False),
    Column("idempotency_key", String(255)),  # NULL where none was given: NULLs do not collide
    Column("name", Text, nullable=False),
    Column("metadata", Text, nullable=False),
    Column("ask", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("form", String(16), nullable=False),
    Column("webhook", Text, nullable=False),
    Column("state", String(16), nullable=False),
    Column("created_at", Float, nullable=False),
    Column("started_at", Float),
    Column("ended_at", Float),
    Column("last_claimed_at", Float, nullable=False),  # whose turn it is: the job that was longest not served
    UniqueConstraint("owner", "idempotency_key"),
    Index("jobs_by_end", "ended_at"),
    Index("jobs_by_owner", "owner", "id"),
)

files = Table(
    "files",
    TABLES,
    Column("id", _NUMBER, primary_key=True, autoincrement=True),
    Column("job_id", _JOB, ForeignKey("jobs.id", ondelete="CASCADE"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("name", Text, nullable=False),
    Column("shelf", String(40), nullable=False),  # on which machine's shelf it lies; only servers there can read it
    Column("path", Text, nullable=False),
    Column("stamp", String(80), nullable=False),
    Column("is_ours", Boolean, nullable=False),
    Column("state", String(16), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("refusals", Integer, nullable=False),  # tries that ended because the server could not, in a row
    Column("due_at", Float, nullable=False),
    Column("lease", String(40)),  # of one claim by one server; whoever has another one has lost the file
    Column("lease_ends_at", Float),
    Column("audio_s", Float),
    Column("done_s", Float, nullable=False),
    Column("error_code", String(64)),
    Column("error_message", Text),
    Column("result", Text),
    UniqueConstraint("job_id", "number"),
    Index("files_by_turn", "state", "shelf", "due_at"),
)

pieces = Table(
    "pieces",
    TABLES,
    Column("file_id", _NUMBER, ForeignKey("files.id", ondelete="CASCADE"), primary_key=True),
    Column("maker", String(255), primary_key=True),  # revision of the model and stamp of the file
    Column("first", BigInteger, primary_key=True),
    Column("last", BigInteger, primary_key=True),
    Column("body", Text, nullable=False),
)

webhooks = Table(
    "webhooks",
    TABLES,
    Column("id", _JOB, primary_key=True),
    Column("job_id", _JOB, ForeignKey("jobs.id", ondelete="CASCADE"), nullable=False, unique=True),
    Column("url", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("due_at", Float),  # NULL when it is delivered or given up
    Column("delivered_at", Float),
    Column("last_error", Text, nullable=False),
    Index("webhooks_by_turn", "due_at"),
)
