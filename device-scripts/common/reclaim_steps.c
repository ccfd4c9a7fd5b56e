/* One target in steps: look, judge, advise, pause. */
#include "reclaim_steps.h"

#include "cgroup.h"
#include "page.h"

/* What a step costs the target is in its mmap lock: 1 MiB is about 2.3 ms of it. */
#define RUNNING_STEP_BYTES (1024u * 1024)
#define RUNNING_PAUSE_US 500
#define IDLE_STEP_BYTES (8u * 1024 * 1024) /* nobody in there waits for the lock */
#define GAIN_WINDOW_BYTES (16u * 1024 * 1024)

static struct step step; /* one at a time: static, for its ranges fill a stack */

static const struct verdict finished = {OUTCOME_ADVISED, REASON_NONE};

static bool goes_to_swap(const struct options *options)
{
	return options->advice == ADVICE_PAGEOUT && (options->chosen.kinds & VMA_ANON);
}

uint64_t reclaim_swap_room(const struct target *target, const struct options *options)
{
	return goes_to_swap(options) ? group_swap_room(target->dir) : UNKNOWN;
}

/*
 * Bytes the next step may have, in whole pages, of `room` in the swap of the target's group: one that
 * has a little left takes that, whatever the usual step.
 */
static uint64_t step_limit(const struct target *target, const struct options *options,
			   uint64_t room)
{
	uint64_t limit = options->step_bytes;

	if (limit == UNKNOWN)
		limit = target->idle ? IDLE_STEP_BYTES : RUNNING_STEP_BYTES;
	if (limit > options->budget_left_bytes)
		limit = options->budget_left_bytes;
	if (limit > room && room >= page_bytes)
		limit = room;
	return limit & ~(uint64_t)(page_bytes - 1);
}

static uint64_t pause_us(const struct target *target, const struct options *options)
{
	if (options->pause_us != UNKNOWN)
		return options->pause_us;
	return target->idle ? 0 : RUNNING_PAUSE_US;
}

/*
 * Whether swap takes another step of `bytes`. zram that refuses pages still
 * shows them as gone from RSS: they wait in the swap cache.
 */
static struct verdict judge_swap(struct options *options, uint64_t bytes)
{
	struct device now;
	uint64_t moved_bytes;

	if (!goes_to_swap(options))
		return finished;
	device_read(&now);
	if (device_growth(options->before.failed_writes, now.failed_writes) > 0)
		return verdict_stopped(REASON_ZRAM_FULL);
	if (now.zram_used_bytes != UNKNOWN &&
	    device_growth(options->before.swap_cached_bytes, now.swap_cached_bytes) >
		    GAIN_WINDOW_BYTES / 2)
		return verdict_stopped(REASON_ZRAM_FULL);
	if (now.swap_free_bytes < bytes || now.swap_free_bytes - bytes < options->swap_floor_bytes)
		return verdict_stopped(REASON_SWAP_BUDGET);
	moved_bytes = device_growth(now.swap_free_bytes, options->window.swap_free_bytes);
	if (moved_bytes < GAIN_WINDOW_BYTES)
		return finished;
	/* A gain of less than a fifth is not worth the way out and back. */
	if (device_growth(options->window.zram_used_bytes, now.zram_used_bytes) * 5 >
	    moved_bytes * 4)
		return verdict_stopped(REASON_INCOMPRESSIBLE);
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
		       verdict_stopped(REASON_NO_MEMORY);
}

struct verdict reclaim_judge(struct target *target, struct options *options, uint64_t bytes)
{
	struct verdict verdict = target_check(target);

	if (verdict.reason)
		return verdict;
	if (reclaim_swap_room(target, options) < page_bytes)
		return verdict_stopped(REASON_SWAP_LIMIT);
	return options->chosen.swapped ? judge_memory(options, bytes) : judge_swap(options, bytes);
}

/* Advise the step that was judged; false when the target is out of reach. */
static bool advise_one(const struct target *target, struct walk *walk,
		       const struct options *options, struct report *report)
{
	int error = advise_step(target->pidfd, options->advice, walk, &step, &report->advice);

	report->steps++;
	if (error)
		report->verdict = verdict_of_error(error);
	else if (report->advice.longest_us > options->deadline_us)
		report->verdict = verdict_stopped(REASON_STUCK);
	return !report->verdict.reason;
}

/* One step: look, judge, advise, pause. Sets `report->verdict` when it was the last. */
static bool do_step(struct target *target, struct walk *walk, struct options *options,
		    struct report *report)
{
	uint64_t room = options->dry ? UNKNOWN : reclaim_swap_room(target, options);
	uint64_t limit = step_limit(target, options, room);
	bool out_of_budget = limit == 0;
	int error;

	error = walk_step(walk, out_of_budget ? page_bytes : limit, &step);
	if (error) {
		report->verdict = verdict_of_error(error);
		return false;
	}
	if (step.nr > 0) {
		if (out_of_budget)
			report->verdict = verdict_stopped(REASON_BUDGET);
		else if (!options->dry)
			report->verdict = reclaim_judge(target, options, step.bytes);
		if (report->verdict.reason)
			return false;
		if (!options->dry && !advise_one(target, walk, options, report))
			return false;
		options->budget_left_bytes -= step.bytes;
	}
	if (walk->ended)
		return false;
	options->link = link_pause(step.nr > 0 && !options->dry ? pause_us(target, options) : 0);
	if (options->link != LINK_GO) {
		report->verdict = verdict_stopped(REASON_CANCELLED);
		return false;
	}
	return true;
}

void reclaim_explain_early_end(struct target *target, struct report *report)
{
	struct verdict verdict = target_check(target);

	if ((!report->verdict.reason || report->verdict.outcome == OUTCOME_UNSUPPORTED) &&
	    (verdict.outcome == OUTCOME_GONE || verdict.outcome == OUTCOME_CHANGED))
		report->verdict = verdict;
}

void reclaim_walked(struct target *target, struct walk *walk, struct options *options,
		    struct report *report)
{
	uint64_t began_us = sys_now_us();

	while (do_step(target, walk, options, report))
		;
	report->duration_us = sys_now_us() - began_us;
	reclaim_explain_early_end(target, report);
}

int reclaim_count(const struct target *target, struct walk *walk, const struct options *options)
{
	int error = walk_open(walk, target->dir, &options->chosen);

	while (!error && !walk->ended) {
		error = walk_step(walk, UINT64_MAX, &step);
		step.nr = 0;
	}
	return error;
}

void reclaim_quietly(struct options *options, const struct target_spec *spec, struct report *report)
{
	static struct walk walk;
	static struct target target;
	int error;

	memset(report, 0, sizeof(*report));
	report->verdict = target_open(&target, spec, true);
	if (!report->verdict.reason)
		report->verdict = target_claim(&target);
	if (!report->verdict.reason) {
		error = walk_open(&walk, target.dir, &options->chosen);
		if (options->chosen.hot != HOT_ANY)
			walk_use_hot(&walk, hot_set_find(spec->pid, spec->start));
		report->walked = !error;
		if (error)
			report->verdict = verdict_of_error(error);
		else
			reclaim_walked(&target, &walk, options, report);
		report->left_out_bytes = walk.left_out_bytes;
		/* The step that had no budget begins with what the next slice begins with. */
		if (report->verdict.reason == REASON_BUDGET)
			options->chosen.start = (uintptr_t)step.iov[0].base;
		walk_close(&walk);
	}
	target_close(&target);
}
