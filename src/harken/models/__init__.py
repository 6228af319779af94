"""The models that were pulled to this machine: what they are called, where they lie, what is in them.

`names` and `manifest` are pure; `hashing` reads files, `store` the folders, `lock` keeps two pulls of one model apart.
Nothing here knows a network: what fetches models is `harken.ops.pull`, what loads them `harken.engine`. The invariant:
a model's folder has its final name only when each of its files was checked.
"""
