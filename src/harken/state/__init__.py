"""What outlives the process: the state folder and the database in it (or beside it, in PostgreSQL).

Rooms that keep something (`jobs`, `keys`) describe their tables and ask a `Database` for them; where the data lies is
decided here alone. This package imports no SQLAlchemy until a database is opened, so that a server starts without it.
"""

from harken.state.database import Database, reading, writing
from harken.state.folder import make_folder, state_folder
from harken.state.once import kept_once
from harken.state.run_folder import make_run_folder, run_folder, run_folders

__all__ = [
    "Database",
    "kept_once",
    "make_folder",
    "make_run_folder",
    "reading",
    "run_folder",
    "run_folders",
    "state_folder",
    "writing",
]
