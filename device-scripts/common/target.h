/*
 * A process held so that nobody else is touched in its place: its /proc
 * directory, then its pidfd, then what it says of itself, then that it lives.
 */
#ifndef TARGET_H
#define TARGET_H

#include "family.h"
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

/* clang-format off */
/* Why a target was not, or not wholly, advised: the protocol's words. */
#define REASONS(_) \
	_(GONE, "gone") _(CHANGED, "changed") _(DENIED, "denied") \
	_(UNSUPPORTED, "unsupported") _(FOREGROUND, "foreground") \
	_(PERCEPTIBLE, "perceptible") _(BELOW_FLOOR, "below_floor") \
	_(KERNEL_THREAD, "kernel_thread") _(SYSTEM, "system") _(ZOMBIE, "zombie") \
	_(THREAD, "thread") _(LOCKED, "locked") _(ALREADY_SWAPPED, "already_swapped") \
	_(SHARED, "shared") _(SHARED_CGROUP, "shared_cgroup") _(NO_SWAP, "no_swap") \
	_(NO_MEMORY, "no_memory") _(SWAP_BUDGET, "swap_budget") _(ZRAM_FULL, "zram_full") \
	_(SWAP_LIMIT, "swap_limit") \
	_(INCOMPRESSIBLE, "incompressible") _(NOT_PROVEN, "not_proven") _(BUDGET, "budget") \
	_(CANCELLED, "cancelled") _(STUCK, "stuck") _(BUSY, "busy")
/* clang-format on */

#define REASON_MEMBER(name, word) REASON_##name,

enum reason {
	REASON_NONE, /* nothing stands in the way */
	REASONS(REASON_MEMBER)
};

/* The word; NULL for none. */
const char *reason_name(enum reason reason);

struct verdict {
	enum outcome outcome;
	enum reason reason;
};

struct target {
	struct target_spec spec;
	int dir;
	int pidfd;
	int claim; /* see target_claim() */
	struct proc_stat stat;
	uint32_t uid;
	uint32_t comm_crc;
	int adj;
	bool adj_known;
	struct family family; /* who else says how close it is to its user */
	bool idle; /* frozen or stopped: no thread of it waits for a lock */
};

/*
 * Hold the process of `spec` and judge whether it may be touched. Pair with
 * target_close(). Kernels before 5.3 have no pidfd, and a backend that acts
 * through `dir` needs none: what is opened there fails with -ESRCH after its death.
 */
struct verdict target_open(struct target *target, const struct target_spec *spec, bool needs_pidfd);
void target_close(struct target *target);

/*
 * Keep other sessions and the guard from moving this target's memory until target_close(): by a
 * lock of its /proc directory, which ends with who holds it. What leaves meanwhile is one's own to
 * tell of. Where the kernel or the policy allows no such lock it goes without.
 */
struct verdict target_claim(struct target *target);

/*
 * The same questions again, between steps; the name by comm, which a new program
 * and a zygote's child change too. An idle target that woke up is idle no more.
 */
struct verdict target_check(struct target *target);

/* That it was stopped, and why. */
struct verdict verdict_stopped(enum reason reason);

/* The verdict on a process that answered `error` (negative). */
struct verdict verdict_of_error(int error);

#endif
