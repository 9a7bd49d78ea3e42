"""What can go wrong with prices."""

from goldalert.errors import UnavailableError


class NoPriceYetError(UnavailableError):
    """No tick has had a price so far, or none in the currency that is asked for."""

    code = "no_price_yet"
