/* The verb scan: every process in one pass. */
#include "scan.h"

#include "importance.h"
#include "json.h"
#include "kernel_file.h"
#include "proc.h"
#include "request.h"
#include "scan_importance.h"
#include "sys.h"

static struct {
	uint64_t count;
	int error; /* of the last one */
} unreadable;

static struct name name;
static bool unnamed; /* the process scanned last: it has no name of its own yet */

/* Print a process; of one that was printed before (`again`), leave out what does not change. */
static void print_process(int pid, int dir, const struct proc_stat *stat,
			  const struct proc_status *status, bool no_status, int64_t adj, bool again)
{
	line_begin(again ? "again" : "proc");
	line_u64("pid", (uint64_t)pid);
	line_u64("start", stat->start);
	if (!again) {
		line_i64("ppid", stat->ppid);
		line_u64("uid", no_status ? UNKNOWN : status->uid);
	}
	line_i64("adj", adj);
	line_bool("app_frozen", adj != INT64_MIN && adj_in_front(dir, (int)adj) != adj);
	line_text("state", (struct span){&stat->state, 1});
	if (!again) {
		line_text("name", (struct span){name.text, name.len});
		line_text("comm", (struct span){stat->comm, stat->comm_len});
		line_bool("kthread", stat->kernel_thread);
	}
	line_numbers("rss_anon_bytes rss_file_bytes rss_shmem_bytes swap_bytes",
		     &status->rss_anon_bytes);
	line_send();
}

static bool refused(int error)
{
	return error == -EACCES || error == -EPERM;
}

static void count_unreadable(int error)
{
	unreadable.count++;
	unreadable.error = error;
}

#define KNOWN_MAX 8192
#define AID_SYSTEM 1000 /* below are root and its likes (android_filesystem_config.h) */

/*
 * The processes that the verb scan printed last time, and those it prints now, by ascending pid.
 * Those over KNOWN_MAX, and those whose name is not their own yet, are not kept: their line is whole
 * each time.
 */
static struct told {
	struct one_told {
		uint64_t start;
		int pid;
		bool system; /* a kernel thread, or a uid under that of Android's system */
	} by_pid[KNOWN_MAX];
	size_t nr;
} tellings[2], *told_last = &tellings[0], *told_now = &tellings[1];
static size_t told_at;
static bool telling, only_changes; /* telling: for the verb scan, not for sample */

static bool is_system(int64_t uid)
{
	return uid >= 0 && uid < AID_SYSTEM;
}

static const struct one_told *was_told(int pid, uint64_t start)
{
	const struct one_told *one;

	while (told_at < told_last->nr && told_last->by_pid[told_at].pid < pid)
		told_at++;
	one = &told_last->by_pid[told_at];
	return told_at < told_last->nr && one->pid == pid && one->start == start ? one : NULL;
}

static void keep_told(int pid, uint64_t start, bool system)
{
	if (telling && told_now->nr < KNOWN_MAX)
		told_now->by_pid[told_now->nr++] = (struct one_told){start, pid, system};
}

/*
 * Whether a process is to take another name yet: it has a zygote's before it takes an app's, and in
 * the middle of exec its cmdline is empty.
 */
static bool has_passing_name(const struct proc_stat *stat)
{
	struct span said = {name.text, name.len};

	if (name.of_comm)
		return !stat->kernel_thread;
	return span_is(said, "zygote") || span_is(said, "zygote64") || span_starts(said, "usap") ||
	       span_is(said, "<pre-initialized>") || span_ends(said, "_zygote");
}

/*
 * A shell may be refused one file and not the next: what it may not read is null. The name of a
 * process that was printed before is not read again: reading it is a third of the work, and brings
 * back one of the process's pages.
 */
static int scan_process(int pid, int dir)
{
	struct proc_stat stat;
	struct proc_status status;
	const struct one_told *again;
	int adj, error, no_status;

	error = proc_read_stat(dir, &stat);
	if (error)
		return error;
	again = only_changes ? was_told(pid, stat.start) : NULL;
	if (again && again->system) {
		int64_t uid = sys_owner(dir);

		if (is_system(uid)) {
			scanned_add(pid, stat.ppid, (uint32_t)uid, INT32_MAX);
			keep_told(pid, stat.start, true);
			return 0;
		}
		again = NULL; /* it was root's, and is an app's now */
	}
	no_status = proc_read_status(dir, &status);
	if (no_status && !refused(no_status))
		return no_status;
	if (no_status) {
		memset(&status, 0xff, sizeof(status)); /* UNKNOWN */
		count_unreadable(no_status);
	}
	error = again ? 0 : proc_read_name(dir, &stat, &name);
	if (error && !refused(error))
		return error;
	if (error)
		name_parse((struct span){"", 0}, &stat, &name);
	unnamed = !again && !error && has_passing_name(&stat);
	error = proc_read_adj(dir, &adj);
	if (error == -ESRCH)
		return error;
	print_process(pid, dir, &stat, &status, no_status, error ? INT64_MIN : adj, again != NULL);
	if (!no_status)
		scanned_add(pid, stat.ppid, status.uid, error ? INT32_MAX : adj_in_front(dir, adj));
	if (!unnamed)
		keep_told(pid, stat.start,
			  stat.kernel_thread || (!no_status && is_system(status.uid)));
	return 0;
}

static void scan_pid(int pid)
{
	int dir = proc_open(pid), error = dir;

	if (dir >= 0) {
		error = scan_process(pid, dir);
		sys_close(dir);
	}
	if (error < 0 && error != -ENOENT && error != -ESRCH)
		count_unreadable(error);
}

/* Call `found` with the number of every process in proc/, ascending; 0 or -errno. */
static int each_process(void (*found)(int pid))
{
	static _Alignas(8) char buffer[32768];
	int proc = sys_openat(fs_root, "proc/", SYS_O_RDONLY);
	long bytes;

	if (proc < 0)
		return proc;
	while ((bytes = sys_getdents(proc, buffer, sizeof(buffer))) > 0) {
		for (long at = 0; at < bytes && !reply_broken();) {
			struct sys_dirent *entry = (struct sys_dirent *)(void *)(buffer + at);
			uint64_t pid;

			if (parse_u64(span_of(entry->name), 10, &pid) && pid <= INT32_MAX)
				found((int)pid);
			at += entry->bytes;
		}
	}
	sys_close(proc);
	return (int)bytes;
}

/* The processes of the last look, and of the one before; those over KNOWN_MAX are always new. */
static struct known {
	int pids[KNOWN_MAX];
	size_t nr;
} looks[2], *before = &looks[0], *now = &looks[1];
static size_t compared;

/* A zygote and its unnamed children are new at each look: no app is to be known by root's uid. */
static void scan_if_new(int pid)
{
	while (compared < before->nr && before->pids[compared] < pid)
		compared++;
	if (compared == before->nr || before->pids[compared] != pid) {
		unnamed = false;
		scan_pid(pid);
		if (unnamed)
			return;
	}
	if (now->nr < KNOWN_MAX)
		now->pids[now->nr++] = pid;
}

int scan_new(void)
{
	struct known *other = before;

	scanned_begin();
	before = now;
	now = other;
	now->nr = compared = 0;
	return each_process(scan_if_new);
}

/* Print every process; with `again`, those that the last such scan printed in short. */
static int scan_all(bool again)
{
	struct told *other = told_last;
	int error;

	told_last = told_now;
	told_now = other;
	told_now->nr = told_at = 0;
	only_changes = again;
	telling = true;
	error = each_process(scan_pid);
	telling = only_changes = false;
	return error;
}

static void print_packages(void)
{
	static struct line_reader reader;
	struct span text;
	int error = reader_open(&reader, fs_root, "data/system/packages.list");

	while (!error && !reply_broken() && (error = reader_next(&reader, &text)) > 0) {
		error = 0;
		line_begin("package");
		line_text("line", text);
		line_send();
	}
	reader_close(&reader);
	if (!error)
		return;
	line_begin("package");
	line_null("line");
	line_errno("errno", error);
	line_send();
}

int verb_scan(const struct request *request, const char **why)
{
	uint64_t packages, again;
	int error;

	if (request_check(request, "packages again", why) ||
	    !request_u64(request, "packages", 0, 1, &packages, why) ||
	    !request_u64(request, "again", 0, 1, &again, why))
		return -EINVAL;
	scanned_begin();
	unreadable.count = 0;
	unreadable.error = 0;
	error = scan_all(again);
	if (error) {
		*why = "/proc";
		return error;
	}
	line_begin("unreadable");
	line_u64("count", unreadable.count);
	line_errno("errno", unreadable.error);
	line_send();
	scanned_print_importance();
	if (packages)
		print_packages();
	return 0;
}
