"""The fast part of the suite (no browser, no node) on other days, in other zones, languages and orders.

`make test-anywhen` runs every case, `make test-anywhen CASE=days-40` one, `CASE=today` the one whose turn it
is. Only the wall clock is moved (clock.c, preloaded), in child processes too; monotonic time stays true.
"""
