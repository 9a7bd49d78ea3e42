"""The one error that a person is meant to read."""


class StackError(Exception):
    """One line that says what is wrong and what to do about it."""
