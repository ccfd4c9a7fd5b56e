/* The line of one target. */
#include "report.h"

#include "json.h"

static void print_memory(const char *key, const struct memory *memory)
{
	line_object(key);
	memory_print(memory);
	line_object_end();
}

static void print_refusals(const struct advice_result *advice)
{
	line_list("refused");
	for (size_t i = 0; i < advice->refusals_nr; i++) {
		line_object(NULL);
		line_errno("errno", advice->refusals[i].error);
		line_u64("ranges", advice->refusals[i].ranges);
		line_u64("bytes", advice->refusals[i].bytes);
		line_object_end();
	}
	line_list_end();
}

static void print_counts(const struct report *report, const struct walk *walk)
{
	bool counted = report->walked && walk->pagemap >= 0;
	struct use sum = walk_sum(walk);

	line_u64("advised_bytes", report->advice.advised_bytes);
	line_u64("exclusive_bytes", counted ? sum.exclusive_bytes : UNKNOWN);
	line_u64("shared_bytes", counted ? sum.shared_bytes : UNKNOWN);
	line_u64("swapped_bytes", counted ? sum.swapped_bytes : UNKNOWN);
	line_u64("mapped_bytes", report->walked ? sum.mapped_bytes : UNKNOWN);
}

/* A dry run's: the kinds that the process has. */
static void print_kinds(const struct report *report, const struct walk *walk)
{
	bool counted = walk->pagemap >= 0;

	line_list("kinds");
	for (size_t i = 0; report->walked && i < KINDS_NR; i++) {
		const struct use *use = &walk->uses[i];

		if (use->mapped_bytes == 0)
			continue;
		line_object(NULL);
		line_word("kind", kind_name(i));
		line_u64("mapped_bytes", use->mapped_bytes);
		line_u64("exclusive_bytes", counted ? use->exclusive_bytes : UNKNOWN);
		line_u64("shared_bytes", counted ? use->shared_bytes : UNKNOWN);
		line_u64("swapped_bytes", counted ? use->swapped_bytes : UNKNOWN);
		line_u64("locked_bytes", report->locked_counted ? use->locked_bytes : UNKNOWN);
		line_object_end();
	}
	line_list_end();
}

void report_print(const struct report *report, const struct target *target,
		  const struct walk *walk, bool dry)
{
	line_begin("target");
	line_u64("pid", (uint64_t)target->spec.pid);
	line_u64("start", target->spec.start);
	line_word("outcome", outcome_name(report->verdict.outcome));
	line_word("reason", report->verdict.reason);
	print_counts(report, walk);
	print_refusals(&report->advice);
	if (target->adj_known)
		line_i64("adj", target->adj);
	else
		line_null("adj");
	line_bool("frozen", target->idle);
	line_u64("steps", report->steps);
	line_u64("calls", report->advice.calls);
	line_u64("longest_us", report->advice.longest_us);
	line_u64("duration_us", report->duration_us);
	if (report->walked)
		print_memory("before", &report->before);
	else
		line_null("before");
	if (report->walked && !dry)
		print_memory("after", &report->after);
	else
		line_null("after");
	line_u64("major_faults", report->major_faults);
	line_bool("approximate", report->before.approximate || report->after.approximate);
	if (dry)
		print_kinds(report, walk);
	line_send();
}
