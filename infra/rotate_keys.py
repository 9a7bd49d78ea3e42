"""Rotates the key that signs access tokens: `make rotate-keys`.

The new public key is published first and signs only when everybody can know it. The old one stays
good as long as a token that it signed may live. Each step reads what is stored and writes one
secret whole, so a run that was killed at any point is finished by the next. One run at a time.

Uses AWS's own settings: credentials, AWS_REGION, AWS_ENDPOINT_URL.
"""

import argparse
import json
import secrets
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

SIGNING_KEYS = "auth_signing_keys"
VERIFICATION_KEYS = "auth_verification_keys"

PUBLISH_SECONDS = 120
"""From the publication to the first signature: authorizers that meet an unknown key ask for it at
most every 30 s, and other clients may keep the published key set for 60 s."""

OLD_KEY_LIFE = timedelta(minutes=20)
"""How long an old key stays good: a process that is warm signs with it for 1 more minute, and a
token lives for 15."""

STARTED = f"The new key will sign in {PUBLISH_SECONDS} s; it is published meanwhile."

_NEVER = "9999-12-31T00:00:00+00:00"


class Secrets(Protocol):
    """The secrets of one deployment."""

    def read(self, name: str) -> dict[str, Any]: ...
    def write(self, name: str, content: dict[str, Any]) -> None: ...


class SecretsManager:
    """The secrets of a stage in AWS Secrets Manager."""

    def __init__(self, client: "SecretsManagerClient", stage: str) -> None:
        self._client = client
        self._prefix = f"goldalert/{stage}"

    def read(self, name: str) -> dict[str, Any]:
        text = self._client.get_secret_value(SecretId=f"{self._prefix}/{name}")["SecretString"]
        content: dict[str, Any] = json.loads(text)
        return content

    def write(self, name: str, content: dict[str, Any]) -> None:
        self._client.put_secret_value(
            SecretId=f"{self._prefix}/{name}", SecretString=json.dumps(content)
        )


def rotate(
    store: Secrets,
    *,
    publish_seconds: float = PUBLISH_SECONDS,
    wait: Callable[[float], None] = time.sleep,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> str:
    """Have a new key sign, and return its id."""
    signing = store.read(SIGNING_KEYS)
    active, newest = signing["active_kid"], signing["keys"][-1]
    if newest["kid"] == active:
        newest, _ = new_key()
        store.write(SIGNING_KEYS, {**signing, "keys": [*signing["keys"], newest]})
    publish(store, [active, newest["kid"]], public_key(newest), now())
    wait(publish_seconds)
    store.write(SIGNING_KEYS, {"active_kid": newest["kid"], "keys": [newest]})
    publish(store, [newest["kid"]], public_key(newest), now())
    return str(newest["kid"])


def publish(store: Secrets, signing: list[str], new: dict[str, str], now: datetime) -> None:
    """Publish a key. Those that do not sign any more get an end, and are dropped after it."""
    known = {key["kid"]: key for key in [*store.read(VERIFICATION_KEYS)["keys"], new]}
    end = {"not_after": (now + OLD_KEY_LIFE).isoformat(timespec="seconds")}
    keys = [key if kid in signing else end | key for kid, key in known.items()]
    good = [k for k in keys if datetime.fromisoformat(k.get("not_after", _NEVER)) > now]
    store.write(VERIFICATION_KEYS, {"keys": good})


def new_key() -> tuple[dict[str, str], dict[str, str]]:
    """Make a key: its private and its public part, as the two secrets list them."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    private = {"kid": secrets.token_hex(8), "private_pem": pem.decode()}
    return private, public_key(private)


def public_key(private: dict[str, str]) -> dict[str, str]:
    """The public part of a private key."""
    from cryptography.hazmat.primitives import serialization

    key = serialization.load_pem_private_key(private["private_pem"].encode(), password=None)
    pem = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return {"kid": private["kid"], "public_pem": pem.decode()}


def main(arguments: Iterable[str] | None = None) -> None:
    import boto3

    parser = argparse.ArgumentParser(description="Rotate the key that signs access tokens.")
    parser.add_argument("stage")
    stage: str = parser.parse_args(arguments).stage
    print(STARTED)
    kid = rotate(SecretsManager(boto3.client("secretsmanager"), stage))
    print(f"Tokens are signed with the key {kid} now.")


if __name__ == "__main__":
    main()
