// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * By the ELF TLS ABI an executable's thread-local variables lie at a fixed distance from the thread pointer,
 * which its linker has put into the code: below it on x86-64 (variant II), above it on arm64 (variant I).
 */
#include "user/trace/records.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "user/trace/records_internal.h"

#define RECORD_SYMBOL "otel_thread_ctx_v1"
#define STATE_SYMBOL  "whylate_thread_ctx_v1"

#define MOST_LIBRARIES 1024 /* files that a process has mapped for running which are looked at */

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

uint32_t record_variable(const char *name)
{
	if (!name)
		return 0;
	if (!strcmp(name, RECORD_SYMBOL))
		return PLACE_RECORD;
	return strcmp(name, STATE_SYMBOL) ? 0 : PLACE_STATE;
}

static void take_symbol(const GElf_Sym *symbol, const char *name, struct record_symbols *out)
{
	uint32_t variable = GELF_ST_TYPE(symbol->st_info) == STT_TLS ? record_variable(name) : 0;

	out->names |= variable;
	if (symbol->st_shndx == SHN_UNDEF)
		return;
	out->has |= variable;
	if (variable == PLACE_RECORD)
		out->record = symbol->st_value;
	else if (variable == PLACE_STATE)
		out->state = symbol->st_value;
}

static void find_in(Elf *elf, Elf_Scn *section, const GElf_Shdr *header, struct record_symbols *out)
{
	Elf_Data *data = elf_getdata(section, NULL);
	GElf_Sym symbol;

	if (!data || !header->sh_entsize)
		return;
	for (int i = 0; gelf_getsym(data, i, &symbol); i++)
		take_symbol(&symbol, elf_strptr(elf, header->sh_link, symbol.st_name), out);
}

static void find_symbols(Elf *elf, uint32_t type, struct record_symbols *out)
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

	if (!gelf_getehdr(elf, &header) || elf_getphdrnum(elf, &nr))
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
	struct record_symbols symbols = {};
	GElf_Phdr tls = {};

	if (!find_segments(elf, &tls, &is_executable, &has_interpreter))
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

/* A file of 64 bits for this machine; NULL for any other.  To be ended by elf_end(). */
static Elf *open_elf(int fd)
{
	GElf_Ehdr header;
	Elf *elf;

	if (elf_version(EV_CURRENT) == EV_NONE)
		return NULL;
	elf = elf_begin(fd, ELF_C_READ, NULL); /* not mapped: the file may shrink meanwhile */
	if (elf && elf_kind(elf) == ELF_K_ELF && gelf_getclass(elf) == ELFCLASS64 &&
	    gelf_getehdr(elf, &header) && header.e_machine == MACHINE)
		return elf;
	elf_end(elf);
	return NULL;
}

static enum records_found look_at(int fd, bool is_main, struct record_place *place)
{
	Elf *elf = open_elf(fd);
	enum records_found found;

	memset(place, 0, sizeof(*place));
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

/* One line of /proc/PID/maps. */
struct mapping {
	uint64_t start, end, offset;
	bool runs;
	char name[4096];
};

/* PATH may have been chosen by the target, to lead anywhere: a device is not so much as opened. */
static int open_regular(const char *path)
{
	int at = open(path, O_PATH | O_CLOEXEC), fd = -1;
	struct stat stat;
	char again[32];

	if (at >= 0 && !fstat(at, &stat) && S_ISREG(stat.st_mode)) {
		snprintf(again, sizeof(again), "/proc/self/fd/%d", at);
		fd = open(again, O_RDONLY | O_CLOEXEC);
	}
	if (at >= 0)
		close(at);
	return fd;
}

/* The kernel has what is mapped, whatever became of its name since; to whoever may ask (proc(5)). */
static int open_mapped(uint32_t pid, const struct mapping *mapping)
{
	char path[sizeof(mapping->name) + 64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%u/map_files/%" PRIx64 "-%" PRIx64, pid, mapping->start,
		 mapping->end);
	fd = open_regular(path);
	if (fd >= 0)
		return fd;
	snprintf(path, sizeof(path), "/proc/%u/root%s", pid, mapping->name);
	return open_regular(path);
}

/* The file of MAPPING, which PID has from address START on, in the memory that is open as MEMORY. */
static enum records_found look_at_mapped(uint32_t pid, const struct mapping *mapping, int memory,
					 uint64_t start, struct record_place *place)
{
	int fd = open_mapped(pid, mapping);
	enum records_found found;

	if (fd < 0)
		return RECORDS_NONE;
	found = records_of_mapped(fd, memory, start, place);
	close(fd);
	return found;
}

enum records_found records_of_mapped(int fd, int memory, uint64_t start, struct record_place *place)
{
	struct record_symbols symbols = {};
	Elf *elf = open_elf(fd);

	if (!elf)
		return RECORDS_NONE;
	find_symbols(elf, SHT_DYNSYM, &symbols);
	if (symbols.names)
		record_references(elf, &symbols, memory, start, place);
	elf_end(elf);
	if (place->has & PLACE_RECORD)
		return RECORDS_FOLLOWED;
	return symbols.has & PLACE_RECORD ? RECORDS_IN_LIBRARY : RECORDS_NONE;
}

/* False: it is of no file. */
static bool read_mapping(const char *line, struct mapping *out)
{
	char rights[5];

	if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %" SCNx64 " %*s %*u %4095[^\n]", &out->start, &out->end,
		   rights, &out->offset, out->name) != 5)
		return false;
	out->runs = rights[2] == 'x';
	return out->name[0] == '/';
}

/* All files that the process has mapped for running, until both variables are found. */
static enum records_found look_at_maps(uint32_t pid, FILE *maps, int memory, struct record_place *place)
{
	char line[4352], before[4096] = "";
	enum records_found found = RECORDS_NONE, one;
	struct mapping mapping;
	uint64_t first = 0;
	int nr = 0;

	while (nr < MOST_LIBRARIES && fgets(line, sizeof(line), maps)) {
		if (!read_mapping(line, &mapping))
			continue;
		if (!mapping.offset)
			first = mapping.start;
		if (!mapping.runs || !strcmp(mapping.name, before))
			continue;
		strcpy(before, mapping.name);
		nr++;
		one = look_at_mapped(pid, &mapping, memory, first, place);
		if (one != RECORDS_NONE)
			found = one;
		if (place->has == (PLACE_RECORD | PLACE_STATE))
			break;
	}
	return place->has & PLACE_RECORD ? RECORDS_FOLLOWED : found;
}

static enum records_found look_at_libraries(uint32_t pid, struct record_place *place)
{
	enum records_found found = RECORDS_NONE;
	char path[40];
	FILE *maps;
	int memory;

	snprintf(path, sizeof(path), "/proc/%u/maps", pid);
	maps = fopen(path, "re");
	if (!maps)
		return errno == EACCES || errno == EPERM ? RECORDS_UNREADABLE : RECORDS_NONE;
	snprintf(path, sizeof(path), "/proc/%u/mem", pid);
	memory = open(path, O_RDONLY | O_CLOEXEC);
	found = look_at_maps(pid, maps, memory, place); /* not to be read: it is named and not followed */
	if (memory >= 0)
		close(memory);
	fclose(maps);
	if (found != RECORDS_FOLLOWED)
		memset(place, 0, sizeof(*place));
	return found;
}

enum records_found records_of_process(uint32_t pid, struct record_place *place)
{
	enum records_found found;
	char path[40];

	snprintf(path, sizeof(path), "/proc/%u/exe", pid);
	found = look_at_path(path, true, place);
	return found == RECORDS_NONE ? look_at_libraries(pid, place) : found;
}
