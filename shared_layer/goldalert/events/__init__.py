"""The contracts: what services tell each other, typed, versioned and frozen.

A new optional field keeps the version. Anything else adds a class for version 2 beside version 1.
Examples of each, which are tests too, lie in `events/contracts/`.
"""
