"""Accounts, sessions and tokens. It alone holds addresses and passwords."""
