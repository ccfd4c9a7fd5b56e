/* The memory cgroup of an app: memory.reclaim (v2, 5.19), memory.force_empty (v1). */
#ifndef MEMCG_H
#define MEMCG_H

#include "reclaim_options.h"
#include "target.h"

/*
 * Open the memcg of `target` and check that each process in it is a target of this request
 * that may be touched; if not, the verdict is `shared_cgroup`. Pair with memcg_close().
 */
struct verdict memcg_open(const struct target *target, const struct options *options);
void memcg_close(void);

/*
 * Have the kernel reclaim `options->memcg_bytes` of what is charged to the group that is open, in
 * steps (v1: all of it, at once). Finding less (-EAGAIN) is no failure.
 * A child_fn: it may take seconds. -EINVAL: the kernel cannot take these classes alone.
 */
int memcg_ask(struct target *target, struct walk *walk, const struct options *options);

#endif
