"""`make rotate-keys` on a running local stack."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from goldalert_local.aws import Aws
from goldalert_local.credentials import Credentials
from goldalert_local.profiles import STAGE
from infra.rotate_keys import SecretsManager


class KeptSecrets(SecretsManager):
    """The secrets of a running stack. LocalStack forgets them: its next start takes the file's."""

    def __init__(self, aws: Aws, state_dir: Path) -> None:
        super().__init__(aws.secretsmanager, STAGE)
        self._file = state_dir / "secrets.json"

    def write(self, name: str, content: dict[str, Any]) -> None:
        super().write(name, content)
        changes: dict[str, Any] = {name: content}
        replace(Credentials.load_or_make(self._file), **changes).save(self._file)
