/* Becoming a daemon: on its own, out of the way, and hard to kill by accident. */
#include "daemon.h"

#include "daemon_sys.h"
#include "guard_dir.h"
#include "host_link.h"
#include "kernel_file.h"

#define READY_MS 5000
#define WAIT_MS 100
#define FDS_MOST 1024

bool daemon_say(int ready_fd, int error, const char *why)
{
	struct ready ready = {error, sys_getpid(), ""};
	size_t len = why ? strlen(why) : 0;
	bool heard;

	if (len >= sizeof(ready.why))
		len = sizeof(ready.why) - 1;
	memcpy(ready.why, why ? why : "", len);
	heard = sys_write(ready_fd, &ready, sizeof(ready)) == sizeof(ready);
	sys_close(ready_fd);
	return heard;
}

static void close_all_but(int ready_fd)
{
	int null = sys_openat(SYS_AT_FDCWD, "/dev/null", SYS_O_RDWR);

	for (int fd = 0; null >= 0 && fd < 3; fd++)
		sys_dup_to(null, fd);
	for (int fd = 3; fd < FDS_MOST; fd++)
		if (fd != ready_fd && fd != guard_dir_fd && fd != fs_root)
			sys_close(fd);
}

/* Waits are short: the alarm that ticks while a reply is in work would end a long one early. */
bool daemon_wait_readable(int fd, uint32_t ms)
{
	struct sys_pollfd poll = {.fd = fd, .events = SYS_POLLIN};
	const struct sys_timespec wait = {0, WAIT_MS * 1000000};
	uint64_t until_us = sys_now_us() + ms * 1000ull;
	int came;

	do
		came = sys_poll(&poll, 1, &wait, NULL);
	while (came <= 0 && sys_now_us() < until_us && !link_terminated());
	return came > 0;
}

/* Read from a pipe what the daemon says of its start, for READY_MS at most. */
static struct ready read_ready(int fd)
{
	struct ready ready = {-EPIPE, 0, "the guard ended while it was started"};

	if (!daemon_wait_readable(fd, READY_MS))
		return (struct ready){-ETIMEDOUT, 0, "it takes too long to start, and will end"};
	if (sys_read(fd, &ready, sizeof(ready)) != sizeof(ready))
		ready.error = -EPIPE;
	return ready;
}

struct ready daemon_start(void (*run)(void *data, int ready_fd), void *data)
{
	struct ready ready = {0, 0, ""};
	int ends[2], child;

	ready.error = sys_pipe(ends);
	if (ready.error)
		return ready;
	child = sys_fork();
	if (child == 0) {
		sys_new_session();
		if (sys_fork() != 0) /* whoever is no leader of a session gets no terminal */
			sys_exit(0);
		close_all_but(ends[1]);
		run(data, ends[1]);
		sys_exit(0);
	}
	sys_close(ends[1]);
	if (child > 0) {
		sys_wait_stopped(child);
		ready = read_ready(ends[0]);
	} else {
		ready.error = child;
	}
	sys_close(ends[0]);
	return ready;
}

/* "2:cpuacct:/uid_0/pid_310": whether init could end us by this line of our cgroup. */
static bool is_bound(struct span line, struct span *path)
{
	struct span id, controllers;

	if (!span_word(&line, ':', &id) || !span_word(&line, ':', &controllers) || !line.at)
		return false;
	*path = line;
	return (controllers.len == 0 || span_is(controllers, "cpuacct")) && !span_is(line, "/");
}

void daemon_leave_group(char *group, size_t capacity)
{
	/* Where libprocessgroup keeps what init started: v2, v2 before Android 12, v1. */
	static const char *const files[] = {"sys/fs/cgroup/cgroup.procs",
					    "dev/cg2_bpf/cgroup.procs", "acct/cgroup.procs"};
	char pid[DIGITS_MAX], buffer[4096];
	size_t len = format_u64((uint64_t)sys_getpid(), pid);
	struct span text = {buffer, 0}, line, path;

	group[0] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		fs_write(files[i], SYS_O_WRONLY, (struct span){pid, len});
	fs_read(fs_root, "proc/self/cgroup", buffer, sizeof(buffer), &text.len);
	while (span_word(&text, '\n', &line)) {
		if (!is_bound(line, &path))
			continue;
		if (path.len >= capacity)
			path.len = capacity - 1;
		memcpy(group, path.at, path.len);
		group[path.len] = '\0';
		return;
	}
}

void daemon_settle(void)
{
	char pid[DIGITS_MAX];
	size_t len = format_u64((uint64_t)sys_getpid(), pid);

	fs_write("proc/self/oom_score_adj", SYS_O_WRONLY,
		 span_of("-800")); /* adbd's children inherit -950 */
	fs_write("dev/cpuset/background/cgroup.procs", SYS_O_WRONLY, (struct span){pid, len});
	sys_set_nice(10);
	sys_lock_memory(); /* what it touches stays; without the right to, it goes on */
}
