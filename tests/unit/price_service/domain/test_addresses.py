import pytest

from price_service.domain.addresses import clean_api_url


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://api.gold-api.com", "https://api.gold-api.com"),
        ("https://API.Gold-Api.com/", "https://api.gold-api.com"),
        ("HTTPS://api.gold-api.com:443", "https://api.gold-api.com"),
        ("https://xn--gld-tna.example", "https://xn--gld-tna.example"),
        ("https://a.b", "https://a.b"),
        (f"https://{'a' * 63}.example", f"https://{'a' * 63}.example"),
    ],
)
def test_a_host_by_its_name_is_kept_in_one_form(url: str, kept: str) -> None:
    assert clean_api_url(url, allow_loopback=False) == kept
    assert clean_api_url(url, allow_loopback=True) == kept


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("http://api.gold-api.com", "https"),
        ("ftp://api.gold-api.com", "https"),
        ("file:///etc/passwd", "must end"),
        ("gopher://api.gold-api.com", "https"),
        ("//api.gold-api.com", "https"),
        ("api.gold-api.com", "must end"),
        ("https:api.gold-api.com", "must end"),
        ("", "https"),
        ("https://", "name"),
        # who asks
        ("https://admin@api.gold-api.com", "user"),
        ("https://admin:secret@api.gold-api.com", "user"),
        ("https://@api.gold-api.com", "user"),
        ("https://api.gold-api.com@10.0.0.1", "user"),
        # where
        ("https://api.gold-api.com:8443", "port"),
        ("https://api.gold-api.com:22", "port"),
        ("https://api.gold-api.com:0", "port"),
        ("https://api.gold-api.com:", "port"),
        ("https://api.gold-api.com:99999", "must be a URL"),
        ("https://api.gold-api.com:x", "must be a URL"),
        ("https://api.gold-api.com:-1", "must be a URL"),
        # addresses, in every way of writing them
        ("https://10.0.0.1", "name"),
        ("https://127.0.0.1", "name"),
        ("https://169.254.169.254", "name"),
        ("https://93.184.216.34", "name"),
        ("https://2130706433", "name"),
        ("https://0x7f000001", "name"),
        ("https://0x7f.1", "name"),
        ("https://017700000001", "name"),
        ("https://127.1", "name"),
        ("https://[::1]", "name"),
        ("https://[::ffff:10.0.0.1]", "name"),
        ("https://[fe80::1%25eth0]", "name|URL"),
        ("https://[::1", "URL"),
        ("https://localhost", "name"),
        ("https://metadata", "name"),
        ("https://api.gold-api.com.", "name"),
        ("https://.gold-api.com", "name"),
        ("https://api..gold-api.com", "name"),
        ("https://-api.gold-api.com", "name"),
        ("https://api-.gold-api.com", "name"),
        ("https://api_.gold-api.com", "name"),
        ("https://gold.9com", "name"),
        (f"https://{'a' * 64}.example", "name"),
        (f"https://{'a.' * 130}example", "name"),
        # what follows
        ("https://api.gold-api.com/price", "must end"),
        ("https://api.gold-api.com//", "must end"),
        ("https://api.gold-api.com?", "must end"),
        ("https://api.gold-api.com?key=1", "must end"),
        ("https://api.gold-api.com#", "must end"),
        ("https://api.gold-api.com/#x", "must end"),
        # what parsers disagree about
        ("https://api.gold-api.com\\@10.0.0.1", "characters"),
        ("https://api.gold-api.com\r\nHost: x", "characters"),
        ("https://api.gold-api.com\t", "characters"),
        (" https://api.gold-api.com", "characters"),
        ("https://api.gold\u2011api.com", "characters"),
        ("https://ⓐpi.gold-api.com", "characters"),
        ("https://api.gold-api.com\x00", "characters"),
        ("https://api%2egold-api.com", "name"),
    ],
)
def test_anything_else_is_refused(url: str, message: str) -> None:
    """S12."""
    with pytest.raises(ValueError, match=message) as refused:
        clean_api_url(url, allow_loopback=False)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8080",
        "http://127.0.0.2",
        "http://localhost",
        "https://localhost:8443",
        "http://[::1]:9000",
    ],
)
def test_the_local_machine_may_be_asked_on_itself_only(url: str) -> None:
    """S12."""
    assert clean_api_url(url, allow_loopback=True) == url
    with pytest.raises(ValueError, match=r"https|name"):
        clean_api_url(url, allow_loopback=False)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("http://10.0.0.1", "https"),
        ("http://127.0.0.1.nip.io", "https"),
        ("ftp://127.0.0.1", "https"),
        ("http://127.0.0.1/path", "must end"),
        ("http://a@127.0.0.1", "user"),
        ("http://localhost.example", "https"),
    ],
)
def test_nothing_else_is_allowed_on_the_local_machine(url: str, message: str) -> None:
    """S12."""
    with pytest.raises(ValueError, match=message):
        clean_api_url(url, allow_loopback=True)
