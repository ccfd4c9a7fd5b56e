/* How short of memory the device is, in the kernel's own counters. */
#ifndef MEMORY_LEVEL_H
#define MEMORY_LEVEL_H

#include "text.h"

/*
 * A file that the kernel writes in one go; returns the bytes read. To look for its end, as
 * fs_reread() does, would have it written a second time: ten times a second, half of the
 * guard's CPU time.
 */
size_t file_once(int fd, char *buffer, size_t capacity);

/*
 * Low watermarks and the largest protection of each zone that has memory, in
 * bytes: what lmkd compares free memory with. UNKNOWN without /proc/zoneinfo.
 */
uint64_t low_watermark_bytes(void);

/* Totals of waiting for memory, of /proc/pressure/memory behind `fd`; UNKNOWN without PSI. */
void psi_totals(int fd, uint64_t *some_us, uint64_t *full_us);

/* Processes the kernel killed for memory since boot; UNKNOWN where it does not count. */
uint64_t oom_kill_count(void);

#endif
