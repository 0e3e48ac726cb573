# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What can watch while a workload runs: nothing, the agent in its ways, or what a user would pick instead."""
import contextlib
import json
import os
import shutil
import signal
from dataclasses import dataclass, field

from . import CannotMeasure, kernel, process

PATHS = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"


@dataclass(frozen=True)
class Condition:
    key: str
    title: str
    kind: str  # off, empty, agent, rival
    command: tuple = ()
    watches: str = "machine"  # or: target, bystander
    target_ratio: float | None = None  # what the project wants to reach, as a ratio to runqlat
    stop_signal: int = signal.SIGINT
    by_default: bool = True
    agent: str = "agent"  # or agent_b


# perf and bpftrace look for tracefs below /sys/kernel; a mount of their own leaves the machine's as they are.
OWN_MOUNTS = ("unshare", "-m", "sh", "-c",
              "mount -t debugfs none /sys/kernel/debug; mount -t tracefs none /sys/kernel/tracing; exec \"$@\"", "sh")

CONDITIONS = (
    Condition("off", "nothing attached", "off"),
    Condition("empty", "an empty BPF program on sched_switch", "empty", by_default=False),
    Condition("full", "agent, the workload is the target", "agent", (), "target", 1.0),
    Condition("full-nocost", "the same, --no-switch-cost", "agent", ("--no-switch-cost",), "target"),
    Condition("full-noreq", "the same, --no-requests", "agent", ("--no-requests",), "target"),
    Condition("bystander", "agent, another process is the target", "agent", (), "bystander", 1 / 2),
    Condition("bystander-nocost", "the same, --no-switch-cost", "agent", ("--no-switch-cost",), "bystander", 1 / 3),
    Condition("runqlat", "runqlat (libbpf-tools)", "rival", ("runqlat",)),
    Condition("bpftrace", "bpftrace runqlat.bt", "rival", (*OWN_MOUNTS, "bpftrace", "{runqlat.bt}")),
    Condition("perf-sched", "perf sched record", "rival", (*OWN_MOUNTS, "perf", "sched", "record", "-o", "{file}")),
    # It resolves every stack when it is asked to stop, which takes longer than the workload.
    Condition("offcputime", "offcputime (libbpf-tools)", "rival", ("offcputime",), stop_signal=signal.SIGKILL),
    Condition("cpudist", "cpudist (libbpf-tools)", "rival", ("cpudist",), by_default=False),
)
PACKAGES = {"runqlat": "libbpf-tools", "offcputime": "libbpf-tools", "cpudist": "libbpf-tools",
            "bpftrace": "bpftrace", "perf": "linux-perf", "runqlat.bt": "bpftrace"}


def find(name):
    path = shutil.which(name, path=PATHS)
    if not path:
        raise CannotMeasure(f"{name} is not installed (Debian: {PACKAGES.get(name, name)}); run tools/setup --bench")
    return path


def second_agent(condition):
    fields = {**condition.__dict__, "key": condition.key + "@b", "title": condition.title + " [agent-b]",
              "agent": "agent_b", "target_ratio": None}
    return Condition(**fields)


@dataclass
class Context:
    """Everything that a condition needs to know about this run."""
    agent: str
    agent_b: str | None
    scratch: str
    idle_pid: int = 0  # a process that sleeps: the target when the workload is a bystander
    own_programs: set = field(default_factory=set)  # ids; the kernel frees them some time after their owner's end
    notes: set = field(default_factory=set)


def runqlat_script(context):
    """The distribution's runqlat.bt; where the kernel's headers are missing, the one name taken from them is 0."""
    path = os.path.join(context.scratch, "runqlat.bt")
    if not os.path.exists(path):
        with open(find("runqlat.bt")) as text:
            script = text.read().replace("#include <linux/sched.h>", "#define TASK_RUNNING 0")
        with open(path, "w") as out:
            out.write(script)
    return path


def argv_of(condition, context, target_pid):
    if condition.kind == "agent":
        pid = target_pid if condition.watches == "target" else context.idle_pid
        return [getattr(context, condition.agent), "attach", str(pid), *condition.command,
                "--json", os.path.join(context.scratch, "report.json")]
    argv = []
    for at, word in enumerate(condition.command):
        if word == "{runqlat.bt}":
            argv.append(runqlat_script(context))
        elif word == "{file}":
            argv.append(os.path.join(context.scratch, "perf.data"))
        elif word in PACKAGES and (at == 0 or condition.command[at - 1] == "sh"):
            argv.append(find(word))
        else:
            argv.append(word)
    return argv


@dataclass
class Attached:
    """What is attached while the workload runs."""
    condition: Condition
    tracer: process.Tracer | None = None
    empty: kernel.EmptyProgram | None = None
    report: dict | None = None  # the agent's own, after finish()

    def program_ids(self):
        if self.empty:
            return kernel.ids_held_by(os.getpid(), "prog_id")
        return kernel.ids_held_by(self.tracer.pid, "prog_id") if self.tracer else []

    def finish(self, context, target_ended):
        """After the workload: it must have watched to the end; the agent's report is read."""
        if not self.tracer:
            return
        if self.condition.kind != "agent":
            self.tracer.check_watching()
            self.tracer.stop()
            return
        if self.condition.watches == "target" and target_ended:
            self.tracer.process.wait(timeout=process.STOP_TIMEOUT_S)
        status = self.tracer.stop()
        if status not in (0, 3):
            raise CannotMeasure(f"{self.tracer.name} failed (exit {status}): {self.tracer.words()}")
        with open(os.path.join(context.scratch, "report.json")) as text:
            self.report = json.load(text)
        lost = {name: n for name, n in self.report["losses"].items() if n}
        if lost:
            context.notes.add(f"{self.condition.key}: the agent reported losses: {lost}")


@contextlib.contextmanager
def attach(condition, context, target_pid):
    """Start what watches, wait until it does; ends it in any case."""
    attached = Attached(condition)
    if condition.kind == "empty":
        with kernel.EmptyProgram() as attached.empty:
            context.own_programs.update(attached.program_ids())
            yield attached
        return
    if condition.kind == "off":
        yield attached
        return
    argv = argv_of(condition, context, target_pid)
    attached.tracer = process.Tracer(condition.key, argv, context.scratch, condition.stop_signal)
    try:
        attached.tracer.wait_ready()
        context.own_programs.update(attached.program_ids())
        yield attached
    finally:
        process.end(attached.tracer.process)
        attached.tracer.log.close()


def choose(only, context):
    """The conditions asked for, `off` always among them, with a twin of each of the agent's for agent-b."""
    known = {c.key: c for c in CONDITIONS}
    unknown = [name for name in only if name not in known]
    if unknown:
        raise ValueError(f"--only {','.join(unknown)}: no such condition; known: {', '.join(known)}")
    chosen = [c for c in CONDITIONS if c.key == "off" or (c.key in only if only else c.by_default)]
    if context.agent_b:
        chosen += [second_agent(c) for c in chosen if c.kind == "agent"]
    return chosen
