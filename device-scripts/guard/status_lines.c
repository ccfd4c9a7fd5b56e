/* What a running guard says of itself and of each app. */
#include "status_lines.h"

#include "android_question.h"
#include "daemon_sys.h"
#include "hot_set.h"
#include "json.h"
#include "kernel_file.h"
#include "memory_gauge.h"
#include "memory_level.h"
#include "pressure_alarm.h"
#include "proc.h"

static uint64_t own_rss_bytes(void)
{
	struct proc_status status;
	int dir = proc_open(sys_getpid());
	int error = dir < 0 ? dir : proc_read_status(dir, &status);

	if (dir >= 0)
		sys_close(dir);
	return error || status.rss_anon_bytes == UNKNOWN || status.rss_file_bytes == UNKNOWN ?
		       UNKNOWN :
		       status.rss_anon_bytes + status.rss_file_bytes;
}

void status_memory(const struct situation *situation)
{
	line_u64("available_bytes", situation->available_bytes);
	line_u64("free_bytes", situation->free_bytes);
	line_u64("low_watermark_bytes", situation->low_bytes);
	if (situation->free_bytes == UNKNOWN || situation->low_bytes == UNKNOWN)
		line_null("headroom_bytes");
	else
		line_i64("headroom_bytes", (int64_t)(situation->free_bytes - situation->low_bytes));
	line_u64("launch_bytes", situation->launch_bytes ? situation->launch_bytes : UNKNOWN);
	line_u64("swap_total_bytes", situation->swap_total_bytes);
	line_u64("swap_free_bytes", situation->swap_free_bytes);
}

static void print_device(const struct guard *guard)
{
	uint64_t some_us, full_us;

	gauge_psi(&some_us, &full_us);
	line_word("signal", alarm_name());
	status_memory(&guard->situation);
	line_u64("psi_some_us", some_us);
	line_u64("psi_full_us", full_us);
	line_word("missing", guard->condition);
	line_word("forbidden", guard->forbidden);
	line_word("paused", android_pause());
}

static void print_guard(const struct guard *guard, uint64_t now_ms)
{
	uint64_t kills = oom_kill_count();

	line_begin("guard");
	line_bool("running", true);
	line_u64("pid", (uint64_t)sys_getpid());
	line_word("profile", guard->name);
	line_u64("started_s", guard->started_s);
	line_u64("ends_s", guard->ends_s);
	line_u64("left_s", guard->ends_ms > now_ms ? divide(guard->ends_ms - now_ms, 1000) : 0);
	line_word("bound_to", guard->bound_to[0] ? guard->bound_to : NULL);
	print_device(guard);
	line_u64("wakeups", guard->wakeups);
	line_u64("looks", guard->looks);
	line_u64("passes", guard->passes);
	line_u64("actions", guard->actions);
	line_u64("advised_bytes", guard->advised_bytes);
	line_u64("reclaimed_bytes", guard->reclaimed_bytes);
	line_u64("refaulted_bytes", guard->refaulted_bytes);
	line_u64("brought_bytes", guard->brought_bytes);
	line_u64("gone", guard->gone);
	line_u64("oom_kills", kills == UNKNOWN || guard->oom_kills_before == UNKNOWN ?
				      UNKNOWN :
				      kills - guard->oom_kills_before);
	line_u64("apps_left_out", guard->apps.left_out);
	line_u64("cpu_us", sys_cpu_us());
	line_u64("rss_bytes", own_rss_bytes());
	line_send();
}

/* Seconds since `then_ms`; null when it never was. */
static void line_ago(const char *key, uint64_t now_ms, uint64_t then_ms)
{
	line_u64(key, then_ms == UNKNOWN ? UNKNOWN : divide(now_ms - then_ms, 1000));
}

/* Of how many resumes it is known what they needed, and how much that is; null: the rule does not keep it. */
static void print_hot(const struct app *app)
{
	struct hot_set *hot = hot_set_find(app->pid, app->start);

	line_u64("resumes", hot ? hot->resumes : UNKNOWN);
	line_u64("hot_bytes", hot ? hot_set_bytes(hot) : UNKNOWN);
}

void status_app(const struct guard *guard, const struct app *app, uint64_t now_ms)
{
	const struct rule *rule = app->rule < 0 ? NULL : &guard->profile.rules[app->rule];
	bool acted = app->action_ms != UNKNOWN;
	uint64_t since_ms = acted ? now_ms - app->action_ms : UNKNOWN;
	bool trimmed = app->trim_ms != UNKNOWN && (!acted || app->trim_ms >= app->action_ms);

	line_u64("pid", (uint64_t)app->pid);
	line_u64("start", app->start);
	line_text("name", (struct span){app->name, app->name_len});
	line_u64("uid", app->uid);
	line_i64("adj", app->own_adj);
	line_i64("importance", app->adj);
	line_word("match", rule ? rule->match : NULL);
	line_ago("background_s", now_ms, app->background_ms);
	line_u64("rss_anon_bytes", app->rss_anon_bytes);
	line_u64("swap_bytes", app->swap_bytes);
	line_word("last_action", trimmed                 ? "trim" :
				 !acted || !rule         ? NULL :
				 rule->rung == RUNG_COLD ? "cold" :
							   "pageout");
	line_ago("last_action_s", now_ms, trimmed ? app->trim_ms : app->action_ms);
	line_u64("refaulted_bytes", app->refaulted_bytes);
	print_hot(app);
	line_u64("holdoff_s", since_ms == UNKNOWN || since_ms >= app->holdoff_ms ?
				      0 :
				      divide(app->holdoff_ms - since_ms, 1000));
	line_word("spared", policy_spares(&guard->profile, app, now_ms));
}

void status_lines_print(struct guard *guard)
{
	uint64_t now_ms = sys_clock_ms(SYS_CLOCK_BOOTTIME);

	gauge_read(&guard->situation, now_ms);
	print_guard(guard, now_ms);
	for (size_t i = 0; i < guard->apps.nr; i++) {
		apps_measure(&guard->apps.app[i]);
		line_begin("app");
		status_app(guard, &guard->apps.app[i], now_ms);
		line_send();
	}
}
