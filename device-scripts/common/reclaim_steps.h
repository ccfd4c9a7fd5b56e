/* One target in steps, for the verbs of the helper and for the guard. */
#ifndef RECLAIM_STEPS_H
#define RECLAIM_STEPS_H

#include "advise.h"
#include "process_memory.h"
#include "reclaim_options.h"
#include "target.h"

/* What was done to one target. */
struct report {
	struct verdict verdict;
	struct memory before, after;
	uint64_t major_faults;
	uint64_t steps;
	uint64_t duration_us;
	/* What is known of its resumes, and what therefore was not advised; UNKNOWN: not asked for. */
	uint64_t resumes, left_out_bytes;
	uint64_t swap_room_bytes; /* at the last look; UNKNOWN: no limit */
	bool walked;
	bool locked_counted;
	struct advice_result advice;
};

/*
 * Bytes that the groups of a target still leave in swap for what `options` choose of it; UNKNOWN where
 * nothing limits it, or nothing of it would go there.
 */
uint64_t reclaim_swap_room(const struct target *target, const struct options *options);

/* Whether a step of `bytes` may begin. */
struct verdict reclaim_judge(struct target *target, struct options *options, uint64_t bytes);

/* All steps of a target that is held, over a walk that is open. */
void reclaim_walked(struct target *target, struct walk *walk, struct options *options,
		    struct report *report);

/* See what is there without advising it: opens `walk`. 0 or -errno. */
int reclaim_count(const struct target *target, struct walk *walk, const struct options *options);

/* The maps of a process that exits, or becomes another program, just end; its files are not there. */
void reclaim_explain_early_end(struct target *target, struct report *report);

/*
 * Hold the process of `spec`, and page out (or cool) in steps what `options`
 * choose of it, without a word and without measuring it (which would stall it).
 * device_open() comes before. The verdict and the advice are in `report`; when
 * the budget ended it, `options->chosen` is what is left.
 */
void reclaim_quietly(struct options *options, const struct target_spec *spec,
		     struct report *report);

#endif
