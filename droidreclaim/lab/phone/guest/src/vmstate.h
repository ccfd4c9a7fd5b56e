/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What lmkd looks at: /proc/vmstat, meminfo, zoneinfo and pressure. In pages, or in KiB where a
 * name ends in _kb.
 */
#ifndef VMSTATE_H
#define VMSTATE_H

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PAGE_KB ((uint64_t)sysconf(_SC_PAGESIZE) / 1024)
#define MEMINFO_FIELDS 18

/* In the order of the killinfo event; the last two are of vendor kernels and stay 0 here. */
static const char *const meminfo_names[MEMINFO_FIELDS] = {
	"MemFree",      "Cached",         "SwapCached",    "Buffers",      "Shmem",
	"Unevictable",  "SwapTotal",      "SwapFree",      "Active(anon)", "Inactive(anon)",
	"Active(file)", "Inactive(file)", "SReclaimable",  "SUnreclaim",   "KernelStack",
	"PageTables",   "ION_heap",       "ION_heap_pool",
};

enum { SHMEM = 4, SWAP_TOTAL = 6, SWAP_FREE = 7, ACTIVE_ANON = 8, INACTIVE_ANON = 9 };

struct vmstate {
	uint64_t free, cma_free;
	uint64_t active_file, inactive_file, dirty;
	uint64_t scanned_direct, scanned_kswapd, refilled;
	uint64_t refault_file;
	uint64_t meminfo_kb[MEMINFO_FIELDS];
};

struct watermarks {
	uint64_t min, low, high;
};

static inline ssize_t read_text(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t length = 0;
	ssize_t done = 0;

	if (fd < 0)
		return -errno;
	while (length < size - 1 && (done = read(fd, text + length, size - 1 - length)) > 0)
		length += (size_t)done;
	close(fd);
	text[length] = '\0';
	return done < 0 ? -EIO : (ssize_t)length;
}

static inline void read_vmstat_line(struct vmstate *state, const char *name, uint64_t value)
{
	const struct {
		const char *name;
		uint64_t *value;
	} known[] = {
		{"nr_free_pages", &state->free},
		{"nr_free_cma", &state->cma_free},
		{"nr_active_file", &state->active_file},
		{"nr_inactive_file", &state->inactive_file},
		{"nr_dirty", &state->dirty},
		{"pgscan_direct", &state->scanned_direct},
		{"pgscan_kswapd", &state->scanned_kswapd},
		{"pgrefill", &state->refilled},
		{"workingset_refault_file", &state->refault_file},
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(known[i].name, name) == 0)
			*known[i].value = value;
}

static inline void read_meminfo_line(struct vmstate *state, const char *name, uint64_t value)
{
	for (size_t i = 0; i < MEMINFO_FIELDS; i++)
		if (strcmp(meminfo_names[i], name) == 0)
			state->meminfo_kb[i] = value;
}

static inline int read_vmstate(struct vmstate *state)
{
	static char text[32768];
	char *rest, *line;
	char name[64];
	unsigned long long value;

	memset(state, 0, sizeof(*state));
	if (read_text("/proc/vmstat", text, sizeof(text)) < 0)
		return -EIO;
	for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		if (sscanf(line, "%63s %llu", name, &value) == 2)
			read_vmstat_line(state, name, value);
	if (read_text("/proc/meminfo", text, sizeof(text)) < 0)
		return -EIO;
	for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		if (sscanf(line, "%63[^:]: %llu", name, &value) == 2)
			read_meminfo_line(state, name, value);
	return 0;
}

static inline uint64_t highest_protection(const char *list)
{
	uint64_t highest = 0;

	while (*list && *list != ')') {
		char *end;
		uint64_t value = strtoull(list, &end, 10);

		if (end == list)
			list++;
		else
			list = end;
		highest = value > highest ? value : highest;
	}
	return highest;
}

/*
 * Sum the marks of all zones, each raised by the most that its zone keeps back from allocations for
 * higher zones.
 */
static inline int read_watermarks(struct watermarks *marks)
{
	static char text[65536];
	char *rest, *line, *list;
	struct watermarks zone = {0, 0, 0};

	*marks = zone;
	if (read_text("/proc/zoneinfo", text, sizeof(text)) < 0)
		return -EIO;
	for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		unsigned long long value;

		if (sscanf(line, " min %llu", &value) == 1) {
			zone.min = value;
		} else if (sscanf(line, " low %llu", &value) == 1) {
			zone.low = value;
		} else if (sscanf(line, " high %llu", &value) == 1) {
			zone.high = value;
		} else if ((list = strstr(line, "protection: (")) != NULL && zone.high > 0) {
			uint64_t kept = highest_protection(list + strlen("protection: ("));

			marks->min += zone.min + kept;
			marks->low += zone.low + kept;
			marks->high += zone.high + kept;
			zone = (struct watermarks){0, 0, 0};
		}
	}
	return marks->high ? 0 : -EINVAL;
}

/*
 * Per cent of the last 10 s in which something ("some") or everything ("full", in `kind`) waited; 0
 * when unknown.
 */
static inline double stall_avg10(const char *resource, const char *kind)
{
	char path[64], wanted[32], text[256];
	char *at;

	snprintf(path, sizeof(path), "/proc/pressure/%s", resource);
	snprintf(wanted, sizeof(wanted), "%s avg10=", kind);
	if (read_text(path, text, sizeof(text)) <= 0 || (at = strstr(text, wanted)) == NULL)
		return 0;
	return strtod(at + strlen(wanted), NULL);
}

#endif
