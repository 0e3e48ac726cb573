# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A page that documents stored JSON, against what is written: keys, types and units, in both directions."""
import re

from checks import check

TYPES = {
    "integer": lambda v: isinstance(v, int) and not isinstance(v, bool),
    "number": lambda v: isinstance(v, float),
    "string": lambda v: isinstance(v, str),
    "boolean": lambda v: isinstance(v, bool),
    "object": lambda v: isinstance(v, dict),
    "array of object": lambda v: isinstance(v, list) and all(isinstance(one, dict) for one in v),
    "array of integer": lambda v: isinstance(v, list) and all(isinstance(one, int) for one in v),
    "array of string": lambda v: isinstance(v, list) and all(isinstance(one, str) for one in v),
}


def fail(text):
    check(False, text)


def parse(kind):
    """(type, optional, nullable) of the second column."""
    return (kind.replace("optional ", "").replace(" or null", ""), "optional" in kind, "or null" in kind)


class Page:
    """NAMES: {word: names}; a key with one of these words in it stands for one of each name."""

    def __init__(self, path, names):
        self.path, self.names = path, names
        self.rows = {}  # key as it stands there -> all that it stands for, a distribution's own keys below it too
        self.keys = {}  # each of these -> (type, optional, nullable)
        self.seen = set()
        self.read()

    def read(self):
        rows = {}
        with open(self.path) as page:
            for line in page:
                row = re.match(r"\| `([A-Za-z_.\[\]]+)` \| ([^|]+) \| [^|]+ \|$", line)
                if row:
                    rows[row[1]] = row[2].strip()
                elif line.startswith("| `"):
                    fail(f"{self.path}: no row of three columns: {line.strip()}")
        below = {k[len("DISTRIBUTION"):]: t for k, t in rows.items() if k.startswith("DISTRIBUTION")}
        for key, kind in rows.items():
            if key.startswith("DISTRIBUTION"):
                continue
            self.rows[key] = self.expand(key)
            for one in self.rows[key]:
                bare, optional, nullable = parse(kind)
                if bare != "distribution":
                    self.keys[one] = bare, optional, nullable
                    continue
                self.keys[one] = "object", optional, False
                for name, its in below.items():
                    bare, its_optional, nullable = parse(its)
                    self.keys[one + name] = bare, optional or its_optional, nullable

    def expand(self, key):
        for word, names in self.names.items():
            if word in key:
                return [key.replace(word, name) for name in names]
        return [key]

    def hold(self, value, path=""):
        """Everything below VALUE, which is at PATH, against the page."""
        if isinstance(value, list):
            for one in value:
                self.hold(one, path)
        if not isinstance(value, dict):
            return
        for name, child in value.items():
            key = (f"{path}." if path else "") + name + ("[]" if isinstance(child, list) else "")
            if key not in self.keys:
                if key not in self.seen:
                    fail(f"{key} is written and not documented")
                self.seen.add(key)
                continue
            kind, _, nullable = self.keys[key]
            if not (nullable and child is None) and not TYPES[kind](child):
                fail(f"{key} is {child!r}, documented as {kind}")
            self.seen.add(key)
            self.hold(child, key)

    def never_written(self):
        """Fail for each key that must have stood somewhere in what was held against the page."""
        in_buckets = {key[key.index(".buckets[]."):] for key in self.seen if ".buckets[]." in key}
        for key, (_, optional, _) in self.keys.items():
            # Not every distribution has something in it; in one of them each key of a bucket must stand.
            empty = ".buckets[]." in key and key[key.index(".buckets[]."):] in in_buckets
            if key not in self.seen and not optional and not empty:
                fail(f"{key} is documented and never written")
