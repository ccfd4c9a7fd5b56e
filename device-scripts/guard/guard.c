/* The guard itself: it looks, decides and acts until its time is over. */
#include "guard.h"

#include "alarm.h"
#include "ask.h"
#include "daemon.h"
#include "device.h"
#include "events.h"
#include "fs.h"
#include "gauge.h"
#include "gsys.h"
#include "link.h"
#include "pages.h"
#include "reclaim.h"
#include "talk.h"

#define FAST_MS 100		/* between two looks while something goes on, or PSI is polled */
#define ALERT_MS 5000		/* that long after an app came or went */
#define BEATS_MOST 8		/* a beat grows to so many while nothing changes */
#define FILL_BYTES_PER_MS (1u << 20)	/* memory fills no faster: what is far off can wait */
#define QUIET_FACTOR 16		/* and slower by this while nobody comes or goes */
#define STEADY_BYTES (4u << 20)	/* less of a change is none */
#define SLICE_BYTES (64ull << 20)	/* between two looks of a page-out */
#define SLICE_S 3		/* the same for one with a pace */
#define STUCK_US 10000000
#define STUCK_S 30		/* a call that never returns ends the guard for good */
#define PACED_STEP_KIB 1024	/* or what a quarter of a second may have */
#define PACE_MOST_KIB (1u << 30)
#define RETURNING_MS 2000
#define ALARM_ROW_MS 10000
#define FLOOR_SLACK_BYTES (8u << 20)	/* the largest step, which did not fit */
#define FULL_MS 60000		/* zram that refused pages is left alone so long */
#define EXHAUSTED_MS 10000	/* with next to no swap left, or with none */
#define EXHAUSTED_PERMILLE 20

struct guard guard;

static struct {
	uint64_t now_ms;
	uint64_t minute_ms, minute_bytes;	/* when the minute began, and what it spent */
	uint64_t look_ms;		/* of the last look at memory */
	uint64_t scan_ms;		/* of the last look at the processes */
	uint64_t beat_ms;		/* as it has grown */
	uint64_t alert_until_ms;
	uint64_t full_until_ms;		/* zram refused pages: nobody is touched before */
	uint64_t returned_ms;		/* when something paged out came back; UNKNOWN: never */
	uint64_t rang_ms;		/* when the alarm rang last; UNKNOWN: never */
	uint64_t exhausted_ms;		/* since when swap is all but full; UNKNOWN: it is not */
	uint64_t steady_bytes;		/* available memory at the last change */
	int inotify;
	const char *paused;
	const char *ending;		/* why the guard ends; NULL: it goes on */
} state;

static void log_plain(const char *what, const char *reason)
{
	struct event event = event_none;

	event.what = what;
	event.reason = reason;
	event.available_bytes = guard.now.available_bytes;
	event_log(&event);
}

static void tick(void)
{
	state.now_ms = sys_clock_ms(SYS_CLOCK_BOOTTIME);
	if (state.now_ms - state.minute_ms >= 60000) {
		state.minute_ms = state.now_ms;
		state.minute_bytes = 0;
	}
}

/* Processes. */

static void app_ended(const struct app *app)
{
	struct event event = event_none;

	guard.gone++;
	if (app->action_ms == UNKNOWN)
		return;
	event.what = "gone";
	event.reason = "ended in the background";
	event.app = app;
	event.available_bytes = guard.now.available_bytes;
	event_log(&event);
}

/* Have the kernel tell of changes of oom_score_adj: the slow beat is what counts. */
static void watch_apps(void)
{
	static const char *const groups[] = {
		"/dev/cpuset/top-app/cgroup.procs", "/dev/cpuset/top-app/tasks"
	};
	const uint32_t modify = 2;
	char path[64] = "/proc/";

	if (state.inotify < 0)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(groups); i++)
		sys_watch(state.inotify, groups[i], modify);
	for (size_t i = 0; i < apps.nr; i++) {
		size_t len = 6 + format_u64((uint64_t)apps.app[i].pid, path + 6);

		memcpy(path + len, "/oom_score_adj", 15);
		sys_watch(state.inotify, path, modify);
	}
}

/* What came back of what was paged out; that is to be known before it is paged out again. */
static void judge_return(struct app *app)
{
	struct event event = event_none;
	uint64_t before_ms = app->holdoff_ms;

	apps_measure(app);
	event.refaulted_bytes = policy_returned(&guard.profile, app, app->swap_bytes);
	guard.refaulted_bytes += event.refaulted_bytes;
	if (app->holdoff_ms <= before_ms)
		return;
	event.what = "holdoff";
	event.reason = app->moved_bytes > 0 ? "refaulted" : "nothing went";
	event.app = app;
	event.available_bytes = guard.now.available_bytes;
	event_log(&event);
}

static void judge_returns(void)
{
	for (size_t i = 0; i < apps.nr; i++)
		if (apps.app[i].check_ms != UNKNOWN && state.now_ms >= apps.app[i].check_ms)
			judge_return(&apps.app[i]);
}

static void scan(void)
{
	struct changes changes = apps_scan(&guard.profile, state.now_ms, app_ended);
	uint64_t most_ms = guard.profile.when.beat_ms * (uint64_t)BEATS_MOST;

	state.scan_ms = state.now_ms;
	if (changes.returned)
		state.returned_ms = state.now_ms;
	if (changes.any) {
		state.beat_ms = guard.profile.when.beat_ms;
		state.alert_until_ms = state.now_ms + ALERT_MS;
		watch_apps();
	} else if (state.beat_ms < most_ms) {
		state.beat_ms *= 2;
	}
}

/* Memory. */

static void look(bool rang)
{
	struct situation *now = &guard.now;
	bool all_but_full;

	guard.looks++;
	state.look_ms = state.now_ms;
	gauge_read(now, state.now_ms);
	now->launch_bytes = apps_launch_bytes();
	now->pressed = rang;
	now->returning = state.returned_ms != UNKNOWN &&
			 state.now_ms - state.returned_ms < RETURNING_MS;
	all_but_full = now->swap_total_bytes != UNKNOWN &&
		       now->swap_free_bytes * 1000 <= now->swap_total_bytes * EXHAUSTED_PERMILLE;
	if (!all_but_full)
		state.exhausted_ms = UNKNOWN;
	else if (state.exhausted_ms == UNKNOWN)
		state.exhausted_ms = state.now_ms;
	else if (state.now_ms - state.exhausted_ms >= EXHAUSTED_MS)
		state.ending = "swap_exhausted";
}

/* Tell of a change of what stands in the way, not of its lasting. */
static void note_forbidden(const char *why)
{
	if (why && why != guard.forbidden)
		log_plain("skip", why);
	guard.forbidden = why;
}

/* Acting. */

/* Limits of the next slice for a rule; the pace is made of pauses between steps. */
static void set_options(struct options *out, const struct rule *rule)
{
	uint64_t slice = SLICE_BYTES;

	memset(out, 0, sizeof(*out));
	out->advice = rule->how == HOW_COLD ? ADVICE_COLD : ADVICE_PAGEOUT;
	out->chosen = (struct chosen){ rule->kinds, 0, UINT64_MAX, false };
	out->step_bytes = out->pause_us = UNKNOWN;
	if (rule->max_bytes_per_s != UNKNOWN) {
		uint32_t kib_per_s = rule->max_bytes_per_s >> 10 > PACE_MOST_KIB ?
					     PACE_MOST_KIB : (uint32_t)(rule->max_bytes_per_s >> 10);
		uint32_t step_kib = kib_per_s / 4 < PACED_STEP_KIB ? kib_per_s / 4 : PACED_STEP_KIB;

		out->step_bytes = step_kib << 10 < page_bytes ? page_bytes : step_kib << 10;
		out->pause_us = divide(step_kib * 1000000ull, kib_per_s);
		if (slice > (uint64_t)kib_per_s * (1024 * SLICE_S))
			slice = (uint64_t)kib_per_s * (1024 * SLICE_S);
	}
	out->budget_left_bytes = slice;
	out->swap_floor_bytes = divide(guard.now.swap_total_bytes, 1000) *
				guard.profile.when.swap_floor_permille;
	out->deadline_us = STUCK_US;
	device_read(&out->before);
	out->window = out->before;
	out->link = LINK_GO;
}

/* What one page-out of an app came to, over its slices. */
struct deed {
	uint64_t advised_bytes;
	uint64_t before_bytes, swap_before_bytes;
	const char *reason;	/* why it ended early; NULL: all of it was advised */
};

static bool is_reason(const char *reason, const char *word)
{
	return reason && span_is(span_of(reason), word);
}

/* One slice; false when there is nothing more to do for this app now. */
static bool do_slice(struct app *app, const struct rule *rule, uint64_t limit_bytes,
		     struct deed *deed)
{
	static struct options options;
	static struct report report;
	const struct target_spec spec = {
		.pid = app->pid, .start = app->start, .adj_floor = rule->low,
		.has_uid = true, .uid = app->uid,
	};
	bool sliced;

	set_options(&options, rule);
	sliced = options.budget_left_bytes < limit_bytes;
	if (!sliced)
		options.budget_left_bytes = limit_bytes;
	sys_alarm(STUCK_S);
	reclaim_quietly(&options, &spec, &report);
	sys_alarm(0);
	deed->advised_bytes += report.advice.advised_bytes;
	guard.advised_bytes += report.advice.advised_bytes;
	state.minute_bytes += report.advice.advised_bytes;
	deed->reason = report.verdict.reason;
	if (is_reason(report.verdict.reason, "stuck"))
		state.ending = "stuck";
	return sliced && is_reason(report.verdict.reason, "budget");
}

/* Swap that took no more is not tried again at once, nor is what does not compress. */
static void note_full(struct app *app, const char *reason)
{
	if (is_reason(reason, "swap_budget"))
		guard.now.swap_stop_bytes = guard.now.swap_free_bytes + FLOOR_SLACK_BYTES;
	else if (is_reason(reason, "zram_full"))
		state.full_until_ms = state.now_ms + FULL_MS;
	else if (is_reason(reason, "incompressible"))
		app->moved_bytes = 0;
}

static void finish(struct app *app, const struct rule *rule, const struct deed *deed,
		   const char *condition)
{
	struct event event = event_none;

	tick();
	apps_measure(app);
	app->action_ms = state.now_ms;
	app->leaving = app->trimmed = false;
	if (app->holdoff_ms < rule->cooldown_ms)
		app->holdoff_ms = rule->cooldown_ms;
	app->moved_bytes = app->swap_bytes > deed->swap_before_bytes ?
				   app->swap_bytes - deed->swap_before_bytes : 0;
	app->swap_after_bytes = app->swap_bytes;
	app->rest_bytes = 0;
	if (rule->how != HOW_COLD && !(rule->kinds & VMA_FILE)) {
		app->check_ms = state.now_ms + RETURN_WATCH_MS;
		app->rest_bytes = deed->reason ? 0 : app->rss_anon_bytes;
	}
	gauge_read(&guard.now, state.now_ms);
	note_full(app, deed->reason);
	event.what = "action";
	event.reason = deed->reason && !is_reason(deed->reason, "enough") ? deed->reason : condition;
	event.app = app;
	event.advised_bytes = deed->advised_bytes;
	event.reclaimed_bytes = deed->before_bytes > app->rss_anon_bytes ?
					deed->before_bytes - app->rss_anon_bytes : 0;
	event.available_bytes = guard.now.available_bytes;
	guard.reclaimed_bytes += event.reclaimed_bytes;
	guard.actions++;
	event_log(&event);
}

/* Whether memory is missing now, or an app is to go because it left. */
static bool is_wanted(const struct app *app)
{
	const struct when *when = &guard.profile.when;

	gauge_read(&guard.now, state.now_ms);
	return policy_missing(when, &guard.now, &guard.condition) > 0 ||
	       (app && when->leaving && app->leaving);
}

static void page_out(struct app *app, const char *condition)
{
	const struct rule *rule = &guard.profile.rules[app->rule];
	uint64_t limit = policy_budget(&guard.profile.when, rule, state.minute_bytes);
	struct deed deed = { 0, app->rss_anon_bytes, app->swap_bytes, NULL };

	while (do_slice(app, rule, limit - deed.advised_bytes, &deed)) {
		tick();
		talk_answer();
		if (state.ending || link_terminated() || !is_wanted(app)) {
			deed.reason = "enough";
			break;
		}
	}
	finish(app, rule, &deed, condition);
}

static void trim(struct app *app)
{
	struct event event = event_none;

	event.what = "action";
	event.reason = ask_trim(app) ? "trim_failed" : "trim";
	event.app = app;
	event.available_bytes = guard.now.available_bytes;
	app->trimmed = true;
	app->action_ms = state.now_ms;
	event_log(&event);
}

/* Whether the device is to be spared now; tells of the change. */
static bool is_paused(void)
{
	const char *why = ask_pause();

	ask_anew(state.now_ms);
	if (why != state.paused)
		log_plain(why ? "pause" : "resume", why ? why : state.paused);
	state.paused = why;
	return why != NULL;
}

static void act_on(struct app *app)
{
	const char *condition = guard.condition ? guard.condition : "leaving";

	if (app->check_ms != UNKNOWN)
		judge_return(app);
	else if (guard.profile.rules[app->rule].how == HOW_TRIM && !app->trimmed)
		trim(app);
	else
		page_out(app, condition);
}

/* Page out one after the other until nothing is missing, or nobody is left. */
static void pass(void)
{
	const struct profile *profile = &guard.profile;
	bool fresh = true;

	while (!state.ending && !link_terminated()) {
		bool wanted = policy_missing(&profile->when, &guard.now, &guard.condition) > 0;
		const char *forbidden;
		struct app *app;

		if (!wanted)
			guard.condition = NULL;
		app = policy_next(profile, apps.app, apps.nr, wanted, state.now_ms);
		if (!app)
			break;
		forbidden = state.now_ms < state.full_until_ms ?
				    "zram_full" :
				    policy_forbids(&profile->when, &guard.now, state.minute_bytes);
		note_forbidden(forbidden);
		if (forbidden || ask_waits() || is_paused())
			break;
		if (fresh) {	/* sizes may be old: look, then choose */
			guard.passes++;
			fresh = false;
			for (size_t i = 0; i < apps.nr; i++)
				if (apps.app[i].background_ms != UNKNOWN)
					apps_measure(&apps.app[i]);
			continue;
		}
		act_on(app);
		talk_answer();
		tick();
		guard.now.pressed = false;	/* one alarm, one app; it rings again */
	}
}

/* Waiting. */

/* Until the next look is due, if nothing wakes the guard before. */
static uint64_t sleep_ms(void)
{
	const struct when *when = &guard.profile.when;
	uint64_t mark = when->available_bytes, wait_ms = state.beat_ms, far_ms;

	if (alarm_is_polled())
		return FAST_MS;
	if (when->next_launch && guard.now.launch_bytes + guard.now.low_bytes > mark &&
	    guard.now.low_bytes != UNKNOWN)
		mark = guard.now.launch_bytes + guard.now.low_bytes;
	far_ms = guard.now.available_bytes > mark ?
			 (guard.now.available_bytes - mark) / FILL_BYTES_PER_MS : 0;
	if (state.now_ms >= state.alert_until_ms) {
		far_ms *= QUIET_FACTOR;
		if (far_ms < when->beat_ms)
			far_ms = when->beat_ms;
	}
	if (far_ms < wait_ms)
		wait_ms = far_ms;
	return wait_ms < FAST_MS ? FAST_MS : wait_ms;
}

/* Memory that moves is watched as closely as processes that come and go. */
static void note_moves(void)
{
	uint64_t a = guard.now.available_bytes, b = state.steady_bytes;

	if ((a > b ? a - b : b - a) < STEADY_BYTES)
		return;
	state.steady_bytes = a;
	state.alert_until_ms = state.now_ms + ALERT_MS;
}

/* Sleep, then take what woke it; true when the alarm rang, `changed` when an adj did. */
static bool sleep(bool *changed)
{
	struct sys_pollfd fds[ALARM_FDS + ASK_FDS + 2];
	static char notes[1024];
	const uint64_t none = 0;
	size_t alarms = alarm_fds(fds), nr = alarms;
	uint64_t ms = sleep_ms();
	struct sys_timespec timeout;
	size_t notify;

	if (guard.ends_ms > state.now_ms && ms > guard.ends_ms - state.now_ms)
		ms = guard.ends_ms - state.now_ms;
	timeout.s = (long)divide(ms, 1000);
	timeout.ns = (long)(ms - (uint64_t)timeout.s * 1000) * 1000000;
	notify = nr++;
	fds[notify] = (struct sys_pollfd){ state.inotify, SYS_POLLIN, 0 };
	fds[nr++] = (struct sys_pollfd){ talk_fd(), SYS_POLLIN, 0 };
	nr += ask_fds(fds + nr);
	sys_block_signal(SYS_SIGTERM, true);
	if (!link_terminated())
		sys_poll(fds, nr, &timeout, &none);
	sys_block_signal(SYS_SIGTERM, false);
	guard.wakeups++;
	tick();
	*changed = (fds[notify].revents & SYS_POLLIN) != 0;
	while (*changed && sys_read(state.inotify, notes, sizeof(notes)) > 0)
		;
	talk_answer();
	ask_hear(state.now_ms);
	if (alarm_is_polled() && state.now_ms - state.look_ms < FAST_MS / 2)
		return false;	/* woken by something else: the totals keep their beat */
	return alarm_rang(fds, alarms);
}

/* The first ring of a row of them. */
static void note_alarm(void)
{
	if (state.rang_ms == UNKNOWN || state.now_ms - state.rang_ms > ALARM_ROW_MS)
		log_plain("pressure", alarm_name());
	state.rang_ms = state.now_ms;
}

static void live(void)
{
	while (!state.ending) {
		bool changed, rang = sleep(&changed);

		if (link_terminated())
			state.ending = "stopped";
		else if (state.now_ms >= guard.ends_ms)
			state.ending = "time is over";
		if (state.ending)
			break;
		if (changed || state.now_ms - state.scan_ms >= state.beat_ms)
			scan();
		look(rang);
		if (rang)
			note_alarm();
		note_moves();
		judge_returns();
		pass();
	}
}

/* What stands in the way of a start; NULL: nothing. */
static const char *prepare(int *error)
{
	*error = home_lock(guard.name);
	if (*error)
		return *error == -EBUSY ? "another guard runs" : "guard.lock cannot be written";
	daemon_leave_group(guard.bound_to, sizeof(guard.bound_to));
	daemon_settle();
	*error = talk_open();
	if (*error)
		return "guard.sock cannot be opened";
	*error = gauge_open();
	return *error ? "/proc/meminfo" : NULL;
}

void guard_run(int ready_fd)
{
	int error;
	const char *why;

	link_open(false, 0);
	sys_on_signal(SYS_SIGALRM, SYS_SIGNAL_DEFAULT);	/* what sys_alarm() is for */
	sys_on_signal(SYS_SIGCHLD, SYS_SIGNAL_IGNORE);	/* nobody waits for who was asked */
	tick();
	why = prepare(&error);
	if (why) {
		daemon_say(ready_fd, error, why);
		return;
	}
	state.returned_ms = state.exhausted_ms = state.rang_ms = UNKNOWN;
	state.beat_ms = guard.profile.when.beat_ms;
	state.inotify = sys_inotify();
	alarm_open(&guard.profile.when);
	device_open();
	events_open();
	guard.oom_kills_before = gauge_oom_kills();
	look(false);
	scan();
	look(false);
	log_plain("start", guard.name);
	if (guard.bound_to[0])
		log_plain("error", "in a group that ends with adbd");
	ask_anew(state.now_ms);
	daemon_say(ready_fd, 0, guard.bound_to);
	live();
	if (is_reason(state.ending, "stuck"))
		log_plain("stuck", "a step took ten seconds");
	if (is_reason(state.ending, "swap_exhausted"))
		log_plain("exhausted", "no swap is left for page-outs");
	log_plain("stop", state.ending);
	talk_close();
}
