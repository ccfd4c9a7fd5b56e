/* A process held so that nobody else is touched in its place. */
#include "target.h"

#include "kernel_file.h"
#include "sys.h"

static const struct verdict go_on = {OUTCOME_ADVISED, REASON_NONE};
static const struct verdict gone = {OUTCOME_GONE, REASON_GONE};
static const struct verdict changed = {OUTCOME_CHANGED, REASON_CHANGED};

const char *outcome_name(enum outcome outcome)
{
	static const char *const names[] = {
		[OUTCOME_ADVISED] = "advised",
		[OUTCOME_NOTHING] = "nothing",
		[OUTCOME_GONE] = "gone",
		[OUTCOME_CHANGED] = "changed",
		[OUTCOME_DENIED] = "denied",
		[OUTCOME_STOPPED] = "stopped",
		[OUTCOME_UNSUPPORTED] = "unsupported",
	};

	return names[outcome];
}

#define REASON_WORD(name, word) word "\0"

const char *reason_name(enum reason reason)
{
	const char *name = REASONS(REASON_WORD);

	for (enum reason at = REASON_NONE + 1; at < reason; at++)
		name += strlen(name) + 1;
	return reason ? name : NULL;
}

struct verdict verdict_stopped(enum reason reason)
{
	return (struct verdict){OUTCOME_STOPPED, reason};
}

struct verdict verdict_of_error(int error)
{
	switch (error) {
	case -ENOENT:
	case -ESRCH:
		return gone;
	case -EPERM:
	case -EACCES:
		return (struct verdict){OUTCOME_DENIED, REASON_DENIED};
	default:
		return (struct verdict){OUTCOME_UNSUPPORTED, REASON_UNSUPPORTED};
	}
}

static struct verdict judge_adj(struct target *target)
{
	int own = adj_in_front(target->dir, target->adj);
	int adj = family_importance(&target->family, own);

	if (adj >= target->spec.adj_floor)
		return go_on;
	if (adj >= 0 && adj < 200)
		return verdict_stopped(REASON_FOREGROUND);
	if (adj >= 200 && adj < 500)
		return verdict_stopped(REASON_PERCEPTIBLE);
	return verdict_stopped(REASON_BELOW_FLOOR);
}

/* What it says of itself now. */
static int read_self(struct target *target, struct proc_status *status)
{
	int error = proc_read_stat(target->dir, &target->stat);

	if (!error)
		error = proc_read_status(target->dir, status);
	if (!error)
		error = proc_read_adj(target->dir, &target->adj);
	if (!error)
		target->adj_known = true;
	return error;
}

/*
 * Whether the name is the one the host knows. Read once and only when asked:
 * cmdline lies in the target's own memory, and reading it brings that page back.
 */
static int check_name(const struct target *target, bool *same)
{
	static struct name name;
	int error;

	*same = true;
	if (!target->spec.has_crc)
		return 0;
	error = proc_read_name(target->dir, &target->stat, &name);
	if (!error)
		*same = crc32(0, name.text, name.len) == target->spec.name_crc;
	return error;
}

/* A pidfd becomes readable when its process exits (5.3). */
static bool is_alive(const struct target *target)
{
	const struct sys_timespec now = {0, 0};
	struct sys_pollfd poll = {.fd = target->pidfd, .events = SYS_POLLIN};
	int ready;

	if (target->pidfd < 0)
		return true; /* reading stat through `dir` tells */
	do /* a signal that is pending ends even a poll that does not wait */
		ready = sys_poll(&poll, 1, &now, NULL);
	while (ready == -EINTR);
	return ready == 0;
}

/* What is never touched, whatever the host says. */
static struct verdict judge_kind(const struct target *target)
{
	if (target->stat.kernel_thread)
		return (struct verdict){OUTCOME_NOTHING, REASON_KERNEL_THREAD};
	if (proc_is_ancestor(target->spec.pid) || target->spec.pid == 1)
		return (struct verdict){OUTCOME_DENIED, REASON_SYSTEM};
	if (target->stat.state == 'Z' || target->stat.state == 'X')
		return (struct verdict){OUTCOME_NOTHING, REASON_ZOMBIE};
	return go_on;
}

/* Read who it is, after the pidfd was opened, and compare with the host's word. */
static struct verdict identify(struct target *target)
{
	const struct target_spec *spec = &target->spec;
	struct proc_status status;
	bool same_name = false;
	int error = read_self(target, &status);

	if (!error)
		error = check_name(target, &same_name);
	if (error)
		return verdict_of_error(error);
	if (status.tgid != spec->pid)
		return (struct verdict){OUTCOME_NOTHING, REASON_THREAD};
	if (target->stat.start != spec->start || !same_name ||
	    (spec->has_uid && spec->uid != status.uid))
		return changed;
	target->uid = status.uid;
	target->comm_crc = crc32(0, target->stat.comm, target->stat.comm_len);
	return go_on;
}

static void judge_idle(struct target *target)
{
	target->idle = target->stat.state == 'T' || target->stat.state == 't' ||
		       proc_is_frozen(target->dir);
}

struct verdict target_open(struct target *target, const struct target_spec *spec, bool needs_pidfd)
{
	struct verdict verdict;
	int error = 0;

	memset(target, 0, sizeof(*target));
	target->spec = *spec;
	target->pidfd = target->claim = -1;
	target->dir = proc_open(spec->pid);
	if (target->dir < 0)
		return verdict_of_error(target->dir);
	/* A thread's id has no pidfd (-EINVAL, -ENOENT since 6.9); identify() says so. */
	target->pidfd = sys_pidfd_open(spec->pid);
	verdict = identify(target);
	if (verdict.reason)
		return verdict;
	verdict = judge_kind(target);
	if (verdict.reason)
		return verdict;
	if (target->pidfd < 0 && needs_pidfd)
		return verdict_of_error(target->pidfd);
	if (spec->adj_floor > ADJ_LOWEST) /* else nobody's adj can stop it */
		error = family_open(&target->family, spec->pid, target->stat.ppid, target->uid);
	if (error)
		return verdict_of_error(error);
	if (!is_alive(target))
		return gone;
	judge_idle(target);
	return judge_adj(target);
}

struct verdict target_claim(struct target *target)
{
	target->claim = sys_openat(target->dir, ".", SYS_O_RDONLY);
	if (target->claim >= 0 && sys_try_lock(target->claim) == -EAGAIN)
		return (struct verdict){OUTCOME_NOTHING, REASON_BUSY};
	return go_on;
}

void target_close(struct target *target)
{
	if (target->claim >= 0)
		sys_close(target->claim);
	if (target->dir >= 0)
		sys_close(target->dir);
	if (target->pidfd >= 0)
		sys_close(target->pidfd);
	family_close(&target->family);
}

struct verdict target_check(struct target *target)
{
	struct proc_status status;
	int error;

	if (!is_alive(target))
		return gone;
	error = read_self(target, &status);
	if (error)
		return verdict_of_error(error);
	if (status.uid != target->uid ||
	    crc32(0, target->stat.comm, target->stat.comm_len) != target->comm_crc)
		return changed;
	if (target->idle)
		judge_idle(target);
	return judge_adj(target);
}
