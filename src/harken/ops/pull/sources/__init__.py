"""The places that models come from, a module for each kind; `choose` decides which one is meant.

Each turns its own API's answers into one `Listing`. What they read is written by others: nothing is believed about
types, and `files.wanted_files` and the manifest's own checks stand between a list and this machine's disk.
"""
