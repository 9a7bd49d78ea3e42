"""What the source tree says of the services."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FUNCTIONS = ROOT / "functions"

SERVICES = sorted(path.parent.name for path in FUNCTIONS.glob("*/__init__.py"))


def handler_files() -> list[tuple[str, str]]:
    """Every function, as its service and the name of its file."""
    return sorted(
        (path.parents[1].name, path.stem)
        for path in FUNCTIONS.glob("*/handlers/*.py")
        if path.stem != "__init__"
    )


def logical_id(service: str, handler: str) -> str:
    """`alert_service`, `on_price_updated` → `AlertOnPriceUpdatedFunction`."""
    words = f"{service.removesuffix('_service')}_{handler}".split("_")
    return "".join(word.capitalize() for word in words) + "Function"


def function_name(service: str, handler: str) -> str:
    """`alert_service`, `on_price_updated` → `alert-service-on-price-updated`."""
    return f"{service}_{handler}".replace("_", "-")


def tables(service: str) -> set[str]:
    """The tables that a service's migrations make."""
    text = "\n".join(
        path.read_text(encoding="utf-8")
        for path in FUNCTIONS.joinpath(service, "migrations").glob("*.py")
    )
    shared = {name.lower() for name in re.findall(r"op\.execute\(CREATE_([A-Z_]+)\)", text)}
    return set(re.findall(r"CREATE TABLE (?:IF NOT EXISTS )?(\w+)\b(?!\.)", text)) | shared
