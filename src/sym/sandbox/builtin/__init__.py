"""Built-in kinds: the defaults that a server fills in, and what it refuses.

`KINDS` is the table; a kind that is missing from it is served without checks of its own beyond its metadata.
"""
