# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The parts of a latency in as few groups as one can tell apart: those of the agent's text (user/render/request_groups.c)."""

# letter: (name there, what it means to somebody who has not read about it)
GROUPS = {
    "A": ("accept queue", "waiting to be let in"),
    "O": ("busy with others", "the server was busy with other requests"),
    "W": ("waiting for a CPU", "ready to run, and no CPU was free"),
    "C": ("on a CPU for it", "being worked for"),
    "B": ("blocked", "waiting for a lock, a disk, a timer"),
    "U": ("upstream", "waiting for another server"),
    "R": ("runtime's queue", "queued inside the server's runtime"),
    "?": ("not explained", "what the agent cannot tell"),
}
_LETTERS = {
    "accept_wait": "A", "socket_busy": "O", "busy_with_others": "O", "socket_run_queue": "W", "run_queue_wakeup": "W",
    "run_queue_preempted": "W", "on_cpu": "C", "socket_blocked": "B", "blocked_upstream": "U", "runtime_queue": "R",
}


def letter(component):
    return _LETTERS.get(component, "B" if component.startswith("blocked_") else "?")


def sums(components_ns):
    """{letter: ns}, in the order of GROUPS, all of them."""
    out = dict.fromkeys(GROUPS, 0)
    for component, ns in components_ns.items():
        out[letter(component)] += ns
    return out
