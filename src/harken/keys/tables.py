"""The table of keys. A change of a column is a new version; times are seconds since 1970."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Float, Index, Integer, MetaData, String, Table, text

TABLES = MetaData(info={"room": "keys", "version": 1})

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
)

_IN_USE = text("revoked_at IS NULL")
Index("api_keys_name_in_use", keys.c.name, unique=True, sqlite_where=_IN_USE, postgresql_where=_IN_USE)
