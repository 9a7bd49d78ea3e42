"""The proof of the price: `make prove-prices` plays CASES made-up cases through the rules.

It fails when a single price is out of the range of the honest sources, when these are held back in
more than 0.1 % of the slots, or when a leap of the market is passed on more than one slot late.
"""

import argparse
import gc
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from tests.support.faults import COMBINATIONS, case_of, examine

CHUNK = 2_000
HELD_WRONGLY = 0.001
RESULTS = Path("bench/results/prove-prices.json")
COUNTS = ("cases", "slots", "prices", "outside", "must price", "held wrongly", "leaps", "late")


def play(numbers: Sequence[int]) -> tuple[Counter[str], list[int]]:
    """Return what was counted, and the numbers of the cases with a price that must not be."""
    found: Counter[str] = Counter()
    bad = []
    for number in numbers:
        counts = examine(case_of(number))
        found.update(counts)
        if counts["outside"] or counts["late"]:
            bad.append(number)
    return found, bad


def is_proven(found: Counter[str]) -> bool:
    return (
        found["outside"] == found["late"] == 0
        and found["held wrongly"] <= HELD_WRONGLY * found["must price"]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=1_000_000)
    cases = parser.parse_args().cases
    began = time.monotonic()
    found: Counter[str] = Counter()
    bad: list[int] = []
    chunks = [range(first, min(first + CHUNK, cases)) for first in range(0, cases, CHUNK)]
    # nothing here is a cycle, and looking for them takes a tenth of the time
    with ProcessPoolExecutor(initializer=gc.disable) as pool:
        for counts, numbers in pool.map(play, chunks):
            found.update(counts)
            bad.extend(numbers)
            if sys.stderr.isatty():
                print(f"\r{found['cases']:,} of {cases:,}", end="", file=sys.stderr)
    result = {name.replace(" ", "_"): found[name] for name in COUNTS} | {
        "combinations": len(COMBINATIONS),
        "seconds": round(time.monotonic() - began),
        "processes": os.cpu_count(),
    }
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps(result) + "\n")
    for name, value in result.items():
        print(f"{name:>14}: {value:,}")
    if bad:
        print("cases to look at (tests.support.faults.case_of):", *bad[:20])
    sys.exit(not is_proven(found))


if __name__ == "__main__":
    main()
