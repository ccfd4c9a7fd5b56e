/* The verb scan: every process in one pass. */
#include "json.h"
#include "kernel_file.h"
#include "proc.h"
#include "request.h"
#include "sys.h"

static struct {
	uint64_t count;
	int error;	/* of the last one */
} unreadable;

static struct name name;

static void print_process(int pid, const struct proc_stat *stat, const struct proc_status *status,
			  int64_t adj)
{
	line_begin("proc");
	line_u64("pid", (uint64_t)pid);
	line_u64("start", stat->start);
	line_i64("ppid", stat->ppid);
	line_u64("uid", status->uid);
	line_i64("adj", adj);
	line_text("state", (struct span){ &stat->state, 1 });
	line_text("name", (struct span){ name.text, name.len });
	line_text("comm", (struct span){ stat->comm, stat->comm_len });
	line_bool("kthread", stat->kernel_thread);
	line_numbers("rss_anon_bytes rss_file_bytes rss_shmem_bytes swap_bytes",
		     &status->rss_anon_bytes);
	line_send();
}

static int scan_process(int pid, int dir)
{
	struct proc_stat stat;
	struct proc_status status;
	int adj, error;

	error = proc_read_stat(dir, &stat);
	if (!error)
		error = proc_read_status(dir, &status);
	if (!error)
		error = proc_read_name(dir, &stat, &name);
	if (error)
		return error;
	error = proc_read_adj(dir, &adj);
	if (error == -ESRCH)
		return error;
	print_process(pid, &stat, &status, error ? INT64_MIN : adj);
	return 0;
}

static void scan_entry(const char *entry)
{
	uint64_t pid;
	int dir, error;

	if (!parse_u64(span_of(entry), 10, &pid) || pid > INT32_MAX)
		return;
	dir = proc_open((int)pid);
	error = dir;
	if (dir >= 0) {
		error = scan_process((int)pid, dir);
		sys_close(dir);
	}
	if (error < 0 && error != -ENOENT && error != -ESRCH) {
		unreadable.count++;
		unreadable.error = error;
	}
}

/* Call scan_entry() for every name in proc/; 0 or -errno. */
static int scan_processes(void)
{
	static _Alignas(8) char buffer[32768];
	int proc = sys_openat(fs_root, "proc/", SYS_O_RDONLY);
	long bytes;

	if (proc < 0)
		return proc;
	while ((bytes = sys_getdents(proc, buffer, sizeof(buffer))) > 0) {
		for (long at = 0; at < bytes && !reply_broken();) {
			struct sys_dirent *entry = (struct sys_dirent *)(void *)(buffer + at);

			scan_entry(entry->name);
			at += entry->bytes;
		}
	}
	sys_close(proc);
	return (int)bytes;
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
	uint64_t packages;
	int error;

	if (request_check(request, "packages", why) ||
	    !request_u64(request, "packages", 0, 1, &packages, why))
		return -EINVAL;
	unreadable.count = 0;
	unreadable.error = 0;
	error = scan_processes();
	if (error) {
		*why = "/proc";
		return error;
	}
	line_begin("unreadable");
	line_u64("count", unreadable.count);
	line_errno("errno", unreadable.error);
	line_send();
	if (packages)
		print_packages();
	return 0;
}
