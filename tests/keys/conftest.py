"""Both databases, as the tests of jobs have them."""

from tests.jobs.conftest import database, postgres, state

__all__ = ["database", "postgres", "state"]
