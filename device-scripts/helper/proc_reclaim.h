/* The interface of 2013, /proc/PID/reclaim, in vendor kernels from 3.10 to 4.19. */
#ifndef PROC_RECLAIM_H
#define PROC_RECLAIM_H

#include "reclaim_options.h"
#include "target.h"

/*
 * Ask for what `options->chosen` means of `target`: by keyword or number for
 * whole classes, by address for kinds and ranges. A child_fn: the write may
 * block. 0 or -errno.
 */
int procreclaim_ask(struct target *target, struct walk *walk, const struct options *options);

#endif
