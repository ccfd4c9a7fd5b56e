/* The guard itself: it looks, decides and acts until its time is over. */
#ifndef GUARD_H
#define GUARD_H

#include "apps.h"
#include "home.h"
#include "profile.h"

/* What one guard is started with, and what it counts. */
struct guard {
	struct profile profile;
	char name[PROFILE_NAME_MAX];
	uint64_t started_s, ends_s;	/* of the wall clock, for display */
	uint64_t ends_ms;		/* of CLOCK_BOOTTIME */
	char bound_to[128];		/* group that ends with adbd; empty: none */
	/* Counters since its start. */
	uint64_t wakeups, looks, passes, actions;
	uint64_t advised_bytes, reclaimed_bytes, refaulted_bytes;
	uint64_t gone;			/* apps that ended in the background */
	uint64_t oom_kills_before;
	/* The last look. */
	struct situation now;
	const char *condition;		/* NULL: no memory is missing */
	const char *forbidden;		/* why nobody is touched */
};

extern struct guard guard;

/* The life of the daemon. */
void guard_run(int ready_fd);

/* Lines "guard" and "app" of a running one. */
void guard_print(void);

#endif
