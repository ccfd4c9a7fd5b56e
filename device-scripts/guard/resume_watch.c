/* Learning from resumes, in the guard: two looks after an app came to the foreground. */
#include "resume_watch.h"

#include "hot_learn.h"
#include "proc.h"

/* After them the app draws, and has done most of what a resume does. */
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

void resume_look(struct guard *guard)
{
	for (size_t i = 0; i < guard->apps.nr; i++)
		if (due_ms(&guard->apps.app[i]) <= guard->now_ms)
			look(&guard->apps.app[i]);
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
