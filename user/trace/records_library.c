// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A shared library's thread-local variables get their place from the dynamic loader, which writes it to where
 * code looks it up: the relocations that name the variable.  If that is room in the static part of every
 * thread's block, it is at one distance from all thread pointers, as an executable's are.  glibc gives such
 * room to libraries that are there at start, and to those opened later as long as it has some left, where
 * they ask by descriptors (TLSDESC, as OTEP 4947 wants) or for it alone (initial-exec).  elf_machine_rela()
 * in its sysdeps/x86_64 and aarch64 writes what is read here.
 */
#include "user/trace/records_internal.h"

#include <unistd.h>

#if defined(__x86_64__)
#define RELOC_OFFSET	 R_X86_64_TPOFF64
#define RELOC_DESCRIPTOR R_X86_64_TLSDESC
#define STATIC_SIDE	 (-1) /* below the thread pointer */
#elif defined(__aarch64__)
#define RELOC_OFFSET	 R_AARCH64_TLS_TPREL
#define RELOC_DESCRIPTOR R_AARCH64_TLSDESC
#define STATIC_SIDE	 1
#endif

#define STATIC_MOST_BYTES (1 << 30)

/* A descriptor without static room holds a pointer there instead, and so does one that is not bound yet. */
static int is_static(int64_t place)
{
	return place * STATIC_SIDE > 0 && place * STATIC_SIDE < STATIC_MOST_BYTES;
}

/* Which variable RELOC is for: by its symbol, or by its offset where the file is bound to its own. */
static uint32_t variable_of(Elf *elf, const GElf_Shdr *header, const GElf_Rela *reloc,
			    const struct record_symbols *symbols)
{
	Elf_Scn *section = elf_getscn(elf, header->sh_link);
	Elf_Data *data = section ? elf_getdata(section, NULL) : NULL;
	GElf_Shdr names;
	GElf_Sym symbol;

	if (!GELF_R_SYM(reloc->r_info)) {
		uint64_t offset = (uint64_t)reloc->r_addend;

		if (symbols->has & PLACE_RECORD && offset == symbols->record)
			return PLACE_RECORD;
		return symbols->has & PLACE_STATE && offset == symbols->state ? PLACE_STATE : 0;
	}
	if (!data || !gelf_getshdr(section, &names) ||
	    !gelf_getsym(data, (int)GELF_R_SYM(reloc->r_info), &symbol))
		return 0;
	return record_variable(elf_strptr(elf, names.sh_link, symbol.st_name));
}

static void follow(const GElf_Rela *reloc, uint32_t variable, int memory, uint64_t bias,
		   struct record_place *place)
{
	uint64_t slot = bias + reloc->r_offset;
	int64_t value;

	if (GELF_R_TYPE(reloc->r_info) == RELOC_DESCRIPTOR)
		slot += sizeof(uint64_t); /* its first word is a function */
	if (pread(memory, &value, sizeof(value), (off_t)slot) != sizeof(value) || !is_static(value))
		return;
	place->has |= variable;
	if (variable == PLACE_RECORD)
		place->record = value;
	else
		place->state = value;
}

static void follow_all(Elf *elf, Elf_Scn *section, const GElf_Shdr *header,
		       const struct record_symbols *symbols, int memory, uint64_t bias,
		       struct record_place *place)
{
	Elf_Data *data = elf_getdata(section, NULL);
	GElf_Rela reloc;

	for (int i = 0; data && gelf_getrela(data, i, &reloc); i++) {
		uint32_t type = (uint32_t)GELF_R_TYPE(reloc.r_info), variable;

		if (type != RELOC_OFFSET && type != RELOC_DESCRIPTOR)
			continue;
		variable = variable_of(elf, header, &reloc, symbols);
		if (variable)
			follow(&reloc, variable, memory, bias, place);
	}
}

/* Its addresses plus this are the process's; the first segment begins in the page that is mapped at START. */
static uint64_t bias_of(Elf *elf, uint64_t start)
{
	GElf_Phdr segment;
	size_t nr = 0;

	if (elf_getphdrnum(elf, &nr))
		return start;
	for (size_t i = 0; i < nr && gelf_getphdr(elf, (int)i, &segment); i++)
		if (segment.p_type == PT_LOAD)
			return start - (segment.p_vaddr - segment.p_offset);
	return start;
}

void record_references(Elf *elf, const struct record_symbols *symbols, int memory, uint64_t start,
		       struct record_place *place)
{
	uint64_t bias = bias_of(elf, start);
	Elf_Scn *section = NULL;
	GElf_Shdr header;

	while ((section = elf_nextscn(elf, section)))
		if (gelf_getshdr(section, &header) && header.sh_type == SHT_RELA)
			follow_all(elf, section, &header, symbols, memory, bias, place);
}
