"""Which hosts are this machine itself: what needs no TLS, and is refused to strangers."""

from ipaddress import ip_address


def is_loopback(host: str) -> bool:
    """Say whether a host, as a URL names it, is the machine itself.

    Example:
        >>> is_loopback("127.0.0.1"), is_loopback("db.example.com")
        (True, False)
    """
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
