# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The folder of a comparison as one file: a tar archive by xz, of index.json and runs/NNNNN.json.

Unpacked it is a folder again, to be reported on or gone on with.  It is read where it is: no file of it is written anywhere.
"""
import io
import json
import lzma
import os
import tarfile

from . import folder

INDEX = "index.json"
RUNS = "runs/"


def opened(path):
    """What has the index and the entries of PATH, a folder or one that is packed."""
    return Packed(path) if os.path.isfile(path) else folder.Folder(path)


class Packed:
    def __init__(self, path):
        self.path = path

    def members(self):
        """(name, data) of each file; the index is the first."""
        try:
            with tarfile.open(self.path, "r|xz") as archive:
                for member in archive:
                    if member.isfile():
                        yield member.name, json.load(archive.extractfile(member))
        except (OSError, EOFError, ValueError, tarfile.TarError, lzma.LZMAError) as why:
            raise folder.Unusable(f"cannot read {self.path}: {why}; give a folder of tools/bench/compare, or what --pack made of one") from None

    def index(self):
        name, data = next(self.members(), (None, None))
        return folder.check_version(f"{self.path}:{INDEX}", data if name == INDEX else None)

    def entries(self):
        """As folder.Folder has them."""
        for name, data in self.members():
            if name.startswith(RUNS):
                yield f"{self.path}:{name}", data


def put(archive, name, data):
    """The same bytes for the same data, whoever packs them, and when."""
    text = json.dumps(data, separators=(",", ":")).encode() + b"\n"
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(text), 0o644
    archive.addfile(member, io.BytesIO(text))


def write(path, index, entries):
    """ENTRIES: (file, record) of each run.  The file is there whole or not at all."""
    partly = path + ".tmp"
    try:
        with open(partly, "wb") as out:
            with tarfile.open(fileobj=out, mode="w:xz", preset=9) as archive:
                put(archive, INDEX, index)
                for name, record in entries:
                    put(archive, RUNS + os.path.basename(name), record)
            folder.hand_over(out.fileno())
        os.replace(partly, path)
    except OSError as why:
        raise folder.Unusable(f"cannot write {path}: {why.strerror}; name another file with --pack") from None
