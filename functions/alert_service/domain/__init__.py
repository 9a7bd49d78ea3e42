"""Rules of alerts and ticks: which levels a move crosses, and what follows from it.

No I/O, no clock: the engine, the actions of people and back-tests all ask here.
"""
