/* The guard's loop: look, have done what is to be done, wait; until its time is over. */
#include "guard_loop.h"

#include "android_question.h"
#include "daemon.h"
#include "daemon_sys.h"
#include "device_memory.h"
#include "event_log.h"
#include "guard_state.h"
#include "host_link.h"
#include "hot_set.h"
#include "kernel_file.h"
#include "memory_gauge.h"
#include "memory_level.h"
#include "page_out.h"
#include "pressure_alarm.h"
#include "resume_watch.h"
#include "status_socket.h"

#define FAST_MS 100 /* between two looks while something goes on, or PSI is polled */
#define SOON_MS 20 /* but no sooner where memory falls to its mark before that */
#define ALERT_MS 5000 /* that long after an app came or went */
#define BEATS_MOST 8 /* a beat grows to so many while nothing changes */
#define FILL_BYTES_PER_MS (1u << 20) /* memory fills no faster: what is far off can wait */
#define QUIET_FACTOR 16 /* and slower by this while nobody comes or goes */
#define STEADY_BYTES (4u << 20) /* less of a change is none */
#define RETURNING_MS 2000
#define ALARM_ROW_MS 10000
#define NO_SWAP_MS 10000
#define EXHAUSTED_MS 60000 /* with next to no swap left: the next kill may make room */
#define EXHAUSTED_PERMILLE 20
#define IN_MODIFY 2

/* Processes. */

static void app_ended(void *data, const struct app *app)
{
	struct guard *guard = data;
	struct event event = event_none;

	if (app->watch > 0)
		sys_unwatch(guard->inotify, app->watch);
	hot_set_drop(app->pid, app->start);
	if (app->background_ms == UNKNOWN)
		return;
	guard->gone++;
	if (!app->out)
		return;
	event.what = "gone";
	event.reason = "ended in the background";
	event.app = app;
	event.available_bytes = guard->situation.available_bytes;
	event_log(&event);
}

/* Watch an app's oom_score_adj. The kernel keeps such a watch for ever, also when the app is gone. */
static void watch_app(const struct guard *guard, struct app *app)
{
	char path[64] = "/proc/";
	size_t len = 6 + format_u64((uint64_t)app->pid, path + 6);
	int before = app->watch;

	memcpy(path + len, "/oom_score_adj", 15);
	app->watch = sys_watch(guard->inotify, path, IN_MODIFY);
	if (before > 0 && before != app->watch) /* the file was forgotten, and made anew */
		sys_unwatch(guard->inotify, before);
}

/* Have the kernel tell of changes of oom_score_adj: the slow beat is what counts. */
static void watch_apps(struct guard *guard)
{
	static const char *const groups[] = {"/dev/cpuset/top-app/cgroup.procs",
					     "/dev/cpuset/top-app/tasks"};

	if (guard->inotify < 0)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(groups); i++)
		sys_watch(guard->inotify, groups[i], IN_MODIFY);
	for (size_t i = 0; i < guard->apps.nr; i++)
		watch_app(guard, &guard->apps.app[i]);
}

static void scan(struct guard *guard)
{
	struct changes changes =
		apps_scan(&guard->apps, &guard->profile, guard->now_ms, app_ended, guard);
	uint64_t most_ms = guard->profile.when.look_every_ms * (uint64_t)BEATS_MOST;

	guard->scan_ms = guard->now_ms;
	if (changes.returned)
		guard->returned_ms = guard->now_ms;
	if (changes.any) {
		guard->look_every_ms = guard->profile.when.look_every_ms;
		guard->alert_until_ms = guard->now_ms + ALERT_MS;
		watch_apps(guard);
	} else if (guard->look_every_ms < most_ms) {
		guard->look_every_ms *= 2;
	}
}

/* Memory. */

static void look(struct guard *guard, bool rang)
{
	struct situation *now = &guard->situation;
	uint64_t awake_ms = sys_clock_ms(SYS_CLOCK_MONOTONIC);
	uint64_t available_bytes = now->available_bytes;
	bool all_but_full;

	guard->looks++;
	gauge_read(now, guard->now_ms);
	guard->fall_bytes_per_ms = 0;
	if (available_bytes > now->available_bytes && guard->now_ms > guard->look_ms)
		guard->fall_bytes_per_ms = divide(available_bytes - now->available_bytes,
						  (uint32_t)(guard->now_ms - guard->look_ms));
	guard->look_ms = guard->now_ms;
	now->launch_bytes = apps_launch_bytes(&guard->apps);
	now->pressed = rang;
	now->returning =
		guard->returned_ms != UNKNOWN && guard->now_ms - guard->returned_ms < RETURNING_MS;
	all_but_full = now->swap_total_bytes != UNKNOWN &&
		       now->swap_free_bytes * 1000 <= now->swap_total_bytes * EXHAUSTED_PERMILLE;
	if (!all_but_full)
		guard->exhausted_ms = UNKNOWN;
	else if (guard->exhausted_ms == UNKNOWN)
		guard->exhausted_ms = awake_ms;
	else if (awake_ms - guard->exhausted_ms >=
		 (now->swap_total_bytes == 0 ? NO_SWAP_MS : EXHAUSTED_MS))
		guard->ending = ENDING_EXHAUSTED;
}

/* Waiting. */

/* By how much available memory is over the highest mark that the profile has for it. */
static uint64_t room_bytes(const struct guard *guard)
{
	const struct when *when = &guard->profile.when;
	const struct situation *now = &guard->situation;
	uint64_t mark = when->available_bytes;

	if (when->next_launch && now->low_bytes != UNKNOWN &&
	    now->launch_bytes + now->low_bytes > mark)
		mark = now->launch_bytes + now->low_bytes;
	return now->available_bytes > mark ? now->available_bytes - mark : 0;
}

/* Milliseconds until memory may have fallen to its mark. */
static uint64_t far_ms(const struct guard *guard, uint64_t room)
{
	uint64_t ms = room / FILL_BYTES_PER_MS;

	if (guard->now_ms < guard->alert_until_ms)
		return ms;
	ms *= QUIET_FACTOR;
	return ms < guard->profile.when.look_every_ms ? guard->profile.when.look_every_ms : ms;
}

/* Milliseconds until the next look is due, if nothing wakes the guard before. */
static uint64_t sleep_ms(const struct guard *guard)
{
	uint64_t room = room_bytes(guard), ms = far_ms(guard, room);

	if (ms > guard->look_every_ms)
		ms = guard->look_every_ms;
	if (ms < FAST_MS || alarm_is_polled())
		ms = FAST_MS;
	if (room > 0 && room < ms * guard->fall_bytes_per_ms)
		ms = divide(room, (uint32_t)guard->fall_bytes_per_ms);
	if (ms > resume_wait_ms(guard))
		ms = resume_wait_ms(guard);
	return ms < SOON_MS ? SOON_MS : ms;
}

/* Be alert for a while when available memory moved, as when processes come and go. */
static void note_moves(struct guard *guard)
{
	uint64_t a = guard->situation.available_bytes, b = guard->steady_bytes;

	if ((a > b ? a - b : b - a) < STEADY_BYTES)
		return;
	guard->steady_bytes = a;
	guard->alert_until_ms = guard->now_ms + ALERT_MS;
}

/* Sleep, then take what woke it; true when the alarm rang, `changed` when an adj did. */
static bool sleep(struct guard *guard, bool *changed)
{
	struct sys_pollfd fds[ALARM_FDS + ANDROID_FDS + 2];
	static char notes[1024];
	const uint64_t none = 0;
	size_t nr = alarm_fds(fds);
	uint64_t ms = sleep_ms(guard);
	struct sys_timespec timeout;
	size_t notify;

	if (guard->ends_ms > guard->now_ms && ms > guard->ends_ms - guard->now_ms)
		ms = guard->ends_ms - guard->now_ms;
	timeout.s = (long)divide(ms, 1000);
	timeout.ns = (long)(ms - (uint64_t)timeout.s * 1000) * 1000000;
	notify = nr++;
	fds[notify] = (struct sys_pollfd){guard->inotify, SYS_POLLIN, 0};
	fds[nr++] = (struct sys_pollfd){status_socket_fd(), SYS_POLLIN, 0};
	nr += android_fds(fds + nr);
	sys_block_signal(SYS_SIGTERM, true);
	if (!link_terminated())
		sys_poll(fds, nr, &timeout, &none);
	sys_block_signal(SYS_SIGTERM, false);
	guard->wakeups++;
	guard_tick(guard);
	*changed = (fds[notify].revents & SYS_POLLIN) != 0;
	while (*changed && sys_read(guard->inotify, notes, sizeof(notes)) > 0)
		;
	status_socket_answer(guard);
	android_hear();
	if (alarm_is_polled() && guard->now_ms - guard->alarm_ms < FAST_MS - SOON_MS / 2)
		return false; /* woken before: the totals keep their beat */
	guard->alarm_ms = guard->now_ms;
	return alarm_rang(fds);
}

/* Log an alarm, but of several in a row the first one only. */
static void note_alarm(struct guard *guard)
{
	if (guard->rang_ms == UNKNOWN || guard->now_ms - guard->rang_ms > ALARM_ROW_MS)
		guard_note(guard, "pressure", alarm_name());
	guard->rang_ms = guard->now_ms;
}

static void look_until_over(struct guard *guard)
{
	scan(guard);
	look(guard, false);
	android_ask_again(guard->now_ms, guard->ask_ms);
	while (!guard->ending) {
		bool changed, rang = sleep(guard, &changed);

		if (link_terminated())
			guard->ending = ENDING_STOPPED;
		else if (guard->now_ms >= guard->ends_ms)
			guard->ending = ENDING_TIME;
		if (guard->ending)
			break;
		if (changed || guard->now_ms - guard->scan_ms >= guard->look_every_ms)
			scan(guard);
		resume_bring_back(guard);
		look(guard, rang);
		if (rang)
			note_alarm(guard);
		note_moves(guard);
		resume_look(guard);
		page_out_judge_returns(guard);
		page_out_pass(guard);
	}
}

static void note_end(const struct guard *guard)
{
	static const char *const reasons[] = {
		[ENDING_STOPPED] = "stopped",
		[ENDING_TIME] = "time is over",
		[ENDING_UNHEARD] = "who started it was gone",
		[ENDING_EXHAUSTED] = "swap_exhausted",
		[ENDING_STUCK] = "stuck",
	};

	if (guard->ending == ENDING_STUCK)
		guard_note(guard, "stuck", "a step took ten seconds");
	if (guard->ending == ENDING_EXHAUSTED)
		guard_note(guard, "exhausted", "no swap is left for page-outs");
	guard_note(guard, "stop", reasons[guard->ending]);
}

/* What stands in the way of a start; NULL: nothing. */
static const char *prepare(struct guard *guard, int *error)
{
	*error = guard_dir_lock(guard->name);
	if (*error)
		return *error == -EBUSY ? "another guard runs" : "guard.lock cannot be written";
	daemon_leave_group(guard->bound_to, sizeof(guard->bound_to));
	daemon_settle();
	*error = status_socket_open();
	if (*error)
		return "guard.sock cannot be opened";
	*error = gauge_open();
	return *error ? "/proc/meminfo" : NULL;
}

void guard_run(void *data, int ready_fd)
{
	struct guard *guard = data;
	int error;
	const char *why;

	link_open(false, 0);
	sys_on_signal(SYS_SIGALRM, SYS_SIGNAL_DEFAULT); /* what sys_alarm() is for */
	sys_on_signal(SYS_SIGCHLD, SYS_SIGNAL_IGNORE); /* nobody waits for who was asked */
	guard_tick(guard);
	why = prepare(guard, &error);
	if (why) {
		daemon_say(ready_fd, error, why);
		return;
	}
	guard->returned_ms = guard->exhausted_ms = guard->rang_ms = UNKNOWN;
	guard->look_every_ms = guard->profile.when.look_every_ms;
	guard->inotify = sys_inotify();
	alarm_open(&guard->profile.when);
	device_open();
	events_open();
	guard->oom_kills_before = oom_kill_count();
	look(guard, false);
	guard_note(guard, "start", guard->name);
	if (guard->bound_to[0])
		guard_note(guard, "error", "in a group that ends with adbd");
	/* Before the processes are read: with memory short, that takes seconds. */
	if (daemon_say(ready_fd, 0, guard->bound_to))
		look_until_over(guard);
	else
		guard->ending = ENDING_UNHEARD;
	note_end(guard);
	status_socket_close();
}
