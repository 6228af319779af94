"""Who is next: tickets in lanes, fair between keys, due by due; and how much may wait.

Pure: no target, no future, no time of day.
"""
