/* The verbs pageout, cold and prefetch: targets in steps, and the truth about each. */
#include "advise.h"
#include "child.h"
#include "device.h"
#include "json.h"
#include "link.h"
#include "memcg.h"
#include "memory.h"
#include "options.h"
#include "pages.h"
#include "procreclaim.h"
#include "reclaim.h"
#include "request.h"
#include "target.h"

/* What a step costs the target is in its mmap lock: 1 MiB is about 2.3 ms of it. */
#define RUNNING_STEP_BYTES (1024u * 1024)
#define RUNNING_PAUSE_US 500
#define IDLE_STEP_BYTES (8u * 1024 * 1024)	/* nobody in there waits for the lock */
#define GAIN_WINDOW_BYTES (16u * 1024 * 1024)

/* One target at a time: static, for the stack of a helper is nobody's business. */
static struct walk walk;
static struct step step;
static struct target target;

static const struct verdict finished = { OUTCOME_ADVISED, REASON_NONE };

static struct verdict stopped(enum reason reason)
{
	return (struct verdict){ OUTCOME_STOPPED, reason };
}

static uint64_t growth(uint64_t before, uint64_t after)
{
	return before == UNKNOWN || after == UNKNOWN || after < before ? 0 : after - before;
}

static void print_device(const struct options *options)
{
	struct device after;

	device_read(&after);
	if (after.failed_writes != UNKNOWN)
		after.failed_writes = growth(options->before.failed_writes, after.failed_writes);
	line_begin("device");
	line_numbers("swap_free_before_bytes swap_cached_before_bytes zram_used_before_bytes",
		     &options->before.swap_free_bytes);
	line_numbers("swap_free_after_bytes swap_cached_after_bytes zram_used_after_bytes "
		     "failed_writes swap_total_bytes",
		     &after.swap_free_bytes);
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
		return stopped(REASON_ZRAM_FULL);
	if (now.zram_used_bytes != UNKNOWN &&
	    growth(options->before.swap_cached_bytes, now.swap_cached_bytes) > GAIN_WINDOW_BYTES / 2)
		return stopped(REASON_ZRAM_FULL);
	if (now.swap_free_bytes < bytes || now.swap_free_bytes - bytes < options->swap_floor_bytes)
		return stopped(REASON_SWAP_BUDGET);
	moved_bytes = growth(now.swap_free_bytes, options->window.swap_free_bytes);
	if (moved_bytes < GAIN_WINDOW_BYTES)
		return finished;
	/* A gain of less than a fifth is not worth the way out and back. */
	if (growth(options->window.zram_used_bytes, now.zram_used_bytes) * 5 > moved_bytes * 4)
		return stopped(REASON_INCOMPRESSIBLE);
	options->window = now;
	return finished;
}

/* Whether memory takes `bytes` from swap: bringing them in must not be what others are killed for. */
static struct verdict judge_memory(const struct options *options, uint64_t bytes)
{
	struct device now;

	device_read(&now);
	return now.available_bytes != UNKNOWN &&
			       now.available_bytes >= options->memory_floor_bytes + bytes ?
		       finished :
		       stopped(REASON_NO_MEMORY);
}

/* Whether a step of `bytes` may begin. */
static struct verdict judge_step(struct options *options, uint64_t bytes)
{
	struct verdict verdict = target_check(&target);

	if (verdict.reason)
		return verdict;
	return options->chosen.swapped ? judge_memory(options, bytes) : judge_swap(options, bytes);
}

/* Advise the step that was judged; false when the target is out of reach. */
static bool advise_one(const struct options *options, struct report *report)
{
	int error = advise_step(target.pidfd, options->advice, &walk, &step, &report->advice);

	report->steps++;
	if (error)
		report->verdict = verdict_of_error(error);
	else if (report->advice.longest_us > options->deadline_us)
		report->verdict = stopped(REASON_STUCK);
	return !report->verdict.reason;
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
	if (step.nr > 0) {
		if (out_of_budget)
			report->verdict = stopped(REASON_BUDGET);
		else if (!options->dry)
			report->verdict = judge_step(options, step.bytes);
		if (report->verdict.reason)
			return false;
		if (!options->dry && !advise_one(options, report))
			return false;
		options->budget_left_bytes -= step.bytes;
	}
	if (walk.ended)
		return false;
	options->link = link_pause(step.nr > 0 && !options->dry ? pause_us(options) : 0);
	if (options->link != LINK_GO) {
		report->verdict = stopped(REASON_CANCELLED);
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
	if (walk.chosen.swapped)
		report->verdict = (struct verdict){ OUTCOME_NOTHING, REASON_NONE };
	else if (report->advice.refusals_nr > 0)
		report->verdict = (struct verdict){ OUTCOME_NOTHING, REASON_LOCKED };
	else if (walk.pagemap < 0)
		report->verdict = (struct verdict){ OUTCOME_NOTHING, REASON_NONE };
	else if (sum.swapped_bytes >= sum.shared_bytes && sum.swapped_bytes > 0)
		report->verdict = (struct verdict){ OUTCOME_NOTHING, REASON_ALREADY_SWAPPED };
	else if (sum.shared_bytes > 0)
		report->verdict = (struct verdict){ OUTCOME_NOTHING, REASON_SHARED };
	else
		report->verdict = (struct verdict){ OUTCOME_NOTHING, REASON_NONE };
}

/* The maps of a process that exits, or becomes another program, just end; its files are not there. */
static void explain_early_end(struct report *report)
{
	struct verdict verdict = target_check(&target);

	if ((!report->verdict.reason || report->verdict.outcome == OUTCOME_UNSUPPORTED) &&
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

/* One that is on its way out has no memory any more and is not dead yet. */
static void explain_no_memory(struct report *report)
{
	bool none = report->after.rss_bytes == UNKNOWN || report->after.rss_bytes == 0;

	if (report->verdict.outcome == OUTCOME_NOTHING && !report->verdict.reason && none)
		report->verdict = (struct verdict){ OUTCOME_GONE, REASON_GONE };
}

static void do_steps(struct options *options, struct report *report)
{
	uint64_t began_us = sys_now_us();

	while (do_step(options, report))
		;
	report->duration_us = sys_now_us() - began_us;
	explain_early_end(report);
}

void reclaim_quietly(struct options *options, const struct target_spec *spec,
		     struct report *report)
{
	int error;

	memset(report, 0, sizeof(*report));
	report->verdict = target_open(&target, spec, true);
	if (!report->verdict.reason) {
		error = walk_open(&walk, target.dir, &options->chosen);
		report->walked = !error;
		if (error)
			report->verdict = verdict_of_error(error);
		else
			do_steps(options, report);
		/* The step that had no budget begins with what the next slice begins with. */
		if (report->verdict.reason == REASON_BUDGET)
			options->chosen.start = (uintptr_t)step.iov[0].base;
		walk_close(&walk);
	}
	target_close(&target);
}

static void walk_target(struct options *options, struct report *report)
{
	int error = walk_open(&walk, target.dir, &options->chosen);

	if (error) {
		report->verdict = verdict_of_error(error);
		walk_close(&walk);
		return;
	}
	report->walked = true;
	read_memory(&report->before, &report->major_faults);
	do_steps(options, report);
	if (options->dry) {
		report->locked_counted = walk_count_locked(&walk, target.dir) == 0;
	} else {
		explain_nothing(report);
		read_memory(&report->after, &report->major_faults);
		explain_no_memory(report);
	}
	report_print(report, &target, &walk, options->dry);
	walk_close(&walk);
}

/* See what is there without advising it. */
static int count_pages(const struct options *options)
{
	int error = walk_open(&walk, target.dir, &options->chosen);

	while (!error && !walk.ended) {
		error = walk_step(&walk, UINT64_MAX, &step);
		step.nr = 0;
	}
	return error;
}

/* Have a file of the kernel do it all; the verdict is on that alone. */
static struct verdict ask_kernel(struct options *options, uint64_t bytes)
{
	struct verdict verdict;

	if (options->backend == BACKEND_PROC_RECLAIM)
		return child_do(procreclaim_ask, &target, &walk, options);
	options->memcg_bytes = bytes < options->budget_left_bytes ? bytes :
								    options->budget_left_bytes;
	options->budget_left_bytes -= options->memcg_bytes;
	verdict = memcg_open(&target, options);
	if (!verdict.reason)
		verdict = child_do(memcg_ask, &target, &walk, options);
	memcg_close();
	return verdict;
}

/* Through a file whose success says nothing: what smaps says is the outcome. */
static void ask_target(struct options *options, struct report *report)
{
	int error = count_pages(options);
	struct use sum = walk_sum(&walk);
	uint64_t began_us;

	if (error) {
		report->verdict = verdict_of_error(error);
		walk_close(&walk);
		return;
	}
	/* Once its last user asks, a shared page goes too in the dialect of 2013, and from a memcg. */
	sum.exclusive_bytes += sum.shared_bytes;
	if (walk.pagemap < 0)
		sum.exclusive_bytes = sum.mapped_bytes;
	report->walked = true;
	read_memory(&report->before, &report->major_faults);
	report->verdict = judge_step(options, sum.exclusive_bytes);
	began_us = sys_now_us();
	if (!report->verdict.reason) {
		report->steps = 1;
		report->verdict = ask_kernel(options, sum.exclusive_bytes);
		report->duration_us = report->advice.longest_us = sys_now_us() - began_us;
		explain_early_end(report);
	}
	read_memory(&report->after, &report->major_faults);
	if (!report->verdict.reason) {
		report->advice.advised_bytes = sum.exclusive_bytes;
		if (report->after.rss_bytes >= report->before.rss_bytes)
			report->verdict = (struct verdict){ OUTCOME_NOTHING, REASON_NOT_PROVEN };
	}
	report_print(report, &target, &walk, options->dry);
	walk_close(&walk);
}

static void reclaim_target(struct options *options, const struct target_spec *spec)
{
	static struct report report;

	memset(&report, 0, sizeof(report));
	report.before = report.after = memory_unknown;
	report.major_faults = UNKNOWN;
	report.verdict = target_open(&target, spec, options->backend == BACKEND_MADVISE);
	if (!report.verdict.reason && options->link != LINK_GO)
		report.verdict = stopped(REASON_CANCELLED);
	if (!report.verdict.reason && options->chosen.kinds == 0)
		report.verdict = (struct verdict){ OUTCOME_NOTHING, REASON_NO_SWAP };
	if (!report.verdict.reason && options->stuck)
		report.verdict = stopped(REASON_STUCK);
	if (!report.verdict.reason && options->backend != BACKEND_MADVISE && !options->dry)
		ask_target(options, &report);
	else if (!report.verdict.reason)
		walk_target(options, &report);
	if (!report.walked)
		report_print(&report, &target, &walk, options->dry);
	target_close(&target);
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

static void reclaim_targets(struct options *options, enum who who)
{
	struct span targets = options->targets;
	struct target_spec spec;

	for (size_t i = 0; options->link != LINK_ENDING && !reply_broken() &&
			   next_target(&targets, &spec);
	     i++)
		if (who == WHO_ALL || idle[i] == (who == WHO_IDLE))
			reclaim_target(options, &spec);
}

static int reclaim(const struct request *request, int advice, const char **why)
{
	static struct options options;

	if (request_check(request, "targets " OPTIONS, why) || request_check_targets(request, why))
		return -EINVAL;
	memset(&options, 0, sizeof(options));
	*why = options_parse(request, &options);
	options.advice = advice;
	options.chosen.swapped = advice == ADVICE_WILLNEED;
	if (!*why && options.backend != BACKEND_MADVISE && advice != ADVICE_PAGEOUT)
		*why = "backend knows pageout only";
	if (*why)
		return -EINVAL;
	device_open();
	device_read(&options.before);
	options.window = options.before;
	leave_out_anon_without_swap(&options);
	options.link = link_pause(0);
	request_value(request, "targets", &options.targets);
	if (options.idle_first) {
		note_idle(options.targets);
		reclaim_targets(&options, WHO_IDLE);
		reclaim_targets(&options, WHO_OTHERS);
	} else {
		reclaim_targets(&options, WHO_ALL);
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

int verb_prefetch(const struct request *request, const char **why)
{
	return reclaim(request, ADVICE_WILLNEED, why);
}
