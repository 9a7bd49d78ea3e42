"""Where an admin may have a source asked (S12).

This looks at what is written. What a name leads to is looked at whenever the source is asked
(`gateways/outgoing.py`), since it can change at any time.
"""

import re
from urllib.parse import urlsplit

from goldalert.loopback import is_loopback

_NAME = re.compile(
    # whole labels, the last of them with a letter first: `127.1` and `0x7f000001` are addresses
    r"(?=.{1,253}\Z)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?"
)
_PRINTABLE = re.compile(r"[!-~]*")


def clean_api_url(url: str, *, allow_loopback: bool) -> str:
    """Return an address of a source in the one form in which it is kept.

    Args:
        url: the https address of a host that has a name, without a path: the adapter knows it.
        allow_loopback: whether this machine will do, too, with any scheme of HTTP and any port.

    Raises:
        ValueError: it is not such an address; the message says why, and quotes nothing of it.

    Example:
        >>> clean_api_url("https://API.gold.example:443/", allow_loopback=False)
        'https://api.gold.example'
    """
    if not _PRINTABLE.fullmatch(url) or "\\" in url:
        raise ValueError("must have neither spaces nor characters that belong into no URL")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ValueError("must be a URL") from None
    if "@" in parts.netloc:
        raise ValueError("must not say a user or a password")
    if parts.path not in {"", "/"} or "?" in url or "#" in url:
        raise ValueError("must end after the host: its adapter knows the path")
    host = parts.hostname or ""
    if allow_loopback and parts.scheme in {"http", "https"} and is_loopback(host):
        return f"{parts.scheme}://{parts.netloc.lower()}"
    if parts.scheme != "https":
        raise ValueError("must begin with https://")
    if not _NAME.fullmatch(host):
        raise ValueError("must name a host in full, not an IP address")
    if parts.netloc.endswith(":") or port not in {None, 443}:
        raise ValueError("must use the port of https")
    return f"https://{host}"
