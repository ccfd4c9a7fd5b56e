/*
 * A process held so that nobody else is touched in its place: its /proc
 * directory, then its pidfd, then what it says of itself, then that it lives.
 */
#ifndef TARGET_H
#define TARGET_H

#include "proc.h"
#include "request.h"

enum outcome {
	OUTCOME_ADVISED,
	OUTCOME_NOTHING,
	OUTCOME_GONE,
	OUTCOME_CHANGED,
	OUTCOME_DENIED,
	OUTCOME_STOPPED,
	OUTCOME_UNSUPPORTED,
};

const char *outcome_name(enum outcome outcome);

/* Why a target was not, or not wholly, advised; `reason` is one of the protocol's words. */
struct verdict {
	enum outcome outcome;
	const char *reason;	/* NULL: nothing stands in the way */
};

struct target {
	struct target_spec spec;
	int dir;
	int pidfd;
	struct proc_stat stat;
	uint32_t uid;
	uint32_t comm_crc;
	int adj;
	bool adj_known;
	bool idle;	/* frozen or stopped: no thread of it waits for a lock */
};

/*
 * Hold the process of `spec` and judge whether it may be touched. Pair with
 * target_close(). Kernels before 5.3 have no pidfd, and a backend that acts
 * through `dir` needs none: what is opened there fails with -ESRCH after its death.
 */
struct verdict target_open(struct target *target, const struct target_spec *spec,
			   bool needs_pidfd);
void target_close(struct target *target);

/*
 * The same questions again, between steps; the name by comm, which a new program
 * and a zygote's child change too. An idle target that woke up is idle no more.
 */
struct verdict target_check(struct target *target);

/* The verdict on a process that answered `error` (negative). */
struct verdict verdict_of_error(int error);

#endif
