/* Learning from resumes, in the guard: two looks after an app came to the foreground, the last as it leaves. */
#include "resume_watch.h"

#include "device_memory.h"
#include "hot_learn.h"
#include "proc.h"
#include "reclaim_steps.h"

/* After them the app draws, and has done most of what a resume does. Who leaves before has done less. */
static const uint64_t look_after_ms[] = {500, 4000};

static struct walk walk;

/* The process of `app`, if it is that still: a descriptor of its directory, or -errno. */
static int open_app(const struct app *app)
{
	struct proc_stat stat;
	int dir = proc_open(app->pid);

	if (dir >= 0 && (proc_read_stat(dir, &stat) || stat.start != app->start)) {
		sys_close(dir);
		return -ESRCH;
	}
	return dir;
}

void resume_note_out(const struct app *app)
{
	int dir = open_app(app);

	if (dir < 0)
		return;
	hot_note_out(&walk, dir, app->pid, app->start);
	sys_close(dir);
}

/* When to look next; UNKNOWN: not at all, as at an app whose rule keeps nothing. */
static uint64_t due_ms(const struct app *app)
{
	if (app->front_ms == UNKNOWN || !hot_set_find(app->pid, app->start))
		return UNKNOWN;
	if (app->background_ms != UNKNOWN)
		return app->background_ms; /* before it is paged out again */
	return app->front_ms + look_after_ms[app->looks];
}

static void look(struct app *app)
{
	int dir = open_app(app);

	if (++app->looks == ARRAY_SIZE(look_after_ms))
		app->front_ms = UNKNOWN;
	if (dir < 0)
		return;
	hot_learn(&walk, dir, app->pid, app->start);
	sys_close(dir);
}

#define BATCH_BYTES \
	(256u << 10) /* in the target's order of address: what comes late competes with it */
#define SPARE_BYTES (32u << 20) /* of available memory over the marks that is left to others */

/* The available memory under which nothing is brought back: it must not be what another is killed for. */
static uint64_t memory_floor(const struct guard *guard)
{
	const struct situation *now = &guard->situation;
	uint64_t low = now->low_bytes == UNKNOWN ? 0 : now->low_bytes;

	return 2 * low + SPARE_BYTES;
}

static void bring_back(struct guard *guard, const struct app *app)
{
	static struct options options;
	static struct report report;
	const struct target_spec spec = {
		.pid = app->pid,
		.start = app->start,
		.adj_floor = ADJ_LOWEST,
		.has_uid = true,
		.uid = app->uid,
	};

	memset(&options, 0, sizeof(options));
	options.advice = ADVICE_WILLNEED;
	options.chosen = (struct chosen){VMA_ANON, 0, UINT64_MAX, true, HOT_ONLY};
	options.step_bytes = BATCH_BYTES;
	options.budget_left_bytes = UNKNOWN;
	options.deadline_us = 10000000;
	options.memory_floor_bytes = memory_floor(guard);
	device_read(&options.before);
	options.window = options.before;
	options.link = LINK_GO;
	reclaim_quietly(&options, &spec, &report);
	guard->brought_bytes += report.advice.advised_bytes;
}

void resume_bring_back(struct guard *guard)
{
	for (size_t i = 0; i < guard->apps.nr; i++) {
		struct app *app = &guard->apps.app[i];

		if (app->comes && app->rule >= 0 && guard->profile.rules[app->rule].bring_back &&
		    hot_set_find(app->pid, app->start))
			bring_back(guard, app);
		app->comes = false;
	}
}

void resume_look(struct guard *guard)
{
	for (size_t i = 0; i < guard->apps.nr; i++) {
		struct app *app = &guard->apps.app[i];

		if (due_ms(app) <= guard->now_ms)
			look(app);
		if (app->background_ms != UNKNOWN)
			app->front_ms = UNKNOWN; /* what comes back from now on is of no resume */
	}
}

uint64_t resume_wait_ms(const struct guard *guard)
{
	uint64_t next = UNKNOWN;

	for (size_t i = 0; i < guard->apps.nr; i++)
		if (due_ms(&guard->apps.app[i]) < next)
			next = due_ms(&guard->apps.app[i]);
	if (next == UNKNOWN)
		return UNKNOWN;
	return next > guard->now_ms ? next - guard->now_ms : 0;
}
