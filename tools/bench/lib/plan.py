# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What a comparison runs, in which order, and what of it fits into a time.  Pure.

A round has every turn once (or `times`): a row with those that it is held against (`bare_of`), and in it all subjects of
all of them in random order, so that what drifts on the machine meets them alike.  The order is drawn for each turn and
round by itself, so that a comparison which is resumed goes on in the order in which it would have.
"""
import itertools
import random
from typing import NamedTuple

SETUP_S = 2.0  # of a run: start, spins, attaching, the agent's report, stop; until it is known better
SEARCH_RUNS = 14  # of a search for the highest rate, the closed loop before it included: 20 at most
SEARCH_DRAIN_S = 0.3


class Planned(NamedTuple):
    """One run.  REPEAT counts those of the same subject in the same row; TURN is the first row of its turn."""
    scenario: str
    row: str
    subject: str
    repeat: int
    round: int
    turn: str
    is_again: bool = False


def turn_of(rows):
    """{row: the first row of its turn}."""
    names = {row["row"] for row in rows}
    return {row["row"]: of if (of := row["params"].get("bare_of")) in names else row["row"] for row in rows}


def order(scenarios, subjects, seed, repeats):
    """All runs, of the SUBJECTS that there are, in order.  A row of kind size has none."""
    out = []
    for number in range(max((one.get("repeats") or repeats for one in scenarios), default=0)):
        for scenario in scenarios:
            if number >= (scenario.get("repeats") or repeats):
                continue
            turns = turn_of(scenario["rows"])
            for first in dict.fromkeys(turns.values()):
                out += one_turn(scenario["name"], [row for row in scenario["rows"] if turns[row["row"]] == first], subjects, seed, number)
    return out


def one_turn(scenario, rows, subjects, seed, number):
    first = rows[0]
    if first["kind"] == "size":
        return []
    times, out = first["params"].get("times", 1), []
    for turn in range(times):
        pairs = [(row["row"], name) for row in rows for name in row["subjects"] if name in subjects]
        random.Random(f"{seed}/{scenario}/{first['row']}/{number}/{turn}").shuffle(pairs)
        out += [Planned(scenario, row, name, number * times + turn, number, first["row"]) for row, name in pairs]
    return out


def left(planned, records):
    """Those without a record; and behind each turn in which one was off, the whole turn once more: what is held against
    each other must have been run at one speed of the machine, and that may be another one an hour later."""
    have = {(r["scenario"], r["row"], r["subject"], r["repeat"], r["is_again"]): r["verdict"] for r in records}
    out = []
    for _, turn in itertools.groupby(planned, lambda one: (one.scenario, one.turn, one.repeat)):
        turn = list(turn)
        was = [have.get((*one[:4], False)) for one in turn]
        out += [one for one, verdict in zip(turn, was) if verdict is None]
        if "off" in was:
            out += [one._replace(is_again=True) for one, verdict in zip(turn, was) if verdict != "cannot" and (*one[:4], True) not in have]
    return out


def estimate_s(kind, params):
    """How long a run may take, before one was seen."""
    if kind in ("startup", "switch"):
        return 0.5
    driven_s = params["seconds"]
    if kind == "max":
        driven_s = SEARCH_RUNS * (params["seconds"] + SEARCH_DRAIN_S)
    opening_s = params["connections"] / 5000 if kind == "connections" else 0
    return SETUP_S + params["warmup_seconds"] + driven_s + opening_s


def fitting(planned, costs_s, left_s, begun=()):
    """Those of PLANNED that fit into LEFT_S, COSTS_S being each one's.  Of the first round of all, and of one in which turns have
    BEGUN, (scenario, turn) each, those turns that fit, and what goes of the begun; then whole rounds: a figure of some subjects
    alone can be held against nothing."""
    kept, used_s = [], 0
    for number, group in itertools.groupby(zip(planned, costs_s), lambda pair: pair[0].round):
        group = list(group)
        if number == planned[0].round and (number == 0 or begun):
            for turn, pairs in itertools.groupby(group, lambda pair: (pair[0].scenario, pair[0].turn)):
                for one, cost_s in pairs if turn in begun else whole(list(pairs), left_s - used_s):
                    if used_s + cost_s <= left_s:
                        kept.append(one)
                        used_s += cost_s
            continue
        if not whole(group, left_s - used_s):
            break
        used_s += sum(cost_s for _, cost_s in group)
        kept += [one for one, _ in group]
    return kept


def whole(pairs, left_s):
    """All or nothing."""
    return pairs if sum(cost_s for _, cost_s in pairs) <= left_s else []
