/* SPDX-License-Identifier: Apache-2.0 */
/* The processes that lmkd may kill, as the framework registers them, and which of them goes first. */
#ifndef LMKD_PROCS_H
#define LMKD_PROCS_H

#include "lmkd_settings.h"
#include "vmstate.h"

#include <sys/syscall.h>

#define MAX_PROCS 512
#define PERCEPTIBLE_ADJ 200

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif

struct proc {
	pid_t pid; /* 0: a free place */
	uid_t uid;
	int adj;
	int pidfd;
	uint64_t since; /* the older at one level goes first when sizes do not matter */
};

static struct proc procs[MAX_PROCS];
static uint64_t registered;

static inline struct proc *find(pid_t pid)
{
	for (size_t i = 0; i < MAX_PROCS; i++)
		if (procs[i].pid == pid)
			return &procs[i];
	return NULL;
}

static inline void forget(struct proc *proc)
{
	close(proc->pidfd);
	proc->pid = 0;
}

static inline void rank(pid_t pid, uid_t uid, int adj)
{
	struct proc *proc = find(pid);
	int pidfd;

	if (!proc) {
		pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
		proc = find(0);
		if (pidfd < 0 || !proc)
			return;
		*proc = (struct proc){.pid = pid, .uid = uid, .pidfd = pidfd};
	}
	proc->adj = adj;
	proc->since = ++registered;
}

static inline void process_size(pid_t pid, unsigned long *rss_kb, unsigned long *swap_kb)
{
	char path[32], text[4096];
	char *at;

	*rss_kb = *swap_kb = 0;
	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	if (read_text(path, text, sizeof(text)) < 0)
		return;
	if ((at = strstr(text, "VmRSS:")) != NULL)
		*rss_kb = strtoul(at + 6, NULL, 10);
	if ((at = strstr(text, "VmSwap:")) != NULL)
		*swap_kb = strtoul(at + 7, NULL, 10);
}

static inline bool goes_before(const struct proc *one, unsigned long one_kb,
			       const struct proc *other, unsigned long other_kb)
{
	bool by_size = setting("kill_heaviest_task") || one->adj <= PERCEPTIBLE_ADJ;

	if (one->adj != other->adj)
		return one->adj > other->adj;
	return by_size ? one_kb > other_kb : one->since < other->since;
}

static inline struct proc *choose(int min_adj)
{
	struct proc *victim = NULL;
	unsigned long victim_kb = 0;

	for (size_t i = 0; i < MAX_PROCS; i++) {
		unsigned long rss_kb, swap_kb;

		if (procs[i].pid == 0 || procs[i].adj < min_adj)
			continue;
		process_size(procs[i].pid, &rss_kb, &swap_kb);
		if (rss_kb == 0 || (victim && !goes_before(&procs[i], rss_kb, victim, victim_kb)))
			continue;
		victim = &procs[i];
		victim_kb = rss_kb;
	}
	return victim;
}

#endif
