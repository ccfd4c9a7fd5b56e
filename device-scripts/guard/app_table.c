/* The table of processes that may be paged out at some time, kept from /proc. */
#include "app_table.h"

#include "daemon_sys.h"
#include "importance.h"
#include "kernel_file.h"
#include "proc.h"

#define TOP_ADJ 200 /* under it somebody looks at the app */
#define ANCESTORS 8 /* looked at for the owner of one isolated */
#define NOBODY UINT32_MAX
#define SANDBOX_UIDS 10000 /* of SDK sandboxes: 20000 and above, Android 13 */
#define STRANGERS_MS 60000 /* pids come back: forget them then */

static int *stranger(struct apps *apps, int pid)
{
	return &apps->stranger[(unsigned int)pid % STRANGERS];
}

static struct app *find(struct apps *apps, int pid)
{
	for (size_t i = 0; i < apps->nr; i++)
		if (apps->app[i].pid == pid)
			return &apps->app[i];
	return NULL;
}

/*
 * The uid of the app that a process serves, as far as the kernel tells: its own; of an isolated one, that of
 * the process it was forked from, for only a zygote of the app's can fork such a one. NOBODY otherwise:
 * who has been isolated by a system's zygote may call itself anything.
 */
static uint32_t owner_of(uint32_t uid, int ppid)
{
	uint32_t own = uid;
	struct proc_stat stat;
	struct proc_status status;

	for (int ups = 0; uid_is_isolated(uid) && uid == own; ups++) {
		int dir = ups < ANCESTORS ? proc_open(ppid) : -1;
		int error = dir < 0 || proc_read_status(dir, &status) || proc_read_stat(dir, &stat);

		if (dir >= 0)
			sys_close(dir);
		if (error)
			return NOBODY;
		uid = status.uid;
		ppid = stat.ppid;
	}
	if (uid_is_isolated(uid) || !uid_is_app(uid))
		return NOBODY;
	return uid;
}

/*
 * Whether a row of packages.list is of the app id; an app's SDK sandbox has that and 10,000.
 *
 *	com.example.game 10123 0 /data/user/0/com.example.game default:targetSdkVersion=34 none
 */
static bool row_is_of(struct span line, uint64_t app_id, struct span *package)
{
	struct span word;
	uint64_t id;

	return span_word(&line, ' ', package) && span_word(&line, ' ', &word) &&
	       parse_u64(word, 10, &id) &&
	       (id == app_id || (app_id / SANDBOX_UIDS == 2 && id + SANDBOX_UIDS == app_id));
}

/*
 * The first rule that fits a package of the app that a process serves. Whose packages are not known has
 * an empty one, which fits "*" alone: no name that a process gives itself finds it a rule. Where there is no
 * packages.list at all the name must do; while there is one that cannot be read, nobody has a rule.
 */
static int find_rule(const struct profile *profile, uint32_t owner, struct span name)
{
	static struct line_reader reader;
	int best = -1;
	int error = reader_open(&reader, fs_root, "data/system/packages.list");
	struct span line, package = {NULL, 0}, one;
	bool known = false;

	if (error == -ENOENT) {
		span_word(&name, ':', &package);
		return policy_rule(profile, package, -1);
	}
	while (!error && (error = reader_next(&reader, &line)) > 0) {
		error = 0;
		if (owner == NOBODY || !row_is_of(line, owner % USER_UIDS, &one))
			continue;
		known = true;
		best = policy_rule(profile, one, best);
	}
	reader_close(&reader);
	if (error < 0)
		return -1;
	return known ? best : policy_rule(profile, package, -1);
}

/* Note an app's adj, and the moment at which it left the foreground or came back. */
static void take_adj(struct app *app, int adj, uint64_t now_ms, struct changes *changes)
{
	bool was_out = app->background_ms != UNKNOWN;

	changes->any |= adj != app->adj;
	app->adj = adj;
	if (adj >= FOREGROUND_ADJ && !was_out) {
		app->background_ms = now_ms;
		app->leaving = true;
		app->comes = false;
	} else if (adj < FOREGROUND_ADJ && was_out) {
		changes->returned |= app->out;
		app->front_ms = now_ms;
		app->comes = adj < TOP_ADJ;
		app->looks = 0;
		app->hot_bytes = 0;
		app->background_ms = UNKNOWN;
		app->leaving = app->out = false;
		app->no_rest = true; /* its user brought it back, not a wrong guess */
	}
}

void apps_forget(struct apps *apps)
{
	memset(apps, 0, sizeof(*apps));
}

bool apps_measure(struct app *app)
{
	struct proc_status status;
	int dir = proc_open(app->pid);
	int error = dir < 0 ? dir : proc_read_status(dir, &status);

	if (dir >= 0)
		sys_close(dir);
	if (error)
		return false;
	app->rss_anon_bytes = status.rss_anon_bytes;
	app->swap_bytes = status.swap_bytes;
	return true;
}

static uint64_t held_bytes(const struct app *app)
{
	return app->rss_anon_bytes == UNKNOWN || app->swap_bytes == UNKNOWN ?
		       0 :
		       app->rss_anon_bytes + app->swap_bytes;
}

/* Remember what an app holds when it first leaves the foreground: as much as its launch needed. */
static void note_launch(struct apps *apps, struct app *app)
{
	if (!app->launching || app->background_ms == UNKNOWN)
		return;
	app->launching = false;
	if (apps_measure(app))
		apps->launch_bytes[apps->launches++ % ARRAY_SIZE(apps->launch_bytes)] =
			held_bytes(app);
}

uint64_t apps_launch_bytes(const struct apps *apps)
{
	uint64_t most = 0;

	for (size_t i = 0; i < ARRAY_SIZE(apps->launch_bytes); i++)
		if (apps->launch_bytes[i] > most)
			most = apps->launch_bytes[i];
	return most;
}

static bool is_app(const struct proc_stat *stat, const struct proc_status *status, int adj)
{
	return !stat->kernel_thread && stat->state != 'Z' && adj >= 0 && uid_is_app(status->uid);
}

/* Take up a process that was not seen before: an app, or a stranger that is not looked at again. */
static void meet(struct apps *apps, const struct profile *profile, int pid, int dir, int adj,
		 uint64_t now_ms)
{
	static struct name name;
	struct proc_stat stat;
	struct proc_status status;
	struct app *app = &apps->app[apps->nr];

	if (proc_read_stat(dir, &stat) || proc_read_status(dir, &status))
		return;
	if (!is_app(&stat, &status, adj)) {
		/* One that was forked just now may become an app yet. */
		if (stat.kernel_thread || divide(now_ms, 10) > stat.start + 500)
			*stranger(apps, pid) = pid;
		return;
	}
	if (apps->nr == APPS_MAX) {
		apps->left_out++;
		return;
	}
	if (proc_read_name(dir, &stat, &name))
		return;
	memset(app, 0, sizeof(*app));
	app->pid = pid;
	app->start = stat.start;
	app->uid = status.uid;
	app->rss_anon_bytes = status.rss_anon_bytes;
	app->swap_bytes = status.swap_bytes;
	app->action_ms = app->trim_ms = app->check_ms = app->background_ms = app->front_ms =
		UNKNOWN;
	app->name_len =
		utf8_clean((struct span){name.text, name.len}, app->name, sizeof(app->name));
	app->rule = find_rule(profile, owner_of(status.uid, stat.ppid),
			      (struct span){name.text, name.len});
	app->own_adj = adj;
	app->kept = importance_is_kept(stat.ppid, status.uid);
	app->seen = app->met = true;
	apps->nr++;
}

static void look_at(struct apps *apps, const struct profile *profile, int pid, uint64_t now_ms)
{
	struct app *app = find(apps, pid);
	struct proc_stat stat;
	int dir, adj;

	if (!app && *stranger(apps, pid) == pid)
		return;
	dir = proc_open(pid);
	if (dir < 0)
		return;
	/* Another under an old number: that one is gone, and the next scan meets the new one. */
	if (app && (proc_read_stat(dir, &stat) || stat.start != app->start)) {
		sys_close(dir);
		return;
	}
	if (!proc_read_adj(dir, &adj)) {
		adj = adj_in_front(dir, adj);
		if (app) {
			app->own_adj = adj;
			app->seen = true;
		} else {
			meet(apps, profile, pid, dir, adj, now_ms);
		}
	}
	sys_close(dir);
}

/* Forget who was not seen. */
static void drop_gone(struct apps *apps, struct changes *changes,
		      void (*ended)(void *data, const struct app *app), void *data)
{
	size_t kept = 0;

	for (size_t i = 0; i < apps->nr; i++) {
		struct app *app = &apps->app[i];

		if (app->seen) {
			if (kept != i)
				apps->app[kept] = *app;
			kept++;
			continue;
		}
		changes->any = true;
		ended(data, app);
	}
	apps->nr = kept;
}

/* Work out how close each app is to its user, once all processes of its uid were seen. */
static void rank(struct apps *apps, uint64_t now_ms, struct changes *changes)
{
	static struct bearing all[APPS_MAX];

	for (size_t i = 0; i < apps->nr; i++)
		all[i] =
			(struct bearing){apps->app[i].uid, apps->app[i].own_adj, apps->app[i].kept};
	for (size_t i = 0; i < apps->nr; i++) {
		struct app *app = &apps->app[i];
		int adj = importance(&all[i], all, apps->nr);

		take_adj(app, adj, now_ms, changes);
		if (app->met) {
			app->launching = adj < TOP_ADJ;
			app->leaving = app->met = false; /* it is not known when it left */
			changes->any = true;
			continue;
		}
		if (app->background_ms == now_ms) /* what it holds, not what a page-out left */
			apps_measure(app);
		note_launch(apps, app);
	}
}

struct changes apps_scan(struct apps *apps, const struct profile *profile, uint64_t now_ms,
			 void (*ended)(void *data, const struct app *app), void *data)
{
	static _Alignas(8) char buffer[4096];
	struct changes changes = {false, false};
	int proc = sys_openat(fs_root, "proc/", SYS_O_RDONLY);
	bool first = apps->nr == 0;
	long bytes;

	if (proc < 0)
		return changes;
	if (now_ms - apps->strangers_since_ms > STRANGERS_MS) {
		memset(apps->stranger, 0, sizeof(apps->stranger));
		apps->strangers_since_ms = now_ms;
	}
	apps->left_out = 0;
	for (size_t i = 0; i < apps->nr; i++)
		apps->app[i].seen = false;
	while ((bytes = sys_getdents(proc, buffer, sizeof(buffer))) > 0) {
		for (long at = 0; at < bytes;) {
			struct sys_dirent *entry = (struct sys_dirent *)(void *)(buffer + at);
			uint64_t pid;

			if (parse_u64(span_of(entry->name), 10, &pid) && pid <= INT32_MAX)
				look_at(apps, profile, (int)pid, now_ms);
			at += entry->bytes;
		}
	}
	sys_close(proc);
	drop_gone(apps, &changes, ended, data);
	rank(apps, now_ms, &changes);
	for (size_t i = 0; first && i < apps->nr; i++) /* until a launch was seen: the largest */
		if (held_bytes(&apps->app[i]) > apps->launch_bytes[0])
			apps->launch_bytes[0] = held_bytes(&apps->app[i]);
	return changes;
}
