/* Files of the control group a process is in. */
#ifndef CGROUP_H
#define CGROUP_H

/*
 * Open `file` of the group that the process behind the /proc directory `dir` has
 * in the hierarchy of `controller` (v1), or in that of v2 (""), wherever Android
 * or a desktop mounts it. Returns a descriptor, -ENOENT when there is none, or
 * -errno.
 */
int group_open(int dir, const char *controller, const char *file, int flags);

#endif
