/* What the guard does to apps: page-outs, in slices, and what came of them. */
#include "page_out.h"

#include "android_question.h"
#include "daemon_sys.h"
#include "event_log.h"
#include "host_link.h"
#include "memory_gauge.h"
#include "page.h"
#include "reclaim_steps.h"
#include "resume_watch.h"
#include "status_socket.h"

#define SLICE_S 3 /* of a page-out with a pace, between two looks */
#define STUCK_US 10000000
#define STUCK_S 30 /* a call that never returns ends the guard for good */
#define PACED_STEP_KIB 1024 /* or what a quarter of a second may have */
#define PACE_MOST_KIB (1u << 30)
#define FLOOR_SLACK_BYTES (8u << 20) /* the largest step, which did not fit */
#define FULL_MS 60000 /* zram that refused pages is left alone so long */

/* See how much of a page-out came back; done before the app is paged out again. */
static void judge_return(struct guard *guard, struct app *app)
{
	struct event event = event_none;
	uint64_t before_ms = app->holdoff_ms;
	bool early = guard->now_ms < app->check_ms;

	apps_measure(app);
	event.refaulted_bytes = policy_returned(&guard->profile, app, app->swap_bytes);
	guard->refaulted_bytes += event.refaulted_bytes;
	if (early && app->holdoff_ms < before_ms)
		app->holdoff_ms = before_ms; /* too soon to say that it was well guessed */
	if (app->holdoff_ms <= before_ms)
		return;
	event.what = "holdoff";
	event.reason = app->moved_bytes > 0 ? "refaulted" : "nothing went";
	event.app = app;
	event.available_bytes = guard->situation.available_bytes;
	event_log(&event);
}

void page_out_judge_returns(struct guard *guard)
{
	for (size_t i = 0; i < guard->apps.nr; i++)
		if (guard->apps.app[i].check_ms != UNKNOWN &&
		    guard->now_ms >= guard->apps.app[i].check_ms)
			judge_return(guard, &guard->apps.app[i]);
}

/* Log what stands in the way of page-outs when it changes, not while it lasts. */
static void note_forbidden(struct guard *guard, const char *why)
{
	if (why && why != guard->forbidden)
		guard_note(guard, "skip", why);
	guard->forbidden = why;
}

/* What one page-out of an app came to, over its slices. */
struct deed {
	uint64_t advised_bytes;
	uint64_t before_bytes, swap_before_bytes;
	enum reason reason; /* why it ended early; REASON_NONE: all of it was advised */
	bool enough; /* or because nothing was missing any more */
	enum hot_choice hot; /* what it leaves in memory for the next resume */
	uint64_t left_out_bytes;
	uint64_t next; /* address at which the next slice begins */
};

/* Limits of the next slice for a rule; the pace is made of pauses between steps. */
static void set_options(const struct guard *guard, struct options *out, const struct rule *rule,
			const struct deed *deed)
{
	const char *condition;
	uint64_t slice =
		policy_slice(policy_missing(&guard->profile.when, &guard->situation, &condition));

	memset(out, 0, sizeof(*out));
	out->advice = rule->rung == RUNG_COLD ? ADVICE_COLD : ADVICE_PAGEOUT;
	out->chosen = (struct chosen){rule->kinds, deed->next, UINT64_MAX, false, deed->hot};
	out->step_bytes = out->pause_us = UNKNOWN;
	if (rule->rate_bytes_per_s != UNKNOWN) {
		uint32_t kib_per_s = rule->rate_bytes_per_s >> 10 > PACE_MOST_KIB ?
					     PACE_MOST_KIB :
					     (uint32_t)(rule->rate_bytes_per_s >> 10);
		uint32_t step_kib = kib_per_s / 4 < PACED_STEP_KIB ? kib_per_s / 4 : PACED_STEP_KIB;

		out->step_bytes = step_kib << 10 < page_bytes ? page_bytes : step_kib << 10;
		out->pause_us = divide(step_kib * 1000000ull, kib_per_s);
		if (slice > (uint64_t)kib_per_s * (1024 * SLICE_S))
			slice = (uint64_t)kib_per_s * (1024 * SLICE_S);
	}
	out->budget_left_bytes = slice;
	out->swap_floor_bytes = divide(guard->situation.swap_total_bytes, 1000) *
				guard->profile.when.keep_swap_free_permille;
	out->deadline_us = STUCK_US;
	device_read(&out->before);
	out->window = out->before;
	out->link = LINK_GO;
}

/* Page out one slice; false when there is nothing more to do for this app now. */
static bool do_slice(struct guard *guard, struct app *app, const struct rule *rule,
		     uint64_t limit_bytes, struct deed *deed)
{
	static struct options options;
	static struct report report;
	const struct target_spec spec = {
		.pid = app->pid,
		.start = app->start,
		.adj_floor = rule->adj_low,
		.has_uid = true,
		.uid = app->uid,
	};
	bool sliced;

	set_options(guard, &options, rule, deed);
	sliced = options.budget_left_bytes < limit_bytes;
	if (!sliced)
		options.budget_left_bytes = limit_bytes;
	sys_alarm(STUCK_S);
	reclaim_quietly(&options, &spec, &report);
	sys_alarm(0);
	deed->next = options.chosen.start;
	deed->left_out_bytes += report.left_out_bytes;
	deed->advised_bytes += report.advice.advised_bytes;
	guard->advised_bytes += report.advice.advised_bytes;
	guard->minute_bytes += report.advice.advised_bytes;
	deed->reason = report.verdict.reason;
	if (deed->reason == REASON_STUCK)
		guard->ending = ENDING_STUCK;
	return sliced && deed->reason == REASON_BUDGET;
}

/* Swap that took no more is not tried again at once, nor is what does not compress. */
static void note_full(struct guard *guard, struct app *app, enum reason reason)
{
	if (reason == REASON_SWAP_BUDGET)
		guard->situation.swap_stop_bytes =
			guard->situation.swap_free_bytes + FLOOR_SLACK_BYTES;
	else if (reason == REASON_ZRAM_FULL)
		guard->full_until_ms = guard->now_ms + FULL_MS;
	else if (reason == REASON_INCOMPRESSIBLE)
		app->moved_bytes = 0;
}

static void finish(struct guard *guard, struct app *app, const struct rule *rule,
		   const struct deed *deed, const char *condition)
{
	struct event event = event_none;

	guard_tick(guard);
	apps_measure(app);
	app->action_ms = guard->now_ms;
	app->leaving = false;
	app->out |= deed->advised_bytes > 0;
	app->no_rest = deed->enough;
	if (app->holdoff_ms < rule->cooldown_ms)
		app->holdoff_ms = rule->cooldown_ms;
	app->moved_bytes = app->swap_bytes > deed->swap_before_bytes ?
				   app->swap_bytes - deed->swap_before_bytes :
				   0;
	app->swap_after_bytes = app->swap_bytes;
	app->hot_bytes = deed->left_out_bytes;
	if (rule->keep_hot || rule->bring_back)
		resume_note_out(app);
	app->rest_bytes = 0;
	if (rule->rung != RUNG_COLD && !(rule->kinds & VMA_FILE)) {
		/* Where all that is left is hot, that nothing went was no wrong guess. */
		if (deed->advised_bytes > 0 || deed->left_out_bytes == 0)
			app->check_ms = guard->now_ms + RETURN_WATCH_MS;
		app->rest_bytes = deed->reason || deed->enough ? 0 : app->rss_anon_bytes;
	}
	gauge_read(&guard->situation, guard->now_ms);
	note_full(guard, app, deed->reason);
	event.what = "action";
	event.reason = deed->reason ? reason_name(deed->reason) : condition;
	event.app = app;
	event.advised_bytes = deed->advised_bytes;
	event.reclaimed_bytes = deed->before_bytes > app->rss_anon_bytes ?
					deed->before_bytes - app->rss_anon_bytes :
					0;
	event.available_bytes = guard->situation.available_bytes;
	guard->reclaimed_bytes += event.reclaimed_bytes;
	guard->actions++;
	event_log(&event);
}

/* Whether memory is missing now, or an app is to go because it left. */
static bool is_wanted(struct guard *guard, const struct app *app)
{
	const struct when *when = &guard->profile.when;

	gauge_read(&guard->situation, guard->now_ms);
	return policy_missing(when, &guard->situation, &guard->condition) > 0 ||
	       (app && when->leaving && app->leaving);
}

static bool is_over(const struct guard *guard)
{
	return guard->ending || link_terminated() || guard->now_ms >= guard->ends_ms;
}

static void page_out(struct guard *guard, struct app *app, const char *condition)
{
	const struct rule *rule = &guard->profile.rules[app->rule];
	bool cold_is_out = policy_spares(&guard->profile, app, guard->now_ms) != NULL;
	uint64_t limit = policy_budget(&guard->profile.when, rule, guard->minute_bytes);
	struct deed deed = {.before_bytes = app->rss_anon_bytes,
			    .swap_before_bytes = app->swap_bytes,
			    .hot = rule->keep_hot && !cold_is_out ? HOT_LEFT_OUT : HOT_ANY};

	while (do_slice(guard, app, rule, limit - deed.advised_bytes, &deed)) {
		guard_tick(guard);
		status_socket_answer(guard);
		if (is_over(guard) || !is_wanted(guard, app)) {
			deed.reason = REASON_NONE;
			deed.enough = true;
			break;
		}
	}
	finish(guard, app, rule, &deed, condition);
}

static void trim(struct guard *guard, struct app *app)
{
	struct event event = event_none;

	event.what = "action";
	event.reason = android_trim(app) ? "trim_failed" : "trim";
	event.app = app;
	event.available_bytes = guard->situation.available_bytes;
	app->trim_ms = guard->now_ms;
	event_log(&event);
}

/* Whether the device is to be spared now; tells of the change. */
static bool is_paused(struct guard *guard)
{
	const char *why = android_pause();

	android_ask_again(guard->now_ms, guard->ask_ms);
	if (why != guard->paused)
		guard_note(guard, why ? "pause" : "resume", why ? why : guard->paused);
	guard->paused = why;
	return why != NULL;
}

static void act_on(struct guard *guard, struct app *app)
{
	const char *condition = guard->condition ? guard->condition : "leaving";

	if (app->check_ms != UNKNOWN)
		judge_return(guard, app);
	else if (policy_trims(&guard->profile, app, &guard->situation, guard->now_ms))
		trim(guard, app);
	else
		page_out(guard, app, condition);
}

static void measure_all(struct guard *guard)
{
	guard->sized_ms = guard->now_ms;
	for (size_t i = 0; i < guard->apps.nr; i++)
		if (guard->apps.app[i].background_ms != UNKNOWN)
			apps_measure(&guard->apps.app[i]);
}

/* Why nobody may be paged out now. */
static const char *forbids(const struct guard *guard)
{
	if (guard->now_ms < guard->full_until_ms)
		return "zram_full";
	return policy_forbids(&guard->profile.when, &guard->situation, guard->minute_bytes);
}

void page_out_pass(struct guard *guard)
{
	const struct profile *profile = &guard->profile;
	bool fresh = true;

	while (!is_over(guard)) {
		bool wanted =
			policy_missing(&profile->when, &guard->situation, &guard->condition) > 0;
		const char *forbidden = NULL;
		struct app *app;
		bool trims;

		if (!wanted)
			guard->condition = NULL;
		app = policy_next(profile, guard->apps.app, guard->apps.nr, &guard->situation,
				  wanted, guard->now_ms);
		if (!app && wanted && fresh &&
		    guard->now_ms - guard->sized_ms >= profile->when.look_every_ms) {
			fresh = false; /* nobody by old sizes */
			measure_all(guard);
			continue;
		}
		if (!app && !wanted)
			note_forbidden(guard, NULL);
		if (!app)
			break;
		trims = policy_trims(profile, app, &guard->situation, guard->now_ms);
		if (!trims) {
			forbidden = forbids(guard);
			note_forbidden(guard, forbidden);
		}
		if (forbidden || android_waits())
			break;
		if (is_paused(guard)) {
			if (!trims)
				break;
			app->leaving = false; /* nobody is asked hours later */
			continue;
		}
		if (fresh) { /* sizes may be old: look, then choose */
			guard->passes++;
			fresh = false;
			measure_all(guard);
			continue;
		}
		act_on(guard, app);
		status_socket_answer(guard);
		guard_tick(guard);
		guard->situation.pressed = false; /* one alarm, one app; it rings again */
	}
}
