/* The table of processes that may be paged out at some time, kept from /proc. */
#ifndef APP_TABLE_H
#define APP_TABLE_H

#include "policy.h"

#define STRANGERS 1024 /* processes known to be no apps */

struct apps {
	struct app app[APPS_MAX];
	size_t nr;
	uint64_t left_out; /* that the table had no room for, by the last scan */
	uint64_t launch_bytes[8]; /* what the last apps held when they first left the foreground */
	size_t launches;
	int stranger[STRANGERS]; /* by pid, the newer in place of the older */
	uint64_t strangers_since_ms;
};

/* What changed in a scan. */
struct changes {
	bool any; /* an oom_score_adj, or who there is */
	bool returned; /* one that was paged out is in the foreground again */
};

/* Compare with /proc: who is new, gone, came or left. `ended` is called for each app forgotten. */
struct changes apps_scan(struct apps *apps, const struct profile *profile, uint64_t now_ms,
			 void (*ended)(void *data, const struct app *app), void *data);

/* Forget every app, as before the first scan. */
void apps_forget(struct apps *apps);

/* Read what an app holds; false when it is gone. */
bool apps_measure(struct app *app);

/* The largest of the recent launches; 0 when there was none. */
uint64_t apps_launch_bytes(const struct apps *apps);

#endif
