/* What the device says of its memory and swap. */
#ifndef MEMORY_GAUGE_H
#define MEMORY_GAUGE_H

#include "policy.h"

/* Keep open what is read often. 0 or -errno. */
int gauge_open(void);
void gauge_close(void);

/*
 * Memory and swap now; watermarks at most a minute old. Leaves the rest of `out` as it is, but
 * for a swap_stop_bytes that swap has risen to, or that was another swap's: that is taken back.
 */
void gauge_read(struct situation *out, uint64_t now_ms);

/* Totals of waiting for memory; UNKNOWN without PSI. */
void gauge_psi(uint64_t *some_us, uint64_t *full_us);

/* A swap that is not zram, or zram with a device behind it: writes wear flash. */
bool gauge_swap_is_flash(void);

#endif
