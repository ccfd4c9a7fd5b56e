/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stand-in for Android's lowmemorykiller daemon. It watches PSI, and when the phone is short of memory by the
 * rules of lmkd's "new strategy" (Android 11 and later) it kills the least important process. It knows processes by
 * pid, uid and oom_score_adj only. Defaults are AOSP's; settings arrive as NAME=VALUE words, with lmkd's own names.
 *
 * The framework holds the SEQPACKET socket that is descriptor 3:
 *
 *	prio PID UID ADJ | remove PID | killer 0|1 | set NAME=VALUE
 *	< pid PID
 *	< log LEVEL TEXT
 *	< kill PID UID ADJ MIN_ADJ RSS_KB SWAP_KB REASON NUMBERS NAME TEXT     before the signal is sent
 */
#define _GNU_SOURCE
#include "lmkd_procs.h"

#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>

#define FRAMEWORK_FD 3
#define WINDOW_MS 1000 /* one PSI event a window; afterwards lmkd looks by itself for as long */
#define FAST_POLL_MS 10
#define SLOW_POLL_MS 100
#define THRASHING_RESET_MS 1000
#define EASY_SWAP_SDK 33
#define WATERMARK_AGE_MS 60000

#ifndef SYS_pidfd_send_signal
#define SYS_pidfd_send_signal 424
#endif
#define PROCESS_MRELEASE 448 /* Linux 5.15; lmkd calls it since Android 13 */

enum reason { /* numbers of the killinfo event */
	      NONE = -1,
	      PRESSURE_AFTER_KILL,
	      NOT_RESPONDING,
	      LOW_SWAP_AND_THRASHING,
	      LOW_MEM_AND_SWAP,
	      LOW_MEM_AND_THRASHING,
	      DIRECT_RECL_AND_THRASHING,
	      LOW_MEM_AND_SWAP_UTIL,
	      LOW_FILECACHE_AFTER_THRASHING, /* off in AOSP, so there is no rule for it here */
	      LOW_MEM,
};

enum breached { BELOW_MIN, BELOW_LOW, BELOW_HIGH, ABOVE_ALL };

static bool enabled = true;

static struct {
	struct vmstate last; /* as of the last look */
	struct watermarks marks;
	int64_t marks_ms;
	uint64_t base_refault, base_file_lru;
	int64_t base_ms;
	long carried_thrashing; /* of the window before */
	long limit; /* thrashing_limit, lower after each kill for thrashing */
	long thrashing, max_thrashing;
	int victim; /* pidfd of the last victim while it dies, else -1 */
	int64_t killed_ms;
	bool just_killed;
	int64_t event_ms, looked_ms;
	unsigned looks, skipped;
} watch = {.victim = -1};

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void tell(const char *text)
{
	if (send(FRAMEWORK_FD, text, strlen(text), MSG_NOSIGNAL) < 0)
		exit(1);
}

/* A kill */

static void tell_kill(const struct proc *proc, int min_adj, enum reason reason, const char *why)
{
	char path[32], name[256], numbers[384], text[512];
	unsigned long rss_kb, swap_kb;
	int64_t now = now_ms();
	size_t used = 0;

	snprintf(path, sizeof(path), "/proc/%d/cmdline", proc->pid);
	if (read_text(path, name, sizeof(name)) <= 0 || name[0] == '\0')
		snprintf(name, sizeof(name), "unknown");
	process_size(proc->pid, &rss_kb, &swap_kb);
	for (size_t i = 0; i < MEMINFO_FIELDS; i++)
		used += (size_t)snprintf(numbers + used, sizeof(numbers) - used, "%llu,",
					 (unsigned long long)watch.last.meminfo_kb[i]);
	snprintf(numbers + used, sizeof(numbers) - used,
		 "%lld,%lld,%u,%u,0,%lu,0,%ld,%ld,%f,%f,%f,%f,%f",
		 (long long)(now - watch.event_ms), (long long)(now - watch.looked_ms), watch.looks,
		 watch.skipped, swap_kb, watch.thrashing, watch.max_thrashing,
		 stall_avg10("memory", "some"), stall_avg10("memory", "full"),
		 stall_avg10("io", "some"), stall_avg10("io", "full"), stall_avg10("cpu", "some"));
	snprintf(text, sizeof(text), "kill %d %u %d %d %lu %lu %d %.230s %.80s %.120s", proc->pid,
		 proc->uid, proc->adj, min_adj, rss_kb, swap_kb, (int)reason, numbers, name, why);
	tell(text);
}

/* Returns whether a process was killed. */
static bool kill_one(int min_adj, enum reason reason, const char *why)
{
	struct proc *proc = choose(min_adj);

	if (!proc)
		return false;
	tell_kill(proc, min_adj, reason, why);
	if (syscall(SYS_pidfd_send_signal, proc->pidfd, SIGKILL, NULL, 0) != 0) {
		forget(proc);
		return false;
	}
	if (setting("sdk") >= 33)
		syscall(PROCESS_MRELEASE, proc->pidfd, 0);
	watch.victim = proc->pidfd;
	watch.killed_ms = now_ms();
	watch.just_killed = true;
	proc->pid = 0;
	return true;
}

/* Returns whether the last victim still holds its memory; gives up waiting after kill_timeout_ms. */
static bool still_dying(void)
{
	struct pollfd victim = {.fd = watch.victim, .events = POLLIN};

	if (watch.victim < 0)
		return false;
	if (poll(&victim, 1, 0) == 0 && now_ms() - watch.killed_ms < setting("kill_timeout_ms"))
		return true;
	close(watch.victim);
	watch.victim = -1;
	return false;
}

/* The decision */

/*
 * Return what can be had at once, beside free memory: inactive file pages; with
 * relaxed_available_memory all clean file pages, and what compressing anonymous memory would free.
 */
static int64_t easily_freed_kb(const struct vmstate *state, long ratio, long div)
{
	const uint64_t *meminfo = state->meminfo_kb;
	int64_t anon_kb = (int64_t)(meminfo[ACTIVE_ANON] + meminfo[INACTIVE_ANON]);

	if (!setting("relaxed_available_memory"))
		return (int64_t)(state->inactive_file * PAGE_KB);
	return (int64_t)((state->active_file + state->inactive_file) * PAGE_KB) -
	       (int64_t)(state->dirty * PAGE_KB) + anon_kb * (ratio - div) / ratio;
}

/*
 * A zram lives in the memory it frees: lmkd counts no more swap as free than there are easily available pages, times
 * swap_compression_ratio over its div (ratio 0: believe SwapFree). So swap can be "low" while most of a zram is empty.
 * Until Android 12 it believes SwapFree.
 */
static bool is_swap_low(const struct vmstate *state, uint64_t *free_kb, uint64_t *limit_kb)
{
	const uint64_t *meminfo = state->meminfo_kb;
	long ratio = setting("sdk") < EASY_SWAP_SDK ? 0 : setting("swap_compression_ratio");
	long div = setting("swap_compression_ratio_div");

	*free_kb = meminfo[SWAP_FREE];
	if (ratio > 0) {
		int64_t held_kb = (int64_t)(state->free * PAGE_KB);

		div = div > 0 ? div : 1;
		held_kb = (held_kb + easily_freed_kb(state, ratio, div)) * ratio / div;
		if (held_kb < (int64_t)*free_kb)
			*free_kb = held_kb > 0 ? (uint64_t)held_kb : 0;
	}
	*limit_kb = meminfo[SWAP_TOTAL] * (uint64_t)setting("swap_free_low_percentage") / 100;
	return *free_kb < *limit_kb;
}

/* Swapped pages in per cent of all that could be swapped. */
static long swap_util(const struct vmstate *state)
{
	const uint64_t *meminfo = state->meminfo_kb;
	uint64_t used = meminfo[SWAP_TOTAL] - meminfo[SWAP_FREE];
	uint64_t swappable = meminfo[ACTIVE_ANON] + meminfo[INACTIVE_ANON] + meminfo[SHMEM] + used;

	return swappable ? (long)(used * 100 / swappable) : 0;
}

static enum breached lowest_breached(const struct vmstate *state)
{
	uint64_t free =
		state->free - (state->cma_free < state->free ? state->cma_free : state->free);

	if (free < watch.marks.min)
		return BELOW_MIN;
	if (free < watch.marks.low)
		return BELOW_LOW;
	return free < watch.marks.high ? BELOW_HIGH : ABOVE_ALL;
}

/*
 * Measure thrashing: refaults of file pages since the window began, in per cent of the file pages
 * there were then, and what is left of the window before. That is halved for each window since; the
 * last window counts in full when it reached the limit. A kill begins a new window and leaves
 * nothing of the one before; a window that begins without a kill takes the limit back to its
 * setting.
 */
static void measure_thrashing(const struct vmstate *state, int64_t now, bool after_kill)
{
	long growth = (long)((state->refault_file - watch.base_refault) * 100 /
			     (watch.base_file_lru + 1));
	int64_t windows = watch.base_ms ? (now - watch.base_ms) / THRASHING_RESET_MS : 64;

	if (windows > 0 || after_kill) {
		watch.carried_thrashing = after_kill || windows >= 32 ? 0 : growth;
		if (windows > 1 || growth < watch.limit)
			watch.carried_thrashing >>= windows < 32 ? windows : 0;
		if (!after_kill)
			watch.limit = setting("thrashing_limit");
		watch.base_refault = state->refault_file;
		watch.base_file_lru = state->active_file + state->inactive_file;
		watch.base_ms = now;
		growth = 0;
	}
	watch.thrashing = growth + watch.carried_thrashing;
	if (watch.thrashing > watch.max_thrashing)
		watch.max_thrashing = watch.thrashing;
}

struct decision {
	enum reason reason;
	int min_adj;
	char why[120];
};

static struct decision decided(enum reason reason, int min_adj, const char *why)
{
	struct decision decision = {reason, min_adj, ""};

	snprintf(decision.why, sizeof(decision.why), "%s", why);
	return decision;
}

/* The rules in lmkd's order; the first that holds decides. `critical`: the PSI event for a full stall came. */
static struct decision decide(const struct vmstate *state, bool critical, bool after_kill,
			      bool direct)
{
	enum breached mark = lowest_breached(state);
	long thrashing = watch.thrashing;
	bool thrashes = thrashing > watch.limit,
	     desperate = thrashing >= setting("thrashing_limit_critical");
	int floor = desperate ? 0 : PERCEPTIBLE_ADJ + 1,
	    floor_at_mark = mark == BELOW_MIN ? 0 : floor;
	uint64_t free_kb, limit_kb;
	bool swap_low = is_swap_low(state, &free_kb, &limit_kb);
	const char *low = mark == BELOW_MIN ? "min" : "low";
	char why[120];

	if (after_kill && mark == BELOW_MIN)
		return decided(PRESSURE_AFTER_KILL, (int)setting("pressure_after_kill_min_score"),
			       "min watermark is breached even after kill");
	if (critical)
		return decided(NOT_RESPONDING, 0, "device is not responding");
	if (swap_low && thrashing > setting("thrashing_limit")) {
		snprintf(why, sizeof(why),
			 "device is low on swap (%llukB < %llukB) and thrashing (%ld%%)",
			 (unsigned long long)free_kb, (unsigned long long)limit_kb, thrashing);
		return decided(LOW_SWAP_AND_THRASHING, floor_at_mark, why);
	}
	if (swap_low && mark <= BELOW_LOW) {
		snprintf(why, sizeof(why),
			 "%s watermark is breached and swap is low (%llukB < %llukB)", low,
			 (unsigned long long)free_kb, (unsigned long long)limit_kb);
		return decided(LOW_MEM_AND_SWAP, floor_at_mark, why);
	}
	if (mark <= BELOW_LOW && swap_util(state) > setting("swap_util_max")) {
		snprintf(why, sizeof(why),
			 "%s watermark is breached and swap utilization is high (%ld%% > %ld%%)",
			 low, swap_util(state), setting("swap_util_max"));
		return decided(LOW_MEM_AND_SWAP_UTIL, 0, why);
	}
	if (mark <= BELOW_LOW && thrashes) {
		snprintf(why, sizeof(why), "%s watermark is breached and thrashing (%ld%%)", low,
			 thrashing);
		return decided(LOW_MEM_AND_THRASHING, floor, why);
	}
	if (direct && thrashes) {
		snprintf(why, sizeof(why), "device is in direct reclaim and thrashing (%ld%%)",
			 thrashing);
		return decided(DIRECT_RECL_AND_THRASHING, floor, why);
	}
	if (setting("sdk") >= 34 && mark <= BELOW_LOW)
		return decided(LOW_MEM, (int)setting("lowmem_min_oom_score"),
			       "low watermark is breached");
	return decided(NONE, 0, "");
}

static bool is_reclaiming(const struct vmstate *state, bool *direct)
{
	const struct vmstate *last = &watch.last;

	*direct = state->scanned_direct != last->scanned_direct;
	return *direct || state->scanned_kswapd != last->scanned_kswapd ||
	       state->refilled != last->refilled || state->refault_file != last->refault_file;
}

/* Whether a kill for `reason` lowers the limit, until the window ends. */
static bool is_for_thrashing(enum reason reason)
{
	return reason == LOW_MEM_AND_THRASHING || reason == DIRECT_RECL_AND_THRASHING;
}

/* One look at the phone; returns how soon to look again. */
static int look(bool critical)
{
	struct vmstate state;
	struct decision decision;
	int64_t now = now_ms();
	bool after_kill = watch.just_killed, direct, reclaiming;
	uint64_t free_kb, limit_kb;

	watch.looks++;
	if (still_dying()) {
		watch.skipped++;
		return FAST_POLL_MS;
	}
	if (read_vmstate(&state) != 0)
		return SLOW_POLL_MS;
	if (watch.marks_ms == 0 || now - watch.marks_ms > WATERMARK_AGE_MS) {
		read_watermarks(&watch.marks);
		watch.marks_ms = now;
	}
	reclaiming = is_reclaiming(&state, &direct);
	measure_thrashing(&state, now, after_kill);
	watch.last = state;
	watch.just_killed = false;
	decision = decide(&state, critical, after_kill, direct);
	if (decision.reason != NONE && (reclaiming || critical)) {
		if (stall_avg10("memory", "full") > (double)setting("stall_limit_critical"))
			decision.min_adj = 0;
		if (kill_one(decision.min_adj, decision.reason, decision.why)) {
			if (is_for_thrashing(decision.reason))
				watch.limit = watch.limit *
					      (100 - setting("thrashing_limit_decay")) / 100;
			watch.max_thrashing = 0;
		}
	}
	watch.looked_ms = now;
	return watch.just_killed || is_swap_low(&state, &free_kb, &limit_kb) ? FAST_POLL_MS :
									       SLOW_POLL_MS;
}

/* Life */

static struct pollfd events[] = {
	{.fd = -1, .events = POLLPRI}, /* something waited for memory */
	{.fd = -1, .events = POLLPRI}, /* everything did */
	{.fd = FRAMEWORK_FD, .events = POLLIN},
};

/*
 * Have the kernel report stalls as long as the setting `name` says, in place of the trigger that
 * `event` had.
 */
static void arm_trigger(struct pollfd *event, const char *kind, const char *name)
{
	int fd = open("/proc/pressure/memory", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	char line[64];
	int length = snprintf(line, sizeof(line), "%s %ld %d", kind, setting(name) * 1000,
			      WINDOW_MS * 1000);

	if (event->fd >= 0)
		close(event->fd);
	if (fd >= 0 && write(fd, line, (size_t)length + 1) < 0) {
		close(fd);
		fd = -1;
	}
	if (fd < 0)
		tell("log E Failed to arm the PSI trigger: no pressure, no kills");
	event->fd = fd;
}

static void arm_triggers(void)
{
	arm_trigger(&events[0], "some", "psi_partial_stall_ms");
	arm_trigger(&events[1], "full", "psi_complete_stall_ms");
}

static void change_setting(const char *word)
{
	set(word);
	watch.limit = setting("thrashing_limit");
	if (strncmp(word, "psi_", 4) == 0)
		arm_triggers();
}

static void obey(char *line)
{
	int pid, uid, adj;

	if (sscanf(line, "prio %d %d %d", &pid, &uid, &adj) == 3)
		rank(pid, (uid_t)uid, adj);
	else if (sscanf(line, "remove %d", &pid) == 1 && find(pid))
		forget(find(pid));
	else if (strncmp(line, "killer ", 7) == 0)
		enabled = line[7] == '1';
	else if (strncmp(line, "set ", 4) == 0)
		change_setting(line + 4);
}

static void live(void)
{
	char line[256];
	int pause_ms = -1;

	arm_triggers();
	for (;;) {
		int ready = poll(events, 3, pause_ms);
		bool pressed = ready > 0 && ((events[0].revents | events[1].revents) & POLLPRI);

		if (ready > 0 && events[2].revents) {
			ssize_t length = recv(FRAMEWORK_FD, line, sizeof(line) - 1, 0);

			if (length <= 0)
				return;
			line[length] = '\0';
			obey(line);
		}
		if (pressed) {
			watch.event_ms = now_ms();
			watch.looks = watch.skipped = 0;
		}
		if (!enabled || (!pressed && now_ms() - watch.event_ms > WINDOW_MS))
			pause_ms = -1;
		else if (pressed || ready == 0)
			pause_ms = look(events[1].revents & POLLPRI);
	}
}

int main(int argc, char **argv)
{
	struct sched_param first = {.sched_priority = 1};
	char text[32];

	for (int i = 1; i < argc; i++)
		set(argv[i]);
	watch.limit = setting("thrashing_limit");
	mlockall(MCL_CURRENT | MCL_FUTURE);
	sched_setscheduler(0, SCHED_FIFO, &first);
	snprintf(text, sizeof(text), "pid %d", getpid());
	tell(text);
	live();
	return 0;
}
