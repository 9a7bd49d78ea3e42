"""How often strangers may try, and why so often (S3).

Each limit counts for each identity that it is asked about: a network, an address, an account.
"""

from goldalert.rate_limiting import RateLimit

_MINUTE = 60
_HOUR = 60 * _MINUTE

LOGIN_HERE = RateLimit("login-here", amount=10, seconds=15 * _MINUTE)
"""Failed logins of one address from one network, its owner's own too: more than anybody mistypes.
A good login wipes them out."""

LOGIN_ADDRESS = RateLimit("login-address", amount=20, seconds=_HOUR)
"""Logins of one address from all networks that are strange to it: a guesser with many networks gets
480 tries a day. It does not hold for a network that the account is known to come from, so nobody
can use it to lock the owner out."""

LOGIN_NETWORK = RateLimit("login-network", amount=100, seconds=15 * _MINUTE)
"""Failed logins from one network, which may be a whole office, with whatever addresses. It does not
hold for an account that is known to come from there either."""

LOGIN_OVERALL = RateLimit("login-overall", amount=1_000, seconds=_MINUTE)
"""Failed logins of everybody from strange networks: a list of stolen passwords on a big botnet."""

REGISTER_NETWORK = RateLimit("register-network", amount=60, seconds=_HOUR)
"""Registrations from one network: a class of pupils, but no factory of accounts."""

REGISTER_OVERALL = RateLimit("register-overall", amount=600, seconds=_MINUTE)
"""Registrations of everybody: each is a mail, and SES judges us by those that bounce."""

FORGOT_NETWORK = RateLimit("forgot-network", amount=30, seconds=_HOUR)
"""Forgotten passwords of one network."""

FORGOT_OVERALL = RateLimit("forgot-overall", amount=300, seconds=_MINUTE)
"""Forgotten passwords of everybody."""

MAILS_TO_ADDRESS = RateLimit("mails-to-address", amount=5, seconds=_HOUR)
"""Mails with a link that strangers can have us send to one mailbox, by registering or forgetting.
An owner who is refused because of them has links in the inbox that still work."""

MAILS_TO_ADDRESS_DAILY = RateLimit("mails-to-address-daily", amount=20, seconds=24 * _HOUR)
"""The same, so that nobody's mailbox is filled by and by."""

TOKENS_NETWORK = RateLimit("tokens-network", amount=30, seconds=15 * _MINUTE)
"""Links of one network that were no good. Nobody can guess one: it only tells a
program that goes on trying to stop. A good one is taken all the same, whoever else is in the
network."""

TOKENS_OVERALL = RateLimit("tokens-overall", amount=3_000, seconds=_MINUTE)
"""The same of everybody."""

REFRESHES = RateLimit("refreshes", amount=30, seconds=15 * _MINUTE)
"""Refreshes of one session. An access token lasts 15 minutes, so an honest client needs one or two;
each leaves a row."""

PASSWORDS = RateLimit("passwords", amount=10, seconds=15 * _MINUTE)
"""Wrong passwords of one account from somebody who is signed in: an access token that was stolen is
no way to guess it. The right one wipes them out."""

CODES = RateLimit("codes", amount=10, seconds=15 * _MINUTE)
"""The same of codes of the second factor, apart: who knows the password can wipe out only that
count, and goes on to guess no codes."""
