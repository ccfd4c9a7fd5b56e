/* Swap of the whole device, as far as it decides whether to go on. */
#ifndef DEVICE_MEMORY_H
#define DEVICE_MEMORY_H

#include "text.h"

struct device {
	/* In the order of the reply's device line. */
	uint64_t swap_free_bytes;
	uint64_t swap_cached_bytes;
	uint64_t zram_used_bytes; /* memory all zram devices take; UNKNOWN without any */
	uint64_t failed_writes; /* pages zram refused, ever */
	uint64_t swap_total_bytes;
	uint64_t available_bytes; /* MemAvailable: UNKNOWN before 3.14 */
};

/* Keep the files open that device_read() reads; ended by device_close(). */
void device_open(void);
void device_close(void);
void device_read(struct device *out);

/* By how much a number has grown; 0 where one of the two is not known. */
uint64_t device_growth(uint64_t before, uint64_t after);

#endif
