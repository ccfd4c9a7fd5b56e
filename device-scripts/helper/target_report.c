/* The line of one target. */
#include "target_report.h"

#include "json.h"

/* null where nothing was looked at */
static void print_memory(const char *key, const struct memory *memory, bool looked)
{
	if (!looked) {
		line_null(key);
		return;
	}
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
		line_numbers("ranges bytes", &advice->refusals[i].ranges);
		line_object_end();
	}
	line_list_end();
}

/* Return what was seen; UNKNOWN for what could not be seen. */
static struct use known_use(const struct use *use, const struct walk *walk, bool locked_counted)
{
	struct use known = *use;

	if (walk->pagemap < 0)
		known.exclusive_bytes = known.shared_bytes = known.swapped_bytes = UNKNOWN;
	if (!locked_counted)
		known.locked_bytes = UNKNOWN;
	return known;
}

static void print_counts(const struct report *report, const struct walk *walk)
{
	struct use sum = {UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN};

	if (report->walked) {
		sum = walk_sum(walk);
		sum = known_use(&sum, walk, false);
	}
	line_u64("advised_bytes", report->advice.advised_bytes);
	line_numbers("exclusive_bytes shared_bytes swapped_bytes mapped_bytes",
		     &sum.exclusive_bytes);
}

/* A dry run's: the kinds that the process has. */
static void print_kinds(const struct report *report, const struct walk *walk)
{
	line_list("kinds");
	for (size_t i = 0; report->walked && i < KINDS_NR; i++) {
		struct use use = known_use(&walk->uses[i], walk, report->locked_counted);

		if (use.mapped_bytes == 0)
			continue;
		line_object(NULL);
		line_word("kind", kind_name(i));
		line_numbers("exclusive_bytes shared_bytes swapped_bytes mapped_bytes locked_bytes",
			     &use.exclusive_bytes);
		line_object_end();
	}
	line_list_end();
}

void report_print(const struct report *report, const struct target *target, const struct walk *walk,
		  bool dry)
{
	line_begin("target");
	line_u64("pid", (uint64_t)target->spec.pid);
	line_u64("start", target->spec.start);
	line_word("outcome", outcome_name(report->verdict.outcome));
	line_word("reason", reason_name(report->verdict.reason));
	print_counts(report, walk);
	print_refusals(&report->advice);
	line_i64("adj", target->adj_known ? target->adj : INT64_MIN);
	line_bool("frozen", target->idle);
	line_u64("steps", report->steps);
	line_u64("calls", report->advice.calls);
	line_u64("longest_us", report->advice.longest_us);
	line_u64("duration_us", report->duration_us);
	print_memory("before", &report->before, report->walked);
	print_memory("after", &report->after, report->walked && !dry);
	line_u64("major_faults", report->major_faults);
	line_u64("swap_room_bytes", report->swap_room_bytes);
	line_numbers("resumes left_out_bytes", &report->resumes);
	line_bool("approximate", report->before.approximate || report->after.approximate);
	if (dry)
		print_kinds(report, walk);
	line_send();
}
