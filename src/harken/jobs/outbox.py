"""Messages about ended jobs that wait to be delivered.

Blocking; each method is one transaction. A message that is taken is due again after a while, so that a server that dies
while it delivers loses none: each is delivered at least once, always with the same id.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Engine, select, update

from harken.jobs import tables
from harken.state import reading, writing

_hooks = tables.webhooks


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    """A message about the end of a job.

    Attributes:
        id: the same at every try.
        job_id: the job.
        url: where it goes.
        body: JSON.
        attempts: tries, this one included.
    """

    id: str
    job_id: str
    url: str
    body: str
    attempts: int


class Outbox:
    """The messages.

    Args:
        engine: of a database that has the tables.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def take(self, *, now: float, again_at: float) -> Message | None:
        """Take the message that is longest due; it is due again at `again_at`."""
        due = select(_hooks).where(_hooks.c.due_at <= now).order_by(_hooks.c.due_at).limit(1)
        with reading(self._engine) as connection:
            if connection.execute(due).first() is None:
                return None
        with writing(self._engine) as connection:
            row = connection.execute(due.with_for_update(skip_locked=True)).first()
            if row is None:
                return None
            connection.execute(
                update(_hooks).where(_hooks.c.id == row.id).values(attempts=row.attempts + 1, due_at=again_at)
            )
        return Message(id=row.id, job_id=row.job_id, url=row.url, body=row.body, attempts=row.attempts + 1)

    def delivered(self, message: Message, *, now: float) -> None:
        """Its receiver has it."""
        self._change(message, due_at=None, delivered_at=now, last_error="")

    def failed(self, message: Message, error: str, *, again_at: float | None) -> None:
        """This try failed; None for `again_at` gives it up."""
        self._change(message, due_at=again_at, last_error=error[:500])

    def _change(self, message: Message, **values: object) -> None:
        with writing(self._engine) as connection:
            connection.execute(update(_hooks).where(_hooks.c.id == message.id).values(**values))
