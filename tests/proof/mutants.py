"""Inverts each guard of a service's rules, one at a time: `make mutants-prices mutants-alerts`.

A mutant that no test notices is a guard that nobody proves, unless `EXPLAINED` says why it makes no
difference. Tools such as mutmut change everything, down to the words of messages; here only guards
are asked about, and each is tried in a process that has all else loaded.
"""

import ast
import copy
import importlib.abc
import importlib.util
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import hypothesis  # noqa: F401 - loaded once, for all
import pytest

import goldalert.events.prices
import goldalert.units  # noqa: F401 - likewise

ROOT = Path(__file__).parents[2]

INVERTED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.GtE,
    ast.LtE: ast.Gt,
    ast.Gt: ast.LtE,
    ast.GtE: ast.Lt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
SHIFTED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
}

OPTIONS = (
    *("--exitfirst", "--quiet", "--assert=plain"),
    *("-p", "_hypothesis_pytestplugin", "-m", "not hypothesis"),
)
UNCHANGED = "nothing"

FOR_TYPES = "what counts or may trigger has a price; only the type checker cannot know"
PRICES_EXPLAINED = {
    f"{module}: {was}  →  {now}": FOR_TYPES
    for module, was, now in (
        ("agreement", "not tick.may_trigger or tick.price is None", "not tick.may_trigger"),
        (
            "agreement",
            "last is None or last.price is None or tick.price is None",
            "last is None or last.price is None",
        ),
        (
            "agreement",
            "verdict.is_counted and verdict.price is not None and "
            "_is_within(MAJORITY_WITHIN, verdict.price, middle)",
            "verdict.is_counted and _is_within(MAJORITY_WITHIN, verdict.price, middle)",
        ),
        ("model", "verdict.has_value and verdict.price is not None", "verdict.has_value"),
    )
}

ALERTS_EXPLAINED = {
    "rules: self.up is not None and before < self.up <= after  →  before < self.up <= after": (
        "what is crossed has both levels; only the type checker cannot know"
    ),
    "rules: self.down is not None and before > self.down >= after  →  "
    "before > self.down >= after": "likewise",
    "rules: price <= 0  →  price < 0": "zero is refused next, for its level",
}


@dataclass(frozen=True)
class Rules:
    """The rules of a service, and what proves them.

    Attributes:
        service: its package.
        modules: of its domain.
        slow_tests: those to run last, by module.
        untested: modules without tests of their own, which others try.
        explained: why a mutant makes no difference, by the mutant.
    """

    service: str
    modules: tuple[str, ...]
    slow_tests: tuple[str, ...]
    untested: frozenset[str]
    explained: dict[str, str]

    @property
    def domain(self) -> Path:
        return ROOT / "functions" / self.service / "domain"

    def tests(self, module: str) -> Iterator[list[str]]:
        """Give the tests to run on a mutant of a module: first its own, last the slow ones."""
        folder = f"tests/unit/{self.service}/domain"
        tested = (one for one in self.modules if one not in self.untested)
        yield [f"{folder}/test_{one}.py" for one in sorted(tested, key=lambda one: one != module)]
        for test in self.slow_tests:
            yield [f"{folder}/{test}"]


PRICES = Rules(
    "price_service",
    ("agreement", "judging", "market", "health", "standing", "model", "conversion"),
    ("test_faults.py",),
    frozenset({"model"}),
    PRICES_EXPLAINED,
)
ALERTS = Rules(
    "alert_service",
    ("rules", "series", "lifecycle", "triggers", "backtest", "explanations"),
    (),
    frozenset(),
    ALERTS_EXPLAINED,
)


@dataclass(frozen=True)
class Mutant:
    """A module with one guard changed."""

    rules: Rules
    module: str
    line: int
    was: str
    now: str
    source: str

    @property
    def name(self) -> str:
        return f"{self.module}: {self.was}  →  {self.now}"


def guards(tree: ast.AST) -> Iterator[tuple[ast.AST, ast.AST]]:
    """Give each guard of a module with each thing that it may be instead."""
    for node in ast.walk(tree):
        match node:
            case ast.Compare(ops=ops):
                for index, operator in enumerate(ops):
                    for table in (INVERTED, SHIFTED):
                        if type(operator) in table:
                            changed = copy.deepcopy(node)
                            changed.ops[index] = table[type(operator)]()
                            yield node, changed
            case ast.BoolOp(op=operator, values=values):
                other = ast.Or() if isinstance(operator, ast.And) else ast.And()
                yield node, ast.BoolOp(other, values)
                # each part away: a guard among others that never matters
                for index in range(len(values)):
                    rest = values[:index] + values[index + 1 :]
                    yield node, rest[0] if len(rest) == 1 else ast.BoolOp(operator, rest)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                yield node, operand
            case ast.If(test=test) | ast.IfExp(test=test):
                yield from _negated(test)
            case ast.comprehension(ifs=tests):
                for test in tests:
                    yield from _negated(test)


def _negated(test: ast.expr) -> Iterator[tuple[ast.AST, ast.AST]]:
    if isinstance(test, ast.Call | ast.Name | ast.Attribute):
        yield test, ast.UnaryOp(ast.Not(), test)


class _Replace(ast.NodeTransformer):
    def __init__(self, old: ast.AST, new: ast.AST) -> None:
        self._old, self._new = old, new

    def visit(self, node: ast.AST) -> ast.AST:
        return self._new if node is self._old else super().visit(node)


def mutants_of(rules: Rules, module: str) -> Iterator[Mutant]:
    source = (rules.domain / f"{module}.py").read_text()
    for number in range(len(list(guards(ast.parse(source))))):
        tree = ast.parse(source)
        old, new = list(guards(tree))[number]
        was, now = ast.unparse(old), ast.unparse(new)
        mutated = ast.fix_missing_locations(_Replace(old, new).visit(tree))
        yield Mutant(rules, module, old.lineno, was, now, ast.unparse(mutated))


class _Instead(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports a mutant in place of its module."""

    def __init__(self, mutant: Mutant) -> None:
        self._name, self._source = f"{mutant.rules.service}.domain.{mutant.module}", mutant.source

    def find_spec(self, name: str, path: object = None, target: object = None) -> object:
        return importlib.util.spec_from_loader(name, self) if name == self._name else None

    def exec_module(self, module: object) -> None:
        exec(compile(self._source, self._name, "exec"), module.__dict__)  # noqa: S102 - the mutant


def survives(mutant: Mutant) -> bool:
    """Run the tests on a mutant until one fails."""
    sys.meta_path.insert(0, _Instead(mutant))
    with Path(os.devnull).open("w") as nowhere:
        os.dup2(nowhere.fileno(), 1)
        os.dup2(nowhere.fileno(), 2)
    try:
        return all(
            pytest.main([*OPTIONS, *tests]) == pytest.ExitCode.OK
            for tests in mutant.rules.tests(mutant.module)
        )
    except Exception:
        return False


def main() -> None:
    os.chdir(ROOT)
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # they take longer to load than the tests
    rules = {"prices": PRICES, "alerts": ALERTS}[sys.argv[1]]
    modules = sys.argv[2:] or rules.modules
    mutants = [mutant for module in modules for mutant in mutants_of(rules, module)]
    first = rules.modules[0]
    source = (rules.domain / f"{first}.py").read_text()
    mutants.insert(0, Mutant(rules, first, 0, UNCHANGED, "", source))
    # a process of its own for each, which begins with the libraries and without the rules
    with get_context("fork").Pool(maxtasksperchild=1) as pool:
        survived = pool.imap(survives, mutants)
        if not next(survived):
            sys.exit("the tests fail without any change")
        survivors = []
        for mutant, alive in zip(mutants[1:], survived, strict=True):
            if alive:
                survivors.append(mutant)
                why = rules.explained.get(mutant.name, "NOT EXPLAINED")
                print(f"line {mutant.line} of {mutant.name}: {why}", flush=True)
    names = {mutant.name for mutant in survivors}
    unneeded = {name for name in rules.explained.keys() - names if name.split(":")[0] in modules}
    for name in unneeded:
        print(f"is explained, and does not survive: {name}")
    explained = len(names & rules.explained.keys())
    print(f"{len(mutants) - 1} mutants, {len(survivors)} survive, {explained} of them explained")
    sys.exit(bool(unneeded or names - rules.explained.keys()))


if __name__ == "__main__":
    main()
