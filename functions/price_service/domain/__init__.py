"""The rules of the price tick: no I/O, no clock, no environment. All of them judge by the slot."""
