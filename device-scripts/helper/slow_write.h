/* Writes that may sit in the kernel for seconds, unkillable: done by a child. */
#ifndef SLOW_WRITE_H
#define SLOW_WRITE_H

#include "reclaim_options.h"
#include "target.h"

/* What the child does; 0 or -errno. Its walk is one over what `options` choose, at its end. */
typedef int (*child_fn)(struct target *target, struct walk *walk, const struct options *options);

/*
 * Have a child do `work`. Sets `options->stuck` when it did not come back in
 * time: no second write then. "No reason" in the answer means that the kernel
 * took what was written, nothing more.
 */
struct verdict child_do(child_fn work, struct target *target, struct walk *walk,
			struct options *options);

#endif
