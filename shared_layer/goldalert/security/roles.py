"""What a user may be."""

from typing import Literal

Role = Literal["user", "admin"]
