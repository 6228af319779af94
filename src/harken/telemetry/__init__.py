"""What is seen of a running server: metrics, the journal of recent requests, the cluster as one document, traces.

Everything here listens to `harken.events` or looks at what somebody owns anyway; nothing here is asked when anything is
decided. Public names are those of the modules.
"""
