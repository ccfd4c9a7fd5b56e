/* Becoming a daemon: on its own, out of the way, and hard to kill by accident. */
#ifndef DAEMON_H
#define DAEMON_H

#include "text.h"

/* What the daemon tells whoever started it, once it guards or cannot. */
struct ready {
	int error;
	int pid;
	char why[160];
};

/*
 * Have `run` be called with `data` in a process that is nobody's child, with no descriptor but
 * `ready_fd` and home. Returns what it said, or an error of its start.
 */
struct ready daemon_start(void (*run)(void *data, int ready_fd), void *data);

/* Whether `fd` can be read within `ms`, whatever signals come but SIGTERM. */
bool daemon_wait_readable(int fd, uint32_t ms);

/* Tell who waits; false when nobody does any more. */
bool daemon_say(int ready_fd, int error, const char *why);

/*
 * Move out of the group of processes that init ends together with adbd; into
 * `group` which one it is still in (then it ends when adbd is restarted), or "".
 */
void daemon_leave_group(char *group, size_t capacity);

/* Get CPU time after all others, and keep memory before them: nice 10, adj -800, pages locked. */
void daemon_settle(void);

#endif
