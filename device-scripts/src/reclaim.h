/* Targets in steps, for the verbs of the helper and for the guard. */
#ifndef RECLAIM_H
#define RECLAIM_H

#include "options.h"
#include "report.h"

/*
 * Hold the process of `spec`, and page out (or cool) in steps what `options`
 * choose of it, without a word and without measuring it (which would stall it).
 * device_open() comes before. The verdict and the advice are in `report`; when
 * the budget ended it, `options->chosen` is what is left.
 */
void reclaim_quietly(struct options *options, const struct target_spec *spec,
		     struct report *report);

#endif
