/* The guard's own directory, which is the program's, and who guards. */
#ifndef HOME_H
#define HOME_H

#include "rt.h"

#define PROFILE_NAME_MAX 64

/* Who holds the lock. */
struct holder {
	int pid;
	uint64_t start;
	char profile[PROFILE_NAME_MAX];
};

extern int home_dir;

/* Open the directory that the program lies in; 0 or -errno. */
int home_open(void);

/* Hold the lock until this process ends, and say who does; -EBUSY: another holds it. */
int home_lock(const char *profile);

/* Whether a guard runs, and who. */
bool home_holder(struct holder *out);

/*
 * Whether the process that took the lock lives. A killed one's last child may
 * hold it for the moment between its fork and its exec.
 */
bool home_holder_lives(const struct holder *holder);

/* "/proc/self/fd/N/NAME": short enough for a socket, wherever home is. */
const char *home_path(const char *name);

#define HOME_SOCKET "guard.sock"

#endif
