"""Harken's configuration in the words of other tools: nginx, supervisor, systemd, Prometheus.

Pure: a configuration and where its instances go in, text out. Who lays instances out and who writes files is the
command line's matter. The invariant: a value that a tool would read as something else is quoted, or refused.
"""
