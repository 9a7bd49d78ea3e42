"""Ticks, series and armed levels: what the engine works with."""
# ruff: noqa: S608 - what is formatted into statements are constants of this file

import json
from bisect import bisect_left
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from alert_service.config import GAP_DEADLINE, LEASE
from alert_service.domain.lifecycle import Alert, Claimed
from alert_service.domain.rules import given
from alert_service.domain.series import (
    WINDOWS,
    Crossing,
    Fired,
    Kind,
    Past,
    Place,
    Reading,
    Series,
    SeriesName,
    StoredTick,
    read,
)
from alert_service.repository.alerts import COLUMNS, alert_of
from alert_service.repository.rows import Rows
from goldalert.events.prices import Tick
from goldalert.units import Karat, Unit, price_in_unit

TICK = "t.sequence, t.facts, t.prices, t.rates, t.correlation_id"

_SERIES = (
    "name, value, value_sequence, reference, reference_sequence, applied_sequence, "
    "pending_value, pending_reference, pending_reference_sequence"
)

_FREE = "(leased_by IS NULL OR leased_by = :worker OR leased_until < clock_timestamp())"

# One bounded range, in the order of an index. Never both directions in one condition: an OR reads
# the whole table. The lower bound keeps the scan off the dead entries of levels claimed before.
_RANGES = {
    "up": "t.series = {name} AND t.level_up > {low} AND t.level_up <= {high} "
    "AND t.armed_after < :sequence AND t.kind = ANY({kinds})",
    "down": "t.series = {name} AND t.level_down >= {low} AND t.level_down < {high} "
    "AND t.armed_after < :sequence AND t.kind = ANY({kinds})",
}

_CROSSED = {
    direction: in_range.format(name="m.name", low="m.low", high="m.high", kinds="m.kinds")
    for direction, in_range in _RANGES.items()
}

# With plain values, and in the order of the index: joined to a record, the whole table was seen to
# be read for each chunk.
_CLAIMED = {
    direction: in_range.format(
        name=":series",
        low="CAST(:low AS numeric)",
        high="CAST(:high AS numeric)",
        kinds="CAST(:kinds AS text[])",
    )
    for direction, in_range in _RANGES.items()
}

_MOVES = (
    "jsonb_to_recordset(CAST(:moves AS jsonb)) AS m(name text, low numeric, high numeric, "
    "kinds text[])"
)


_NEAREST_FIRST = {"up": "ASC", "down": "DESC"}

_LAST = {"up": "max", "down": "min"}

_END_OF_TRIGGER = "\n"
"""JSON has no line feed of its own."""

_FIRES = "(t.kind = 'once' AND (t.expires_at IS NULL OR t.expires_at > :slot))"

# Each half has an index, which the table as a whole has not.
_IDLE = (
    "NOT EXISTS (SELECT 1 FROM thresholds t WHERE t.series = s.name AND t.level_up IS NOT NULL) "
    "AND NOT EXISTS (SELECT 1 FROM thresholds t WHERE t.series = s.name "
    "  AND t.level_down IS NOT NULL)"
)

_NEW_ID = (
    "CAST(encode(set_bit(set_bit(overlay(uuid_send(gen_random_uuid()) PLACING substring(int8send("
    "CAST(extract(epoch FROM clock_timestamp()) * 1000 AS bigint)) FROM 3) FROM 1 FOR 6), "
    "52, 1), 53, 1), 'hex') AS uuid)"
)
"""A UUIDv7, as `goldalert.ids.new_id` makes them: the time in 48 bits, version 7 for version 4."""

# Each step reads what the one before has written. The levels are deleted by their place, which a
# locked row does not change. What the history has already is not told again.
_FIRE_ONCE = {
    direction: "WITH reached AS (DELETE FROM thresholds WHERE ctid = ANY(ARRAY("
    f"  SELECT t.ctid FROM thresholds t WHERE {crossed} AND {_FIRES} "
    f"  ORDER BY t.level_{direction} {_NEAREST_FIRST[direction]} LIMIT :limit "
    "  FOR UPDATE OF t SKIP LOCKED)) "
    f"RETURNING alert_id, level_{direction} AS level), "
    "fired AS (UPDATE alerts a SET state = 'triggered', triggered_at = :now FROM reached r "
    "WHERE a.id = r.alert_id "
    f"RETURNING a.*, r.level, {_NEW_ID} AS trigger_id), "
    "priced AS MATERIALIZED (SELECT f.*, p.price FROM fired f JOIN "
    "  jsonb_to_recordset(CAST(:prices AS jsonb)) AS p(unit text, karat smallint, price numeric) "
    "  ON (p.unit, p.karat) = (f.unit, f.karat)), "
    "history AS (INSERT INTO alert_history (id, alert_id, user_id, tick_id, triggered_at, version, "
    "  alert_type, threshold, currency, unit, karat, value, value_before, sequence_before, "
    "  value_after) "
    "  SELECT trigger_id, id, user_id, :tick_id, :now, version, alert_type, threshold, currency, "
    "  unit, karat, price, CAST(:before AS numeric), CAST(:sequence_before AS bigint), :after "
    "  FROM priced ON CONFLICT (alert_id, tick_id) DO NOTHING RETURNING id) "
    # one row: the driver takes longer over five hundred than the server over them
    "SELECT string_agg(CAST(user_id AS text), ' ') AS owners, "
    f"  string_agg(trigger, '{_END_OF_TRIGGER}') AS triggers, {_LAST[direction]}(level) AS last "
    "FROM (SELECT p.user_id, p.level, CAST(row_to_json((SELECT t FROM (SELECT p.trigger_id, "
    "  p.id AS alert_id, p.user_id, p.alert_type, CAST(p.threshold AS text) AS threshold, "
    "  CAST(p.price AS text) AS price, p.currency, p.unit, p.karat, p.note, p.channels, p.version, "
    "  CAST(:direction AS text) AS direction) AS t)) AS text) AS trigger FROM priced p "
    # IS TRUE keeps it a look into a hash: as a join it was seen to compare all with all
    "WHERE (trigger_id IN (SELECT id FROM history)) IS TRUE) AS told"
    for direction, crossed in _CLAIMED.items()
}


class EngineRows(Rows):
    """`ticks`, `series`, `thresholds` and `skipped_ticks`."""

    # --- ticks ---

    def add_tick(self, tick: StoredTick) -> UUID:
        """Store a tick; return the id of the tick that has this sequence.

        One that was given up says nothing any more: series have gone on without it.
        """
        return UUID(
            str(
                self._run(
                    "WITH new AS (INSERT INTO ticks (sequence, tick_id, slot, may_trigger, prices, "
                    "rates, facts, correlation_id) VALUES (:sequence, :tick_id, :slot, "
                    ":may_trigger AND NOT EXISTS (SELECT 1 FROM skipped_ticks "
                    "  WHERE :sequence BETWEEN first_sequence AND last_sequence), "
                    "CAST(:prices AS jsonb), CAST(:rates AS jsonb), "
                    "CAST(:facts AS jsonb), :correlation_id) "
                    "ON CONFLICT (sequence) DO NOTHING RETURNING tick_id) "
                    "SELECT tick_id FROM new "
                    "UNION ALL SELECT tick_id FROM ticks WHERE sequence = :sequence",
                    sequence=tick.sequence,
                    tick_id=tick.tick.tick_id,
                    slot=tick.tick.slot,
                    may_trigger=tick.may_trigger,
                    prices=_decimals(tick.prices),
                    rates=_decimals(tick.rates),
                    facts=tick.tick.model_dump_json(),
                    correlation_id=tick.correlation_id,
                ).scalar_one()
            )
        )

    def tick(self, sequence: int) -> StoredTick | None:
        row = self._run(
            f"SELECT {TICK} FROM ticks t WHERE sequence = :sequence", sequence=sequence
        ).first()
        return None if row is None else tick_of(row)

    def overdue_tick(self, missing: int) -> int | None:
        """Return the first tick after a missing one, if it has waited until the deadline."""
        return self._run(
            "SELECT sequence FROM (SELECT sequence, stored_at FROM ticks "
            "  WHERE sequence > :missing ORDER BY sequence LIMIT 1) AS waiting "
            "WHERE stored_at <= now() - CAST(:deadline AS interval)",
            missing=missing,
            deadline=GAP_DEADLINE,
        ).scalar()

    def add_skipped_ticks(self, names: Sequence[SeriesName], first: int, last: int) -> None:
        self._run(
            "INSERT INTO skipped_ticks (series, first_sequence, last_sequence) "
            "SELECT name, :first, :last FROM unnest(CAST(:names AS text[])) AS s(name)",
            names=[str(name) for name in names],
            first=first,
            last=last,
        )

    def past(self, slot: datetime, sequence: int, names: Sequence[SeriesName]) -> Past:
        """Return what the tick `sequence` of `slot` is measured against by some series."""
        changes = [name for name in names if name.measure == "change"]
        means = [name for name in names if name.measure == "sma"]
        return Past(
            references=self._references(slot, sequence, changes) if changes else {},
            totals=self._totals(sequence, means) if means else {},
        )

    def _references(
        self, slot: datetime, sequence: int, changes: Sequence[SeriesName]
    ) -> dict[tuple[str, str], tuple[int, Decimal]]:
        rows = self._run(
            "SELECT c.currency, c.name, t.sequence, t.price FROM "
            "unnest(CAST(:currencies AS text[]), CAST(:windows AS text[]), "
            "CAST(:begins AS timestamptz[])) AS c(currency, name, begin) CROSS JOIN LATERAL ("
            "  SELECT sequence, CAST(prices ->> c.currency AS numeric) AS price FROM ticks "
            "  WHERE may_trigger AND slot <= c.begin AND sequence < :sequence "
            "  AND prices ->> c.currency IS NOT NULL "
            "  ORDER BY slot DESC, sequence DESC LIMIT 1) AS t",
            currencies=[name.currency for name in changes],
            windows=[name.argument for name in changes],
            begins=[slot - WINDOWS[name.argument] for name in changes],  # type: ignore[index]
            sequence=sequence,
        )
        return {(row.currency, row.name): (row.sequence, row.price) for row in rows}

    def _totals(self, sequence: int, means: Sequence[SeriesName]) -> dict[tuple[str, int], Decimal]:
        periods = {int(name.argument) for name in means}
        rows = self._run(
            "SELECT c.currency, t.n, t.total FROM unnest(CAST(:currencies AS text[])) "
            "AS c(currency) CROSS JOIN LATERAL ("
            "  SELECT row_number() OVER back AS n, sum(price) OVER back AS total FROM ("
            "    SELECT sequence, CAST(prices ->> c.currency AS numeric) AS price FROM ticks "
            "    WHERE may_trigger AND sequence <= :sequence "
            "    AND prices ->> c.currency IS NOT NULL "
            "    ORDER BY sequence DESC LIMIT :longest) AS last "
            "  WINDOW back AS (ORDER BY sequence DESC)) AS t "
            "WHERE t.n = ANY(CAST(:periods AS bigint[]))",
            sequence=sequence,
            longest=max(periods),
            currencies=sorted({name.currency for name in means}),
            periods=sorted(periods),
        )
        return {(row.currency, row.n): row.total for row in rows}

    # --- series ---

    def add_price_series(self, currencies: Sequence[str]) -> None:
        """Add the series that are new. They begin where the slowest of the others is: no tick that
        was applied before said anything about them.
        """
        self._run(
            "INSERT INTO series (name, applied_sequence) "
            "SELECT new.name, (SELECT coalesce(min(applied_sequence), 0) FROM series) "
            "FROM unnest(CAST(:names AS text[])) AS new(name) ON CONFLICT DO NOTHING",
            names=[str(SeriesName(currency)) for currency in currencies],
        )

    def share_series(self, name: SeriesName) -> Series:
        """Return a series on which no tick begins or ends until this transaction does.

        Nor does one on the price that it follows from. A series that no alert needed before begins
        where its price stands. That of a peak is the one since the peak's own tick, whenever the
        peak began to count, so that alerts with one peak share it.
        """
        return self.share_all_series([name])[name]

    def share_all_series(self, names: Collection[SeriesName]) -> dict[SeriesName, Series]:
        """Share many series, with one look at the past for all that have to be made."""
        shared: dict[SeriesName, Series] = {}
        for currency in sorted({name.currency for name in names}):
            price = self._share(SeriesName(currency))
            if price is None:
                self.add_price_series([currency])
                price = given(self._share(SeriesName(currency)))
            shared[price.name] = price
            missing = []
            for name in sorted({n for n in names if n.currency == currency}, key=str):
                if name == price.name:
                    continue
                if (series := self._share(name)) is None:
                    missing.append(name)
                else:
                    shared[name] = series
            shared.update(self._share_new(missing, price))
        return shared

    def _share(self, name: SeriesName) -> Series | None:
        row = self._run(
            f"SELECT {_SERIES} FROM series WHERE name = :name FOR SHARE", name=str(name)
        ).first()
        return None if row is None else _series(row)

    def _share_new(self, names: Sequence[SeriesName], price: Series) -> dict[SeriesName, Series]:
        """Make series that follow from a price, and share them."""
        at = price.current
        tick = None if at is None else self.tick(at.sequence)
        past, peaks = Past(), list[Reading]()
        if at is not None and tick is not None:
            past = self.past(tick.tick.slot, at.sequence, names)
            peaks = self._peaks([name for name in names if name.measure == "trailing"], at.sequence)
        shared = {}
        for asked in names:
            name, peak = asked, None
            if asked.measure == "trailing":
                since = bisect_left(peaks, int(asked.argument), key=lambda one: one.sequence)
                if since < len(peaks):
                    peak = peaks[since]
                    name = replace(asked, argument=str(peak.sequence))
            reading = None
            if at is not None and tick is not None:
                reading = read(name, at.value, at.sequence, past, peak=peak)
            self._add_series(Series(name, reading, price.armed_after))
            shared[asked] = given(self._share(name))
        return shared

    def _add_series(self, series: Series) -> None:
        self._run(
            "INSERT INTO series (name, value, value_sequence, reference, reference_sequence, "
            "applied_sequence) VALUES (:name, :value, :value_sequence, :reference, "
            ":reference_sequence, :applied_sequence) ON CONFLICT DO NOTHING",
            **{
                name: value
                for name, value in _columns(series).items()
                if not name.startswith("pending")
            },
        )

    def _peaks(self, names: Sequence[SeriesName], until: int) -> list[Reading]:
        """Return readings at the ticks that no later one exceeds, the oldest first.

        The first at or after a tick is the peak since then. Names are of one currency.
        """
        if not names:
            return []
        rows = self._run(
            "SELECT sequence, price FROM (SELECT sequence, price, max(price) OVER later AS highest "
            "  FROM (SELECT sequence, CAST(prices ->> :currency AS numeric) AS price FROM ticks "
            "    WHERE may_trigger AND sequence BETWEEN :since AND :until "
            "    AND prices ->> :currency IS NOT NULL) AS known "
            "  WINDOW later AS (ORDER BY sequence DESC "
            "    ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)) AS compared "
            "WHERE highest IS NULL OR price >= highest ORDER BY sequence",
            currency=names[0].currency,
            since=min(int(name.argument) for name in names),
            until=until,
        )
        return [Reading(Decimal(0), row.sequence, row.price, row.sequence) for row in rows]

    def series_behind(self, worker: UUID) -> list[Place]:
        """Return where the series are that not every stored tick has been applied to.

        Each place once for the series that `worker` may have, and once for those of others.
        """
        rows = self._run(
            # min is one look at the index; EXISTS with a bound was seen to read the whole table
            f"SELECT behind.applied_sequence, behind.is_free, {TICK}, "
            "coalesce((SELECT min(due_at) FROM alerts) <= t.slot, false) AS is_due "
            f"FROM (SELECT DISTINCT applied_sequence, {_FREE} AS is_free FROM series "
            "  WHERE applied_sequence < (SELECT max(sequence) FROM ticks)) AS behind "
            "LEFT JOIN ticks t ON t.sequence = behind.applied_sequence + 1 ORDER BY 1",
            worker=worker,
        )
        return [
            Place(
                row.applied_sequence,
                row.is_free,
                None if row.sequence is None else tick_of(row),
                row.is_due,
            )
            for row in rows
        ]

    def lock_series(self, applied_sequence: int, worker: UUID) -> list[Series]:
        """Return the series that are at a place, locked, but those of other workers."""
        rows = self._run(
            f"SELECT {_SERIES} FROM series WHERE applied_sequence = :applied AND {_FREE} "
            "ORDER BY name FOR NO KEY UPDATE",
            applied=applied_sequence,
            worker=worker,
        )
        return [_series(row) for row in rows]

    def save_series(self, series: Sequence[Series], worker: UUID) -> None:
        """Save how far series are; `worker` has those that a tick is pending on, for a while."""
        self._run(
            "UPDATE series s SET value = r.value, value_sequence = r.value_sequence, "
            "reference = r.reference, reference_sequence = r.reference_sequence, "
            "applied_sequence = r.applied_sequence, pending_value = r.pending_value, "
            "pending_reference = r.pending_reference, "
            "pending_reference_sequence = r.pending_reference_sequence, "
            "leased_by = CASE WHEN r.pending_value IS NOT NULL THEN CAST(:worker AS uuid) END, "
            "leased_until = CASE WHEN r.pending_value IS NOT NULL "
            "THEN clock_timestamp() + CAST(:lease AS interval) END "
            "FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(name text, value numeric, "
            "value_sequence bigint, reference numeric, reference_sequence bigint, "
            "applied_sequence bigint, pending_value numeric, pending_reference numeric, "
            "pending_reference_sequence bigint) WHERE s.name = r.name",
            rows=json.dumps([_columns(one) for one in series], default=str),
            worker=worker,
            lease=LEASE,
        )

    def share_lease(self, name: SeriesName, worker: UUID) -> bool:
        """Say whether a worker has the lease, which it then keeps until the transaction ends."""
        held = self._run(
            "SELECT 1 FROM series WHERE name = :name AND leased_by = :worker FOR SHARE",
            name=str(name),
            worker=worker,
        )
        return held.first() is not None

    def release_leases(self, worker: UUID) -> None:
        self._run(
            "UPDATE series SET leased_by = NULL, leased_until = NULL WHERE leased_by = :worker",
            worker=worker,
        )

    # --- levels ---

    def arm(
        self, armed: Sequence[tuple[Alert, Kind]], series: SeriesName, armed_after: int
    ) -> None:
        """Arm levels of alerts, none of which has any, on a series that they stand on.

        Ticks up to `armed_after` pass them by.
        """
        if not armed:
            return
        self._run(
            "INSERT INTO thresholds "
            "(alert_id, level_up, level_down, expires_at, armed_after, series, kind) "
            "SELECT alert_id, level_up, level_down, expires_at, :armed_after, :series, "
            "kind FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(alert_id uuid, "
            "level_up numeric, level_down numeric, expires_at timestamptz, kind text)",
            armed_after=armed_after,
            series=str(series),
            rows=json.dumps([_level(alert, kind) for alert, kind in armed], default=str),
        )

    def save_expiry(self, alert: Alert) -> None:
        """Let the levels of an alert, if any are armed, live as long as its rule says now."""
        self._run(
            "UPDATE thresholds SET expires_at = :expires_at WHERE alert_id = :alert_id",
            alert_id=alert.id,
            expires_at=alert.rule.expires_at,
        )

    def disarm(self, alert_id: UUID) -> None:
        self._run("DELETE FROM thresholds WHERE alert_id = :alert_id", alert_id=alert_id)

    def crossed(
        self, moves: Sequence[tuple[SeriesName, Crossing]], sequence: int
    ) -> set[SeriesName]:
        """Return the series that have an armed level where a tick crosses it."""
        found: set[SeriesName] = set()
        for direction, crossed in _CROSSED.items():
            some = [move for move in moves if move[1].direction == direction]
            if some:
                rows = self._run(
                    f"SELECT m.name FROM {_MOVES} CROSS JOIN LATERAL "
                    f"(SELECT 1 FROM thresholds t WHERE {crossed} LIMIT 1) AS level",
                    sequence=sequence,
                    moves=_moves(some),
                )
                found.update(SeriesName.parse(name) for name in rows.scalars())
        return found

    def fire_once(
        self,
        name: SeriesName,
        crossing: Crossing,
        tick: StoredTick,
        *,
        before: Reading | None,
        now: datetime,
        limit: int,
    ) -> Fired:
        """Fire up to `limit` alerts that need no judging, the nearest first: all in the database.

        What someone else holds just now is passed by, as `claim` does.
        """
        row = self._run(
            _FIRE_ONCE[crossing.direction],
            **_bounds(name, crossing),
            sequence=tick.sequence,
            slot=tick.tick.slot,
            tick_id=tick.tick.tick_id,
            now=now,
            before=before and before.value,
            sequence_before=before and before.sequence,
            after=tick.prices[name.currency],
            prices=_prices_in_units(tick.prices[name.currency]),
            direction=crossing.direction,
            limit=limit,
        ).one()
        if row.triggers is None:
            return Fired([], [], None)
        owners = [UUID(owner) for owner in row.owners.split()]
        return Fired(owners, row.triggers.split(_END_OF_TRIGGER), row.last)

    def claim(
        self, name: SeriesName, crossing: Crossing, tick: StoredTick, *, limit: int
    ) -> list[Claimed]:
        """Disarm up to `limit` alerts, levels of which a tick crosses, the nearest first.

        Return them, locked; but not those that `fire_once` is for. What someone else holds just
        now, a user who changes an alert, say, is passed by, so that this never waits. Nothing is
        lost by it: one worker claims at a time, and looks for what is left with the series locked
        before the series moves on.
        """
        direction = crossing.direction
        rows = self._run(
            # a locked row stays where it is
            "WITH found AS MATERIALIZED (SELECT t.ctid AS place, t.kind AS kind, "
            f"  t.level_{direction} AS level, {COLUMNS} "
            "  FROM thresholds t JOIN alerts a ON a.id = t.alert_id "
            f"  WHERE {_CLAIMED[direction]} AND NOT {_FIRES} "
            f"  ORDER BY t.level_{direction} {_NEAREST_FIRST[direction]} LIMIT :limit "
            "  FOR UPDATE OF t SKIP LOCKED FOR NO KEY UPDATE OF a SKIP LOCKED), "
            "gone AS (DELETE FROM thresholds WHERE ctid = ANY(ARRAY(SELECT place FROM found))) "
            "SELECT * FROM found",
            sequence=tick.sequence,
            slot=tick.tick.slot,
            **_bounds(name, crossing),
            limit=limit,
        )
        return [Claimed(alert_of(row), row.kind, row.level) for row in rows]

    # --- what time does ---

    def due_alerts(self, at: datetime, *, limit: int) -> list[Alert]:
        """Return alerts, without any levels, whose snooze or cooldown is over."""
        rows = self._run(
            f"SELECT {COLUMNS} FROM alerts a WHERE due_at <= :at ORDER BY due_at LIMIT :limit",
            at=at,
            limit=limit,
        )
        return [alert_of(row) for row in rows]

    def lock_due_alerts(self, alert_ids: Sequence[UUID], at: datetime) -> list[Alert]:
        """Return those of some alerts that are due still, locked.

        Whoever holds one is waited for: the tick that comes next must find it armed.
        """
        rows = self._run(
            f"SELECT {COLUMNS} FROM alerts a WHERE id = ANY(CAST(:ids AS uuid[])) "
            "AND due_at <= :at ORDER BY id FOR UPDATE",
            ids=list(alert_ids),
            at=at,
        )
        return [alert_of(row) for row in rows]

    def expire_alerts(self, until: datetime, *, limit: int) -> list[UUID]:
        """Disarm alerts that expired until a time; return their owners."""
        rows = self._run(
            "WITH over AS MATERIALIZED (SELECT t.ctid AS place, t.alert_id FROM thresholds t "
            "  JOIN alerts a ON a.id = t.alert_id WHERE t.expires_at <= :until LIMIT :limit "
            "  FOR UPDATE OF t SKIP LOCKED FOR NO KEY UPDATE OF a SKIP LOCKED), "
            "gone AS (DELETE FROM thresholds WHERE ctid = ANY(ARRAY(SELECT place FROM over))) "
            "UPDATE alerts a SET state = 'expired' FROM over WHERE a.id = over.alert_id "
            "RETURNING a.user_id",
            until=until,
            limit=limit,
        )
        return list(rows.scalars())

    def remove_idle_series(self) -> None:
        """Forget the series that follow from a price and that no level is armed on.

        They are made again when an alert needs them.
        """
        idle = list(
            self._run(
                "SELECT name FROM series s WHERE name LIKE 'price:%:%' AND pending_value IS NULL "
                f"AND {_IDLE} FOR UPDATE SKIP LOCKED"
            ).scalars()
        )
        # looked at again with the series locked: a level may have come in between
        self._run(
            f"DELETE FROM series s WHERE name = ANY(CAST(:idle AS text[])) AND {_IDLE}",
            idle=idle,
        )

    def join_peaks(self, *, limit: int) -> None:
        """Bring alerts with the same peak onto one series, up to `limit` of them.

        Series whose peak is of one tick now stay equal, whenever it began to count.
        """
        names = list(
            self._run(
                "SELECT s.name FROM series s JOIN ("
                "  SELECT split_part(name, ':', 2) AS currency, reference_sequence, "
                "  applied_sequence FROM series WHERE name LIKE 'price:%:trailing:%' "
                "  AND pending_value IS NULL AND reference_sequence IS NOT NULL "
                "  GROUP BY 1, 2, 3 HAVING count(*) > 1 LIMIT 1) AS same "
                "ON s.name LIKE 'price:' || same.currency || ':trailing:%' "
                "AND (s.reference_sequence, s.applied_sequence) "
                "  = (same.reference_sequence, same.applied_sequence) "
                "AND s.pending_value IS NULL ORDER BY s.name FOR UPDATE OF s SKIP LOCKED"
            ).scalars()
        )
        if len(names) < 2:
            return
        # into the largest, so that an alert is moved a few times in its life at most
        self._run(
            "WITH levels AS MATERIALIZED ("
            "  SELECT ctid AS place, series FROM thresholds "
            "  WHERE series = ANY(CAST(:names AS text[])) AND level_up IS NOT NULL UNION ALL "
            "  SELECT ctid, series FROM thresholds WHERE series = ANY(CAST(:names AS text[])) "
            "  AND level_down IS NOT NULL), "
            "largest AS (SELECT series FROM levels GROUP BY series ORDER BY count(*) DESC LIMIT 1) "
            "UPDATE thresholds SET series = (SELECT series FROM largest) "
            "WHERE ctid = ANY(ARRAY(SELECT t.ctid FROM thresholds t WHERE t.ctid = ANY(ARRAY("
            "  SELECT place FROM levels WHERE series <> (SELECT series FROM largest) "
            "  LIMIT :limit)) FOR UPDATE SKIP LOCKED))",
            names=names,
            limit=limit,
        )


def tick_of(row: Row[Any]) -> StoredTick:
    return StoredTick(
        Tick.model_validate(row.facts),
        _prices(row.prices),
        row.correlation_id,
        _prices(row.rates),
    )


def _decimals(numbers: Mapping[str, Decimal]) -> str:
    return json.dumps({name: str(number) for name, number in numbers.items()})


def _prices(stored: Mapping[str, str]) -> dict[str, Decimal]:
    return {currency: Decimal(price) for currency, price in stored.items()}


def _moves(moves: Sequence[tuple[SeriesName, Crossing]]) -> str:
    return json.dumps(
        [
            {
                "name": str(name),
                "low": str(crossing.low),
                "high": str(crossing.high),
                "kinds": list(crossing.kinds),
            }
            for name, crossing in moves
        ]
    )


def _bounds(name: SeriesName, crossing: Crossing) -> dict[str, object]:
    return {
        "series": str(name),
        "low": crossing.low,
        "high": crossing.high,
        "kinds": list(crossing.kinds),
    }


def _prices_in_units(per_troy_ounce: Decimal) -> str:
    return json.dumps(
        [
            {"unit": unit, "karat": karat, "price": price_in_unit(per_troy_ounce, unit, karat)}
            for unit in Unit
            for karat in Karat
        ],
        default=str,
    )


def _level(alert: Alert, kind: Kind) -> dict[str, object]:
    zone = alert.rule.rearm_zone if kind == "rearm" else alert.rule.zone
    if kind == "condition" and alert.rule.fires_when_reached:
        kind = "once"
    return {
        "alert_id": alert.id,
        "level_up": zone.up,
        "level_down": zone.down,
        "expires_at": alert.rule.expires_at,
        "kind": kind,
    }


def _columns(series: Series) -> dict[str, object]:
    reading, pending = series.reading, series.pending
    return {
        "name": str(series.name),
        "value": reading and reading.value,
        "value_sequence": reading and reading.sequence,
        "reference": reading and reading.reference,
        "reference_sequence": reading and reading.reference_sequence,
        "applied_sequence": series.applied_sequence,
        "pending_value": pending and pending.value,
        "pending_reference": pending and pending.reference,
        "pending_reference_sequence": pending and pending.reference_sequence,
    }


def _series(row: Row[Any]) -> Series:
    reading = pending = None
    if row.value is not None:
        reading = Reading(row.value, row.value_sequence, row.reference, row.reference_sequence)
    if row.pending_value is not None:
        pending = Reading(
            row.pending_value,
            row.applied_sequence + 1,
            row.pending_reference,
            row.pending_reference_sequence,
        )
    return Series(SeriesName.parse(row.name), reading, row.applied_sequence, pending)
