# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A comparison from its index to its last run: what is left is run in order, each stored at once, within the budget."""
import shutil
import statistics
import sys
import time

from . import contender, drive, plan, trial


class Session:
    def __init__(self, folder, bench, budget_s):
        self.folder, self.bench, self.budget_s = folder, bench, budget_s
        self.index, self.records = folder.index(), [self.slim(record) for record in folder.records()]
        self.rows = {(s["name"], r["row"]): r for s in self.index["scenarios"] for r in s["rows"]}
        self.turns = {s["name"]: plan.turn_of(s["rows"]) for s in self.index["scenarios"]}
        self.contenders = {name: contender.Contender(name, said) for name, said in self.index["subjects"].items()}
        self.planned = plan.order(self.index["scenarios"], set(self.contenders), self.index["seed"], self.index["options"]["repeats"])
        self.costs, self.began_s, self.done = {}, time.monotonic(), 0
        for record in self.records:
            if record["spin"]:
                bench.spins += [record["spin"]["before"], record["spin"]["after"]]

    @staticmethod
    def slim(record):
        """What is needed to go on; all of it is in the folder."""
        load = record["load"] if isinstance(record["load"], dict) else None
        return {**record, "agent": None, "server": None, "load": None, "highest_rate": drive.highest_rate(load) if load else None,
                "is_unsure": bool(load) and drive.is_unsure(load)}

    def cost_s(self, one):
        """By the runs of the same row that were seen, else by the estimate, as far off as it was for the others."""
        key = (one.scenario, one.row)
        if key in self.costs:
            return statistics.mean(self.costs[key])
        row = self.rows[key]
        if self.contenders[one.subject].cannot(row):
            return 0
        seen = [(statistics.mean(took), self.guess_s(self.rows[other])) for other, took in self.costs.items()]
        factor = sum(took for took, _ in seen) / sum(guess for _, guess in seen) if seen else 1
        return self.guess_s(row) * factor

    @staticmethod
    def guess_s(row):
        return plan.estimate_s(row["kind"], row["params"])

    def left(self):
        return plan.left(self.planned, self.records)

    def fitting(self, todo):
        """What of TODO the budget allows, as it looks now; no share of a rate that is not going to be known."""
        if self.budget_s is None or not todo:
            return todo
        begun = {(r["scenario"], self.turns[r["scenario"]][r["row"]]) for r in self.records if r["round"] == todo[0].round}
        kept = plan.fitting(todo, [self.cost_s(one) for one in todo], self.budget_s - (time.monotonic() - self.began_s), begun)
        coming = {(one.scenario, one.row, one.subject) for one in kept}
        return [one for one in kept if "of" not in (params := self.rows[one.scenario, one.row]["params"])
                or (one.scenario, params["of"], one.subject) in coming or self.highest(one)[0]]

    def run(self):
        """Until all is done, or no more fits; returns those that were dropped."""
        while todo := self.left():
            fits = self.fitting(todo)
            if not fits:
                again = sum(one.is_again for one in todo)
                self.say(f"the budget of {self.budget_s:g} s has no room for {len(todo)} more runs" +
                         (f", {again} of them to repeat what was off" if again else "") + ": they are dropped")
                return todo
            self.one(fits[0], fits[1:])
        return []

    def one(self, planned, rest):
        began_s = time.monotonic()
        row = self.rows[planned.scenario, planned.row]
        record = trial.Run(self.bench, planned, row, self.contenders[planned.subject], *self.highest(planned)).run()
        name = self.folder.add(record)
        self.records.append(self.slim(record))
        if record["verdict"] != "cannot":
            self.costs.setdefault((planned.scenario, planned.row), []).append(time.monotonic() - began_s)
        self.done += 1
        self.tell(name, record, rest)

    def highest(self, planned):
        """(the rates found for the subject in the row that this one takes a share of, whether they are guesses): those of runs that
        failed or were off, or of searches that contradicted themselves, are taken without others only, and are guesses."""
        of = self.rows[planned.scenario, planned.row]["params"].get("of")
        rates = {True: [], False: []}
        for r in self.records:
            if r["highest_rate"] and (r["scenario"], r["row"], r["subject"]) == (planned.scenario, of, planned.subject):
                rates[r["verdict"] in ("off", "failed") or r["is_unsure"]].append(r["highest_rate"])
        return (rates[False], False) if rates[False] else (rates[True], bool(rates[True]))

    def amount(self, runs):
        took_s = sum(map(self.cost_s, runs))
        took = f"{took_s / 3600:.1f} h" if took_s >= 5400 else f"{took_s / 60:.0f} min" if took_s >= 90 else f"{took_s:.0f} s"
        return f"{len(runs)} runs, about {took}"

    def tell(self, name, record, rest):
        again = ", again" if record["is_again"] else ""
        why = f" ({record['reason']})" if record["reason"] else ""
        self.say(f"{name} {record['scenario']}/{record['row']} {record['subject']} #{record['repeat'] + 1}{again}: "
                 f"{record['verdict']}{why}; {self.amount(rest)} left", stays=record["verdict"] not in ("ok", "cannot") or not rest)

    def describe(self):
        return self.amount(self.fitting(self.left()))

    @staticmethod
    def say(text, stays=True):
        """On a terminal one line is written over until something is said that STAYS."""
        if not sys.stderr.isatty():
            print(f"compare: {text}", file=sys.stderr, flush=True)
            return
        width = shutil.get_terminal_size().columns - 1
        line = f"compare: {text}"
        print("\r\x1b[K" + (line + "\n" if stays else line[:width]), end="", file=sys.stderr, flush=True)

    def verdicts(self):
        out = {}
        for record in self.records:
            out[record["verdict"]] = out.get(record["verdict"], 0) + 1
        return out
