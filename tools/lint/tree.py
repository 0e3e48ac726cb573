# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Shared by the checks here: the sources of a tree, and one way to say what is wrong with them.

Each check is called as `tools/lint/NAME [TREE]` (else the tree that it lies in), prints a line
`file:line: what` for each thing that is wrong, and exits with 1 if there was one.
"""
import os
import sys

# What was built, fetched or is not ours: at the top of the tree, or anywhere.
NOT_OURS_TOP = {"build", "LICENSES"}
NOT_OURS = {".git", "__pycache__", "corpus", "node_modules"}


class Tree:
    def __init__(self):
        here = os.path.dirname(os.path.abspath(__file__))
        self.root = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else os.path.join(here, "..", ".."))
        self.complaints = 0

    def files(self, *tops):
        """Paths of all files that are ours (below TOPS, if given), sorted, as seen from the root."""
        found = []
        for directory, names, files in os.walk(self.root):
            inside = os.path.relpath(directory, self.root)
            names[:] = [n for n in names if n not in NOT_OURS and not (inside == "." and n in NOT_OURS_TOP)]
            found += [os.path.normpath(os.path.join(inside, name)) for name in files]
        return sorted(f for f in found if not tops or f.startswith(tuple(top + "/" for top in tops)))

    def sources(self, *tops):
        """The C files among them."""
        return [f for f in self.files(*tops) if f.endswith((".c", ".h"))]

    def lines(self, path):
        """The lines of a text file; none if it is not one."""
        try:
            with open(os.path.join(self.root, path), encoding="utf-8") as source:
                return source.read().split("\n")
        except (OSError, UnicodeDecodeError):
            return []

    def text(self, path):
        return "\n".join(self.lines(path))

    def interpreter(self, path):
        """The name of the program that a script asks for ("sh", "python3"); "" if it is no script."""
        first = self.lines(path)[:1]
        if not first or not first[0].startswith("#!"):
            return ""
        return os.path.basename(first[0].split()[-1])

    def wrong(self, path, line, what):
        self.complaints += 1
        print(f"{path}:{line}: {what}")

    def done(self):
        sys.exit(1 if self.complaints else 0)


def without_comments(lines):
    """The lines of a C file with comments and the insides of strings blanked; the columns stay."""
    text, out, at = "\n".join(lines), [], 0
    while at < len(text):
        if text.startswith("//", at):
            end = text.find("\n", at)
        elif text.startswith("/*", at):
            end = text.find("*/", at + 2)
            end = end + 2 if end >= 0 else end
        elif text[at] in "\"'":
            end = at + 1
            while end < len(text) and text[end] != text[at] and text[end] != "\n":
                end += 2 if text[end] == "\\" else 1
            end += 1
        else:
            out.append(text[at])
            at += 1
            continue
        end = end if end >= 0 else len(text)
        blank = "".join("\n" if c == "\n" else " " for c in text[at:end])
        if text[at] in "\"'":
            blank = text[at] + blank[1:-1] + text[at] if len(blank) > 1 else blank
        out.append(blank)
        at = end
    return "".join(out).split("\n")
