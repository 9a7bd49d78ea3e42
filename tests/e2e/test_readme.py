"""The tour in the README works as pasted."""

import re
import subprocess
from decimal import Decimal
from pathlib import Path

from goldalert_local.client import StackClient

README = Path(__file__).resolve().parents[2] / "README.md"


def test_the_tour_works_as_pasted(stack: StackClient) -> None:
    [tour] = re.findall(r"```sh\n(.*?)```", README.read_text(), re.DOTALL)
    tour = tour.replace("http://localhost:8000", stack.description["api_url"])
    tour = tour.replace("http://127.0.0.1:4566", stack.description["aws_endpoint_url"])
    with stack.price_feed() as move:
        move(Decimal("4200"))
        run = subprocess.run(  # noqa: S603 - our own README
            ["bash", "-euo", "pipefail", "-c", tour],  # noqa: S607
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    assert run.returncode == 0, run.stdout + run.stderr
    assert "alert_triggered" in run.stdout
    assert "my first alert" in run.stdout
