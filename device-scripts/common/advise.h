/* Advice on ranges of another process. */
#ifndef ADVISE_H
#define ADVISE_H

#include "page_walk.h"

#define REFUSALS_MAX 8 /* different errnos; process_madvise has five for a range */

struct refusal {
	int error; /* positive */
	uint64_t ranges, bytes; /* in the order of the reply */
};

/* Summed over the steps of one target. */
struct advice_result {
	uint64_t advised_bytes;
	uint64_t calls;
	uint64_t longest_us; /* of one call: what the target may have waited for its mmap lock */
	struct refusal refusals[REFUSALS_MAX];
	size_t refusals_nr;
};

/*
 * Give `advice` on the ranges of `step` in the process behind `pidfd`, and count
 * what was advised and what was refused.
 *
 * The kernel stops at the first range it refuses and returns the bytes before
 * it, the errno only when there are none. (Until commit 5bd009c7c9a9 "mm:
 * madvise: return correct bytes advised with process_madvise", v5.18, the errno
 * also after advising the ranges before.) So after a failure go one by one until
 * the refused range has named itself, then all together again.
 *
 * EINVAL stands for the whole VMA (locked, hugetlb, PFN map): the rest of it
 * counts as one refused range, and `walk` leaves it out from then on.
 *
 * Returns 0 when every range was tried, -errno when the process is out of reach:
 * -ESRCH (exited), -EPERM or -EACCES (not ours to advise), -ENOSYS (no such
 * call). Consumes `step`; `result` is valid either way.
 */
int advise_step(int pidfd, int advice, struct walk *walk, struct step *step,
		struct advice_result *result);

#endif
