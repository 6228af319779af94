"""The `harken` command."""
