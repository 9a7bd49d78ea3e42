"""What can go wrong with prices."""

from goldalert.errors import ConflictError, UnavailableError


class NoPriceYetError(UnavailableError):
    """No tick has had a price so far."""

    code = "no_price_yet"


class NoExchangeRateYetError(NoPriceYetError):
    """There is a price, but no exchange rate for the currency that is asked for."""

    code = "no_exchange_rate_yet"


class ExchangeExistsError(ConflictError):
    """There is a source of that name, or one that is asked at the same place in the same way."""

    code = "exchange_exists"


class TooManyExchangesError(ConflictError):
    """There are as many sources as can be asked at once."""

    code = "too_many_exchanges"
