"""The three local stacks, and where each keeps its things."""

import os
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENTS = ROOT / ".local" / "envs"
STACKS = ROOT / ".local" / "stacks"

STAGE = "local"
STACK_NAME = f"goldalert-{STAGE}"
REGION = "us-east-1"
ACCOUNT_ID = "000000000000"
DEV_SERVERS = "http://localhost:3000,http://localhost:5173"
"""Where the development servers of web applications commonly listen."""


@dataclass(frozen=True)
class Profile:
    """One local stack. `price_sources` and `parameters` go to the template."""

    name: str
    default_api_port: int
    default_aws_port: int
    keeps_state: bool
    price_sources: str
    parameters: dict[str, str]

    @property
    def api_port(self) -> int:
        return int(os.environ.get("API_PORT") or self.default_api_port)

    @property
    def aws_port(self) -> int:
        return int(os.environ.get("AWS_PORT") or self.default_aws_port)

    @property
    def api_url(self) -> str:
        return f"http://localhost:{self.api_port}"

    @property
    def aws_endpoint_url(self) -> str:
        return f"http://127.0.0.1:{self.aws_port}"

    @property
    def state_dir(self) -> Path:
        return STACKS / self.name

    @property
    def stack_file(self) -> Path:
        return self.state_dir / "stack.json"

    def template_parameters(self) -> dict[str, str]:
        return {
            "Stage": STAGE,
            "ApiOrigin": self.api_url,
            "AllowedOrigins": os.environ.get("ALLOWED_ORIGINS") or DEV_SERVERS,
            "PriceSources": self.price_sources.format(state=self.state_dir, root=ROOT),
            **self.parameters,
        }


PROFILES = {
    profile.name: profile
    for profile in (
        # live sources, and the simulator when none answers
        Profile("run", 8000, 4566, keeps_state=True, price_sources="", parameters={}),
        # a test writes the prices that it wants into the file; EventBridge has no shorter rate;
        # tests send in a minute what people send in a day
        Profile(
            "test",
            8010,
            4576,
            keeps_state=False,
            price_sources="replay:{state}/prices.csv",
            parameters={
                "PricePollSchedule": "rate(1 minute)",
                "PriceSlotSeconds": "60",
                "UserRequestsPerMinute": "100000",
                "NetworkRequestsPerMinute": "100000",
            },
        ),
        Profile(
            "demo",
            8020,
            4586,
            keeps_state=False,
            price_sources="replay:gold_usd_monthly.csv@2024-06",
            parameters={},
        ),
    )
}
