/* The line of one target. */
#ifndef TARGET_REPORT_H
#define TARGET_REPORT_H

#include "reclaim_steps.h"

void report_print(const struct report *report, const struct target *target, const struct walk *walk,
		  bool dry);

#endif
