"""Instances on the nodes of a Ray cluster: where they run is Ray's to decide, all else is as on this machine."""
