/* The verbs pageout and cold: targets in steps, and the truth about each. */
#include "advise.h"
#include "device.h"
#include "json.h"
#include "link.h"
#include "memory.h"
#include "pages.h"
#include "request.h"
#include "target.h"

/* What a step costs the target is in its mmap lock: 1 MiB is about 2.3 ms of it. */
#define RUNNING_STEP_BYTES (1024u * 1024)
#define RUNNING_PAUSE_US 500
#define IDLE_STEP_BYTES (8u * 1024 * 1024)	/* nobody in there waits for the lock */
#define GAIN_WINDOW_BYTES (16u * 1024 * 1024)

struct options {
	int advice;
	struct chosen chosen;
	bool dry;
	bool idle_first;	/* what is frozen or stopped before what runs */
	uint64_t budget_left_bytes;	/* of the whole request */
	uint64_t step_bytes;	/* UNKNOWN: by the target's state */
	uint64_t pause_us;	/* UNKNOWN: likewise */
	uint64_t swap_floor_bytes;
	/* The device when the request began, and when the last 16 MiB did. */
	struct device before;
	struct device window;
	enum link_state link;
};

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

/* One target at a time: static, for the stack of a helper is nobody's business. */
static struct walk walk;
static struct step step;
static struct target target;

static const struct verdict finished = { OUTCOME_ADVISED, NULL };

static struct verdict stopped(const char *reason)
{
	return (struct verdict){ OUTCOME_STOPPED, reason };
}

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

static void print_counts(const struct report *report)
{
	bool counted = report->walked && walk.pagemap >= 0;
	struct use sum = walk_sum(&walk);

	line_u64("advised_bytes", report->advice.advised_bytes);
	line_u64("exclusive_bytes", counted ? sum.exclusive_bytes : UNKNOWN);
	line_u64("shared_bytes", counted ? sum.shared_bytes : UNKNOWN);
	line_u64("swapped_bytes", counted ? sum.swapped_bytes : UNKNOWN);
	line_u64("mapped_bytes", report->walked ? sum.mapped_bytes : UNKNOWN);
}

/* A dry run's: the kinds that the process has. */
static void print_kinds(const struct report *report)
{
	bool counted = walk.pagemap >= 0;

	line_list("kinds");
	for (size_t i = 0; report->walked && i < KINDS_NR; i++) {
		const struct use *use = &walk.uses[i];

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

static void print_target(const struct options *options, const struct report *report)
{
	line_begin("target");
	line_u64("pid", (uint64_t)target.spec.pid);
	line_u64("start", target.spec.start);
	line_word("outcome", outcome_name(report->verdict.outcome));
	line_word("reason", report->verdict.reason);
	print_counts(report);
	print_refusals(&report->advice);
	if (target.adj_known)
		line_i64("adj", target.adj);
	else
		line_null("adj");
	line_bool("frozen", target.idle);
	line_u64("steps", report->steps);
	line_u64("calls", report->advice.calls);
	line_u64("longest_us", report->advice.longest_us);
	line_u64("duration_us", report->duration_us);
	if (report->walked)
		print_memory("before", &report->before);
	else
		line_null("before");
	if (report->walked && !options->dry)
		print_memory("after", &report->after);
	else
		line_null("after");
	line_u64("major_faults", report->major_faults);
	line_bool("approximate", report->before.approximate || report->after.approximate);
	if (options->dry)
		print_kinds(report);
	line_send();
}

static uint64_t growth(uint64_t before, uint64_t after)
{
	return before == UNKNOWN || after == UNKNOWN || after < before ? 0 : after - before;
}

static void print_device(const struct options *options)
{
	const struct device *before = &options->before;
	struct device after;

	device_read(&after);
	line_begin("device");
	line_u64("swap_total_bytes", after.swap_total_bytes);
	line_u64("swap_free_before_bytes", before->swap_free_bytes);
	line_u64("swap_free_after_bytes", after.swap_free_bytes);
	line_u64("zram_used_before_bytes", before->zram_used_bytes);
	line_u64("zram_used_after_bytes", after.zram_used_bytes);
	line_u64("swap_cached_before_bytes", before->swap_cached_bytes);
	line_u64("swap_cached_after_bytes", after.swap_cached_bytes);
	line_u64("failed_writes", after.failed_writes == UNKNOWN ?
					  UNKNOWN :
					  growth(before->failed_writes, after.failed_writes));
	line_send();
}

/* Bytes the next step may have, in whole pages. */
static uint64_t step_limit(const struct options *options)
{
	uint64_t limit = options->step_bytes;

	if (limit == UNKNOWN)
		limit = target.idle ? IDLE_STEP_BYTES : RUNNING_STEP_BYTES;
	if (limit > options->budget_left_bytes)
		limit = options->budget_left_bytes;
	return limit & ~(uint64_t)(page_bytes - 1);
}

static uint64_t pause_us(const struct options *options)
{
	if (options->pause_us != UNKNOWN)
		return options->pause_us;
	return target.idle ? 0 : RUNNING_PAUSE_US;
}

/*
 * Whether swap takes another step of `bytes`. zram that refuses pages still
 * shows them as gone from RSS: they wait in the swap cache.
 */
static struct verdict judge_swap(struct options *options, uint64_t bytes)
{
	struct device now;
	uint64_t moved_bytes;

	if (options->advice != ADVICE_PAGEOUT || !(options->chosen.kinds & VMA_ANON))
		return finished;
	device_read(&now);
	if (growth(options->before.failed_writes, now.failed_writes) > 0)
		return stopped("zram_full");
	if (now.zram_used_bytes != UNKNOWN &&
	    growth(options->before.swap_cached_bytes, now.swap_cached_bytes) > GAIN_WINDOW_BYTES / 2)
		return stopped("zram_full");
	if (now.swap_free_bytes < bytes || now.swap_free_bytes - bytes < options->swap_floor_bytes)
		return stopped("swap_budget");
	moved_bytes = growth(now.swap_free_bytes, options->window.swap_free_bytes);
	if (moved_bytes < GAIN_WINDOW_BYTES)
		return finished;
	/* A gain of less than a fifth is not worth the way out and back. */
	if (growth(options->window.zram_used_bytes, now.zram_used_bytes) * 5 > moved_bytes * 4)
		return stopped("incompressible");
	options->window = now;
	return finished;
}

/* Whether a step of `bytes` may begin. */
static struct verdict judge_step(struct options *options, uint64_t bytes)
{
	struct verdict verdict = target_check(&target);

	if (verdict.reason)
		return verdict;
	return judge_swap(options, bytes);
}

/* One step: look, judge, advise, pause. Sets `report->verdict` when it was the last. */
static bool do_step(struct options *options, struct report *report)
{
	uint64_t limit = step_limit(options);
	bool out_of_budget = limit == 0;
	int error;

	error = walk_step(&walk, out_of_budget ? page_bytes : limit, &step);
	if (error) {
		report->verdict = verdict_of_error(error);
		return false;
	}
	if (step.nr > 0 && !options->dry) {
		report->verdict = out_of_budget ? stopped("budget") :
						  judge_step(options, step.bytes);
		if (report->verdict.reason)
			return false;
		report->steps++;
		error = advise_step(target.pidfd, options->advice, &walk, &step, &report->advice);
		if (error) {
			report->verdict = verdict_of_error(error);
			return false;
		}
		options->budget_left_bytes -= step.bytes;
	}
	if (walk.ended)
		return false;
	options->link = link_pause(step.nr > 0 && !options->dry ? pause_us(options) : 0);
	if (options->link != LINK_GO) {
		report->verdict = stopped("cancelled");
		return false;
	}
	return true;
}

/* Why a target of which nothing was advised had nothing: from what the walk saw. */
static void explain_nothing(struct report *report)
{
	struct use sum = walk_sum(&walk);

	if (report->verdict.reason || report->advice.advised_bytes > 0)
		return;
	if (report->advice.refusals_nr > 0)
		report->verdict = (struct verdict){ OUTCOME_NOTHING, "locked" };
	else if (walk.pagemap < 0)
		report->verdict = (struct verdict){ OUTCOME_NOTHING, NULL };
	else if (sum.swapped_bytes >= sum.shared_bytes && sum.swapped_bytes > 0)
		report->verdict = (struct verdict){ OUTCOME_NOTHING, "already_swapped" };
	else if (sum.shared_bytes > 0)
		report->verdict = (struct verdict){ OUTCOME_NOTHING, "shared" };
	else
		report->verdict = (struct verdict){ OUTCOME_NOTHING, NULL };
}

/* The maps of a process that exits, or becomes another program, just end. */
static void explain_early_end(struct report *report)
{
	struct verdict verdict = target_check(&target);

	if (!report->verdict.reason &&
	    (verdict.outcome == OUTCOME_GONE || verdict.outcome == OUTCOME_CHANGED))
		report->verdict = verdict;
}

static void read_memory(struct memory *memory, uint64_t *major_faults)
{
	struct proc_stat stat;

	memory_read(target.dir, memory);
	if (!proc_read_stat(target.dir, &stat))
		*major_faults = stat.major_faults;
}

static void walk_target(struct options *options, struct report *report)
{
	uint64_t began_us;
	int error = walk_open(&walk, target.dir, &options->chosen);

	if (error) {
		report->verdict = verdict_of_error(error);
		walk_close(&walk);
		return;
	}
	report->walked = true;
	read_memory(&report->before, &report->major_faults);
	began_us = sys_now_us();
	while (do_step(options, report))
		;
	report->duration_us = sys_now_us() - began_us;
	explain_early_end(report);
	if (options->dry) {
		report->locked_counted = walk_count_locked(&walk, target.dir) == 0;
	} else {
		explain_nothing(report);
		read_memory(&report->after, &report->major_faults);
	}
	print_target(options, report);
	walk_close(&walk);
}

static void reclaim_target(struct options *options, const struct target_spec *spec)
{
	static struct report report;

	memset(&report, 0, sizeof(report));
	report.before = report.after = memory_unknown;
	report.major_faults = UNKNOWN;
	report.verdict = target_open(&target, spec);
	if (!report.verdict.reason && options->link != LINK_GO)
		report.verdict = stopped("cancelled");
	if (!report.verdict.reason && options->chosen.kinds == 0)
		report.verdict = (struct verdict){ OUTCOME_NOTHING, "no_swap" };
	if (!report.verdict.reason)
		walk_target(options, &report);
	if (!report.walked)
		print_target(options, &report);
	target_close(&target);
}

static bool parse_what(struct span what, unsigned int *kinds)
{
	*kinds = span_is(what, "anon") ? VMA_ANON :
		 span_is(what, "file") ? VMA_FILE :
		 span_is(what, "all")  ? VMA_ANON | VMA_FILE : 0;
	return *kinds != 0;
}

/* "START-END" in hex, as maps has it, of whole pages. */
static bool parse_range(struct span range, struct chosen *out)
{
	struct span start;

	return span_word(&range, '-', &start) && parse_u64(start, 16, &out->start) &&
	       parse_u64(range, 16, &out->end) && out->start < out->end &&
	       !((out->start | out->end) & (page_bytes - 1));
}

static bool is_single_target(const struct request *request)
{
	struct target_spec spec;
	struct span rest;

	request_value(request, "targets", &rest);
	return next_target(&rest, &spec) && !next_target(&rest, &spec);
}

static const char *parse_chosen(const struct request *request, struct chosen *out)
{
	struct span what = span_of("anon"), only, range;
	bool given = request_value(request, "what", &what);

	*out = (struct chosen){ 0, 0, UINT64_MAX };
	if (!parse_what(what, &out->kinds))
		return "what must be anon, file or all";
	if (request_value(request, "only", &only)) {
		if (given || !kinds_parse(only, &out->kinds))
			return "only, without what: dalvik native stack unnamed code data";
	}
	if (request_value(request, "range", &range) &&
	    (!parse_range(range, out) || !is_single_target(request)))
		return "range must be START-END in hex, whole pages of one target";
	return NULL;
}

static const char *parse_options(const struct request *request, struct options *out)
{
	uint64_t dry, idle_first;
	const char *why = parse_chosen(request, &out->chosen);

	if (why)
		return why;
	if (request_u64(request, "budget_bytes", UNKNOWN, &out->budget_left_bytes))
		return "budget_bytes must be a number";
	if (request_u64(request, "step_bytes", UNKNOWN, &out->step_bytes) ||
	    out->step_bytes < page_bytes)
		return "step_bytes must be a page or more";
	if (request_u64(request, "pause_us", UNKNOWN, &out->pause_us))
		return "pause_us must be a number";
	if (request_u64(request, "swap_floor_bytes", 0, &out->swap_floor_bytes))
		return "swap_floor_bytes must be a number";
	if (request_u64(request, "idle_first", 0, &idle_first) || idle_first > 1)
		return "idle_first must be 0 or 1";
	out->idle_first = idle_first == 1;
	if (request_u64(request, "dry", 0, &dry) || dry > 1)
		return "dry must be 0 or 1";
	out->dry = dry == 1;
	return NULL;
}

/* Without swap the kernel would report success for anonymous memory and move nothing. */
static void leave_out_anon_without_swap(struct options *options)
{
	if (options->advice == ADVICE_PAGEOUT && options->before.swap_total_bytes == 0 &&
	    !options->dry)
		options->chosen.kinds &= ~(unsigned int)VMA_ANON;
}

enum who {
	WHO_ALL,
	WHO_IDLE,
	WHO_OTHERS,
};

/* By the place in the request, seen once: one that wakes up meanwhile still has its turn. */
static bool idle[LINK_LINE_BYTES / sizeof("1:1")];

static void note_idle(struct span targets)
{
	struct target_spec spec;

	for (size_t i = 0; next_target(&targets, &spec); i++) {
		int dir = proc_open(spec.pid);

		idle[i] = dir >= 0 && proc_is_idle(dir);
		if (dir >= 0)
			sys_close(dir);
	}
}

static void reclaim_targets(struct options *options, struct span targets, enum who who)
{
	struct target_spec spec;

	for (size_t i = 0; options->link != LINK_ENDING && !reply_broken() &&
			   next_target(&targets, &spec);
	     i++)
		if (who == WHO_ALL || idle[i] == (who == WHO_IDLE))
			reclaim_target(options, &spec);
}

static int reclaim(const struct request *request, int advice, const char **why)
{
	static const char *const known[] = {
		"targets", "what", "only", "range", "budget_bytes", "step_bytes", "pause_us",
		"swap_floor_bytes", "idle_first", "dry", NULL
	};
	static struct options options;
	struct span targets;

	*why = "keys: targets what only range budget_bytes step_bytes pause_us swap_floor_bytes "
	       "idle_first dry";
	if (request_check(request, known))
		return -EINVAL;
	*why = TARGETS_WHY;
	if (request_check_targets(request))
		return -EINVAL;
	memset(&options, 0, sizeof(options));
	options.advice = advice;
	*why = parse_options(request, &options);
	if (*why)
		return -EINVAL;
	device_open();
	device_read(&options.before);
	options.window = options.before;
	leave_out_anon_without_swap(&options);
	options.link = link_pause(0);
	request_value(request, "targets", &targets);
	if (options.idle_first) {
		note_idle(targets);
		reclaim_targets(&options, targets, WHO_IDLE);
		reclaim_targets(&options, targets, WHO_OTHERS);
	} else {
		reclaim_targets(&options, targets, WHO_ALL);
	}
	print_device(&options);
	device_close();
	if (options.link == LINK_ENDING) {
		*why = link_terminated() ? "SIGTERM" : "the link ended";
		return -EINTR;
	}
	return 0;
}

int verb_pageout(const struct request *request, const char **why)
{
	return reclaim(request, ADVICE_PAGEOUT, why);
}

int verb_cold(const struct request *request, const char **why)
{
	return reclaim(request, ADVICE_COLD, why);
}
