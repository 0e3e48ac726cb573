#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Run a command whose system call fails, as on another kernel: NUMBER OPERATION ERRNO COMMAND...

OPERATION is its second argument, -1: whatever that is.
"""
import ctypes
import os
import struct
import sys

PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS, SECCOMP_MODE_FILTER = 22, 38, 2
LOAD, EQUAL, RETURN = 0x20, 0x15, 0x06  # BPF_LD | BPF_W | BPF_ABS; BPF_JMP | BPF_JEQ; BPF_RET
ERRNO, ALLOW = 0x00050000, 0x7fff0000
NUMBER_AT, SECOND_AT = 0, 24  # in struct seccomp_data, little-endian


class Program(ctypes.Structure):
    _fields_ = [("nr", ctypes.c_ushort), ("code", ctypes.c_char_p)]


NUMBER, OPERATION, ERROR = map(int, sys.argv[1:4])
REFUSE = (RETURN, 0, 0, ERRNO | ERROR)
LINES = [(LOAD, 0, 0, NUMBER_AT), (EQUAL, 0, 1 if OPERATION < 0 else 3, NUMBER)]
if OPERATION >= 0:
    LINES += [(LOAD, 0, 0, SECOND_AT), (EQUAL, 0, 1, OPERATION)]
CODE = b"".join(struct.pack("HBBI", *line) for line in LINES + [REFUSE, (RETURN, 0, 0, ALLOW)])
PRCTL = ctypes.CDLL(None, use_errno=True).prctl
PRCTL.argtypes = [ctypes.c_int] + 4 * [ctypes.c_ulong]
if PRCTL(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or PRCTL(
        PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.addressof(Program(len(CODE) // 8, CODE)), 0, 0):
    raise SystemExit(f"cannot set a filter: {os.strerror(ctypes.get_errno())}")
os.execv(sys.argv[4], sys.argv[4:])
