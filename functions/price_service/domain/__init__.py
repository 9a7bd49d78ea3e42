"""The rules of the price tick: no I/O, no clock, no environment.

They judge by the slot, and by how much later the sources were asked.
"""
