"""The table of keys. A change of a column is a new version and has its step; times are seconds since 1970."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Float, Index, Integer, MetaData, String, Table, text

STEPS = {
    1: "ALTER TABLE api_keys ADD COLUMN priority VARCHAR(16) DEFAULT 'interactive' NOT NULL",
}
"""From a version to the next. A server of the version before goes on working, as long as it is not started anew."""

TABLES = MetaData(info={"room": "keys", "version": 2, "steps": STEPS})

keys = Table(
    "api_keys",
    TABLES,
    Column("id", String(40), primary_key=True),
    Column("digest", String(64), nullable=False, unique=True),
    Column("name", String(100), nullable=False),
    Column("prefix", String(16), nullable=False),
    Column("created_at", Float, nullable=False),
    Column("last_used_at", Float),
    Column("revoked_at", Float),
    Column("is_admin", Boolean, nullable=False),
    Column("requests_per_minute", Integer),
    Column("audio_s_per_minute", Float),
    Column("priority", String(16), nullable=False, server_default="interactive"),
)

_IN_USE = text("revoked_at IS NULL")
Index("api_keys_name_in_use", keys.c.name, unique=True, sqlite_where=_IN_USE, postgresql_where=_IN_USE)
