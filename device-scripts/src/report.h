/* What was done to one target, and the line that says it. */
#ifndef REPORT_H
#define REPORT_H

#include "advise.h"
#include "memory.h"
#include "target.h"

struct report {
	struct verdict verdict;
	struct memory before, after;
	uint64_t major_faults;
	uint64_t steps;
	uint64_t duration_us;
	bool walked;
	bool locked_counted;
	struct advice_result advice;
};

void report_print(const struct report *report, const struct target *target,
		  const struct walk *walk, bool dry);

#endif
