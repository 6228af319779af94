"""`harken backup` and `harken restore`: what a server must not lose, in one file.

Read in this order: errors, names (what may be in an archive), manifest, gzipped (a gzip file that knows its own
digest), archive (written and read), source (the database at one moment), rows (the same rows in another database),
recordings, settings, models; then making puts an archive together, and place, config_place, other_database, rehearsal
and restoring bring one back.
The invariants: an archive is there whole or not at all, and of one that is damaged nothing is ever restored.
"""
