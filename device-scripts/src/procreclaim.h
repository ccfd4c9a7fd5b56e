/* The interface of 2013, /proc/PID/reclaim, in vendor kernels from 3.10 to 4.19. */
#ifndef PROCRECLAIM_H
#define PROCRECLAIM_H

#include "options.h"
#include "target.h"

/*
 * Ask for what `options->chosen` means of `target`: by keyword or number for
 * whole classes, by address for kinds and ranges. `walk` is one over the same;
 * it is at its end afterwards. Sets `options->stuck` when a write did not come
 * back in time.
 *
 * "No reason" in the answer means that the kernel took the words, nothing more.
 */
struct verdict procreclaim_ask(struct target *target, struct walk *walk, struct options *options);

#endif
