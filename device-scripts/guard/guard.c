/* The guard itself: it looks, and has done what is to be done, until its time is over. */
#include "guard.h"

#include "android_question.h"
#include "daemon.h"
#include "daemon_sys.h"
#include "device_memory.h"
#include "event_log.h"
#include "host_link.h"
#include "kernel_file.h"
#include "memory_gauge.h"
#include "page_out.h"
#include "pressure_alarm.h"
#include "status_socket.h"

#define FAST_MS 100		/* between two looks while something goes on, or PSI is polled */
#define SOON_MS 20		/* but no sooner where memory falls to its mark before that */
#define ALERT_MS 5000		/* that long after an app came or went */
#define BEATS_MOST 8		/* a beat grows to so many while nothing changes */
#define FILL_BYTES_PER_MS (1u << 20)	/* memory fills no faster: what is far off can wait */
#define QUIET_FACTOR 16		/* and slower by this while nobody comes or goes */
#define STEADY_BYTES (4u << 20)	/* less of a change is none */
#define RETURNING_MS 2000
#define ALARM_ROW_MS 10000
#define NO_SWAP_MS 10000
#define EXHAUSTED_MS 60000	/* with next to no swap left: the next kill may make room */
#define EXHAUSTED_PERMILLE 20
#define IN_MODIFY 2

struct guard guard;

struct guard_state state;

void guard_note(const char *what, const char *reason)
{
	struct event event = event_none;

	event.what = what;
	event.reason = reason;
	event.available_bytes = guard.now.available_bytes;
	event_log(&event);
}

void guard_tick(void)
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

	if (app->watch > 0)
		sys_unwatch(state.inotify, app->watch);
	if (app->background_ms == UNKNOWN)
		return;
	guard.gone++;
	if (!app->out)
		return;
	event.what = "gone";
	event.reason = "ended in the background";
	event.app = app;
	event.available_bytes = guard.now.available_bytes;
	event_log(&event);
}

/* The kernel keeps a watch on the file of a process that has ended, for ever. */
static void watch_app(struct app *app)
{
	char path[64] = "/proc/";
	size_t len = 6 + format_u64((uint64_t)app->pid, path + 6);
	int before = app->watch;

	memcpy(path + len, "/oom_score_adj", 15);
	app->watch = sys_watch(state.inotify, path, IN_MODIFY);
	if (before > 0 && before != app->watch)	/* the file was forgotten, and made anew */
		sys_unwatch(state.inotify, before);
}

/* Have the kernel tell of changes of oom_score_adj: the slow beat is what counts. */
static void watch_apps(void)
{
	static const char *const groups[] = {
		"/dev/cpuset/top-app/cgroup.procs", "/dev/cpuset/top-app/tasks"
	};

	if (state.inotify < 0)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(groups); i++)
		sys_watch(state.inotify, groups[i], IN_MODIFY);
	for (size_t i = 0; i < apps.nr; i++)
		watch_app(&apps.app[i]);
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
	uint64_t awake_ms = sys_clock_ms(SYS_CLOCK_MONOTONIC);
	uint64_t available_bytes = now->available_bytes;
	bool all_but_full;

	guard.looks++;
	gauge_read(now, state.now_ms);
	state.fall_bytes_per_ms = 0;
	if (available_bytes > now->available_bytes && state.now_ms > state.look_ms)
		state.fall_bytes_per_ms = divide(available_bytes - now->available_bytes,
						 (uint32_t)(state.now_ms - state.look_ms));
	state.look_ms = state.now_ms;
	now->launch_bytes = apps_launch_bytes();
	now->pressed = rang;
	now->returning = state.returned_ms != UNKNOWN &&
			 state.now_ms - state.returned_ms < RETURNING_MS;
	all_but_full = now->swap_total_bytes != UNKNOWN &&
		       now->swap_free_bytes * 1000 <= now->swap_total_bytes * EXHAUSTED_PERMILLE;
	if (!all_but_full)
		state.exhausted_ms = UNKNOWN;
	else if (state.exhausted_ms == UNKNOWN)
		state.exhausted_ms = awake_ms;
	else if (awake_ms - state.exhausted_ms >=
		 (now->swap_total_bytes == 0 ? NO_SWAP_MS : EXHAUSTED_MS))
		state.ending = ENDING_EXHAUSTED;
}

/* Waiting. */

/* How far available memory is over the highest mark of it. */
static uint64_t room_bytes(void)
{
	const struct when *when = &guard.profile.when;
	const struct situation *now = &guard.now;
	uint64_t mark = when->available_bytes;

	if (when->next_launch && now->low_bytes != UNKNOWN &&
	    now->launch_bytes + now->low_bytes > mark)
		mark = now->launch_bytes + now->low_bytes;
	return now->available_bytes > mark ? now->available_bytes - mark : 0;
}

/* Until memory may be at its mark. */
static uint64_t far_ms(uint64_t room)
{
	uint64_t ms = room / FILL_BYTES_PER_MS;

	if (state.now_ms < state.alert_until_ms)
		return ms;
	ms *= QUIET_FACTOR;
	return ms < guard.profile.when.beat_ms ? guard.profile.when.beat_ms : ms;
}

/* Until the next look is due, if nothing wakes the guard before. */
static uint64_t sleep_ms(void)
{
	uint64_t room = room_bytes(), ms = far_ms(room);

	if (ms > state.beat_ms)
		ms = state.beat_ms;
	if (ms < FAST_MS || alarm_is_polled())
		ms = FAST_MS;
	if (room > 0 && room < ms * state.fall_bytes_per_ms)
		ms = divide(room, (uint32_t)state.fall_bytes_per_ms);
	return ms < SOON_MS ? SOON_MS : ms;
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
	size_t nr = alarm_fds(fds);
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
	guard_tick();
	*changed = (fds[notify].revents & SYS_POLLIN) != 0;
	while (*changed && sys_read(state.inotify, notes, sizeof(notes)) > 0)
		;
	talk_answer();
	ask_hear();
	if (alarm_is_polled() && state.now_ms - state.alarm_ms < FAST_MS - SOON_MS / 2)
		return false;	/* woken before: the totals keep their beat */
	state.alarm_ms = state.now_ms;
	return alarm_rang(fds);
}

/* The first ring of a row of them. */
static void note_alarm(void)
{
	if (state.rang_ms == UNKNOWN || state.now_ms - state.rang_ms > ALARM_ROW_MS)
		guard_note("pressure", alarm_name());
	state.rang_ms = state.now_ms;
}

static void live(void)
{
	scan();
	look(false);
	ask_again(state.now_ms);
	while (!state.ending) {
		bool changed, rang = sleep(&changed);

		if (link_terminated())
			state.ending = ENDING_STOPPED;
		else if (state.now_ms >= guard.ends_ms)
			state.ending = ENDING_TIME;
		if (state.ending)
			break;
		if (changed || state.now_ms - state.scan_ms >= state.beat_ms)
			scan();
		look(rang);
		if (rang)
			note_alarm();
		note_moves();
		act_judge_returns();
		act_pass();
	}
}

static void note_end(void)
{
	static const char *const reasons[] = {
		[ENDING_STOPPED] = "stopped",
		[ENDING_TIME] = "time is over",
		[ENDING_UNHEARD] = "who started it was gone",
		[ENDING_EXHAUSTED] = "swap_exhausted",
		[ENDING_STUCK] = "stuck",
	};

	if (state.ending == ENDING_STUCK)
		guard_note("stuck", "a step took ten seconds");
	if (state.ending == ENDING_EXHAUSTED)
		guard_note("exhausted", "no swap is left for page-outs");
	guard_note("stop", reasons[state.ending]);
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
	guard_tick();
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
	guard_note("start", guard.name);
	if (guard.bound_to[0])
		guard_note("error", "in a group that ends with adbd");
	/* Before the processes are read: with memory short, that takes seconds. */
	if (daemon_say(ready_fd, 0, guard.bound_to))
		live();
	else
		state.ending = ENDING_UNHEARD;
	note_end();
	talk_close();
}
