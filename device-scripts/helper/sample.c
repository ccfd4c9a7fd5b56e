/* The verb sample: anonymous memory and adj of known processes, again and again. */
#include "host_link.h"
#include "json.h"
#include "kernel_file.h"
#include "proc.h"
#include "request.h"
#include "scan.h"
#include "sys.h"

#define TARGETS_MAX 64
#define PERIOD_US_MIN 10000
#define PERIOD_US_MAX 10000000
#define COUNT_MAX 1000

/* A process with its files open: what is read there is its own, or -ESRCH. */
struct watched {
	int pid;
	uint64_t start;
	int status, adj; /* descriptors, or -errno */
	bool ended;
};

static struct watched watched[TARGETS_MAX];
static size_t nr_watched;

static int watch(struct watched *process)
{
	struct proc_stat stat;
	int dir = proc_open(process->pid);
	int error = dir < 0 ? dir : proc_read_stat(dir, &stat);

	if (!error && stat.start != process->start)
		error = -ESRCH;
	process->status = error ? error : sys_openat(dir, "status", SYS_O_RDONLY);
	process->adj = error ? error : sys_openat(dir, "oom_score_adj", SYS_O_RDONLY);
	if (dir >= 0)
		sys_close(dir);
	return process->status < 0 ? process->status : 0;
}

static int read_memory(const struct watched *process, struct proc_status *out)
{
	char buffer[8192];
	size_t len;
	int error = process->status < 0 ? process->status :
					  fs_reread(process->status, buffer, sizeof(buffer), &len);

	return error ? error : status_parse((struct span){buffer, len}, out);
}

static int64_t read_adj(const struct watched *process)
{
	char buffer[32];
	size_t len;
	struct span rest, word;
	int64_t value;

	if (process->adj < 0 || fs_reread(process->adj, buffer, sizeof(buffer), &len))
		return INT64_MIN;
	rest = (struct span){buffer, len};
	return span_word(&rest, '\n', &word) && parse_i64(word, &value) ? value : INT64_MIN;
}

/* Print one line; the last line of a process that ended has the errno. */
static void sample(struct watched *process)
{
	struct proc_status status;
	uint64_t at_us = sys_boottime_us();
	int error = read_memory(process, &status);
	int64_t adj = error ? INT64_MIN : read_adj(process);

	if (error == -ENOENT)
		error = -ESRCH;
	process->ended = error != 0;
	line_begin("sample");
	line_u64("at_us", at_us);
	line_u64("pid", (uint64_t)process->pid);
	line_u64("start", process->start);
	line_i64("adj", adj);
	line_u64("rss_anon_bytes", error ? UNKNOWN : status.rss_anon_bytes);
	line_u64("swap_bytes", error ? UNKNOWN : status.swap_bytes);
	line_errno("errno", error);
	line_send();
}

static void forget(void)
{
	for (size_t i = 0; i < nr_watched; i++) {
		if (watched[i].status >= 0)
			sys_close(watched[i].status);
		if (watched[i].adj >= 0)
			sys_close(watched[i].adj);
	}
	nr_watched = 0;
}

/* Print `count` samples of each. Wait after the last too, so that the next request keeps pace. */
static int sample_all(uint64_t count, uint64_t period_us)
{
	uint64_t due_us = sys_now_us();
	enum link_state link = LINK_GO;

	for (; count > 0 && link == LINK_GO && !reply_broken(); count--) {
		uint64_t now_us;

		for (size_t i = 0; i < nr_watched; i++)
			if (!watched[i].ended)
				sample(&watched[i]);
		due_us += period_us;
		now_us = sys_now_us();
		link = link_pause(due_us > now_us ? due_us - now_us : 0);
	}
	return link == LINK_ENDING ? -EINTR : 0;
}

static bool watch_all(struct span rest)
{
	struct target_spec spec;

	nr_watched = 0;
	while (next_target(&rest, &spec)) {
		if (nr_watched == TARGETS_MAX)
			return false;
		watched[nr_watched] = (struct watched){.pid = spec.pid, .start = spec.start};
		watch(&watched[nr_watched++]);
	}
	return true;
}

int verb_sample(const struct request *request, const char **why)
{
	struct span targets = {"", 0};
	uint64_t period_us, count, look;
	int error;

	if (request_check(request, "targets period_us count new", why) ||
	    !request_u64(request, "period_us", 100000, PERIOD_US_MAX, &period_us, why) ||
	    !request_u64(request, "count", 1, COUNT_MAX, &count, why) ||
	    !request_u64(request, "new", 0, 1, &look, why))
		return -EINVAL;
	*why = "period_us";
	if (period_us < PERIOD_US_MIN)
		return -EINVAL;
	if (request_value(request, "targets", &targets) && request_check_targets(request, why))
		return -EINVAL;
	error = look ? scan_new() : 0;
	if (!error && !watch_all(targets)) {
		*why = "targets: 64 at most";
		error = -E2BIG;
	}
	if (!error)
		error = sample_all(count, period_us);
	forget();
	return error;
}
