# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
# Sourced: run a command where something that the agent needs is missing, and count what is wrong.
# The mounts are made in a mount namespace of the command's own, so that nothing outside changes.

if [ "$(id -u)" != 0 ]; then
	echo "needs root: it takes privileges and type information away"
	exit 77
fi
own_tmp=
if [ -z "${TMPDIR:-}" ]; then
	TMPDIR=$(mktemp -d)
	export TMPDIR
	own_tmp=1
fi
# Without its capabilities root cannot look into other users' directories: a copy in its own.
cp "${AGENT:-build/agent}" "$TMPDIR/agent" || exit 1
AGENT=$TMPDIR/agent
nr_wrong=0

without_privilege() {
	setpriv --bounding-set=-all "$@"
}

without_btf() {
	unshare -m sh -c 'mount -t tmpfs none /sys/kernel/btf && exec "$@"' sh "$@"
}

# Type information of a kernel that has a task_struct and nothing else: header, one empty struct, strings.
on_old_kernel() {
	python3 - "$TMPDIR/old.btf" <<-'END'
		import struct, sys
		strings = b"\0task_struct\0"
		types = struct.pack("=III", 1, 4 << 24, 0)
		head = struct.pack("=HBBIIIII", 0xEB9F, 1, 0, 24, 0, len(types), len(types), len(strings))
		with open(sys.argv[1], "wb") as out:
		    out.write(head + types + strings)
	END
	BTF=$TMPDIR/old.btf unshare -m sh -c 'mount --bind "$BTF" /sys/kernel/btf/vmlinux && exec "$@"' sh "$@"
}

# The words of what went wrong, with the output that shows it; the test goes on.
wrong() {
	echo "wrong: $*"
	sed 's/^/  stdout: /' "$TMPDIR/out"
	sed 's/^/  stderr: /' "$TMPDIR/err"
	nr_wrong=$((nr_wrong + 1))
}

finish() {
	[ -z "$own_tmp" ] || rm -r "$TMPDIR"
	echo "$nr_wrong wrong"
	[ "$nr_wrong" = 0 ]
	exit
}
