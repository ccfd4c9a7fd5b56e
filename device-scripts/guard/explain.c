/* What a guard with the session's profile would do now: one look, by the functions it goes by. */
#include "explain.h"

#include "daemon_sys.h"
#include "json.h"
#include "kernel_file.h"
#include "memory_gauge.h"
#include "status_lines.h"

#define DAY_MS 86400000 /* the most that a rule has an app wait in the background */

static void ignore_end(void *data, const struct app *app)
{
	(void)data;
	(void)app;
}

/* One look cannot tell how long an app has been away: then each has been away for long enough. */
static void look_once(struct guard *guard)
{
	uint64_t now_ms = sys_clock_ms(SYS_CLOCK_BOOTTIME);

	apps_forget(&guard->apps);
	apps_scan(&guard->apps, &guard->profile, now_ms, ignore_end, NULL);
	for (size_t i = 0; i < guard->apps.nr; i++)
		if (guard->apps.app[i].background_ms != UNKNOWN)
			guard->apps.app[i].background_ms = 0;
	gauge_read(&guard->situation, now_ms);
	guard->situation.launch_bytes = apps_launch_bytes(&guard->apps);
}

static void print_condition(const char *name, uint64_t missing_bytes)
{
	line_begin("condition");
	line_word("name", name);
	line_u64("missing_bytes", missing_bytes);
	line_send();
}

/* Each condition that the profile goes by; unknown: what one look cannot see. */
static void print_conditions(const struct guard *guard)
{
	const struct when *when = &guard->profile.when;
	const struct situation *now = &guard->situation;
	bool trims = false;
	const bool asked[CONDITIONS] = {
		[CONDITION_AVAILABLE] = when->available_bytes > 0,
		[CONDITION_NEXT_LAUNCH] = when->next_launch,
		[CONDITION_HEADROOM] = when->headroom_bytes > 0,
	};
	const bool known[CONDITIONS] = {
		[CONDITION_AVAILABLE] = now->available_bytes != UNKNOWN,
		[CONDITION_NEXT_LAUNCH] = now->available_bytes != UNKNOWN,
		[CONDITION_HEADROOM] = now->free_bytes != UNKNOWN && now->low_bytes != UNKNOWN,
	};

	for (enum condition one = 0; one < CONDITIONS; one++)
		if (asked[one])
			print_condition(condition_name(one),
					known[one] ? policy_missing_by(when, now, one) : UNKNOWN);
	for (size_t i = 0; i < guard->profile.rules_nr; i++)
		trims |= guard->profile.rules[i].rung == RUNG_TRIM;
	if (when->leaving || trims)
		print_condition("leaving", UNKNOWN);
	if (when->pressure_some_us > 0 || when->pressure_full_us > 0)
		print_condition(condition_name(CONDITION_PRESSURE), UNKNOWN);
}

static void print_turn(const struct guard *guard, const struct app *app, uint64_t turn)
{
	line_begin("turn");
	line_u64("turn", turn);
	status_app(guard, app, DAY_MS);
	line_send();
}

/* Who would be touched, as long as memory is missing, in order; then who would not. */
static void print_turns(struct guard *guard, bool forbidden)
{
	struct app *app;
	uint64_t turn = 0;

	while (!forbidden && (app = policy_next(&guard->profile, guard->apps.app, guard->apps.nr,
						&guard->situation, true, DAY_MS))) {
		print_turn(guard, app, ++turn);
		app->action_ms = DAY_MS; /* it rests for a second at least */
		app->seen = false;
	}
	for (size_t i = 0; i < guard->apps.nr; i++)
		if (guard->apps.app[i].seen)
			print_turn(guard, &guard->apps.app[i], UNKNOWN);
}

void explain_print(struct guard *guard)
{
	const char *forbidden;

	look_once(guard);
	forbidden = policy_forbids(&guard->profile.when, &guard->situation, 0);
	line_begin("explain");
	status_memory(&guard->situation);
	line_word("forbidden", forbidden);
	line_u64("apps_left_out", guard->apps.left_out);
	line_send();
	print_conditions(guard);
	print_turns(guard, forbidden != NULL);
	apps_forget(&guard->apps); /* a guard that this session starts looks for itself */
}
