"""The proof of the alert engine: `make prove-alerts` does EXAMPLES random things to it, and to a
plain model of it, and kills workers at each statement.

It fails when one trigger differs. The seed of each process is printed: `make prove-alerts SEED=…`
does the same once more.
"""

import argparse
import json
import os
import secrets
import subprocess
import sys
import time
from pathlib import Path

TESTS = Path("tests/integration/alert_service")
RESULTS = Path("bench/results/prove-alerts.json")


def start(examples: int, seed: int, tests: list[Path], log: Path) -> subprocess.Popen[bytes]:
    with log.open("wb") as output:
        return subprocess.Popen(  # noqa: S603 - our own tests
            [
                *(sys.executable, "-m", "pytest", "--quiet", "--show-capture=no"),
                f"--hypothesis-seed={seed}",
                *map(str, tests),
            ],
            env={**os.environ, "PROOF_EXAMPLES": str(examples)},
            stdout=output,
            stderr=output,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--examples", type=int, default=2000, help="of random lives of alerts")
    parser.add_argument("--seed", type=int, help="repeat what a process did")
    options = parser.parse_args()
    cores = 1 if options.seed is not None else os.cpu_count() or 1
    began = time.monotonic()
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    processes = {}
    for number in range(cores):
        seed = secrets.randbits(32) if options.seed is None else options.seed
        # the kills are not random: once is enough
        tests = [TESTS / "test_model.py", *([] if number else [TESTS / "test_crashes.py"])]
        log = RESULTS.parent / f"prove-alerts-{seed}.log"
        print(f"seed {seed}: {options.examples // cores} examples, to {log}", flush=True)
        processes[seed] = (start(options.examples // cores, seed, tests, log), log)
    failed = [seed for seed, (process, _) in processes.items() if process.wait()]
    result = {
        "examples": options.examples // cores * cores,
        "seeds": list(processes),
        "failed": failed,
        "seconds": round(time.monotonic() - began),
        "processes": cores,
    }
    RESULTS.write_text(json.dumps(result) + "\n")
    for seed, (_, log) in processes.items():
        print(f"seed {seed}: {log.read_text().rstrip().rsplit('\n', 1)[-1]}")
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
