/* What a process holds. */
#ifndef PROCESS_MEMORY_H
#define PROCESS_MEMORY_H

#include "text.h"

/* Bytes; UNKNOWN where nobody said. */
struct memory {
	/* In the order of memory_print(). */
	uint64_t rss_bytes;
	uint64_t rss_anon_bytes;
	uint64_t rss_file_bytes; /* with shared memory */
	uint64_t swap_bytes;
	uint64_t locked_bytes;
	bool approximate; /* from status, not from smaps_rollup */
};

extern const struct memory memory_unknown;

/*
 * Read the memory of the process behind the /proc directory `dir`. Exact where
 * the kernel has smaps_rollup (4.14), at the cost of a stall of the process of
 * 10 us a MiB; else from status. Returns 0 or -errno; `out` is valid either way.
 */
int memory_read(int dir, struct memory *out);

/* The four members every reply has, into the object that is open. */
void memory_print(const struct memory *memory);

#endif
