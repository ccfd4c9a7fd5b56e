/* The guard's decisions: when, whom, in which order, and for everyone else why not. */
#include "policy.h"

#include "mapping_kind.h"

#define HOLDOFF_LEAST_MS 10000 /* a cooldown of 0 doubles from here */
#define HOLDOFF_MOST_MS 3600000
#define PRESSURE_BYTES (32u * 1024 * 1024) /* what an alarm without a watermark asks for */
#define COOLDOWN_LEAST_MS 1000 /* or a pass would not end */
#define LEAST_BYTES (1u << 20) /* what holds less has been paged out already */
#define SLICE_LEAST_BYTES (4ull << 20)
#define SLICE_MOST_BYTES (64ull << 20)
#define TRIM_WAIT_MS 2000 /* an app's time to give up caches before it is paged out */

/* By how much `value` is under `mark`. */
static uint64_t under(uint64_t value, uint64_t mark)
{
	return value == UNKNOWN || mark == UNKNOWN || value >= mark ? 0 : mark - value;
}

const char *condition_name(enum condition condition)
{
	static const char *const names[] = {
		[CONDITION_AVAILABLE] = "available",
		[CONDITION_NEXT_LAUNCH] = "next_launch",
		[CONDITION_HEADROOM] = "headroom",
		[CONDITION_PRESSURE] = "pressure",
	};

	return names[condition];
}

/*
 * Waiting alone is not low memory (a process thrashing in a group of its own
 * waits as well), and what the guard paged out makes its owner wait when it returns.
 */
static uint64_t missing_by_pressure(const struct situation *now)
{
	uint64_t missing;

	if (!now->pressed || now->low_bytes == UNKNOWN)
		return 0;
	missing = under(now->free_bytes, now->returning ? now->low_bytes : 2 * now->low_bytes);
	return missing > 0 && missing < PRESSURE_BYTES ? PRESSURE_BYTES : missing;
}

uint64_t policy_missing_by(const struct when *when, const struct situation *now,
			   enum condition condition)
{
	bool knows_low = now->low_bytes != UNKNOWN;

	switch (condition) {
	case CONDITION_AVAILABLE:
		return under(now->available_bytes, when->available_bytes);
	case CONDITION_NEXT_LAUNCH:
		if (!when->next_launch || now->launch_bytes == 0)
			return 0;
		return under(now->available_bytes,
			     now->launch_bytes + (knows_low ? now->low_bytes : 0));
	case CONDITION_HEADROOM:
		if (when->headroom_bytes == 0 || !knows_low)
			return 0;
		return under(now->free_bytes, now->low_bytes + when->headroom_bytes);
	case CONDITION_PRESSURE:
		return missing_by_pressure(now);
	default:
		return 0;
	}
}

uint64_t policy_missing(const struct when *when, const struct situation *now,
			const char **condition)
{
	for (enum condition one = 0; one < CONDITIONS; one++) {
		uint64_t missing = policy_missing_by(when, now, one);

		*condition = condition_name(one);
		if (missing > 0)
			return missing;
	}
	*condition = NULL;
	return 0;
}

const char *policy_forbids(const struct when *when, const struct situation *now,
			   uint64_t minute_bytes)
{
	if (now->swap_total_bytes == UNKNOWN || now->swap_total_bytes == 0)
		return "no_swap";
	if (now->swap_free_bytes * 1000 <= now->swap_total_bytes * when->keep_swap_free_permille ||
	    now->swap_free_bytes < now->swap_stop_bytes)
		return "swap_floor";
	if (minute_bytes >= when->per_minute_bytes)
		return "minute_budget";
	return NULL;
}

static const char *nearness(int adj)
{
	return adj < 200 ? "foreground" : adj < FOREGROUND_ADJ ? "perceptible" : "adj";
}

/* Least anonymous RSS: the rule's, over what cannot go (shared with the zygote, or locked). */
static uint64_t least_bytes(const struct app *app, const struct rule *rule)
{
	uint64_t least = rule->at_least_bytes;

	if (!(rule->kinds & VMA_FILE) && least < LEAST_BYTES)
		least = LEAST_BYTES;
	return app->rest_bytes + least;
}

static bool stands_near(const struct rule *rule, const struct app *app)
{
	return app->adj < FOREGROUND_ADJ || app->adj < rule->adj_low || app->adj > rule->adj_high;
}

static bool rests(const struct rule *rule, uint64_t since_ms)
{
	return since_ms < rule->cooldown_ms || since_ms < COOLDOWN_LEAST_MS;
}

const char *policy_spares(const struct profile *profile, const struct app *app, uint64_t now_ms)
{
	const struct rule *rule = app->rule < 0 ? NULL : &profile->rules[app->rule];
	uint64_t since_ms = app->action_ms == UNKNOWN ? UNKNOWN : now_ms - app->action_ms;

	if (!rule)
		return "no_rule";
	if (rule->rung == RUNG_LEAVE)
		return "leave";
	if (stands_near(rule, app))
		return nearness(app->adj);
	if (app->background_ms == UNKNOWN || now_ms - app->background_ms < rule->background_ms)
		return "background";
	if (app->rss_anon_bytes < least_bytes(app, rule))
		return "small";
	if (app->trim_ms != UNKNOWN && now_ms - app->trim_ms < TRIM_WAIT_MS)
		return "trimmed";
	if (since_ms == UNKNOWN || app->no_rest)
		return NULL;
	if (rests(rule, since_ms))
		return "cooldown";
	return since_ms < app->holdoff_ms ? "holdoff" : NULL;
}

int policy_rule(const struct profile *profile, struct span name, int best)
{
	size_t limit = best < 0 ? profile->rules_nr : (size_t)best;

	for (size_t i = 0; i < limit; i++)
		if (glob_fits(profile->rules[i].match, name))
			return (int)i;
	return best;
}

static bool swap_is_short(const struct when *when, const struct situation *now)
{
	return now->swap_total_bytes != UNKNOWN &&
	       now->swap_free_bytes * 1000 <= now->swap_total_bytes * when->trim_below_permille;
}

bool policy_trims(const struct profile *profile, const struct app *app, const struct situation *now,
		  uint64_t now_ms)
{
	const struct rule *rule = app->rule < 0 ? NULL : &profile->rules[app->rule];

	if (!rule || rule->rung != RUNG_TRIM || !app->leaving ||
	    !swap_is_short(&profile->when, now))
		return false;
	return app->trim_ms == UNKNOWN ||
	       (app->trim_ms < app->background_ms && !rests(rule, now_ms - app->trim_ms));
}

/* Whether `a` goes before `b`. */
static bool goes_first(const struct profile *profile, const struct app *a, const struct app *b)
{
	bool a_last = profile->rules[a->rule].last, b_last = profile->rules[b->rule].last;

	if (a_last != b_last)
		return b_last;
	if (a->background_ms != b->background_ms)
		return a->background_ms < b->background_ms;
	if (a->adj != b->adj)
		return a->adj > b->adj;
	if (a->rss_anon_bytes != b->rss_anon_bytes)
		return a->rss_anon_bytes > b->rss_anon_bytes;
	return a->pid < b->pid;
}

bool policy_gives_hot(const struct profile *profile, const struct app *app, uint64_t now_ms)
{
	const struct rule *rule = app->rule < 0 ? NULL : &profile->rules[app->rule];
	uint64_t since_ms = app->action_ms == UNKNOWN ? UNKNOWN : now_ms - app->action_ms;

	if (!rule || !rule->keep_hot || app->hot_bytes < LEAST_BYTES || stands_near(rule, app) ||
	    app->background_ms == UNKNOWN || now_ms - app->background_ms < rule->background_ms)
		return false;
	/* No rest is due after its cold part went, but where a page-out was wrong. */
	return app->holdoff_ms <= rule->cooldown_ms || since_ms >= app->holdoff_ms;
}

static struct app *next_hot(const struct profile *profile, struct app *apps, size_t nr,
			    uint64_t now_ms)
{
	struct app *first = NULL;

	for (size_t i = 0; i < nr; i++)
		if (policy_gives_hot(profile, &apps[i], now_ms) &&
		    (!first || goes_first(profile, &apps[i], first)))
			first = &apps[i];
	return first;
}

struct app *policy_next(const struct profile *profile, struct app *apps, size_t nr,
			const struct situation *now, bool wanted, uint64_t now_ms)
{
	struct app *first = NULL;
	bool first_trims = false;

	for (size_t i = 0; i < nr; i++) {
		struct app *app = &apps[i];
		bool trims = policy_trims(profile, app, now, now_ms);

		if (!wanted && !trims && !(profile->when.leaving && app->leaving))
			continue;
		if (policy_spares(profile, app, now_ms))
			continue;
		if (first &&
		    (trims != first_trims ? first_trims : !goes_first(profile, app, first)))
			continue;
		first = app;
		first_trims = trims;
	}
	return first || !wanted ? first : next_hot(profile, apps, nr, now_ms);
}

uint64_t policy_slice(uint64_t missing)
{
	if (missing == 0 || missing > SLICE_MOST_BYTES / 2)
		return SLICE_MOST_BYTES;
	return missing < SLICE_LEAST_BYTES / 2 ? SLICE_LEAST_BYTES : 2 * missing;
}

uint64_t policy_budget(const struct when *when, const struct rule *rule, uint64_t minute_bytes)
{
	uint64_t left = UNKNOWN;

	if (when->per_minute_bytes != UNKNOWN)
		left = when->per_minute_bytes > minute_bytes ?
			       when->per_minute_bytes - minute_bytes :
			       0;
	return left < rule->budget_bytes ? left : rule->budget_bytes;
}

uint64_t policy_returned(const struct profile *profile, struct app *app, uint64_t swap_bytes)
{
	uint64_t least_ms = app->rule < 0 ? 0 : profile->rules[app->rule].cooldown_ms;
	uint64_t back = swap_bytes == UNKNOWN ? 0 : under(swap_bytes, app->swap_after_bytes);
	bool used = app->background_ms == UNKNOWN ||
		    (app->action_ms != UNKNOWN && app->background_ms > app->action_ms);

	app->check_ms = UNKNOWN;
	if (back > app->moved_bytes)
		back = app->moved_bytes;
	app->refaulted_bytes += back;
	if (used) /* its user brought it back: no wrong guess */
		return back;
	if (back > app->moved_bytes / 4 || app->moved_bytes == 0) {
		if (app->holdoff_ms < HOLDOFF_LEAST_MS)
			app->holdoff_ms = least_ms > HOLDOFF_LEAST_MS ? least_ms : HOLDOFF_LEAST_MS;
		app->holdoff_ms *= 2;
		if (app->holdoff_ms > HOLDOFF_MOST_MS)
			app->holdoff_ms = HOLDOFF_MOST_MS;
		app->no_rest = false;
	} else {
		app->holdoff_ms /= 2;
		if (app->holdoff_ms < least_ms)
			app->holdoff_ms = least_ms;
	}
	return back;
}
