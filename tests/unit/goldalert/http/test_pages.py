"""Pages for people."""

import base64
import hashlib
import re

from goldalert.http.pages import page


def test_a_page_allows_its_own_script_by_hash_and_nothing_else() -> None:
    """S14."""
    response = page("auth_service", "verify_email.html")
    policy = str(response.headers["Content-Security-Policy"])
    assert response.body is not None
    script = re.findall(r"<script>(.*?)</script>", response.body, re.DOTALL)[0]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
