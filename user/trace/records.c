// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * By the ELF TLS ABI an executable's thread-local variables lie at a fixed distance from the thread pointer,
 * which its linker has put into the code: below it on x86-64 (variant II), above it on arm64 (variant I).
 */
#include "user/trace/records.h"

#include <fcntl.h>
#include <gelf.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define RECORD_SYMBOL "otel_thread_ctx_v1"
#define STATE_SYMBOL  "whylate_thread_ctx_v1"

#define MOST_LIBRARIES 1024 /* mappings of a process that are looked at */

#if defined(__x86_64__)
#define MACHINE EM_X86_64

static int64_t place_of(const GElf_Phdr *tls, uint64_t offset)
{
	uint64_t end = tls->p_memsz + ((0 - tls->p_vaddr - tls->p_memsz) & (tls->p_align - 1));

	return (int64_t)(offset - end);
}
#elif defined(__aarch64__)
#define MACHINE EM_AARCH64

static int64_t place_of(const GElf_Phdr *tls, uint64_t offset)
{
	const uint64_t head = 16; /* two words of the thread library's */

	return (int64_t)(offset + head + ((tls->p_vaddr - head) & (tls->p_align - 1)));
}
#else
#error "where this machine has thread-local variables is not known"
#endif

/* The values of both symbols: offsets in the TLS segment. */
struct symbols {
	uint64_t record, state;
	uint32_t has; /* PLACE_... */
};

static void take_symbol(const GElf_Sym *symbol, const char *name, struct symbols *out)
{
	if (GELF_ST_TYPE(symbol->st_info) != STT_TLS || symbol->st_shndx == SHN_UNDEF || !name)
		return;
	if (!strcmp(name, RECORD_SYMBOL)) {
		out->record = symbol->st_value;
		out->has |= PLACE_RECORD;
	} else if (!strcmp(name, STATE_SYMBOL)) {
		out->state = symbol->st_value;
		out->has |= PLACE_STATE;
	}
}

static void find_in(Elf *elf, Elf_Scn *section, const GElf_Shdr *header, struct symbols *out)
{
	Elf_Data *data = elf_getdata(section, NULL);
	GElf_Sym symbol;

	if (!data || !header->sh_entsize)
		return;
	for (int i = 0; gelf_getsym(data, i, &symbol); i++)
		take_symbol(&symbol, elf_strptr(elf, header->sh_link, symbol.st_name), out);
}

static void find_symbols(Elf *elf, uint32_t type, struct symbols *out)
{
	Elf_Scn *section = NULL;
	GElf_Shdr header;

	while ((section = elf_nextscn(elf, section)))
		if (gelf_getshdr(section, &header) && header.sh_type == type)
			find_in(elf, section, &header, out);
}

/* Both are made for the same TLS segment, of which a file has one. */
static bool find_segments(Elf *elf, GElf_Phdr *tls, bool *is_executable, bool *has_interpreter)
{
	size_t nr = 0;
	bool found = false;
	GElf_Phdr segment;
	GElf_Ehdr header;

	if (!gelf_getehdr(elf, &header) || header.e_machine != MACHINE || elf_getphdrnum(elf, &nr))
		return false;
	*is_executable = header.e_type == ET_EXEC;
	*has_interpreter = false;
	for (size_t i = 0; i < nr && gelf_getphdr(elf, (int)i, &segment); i++) {
		if (segment.p_type == PT_INTERP)
			*has_interpreter = true;
		if (segment.p_type == PT_TLS && !found) {
			*tls = segment;
			found = true;
		}
	}
	/* A power of two, by the ABI; what is not would be no place. */
	return found && tls->p_align < 1u << 30 && !(tls->p_align & (tls->p_align - 1));
}

/* IS_MAIN: what a process began with; it may be no ET_EXEC, and static. */
static enum records_found records_of(Elf *elf, bool is_main, struct record_place *place)
{
	bool is_executable, has_interpreter;
	struct symbols symbols = {};
	GElf_Phdr tls = {};

	if (elf_kind(elf) != ELF_K_ELF || gelf_getclass(elf) != ELFCLASS64 ||
	    !find_segments(elf, &tls, &is_executable, &has_interpreter))
		return RECORDS_NONE;
	find_symbols(elf, SHT_DYNSYM, &symbols);
	if (!(symbols.has & PLACE_RECORD))
		find_symbols(elf, SHT_SYMTAB, &symbols);
	if (!(symbols.has & PLACE_RECORD) || symbols.record >= tls.p_memsz)
		return RECORDS_NONE;
	if (!is_main && !is_executable && !has_interpreter)
		return RECORDS_IN_LIBRARY;
	if (!tls.p_align)
		tls.p_align = 1;
	if (symbols.state >= tls.p_memsz)
		symbols.has &= ~PLACE_STATE;
	place->has = symbols.has;
	place->record = place_of(&tls, symbols.record);
	place->state = symbols.has & PLACE_STATE ? place_of(&tls, symbols.state) : 0;
	return RECORDS_FOLLOWED;
}

static enum records_found look_at(int fd, bool is_main, struct record_place *place)
{
	enum records_found found;
	Elf *elf;

	memset(place, 0, sizeof(*place));
	if (elf_version(EV_CURRENT) == EV_NONE)
		return RECORDS_NONE;
	elf = elf_begin(fd, ELF_C_READ, NULL); /* not mapped: the file may shrink meanwhile */
	if (!elf)
		return RECORDS_NONE;
	found = records_of(elf, is_main, place);
	elf_end(elf);
	return found;
}

enum records_found records_of_file(int fd, struct record_place *place)
{
	return look_at(fd, false, place);
}

static enum records_found look_at_path(const char *path, bool is_main, struct record_place *place)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	enum records_found found;

	if (fd < 0)
		return RECORDS_NONE;
	found = look_at(fd, is_main, place);
	close(fd);
	return found;
}

/* Whether a library that the process has mapped for running has a record. */
static bool is_in_library(uint32_t pid)
{
	char maps[40], line[4352], name[4096], before[4096] = "", path[4160];
	struct record_place unused;
	bool found = false;
	FILE *file;

	snprintf(maps, sizeof(maps), "/proc/%u/maps", pid);
	file = fopen(maps, "re");
	for (int i = 0; file && !found && i < MOST_LIBRARIES && fgets(line, sizeof(line), file); i++) {
		if (sscanf(line, "%*s %*c%*cx%*c %*s %*s %*u %4095[^\n]", name) != 1 || name[0] != '/' ||
		    !strcmp(name, before))
			continue;
		strcpy(before, name);
		snprintf(path, sizeof(path), "/proc/%u/root%s", pid, name);
		found = look_at_path(path, false, &unused) == RECORDS_IN_LIBRARY;
	}
	if (file)
		fclose(file);
	return found;
}

enum records_found records_of_process(uint32_t pid, struct record_place *place)
{
	char path[40];
	enum records_found found;

	snprintf(path, sizeof(path), "/proc/%u/exe", pid);
	found = look_at_path(path, true, place);
	if (found == RECORDS_NONE && is_in_library(pid))
		return RECORDS_IN_LIBRARY;
	return found;
}
