/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Shared by what looks for thread context records in ELF files. */
#ifndef WHYLATE_TRACE_RECORDS_INTERNAL_H
#define WHYLATE_TRACE_RECORDS_INTERNAL_H

#include <gelf.h>
#include <stdint.h>

#include "bpf/record_abi.h"

/* Which of the two variables a symbol of this name is: PLACE_RECORD, PLACE_STATE, or 0. */
uint32_t record_variable(const char *name);

/* What a file says of both variables; each field but the values is a set of PLACE_... */
struct record_symbols {
	uint64_t record, state; /* offsets in the file's TLS segment, if it has them */
	uint32_t has;
	uint32_t names; /* its own or another file's */
};

/*
 * The places of variables that ELF, a file that is mapped from address START on into the process whose memory
 * is open as MEMORY, refers to, by what the dynamic loader wrote there.  Adds to *PLACE what has a fixed one.
 */
void record_references(Elf *elf, const struct record_symbols *symbols, int memory, uint64_t start,
		       struct record_place *place);

#endif /* WHYLATE_TRACE_RECORDS_INTERNAL_H */
