"""`harken pull`: a model's files from a hub, a mirror or another Harken to this machine, whole or not at all.

Read in this order: files (plain data), events, failures, tries (pure), ranges (pure), web (one request), partial (what
has arrived of a file), means, fetch (one file), place (a revision's folder while it grows), pull (all of it). `sources`
has one module for each kind of place that models come from; they only make the list of files, so that there is one way
of fetching, resuming and checking for all.
"""
