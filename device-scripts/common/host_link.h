/*
 * The line to the host: requests in, replies out, and when to stop. One-shot
 * requests read no stdin; they only watch that somebody still reads stdout.
 */
#ifndef HOST_LINK_H
#define HOST_LINK_H

#include "text.h"

enum link_state {
	LINK_GO,
	LINK_CANCELLED, /* the request in work is not wanted any more */
	LINK_ENDING, /* EOF, HUP, EPIPE, a missed heartbeat or SIGTERM */
};

/* heartbeat_us 0: none is wanted. `serving` false: one-shot. */
void link_open(bool serving, uint64_t heartbeat_us);

/*
 * Wait for the next request and copy it, NUL-terminated and without its line
 * end, to `line` (LINK_LINE_BYTES). Returns its length, or -errno: -EPIPE when the
 * link ended, -EINTR on SIGTERM, -E2BIG for a line that is too long (its first
 * bytes are in `line`).
 */
#define LINK_LINE_BYTES 65536
long link_next(char *line);

/* Between link_next() and the end of the reply to request `id`. */
void link_work_begin(struct span id);
void link_work_end(void);

/* Let `us` pass (0: only look) while watching the link. */
enum link_state link_pause(uint64_t us);

/* True when SIGTERM was received. */
bool link_terminated(void);

/* Write all of it; 0 or -errno. */
int link_write(const char *bytes, size_t count);

#endif
