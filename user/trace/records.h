/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Where a process publishes which request each of its threads works for (docs/thread-context.md): the place
 * of two thread-local variables, found by their symbols.  Files and processes are others' and are not trusted.
 */
#ifndef WHYLATE_TRACE_RECORDS_H
#define WHYLATE_TRACE_RECORDS_H

#include <stdint.h>

#include "bpf/record_abi.h"

enum records_found {
	RECORDS_NONE,
	RECORDS_FOLLOWED,   /* where they are is known, and the same in each thread */
	RECORDS_IN_LIBRARY, /* in a shared library that has them elsewhere in each thread, or whose memory is
			       not ours to read */
	RECORDS_UNREADABLE, /* which files the process has is not ours to know */
};

/*
 * What the ELF file that is open as FD has; RECORDS_IN_LIBRARY if it is no executable.  *PLACE is where it is
 * in an executable's threads.  What cannot be read, or is another machine's, has none.
 */
enum records_found records_of_file(int fd, struct record_place *place);

/*
 * What the ELF file that is open as FD adds to *PLACE: by what the dynamic loader wrote into the file's own
 * mapping, which begins at START in the memory that is open as MEMORY (a /proc/PID/mem, or -1: none).
 */
enum records_found records_of_mapped(int fd, int memory, uint64_t start, struct record_place *place);

/* Of the process PID: its executable, or else its libraries. */
enum records_found records_of_process(uint32_t pid, struct record_place *place);

#endif /* WHYLATE_TRACE_RECORDS_H */
