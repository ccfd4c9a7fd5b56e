/* What the guard did and why: a ring of two files, a line of JSON an event. */
#ifndef EVENT_LOG_H
#define EVENT_LOG_H

#include "policy.h"
#include "request.h"

struct event {
	const char *what;
	const char *reason;
	const struct app *app; /* NULL: of no process */
	uint64_t advised_bytes, reclaimed_bytes, available_bytes, refaulted_bytes;
};

extern const struct event event_none; /* every number unknown */

/* Go on where the log ends. */
void events_open(void);

void event_log(const struct event *event);

/* The verb: the events after the one numbered `after`, oldest first. */
int verb_guard_log(const struct request *request, const char **why);

/* Why the last guard ended, from the log: its reason; "killed" where the log does not end so. */
bool events_last_end(char *out, size_t capacity);

#endif
