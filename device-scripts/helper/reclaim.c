/* The verbs pageout, cold and prefetch: targets in steps, and what happened to each. */
#include "hot_learn.h"
#include "hot_share.h"
#include "json.h"
#include "memcg.h"
#include "proc_reclaim.h"
#include "slow_write.h"
#include "target_report.h"

/* Static rather than on the stack: there is only one target at a time. */
static struct walk walk;
static struct target target;

static void print_device(const struct options *options)
{
	struct device after;

	device_read(&after);
	if (after.failed_writes != UNKNOWN)
		after.failed_writes =
			device_growth(options->before.failed_writes, after.failed_writes);
	line_begin("device");
	line_numbers("swap_free_before_bytes swap_cached_before_bytes zram_used_before_bytes",
		     &options->before.swap_free_bytes);
	line_numbers("swap_free_after_bytes swap_cached_after_bytes zram_used_after_bytes "
		     "failed_writes swap_total_bytes",
		     &after.swap_free_bytes);
	line_send();
}

/* Say why nothing of a target was advised, from what the walk saw. */
static void explain_nothing(struct report *report)
{
	struct use sum = walk_sum(&walk);

	if (report->verdict.reason || report->advice.advised_bytes > 0)
		return;
	if (walk.chosen.swapped)
		report->verdict = (struct verdict){OUTCOME_NOTHING, REASON_NONE};
	else if (report->advice.refusals_nr > 0)
		report->verdict = (struct verdict){OUTCOME_NOTHING, REASON_LOCKED};
	else if (walk.pagemap < 0)
		report->verdict = (struct verdict){OUTCOME_NOTHING, REASON_NONE};
	else if (sum.swapped_bytes >= sum.shared_bytes && sum.swapped_bytes > 0)
		report->verdict = (struct verdict){OUTCOME_NOTHING, REASON_ALREADY_SWAPPED};
	else if (sum.shared_bytes > 0)
		report->verdict = (struct verdict){OUTCOME_NOTHING, REASON_SHARED};
	else
		report->verdict = (struct verdict){OUTCOME_NOTHING, REASON_NONE};
}

static void read_memory(struct memory *memory, uint64_t *major_faults)
{
	struct proc_stat stat;

	memory_read(target.dir, memory);
	if (!proc_read_stat(target.dir, &stat))
		*major_faults = stat.major_faults;
}

/* Count a process without memory as gone: it is exiting, though not dead yet. */
static void explain_no_memory(struct report *report)
{
	bool none = report->after.rss_bytes == UNKNOWN || report->after.rss_bytes == 0;

	if (report->verdict.outcome == OUTCOME_NOTHING && !report->verdict.reason && none)
		report->verdict = (struct verdict){OUTCOME_GONE, REASON_GONE};
}

/* Learn from what came back since this session's last page-out of the target. */
static void learn(const struct options *options)
{
	if (options->chosen.hot == HOT_LEFT_OUT && !options->dry)
		hot_learn(&walk, target.dir, target.spec.pid, target.spec.start);
}

static void use_hot(const struct options *options, struct report *report)
{
	struct hot_set *hot = hot_set_find(target.spec.pid, target.spec.start);

	if (options->chosen.hot == HOT_ANY)
		return;
	walk_use_hot(&walk, hot);
	report->resumes = hot ? hot->resumes : 0;
}

static void walk_target(struct options *options, struct report *report)
{
	int error;

	learn(options);
	error = walk_open(&walk, target.dir, &options->chosen);
	if (error) {
		report->verdict = verdict_of_error(error);
		walk_close(&walk);
		return;
	}
	use_hot(options, report);
	report->walked = true;
	read_memory(&report->before, &report->major_faults);
	reclaim_walked(&target, &walk, options, report);
	if (options->chosen.hot != HOT_ANY)
		report->left_out_bytes = walk.left_out_bytes;
	if (options->dry) {
		report->locked_counted = walk_count_locked(&walk, target.dir) == 0;
	} else {
		explain_nothing(report);
		read_memory(&report->after, &report->major_faults);
		explain_no_memory(report);
	}
	report->swap_room_bytes = reclaim_swap_room(&target, options);
	report_print(report, &target, &walk, options->dry);
	walk_close(&walk);
	if (options->chosen.hot == HOT_LEFT_OUT && !options->dry)
		hot_note_out(&walk, target.dir, target.spec.pid, target.spec.start);
}

/* Ask a file of the kernel to reclaim; the verdict is on the request, not on what has left. */
static struct verdict ask_kernel(struct options *options, uint64_t bytes)
{
	struct verdict verdict;

	if (options->backend == BACKEND_PROC_RECLAIM)
		return child_do(procreclaim_ask, &target, &walk, options);
	options->memcg_bytes =
		bytes < options->budget_left_bytes ? bytes : options->budget_left_bytes;
	options->budget_left_bytes -= options->memcg_bytes;
	verdict = memcg_open(&target, options);
	if (!verdict.reason)
		verdict = child_do(memcg_ask, &target, &walk, options);
	memcg_close();
	return verdict;
}

/* Reclaim through a file of the kernel. Its success says nothing, so smaps gives the outcome. */
static void ask_target(struct options *options, struct report *report)
{
	int error = reclaim_count(&target, &walk, options);
	struct use sum = walk_sum(&walk);
	uint64_t began_us;

	if (error) {
		report->verdict = verdict_of_error(error);
		walk_close(&walk);
		return;
	}
	/* The dialect of 2013 and a memcg take shared pages too, once the last user is asked for. */
	sum.exclusive_bytes += sum.shared_bytes;
	if (walk.pagemap < 0)
		sum.exclusive_bytes = sum.mapped_bytes;
	report->walked = true;
	read_memory(&report->before, &report->major_faults);
	report->verdict = reclaim_judge(&target, options, sum.exclusive_bytes);
	began_us = sys_now_us();
	if (!report->verdict.reason) {
		report->steps = 1;
		report->verdict = ask_kernel(options, sum.exclusive_bytes);
		report->duration_us = report->advice.longest_us = sys_now_us() - began_us;
		reclaim_explain_early_end(&target, report);
	}
	read_memory(&report->after, &report->major_faults);
	if (!report->verdict.reason) {
		report->advice.advised_bytes = sum.exclusive_bytes;
		if (report->after.rss_bytes >= report->before.rss_bytes)
			report->verdict = (struct verdict){OUTCOME_NOTHING, REASON_NOT_PROVEN};
	}
	report->swap_room_bytes = reclaim_swap_room(&target, options);
	report_print(report, &target, &walk, options->dry);
	walk_close(&walk);
}

static void reclaim_target(struct options *options, const struct target_spec *spec)
{
	static struct report report;

	memset(&report, 0, sizeof(report));
	report.before = report.after = memory_unknown;
	report.major_faults = report.swap_room_bytes = UNKNOWN;
	report.resumes = report.left_out_bytes = UNKNOWN;
	report.verdict = target_open(&target, spec, options->backend == BACKEND_MADVISE);
	if (!report.verdict.reason && options->link != LINK_GO)
		report.verdict = verdict_stopped(REASON_CANCELLED);
	if (!report.verdict.reason && options->chosen.kinds == 0)
		report.verdict = (struct verdict){OUTCOME_NOTHING, REASON_NO_SWAP};
	if (!report.verdict.reason && options->stuck)
		report.verdict = verdict_stopped(REASON_STUCK);
	if (!report.verdict.reason && !options->dry)
		report.verdict = target_claim(&target);
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

/* By place in the request. Read only once, so that a target that wakes up still has its turn. */
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

	for (size_t i = 0;
	     options->link != LINK_ENDING && !reply_broken() && next_target(&targets, &spec); i++)
		if (who == WHO_ALL || idle[i] == (who == WHO_IDLE))
			reclaim_target(options, &spec);
}

static bool fits_hot(const struct options *options)
{
	enum hot_choice hot = options->chosen.hot;

	return hot == HOT_ANY ||
	       (options->backend == BACKEND_MADVISE &&
		hot == (options->advice == ADVICE_PAGEOUT ? HOT_LEFT_OUT : HOT_ONLY) &&
		options->advice != ADVICE_COLD);
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
	if (!*why && !fits_hot(&options))
		*why = "hot is keep for pageout and only for prefetch, by process_madvise";
	if (*why)
		return -EINVAL;
	if (options.chosen.hot != HOT_ANY)
		hot_share_take();
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
