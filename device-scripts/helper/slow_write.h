/* Writes that may sit in the kernel for seconds, unkillable: done by a child. */
#ifndef SLOW_WRITE_H
#define SLOW_WRITE_H

#include "reclaim_options.h"
#include "target.h"

/* What the child does; 0 or -errno. Its walk over what `options` choose is at its end. */
typedef int (*child_fn)(struct target *target, struct walk *walk, const struct options *options);

/*
 * Have a child do `work`. Sets `options->stuck` when the child did not end in
 * time: then no second write is made. A verdict without a reason means that the
 * kernel took what was written, nothing more.
 */
struct verdict child_do(child_fn work, struct target *target, struct walk *walk,
			struct options *options);

#endif
