/* Files of the control group a process is in. */
#ifndef CGROUP_H
#define CGROUP_H

#include "text.h"

/*
 * Open `file` of the group that the process behind the /proc directory `dir` has
 * in the hierarchy of `controller` (v1), or in that of v2 (""), wherever Android
 * or a desktop mounts it. Returns a descriptor, -ENOENT when there is none, or
 * -errno.
 */
int group_open(int dir, const char *controller, const char *file, int flags);

/*
 * Bytes that the process behind `dir` may still have moved to swap: memory.swap.max less
 * memory.swap.current of its group or of one above it (v2), whichever leaves the least. UNKNOWN
 * where none has a limit. Beyond it MADV_PAGEOUT succeeds and moves nothing.
 */
uint64_t group_swap_room(int dir);

#endif
