/* The guard's own directory, which is the program's, and who guards. */
#ifndef GUARD_DIR_H
#define GUARD_DIR_H

#include "hot_share.h"

#define PROFILE_NAME_MAX 64

/* Who holds the lock. */
struct holder {
	int pid;
	char profile[PROFILE_NAME_MAX];
};

extern int guard_dir_fd;

/* Open the directory that the program lies in; 0 or -errno. */
int guard_dir_open(void);

/* Hold the lock until this process ends, and say who does; -EBUSY: another holds it. */
int guard_dir_lock(const char *profile);

/* Whether a guard runs, and who; its profile is "" for the moment in which it begins. */
bool guard_dir_holder(struct holder *out);

/* "/proc/self/fd/N/NAME": short enough for a socket, wherever home is. */
const char *guard_dir_path(const char *name);

#endif
