/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parent of all apps: it fills a heap once, which its children share as long as nobody writes to it, and forks
 * an app for each request of the framework. The framework talks over the SEQPACKET socket that is descriptor 3:
 *
 *	fork UID HEAP_BYTES SEED DEBUGGABLE NAME   with the app's command socket as SCM_RIGHTS
 *	< pid PID                       or: error ERRNO
 *	< died PID WAIT_STATUS          whenever a child ends
 */
#define _GNU_SOURCE
#include "app.h"

#include <grp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

#define FRAMEWORK_FD 3
#define SHARED_BYTES (8u << 20)
#define SHARED_SEED 0x5a79676f7465u
#define COMM_CHARS 15u

static struct shared_heap shared;
static char
	*arguments; /* what /proc/PID/cmdline shows, from argv[0] to the end of the last argument */
static size_t arguments_bytes;

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static int preload(void)
{
	uint8_t *base = map_named("dalvik-zygote space", SHARED_BYTES);

	if (base == MAP_FAILED)
		return -errno;
	shared = (struct shared_heap){base, SHARED_BYTES / PAGE_BYTES, SHARED_SEED};
	for (uint32_t i = 0; i < shared.pages; i++)
		page_fill(base + (size_t)i * PAGE_BYTES, SHARED_SEED, i, 0);
	return mprotect(base, SHARED_BYTES, PROT_READ) == 0 ? 0 : -errno;
}

/* As Android does: the name fills the front of the old arguments, NULs the rest; comm keeps the last 15 characters. */
static void set_process_name(const char *name)
{
	size_t length = strlen(name);
	size_t shown = length < arguments_bytes - 1 ? length : arguments_bytes - 1;

	memset(arguments, 0, arguments_bytes);
	memcpy(arguments, name, shown);
	prctl(PR_SET_NAME, length > COMM_CHARS ? name + length - COMM_CHARS : name);
}

static void write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd >= 0) {
		(void)!write(fd, text, strlen(text));
		close(fd);
	}
}

/*
 * Where somebody made /sys/fs/cgroup/apps and gave it the memory controller, each app is charged to a group of its
 * own, as Android 15 lays them out. Not by default: the kernel then reclaims from each group in turn.
 *
 * The framework removes the uid's group with its last process, perhaps between the two mkdir of the next.
 */
static void join_group(uid_t uid)
{
	char group[80], path[112];

	for (int tries = 0; tries < 10; tries++) {
		snprintf(group, sizeof(group), "/sys/fs/cgroup/apps/uid_%u", uid);
		if (mkdir(group, 0755) != 0 && errno != EEXIST)
			return;
		snprintf(path, sizeof(path), "%s/cgroup.subtree_control", group);
		write_text(path, "+memory");
		snprintf(path, sizeof(path), "%s/pid_%d", group, getpid());
		if (mkdir(path, 0755) == 0 || errno != ENOENT)
			break;
	}
	strcat(path, "/cgroup.procs");
	write_text(path, "0");
}

static int become(uid_t uid)
{
	gid_t gid = uid;

	if (setgroups(1, &gid) != 0 || setresgid(gid, gid, gid) != 0 ||
	    setresuid(uid, uid, uid) != 0)
		return -errno;
	return 0;
}

static _Noreturn void run_app(int sock, uid_t uid, size_t heap_bytes, uint64_t seed, int debuggable,
			      const char *name)
{
	static struct app app;
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	close(FRAMEWORK_FD);
	setpgid(0, 0);
	app.sock = sock;
	app.call_itself = set_process_name;
	app.shared = shared;
	app.beats = true;
	app.random = mix(seed) | 1;
	app.heap.seed = seed;
	join_group(uid);
	if (heap_map(&app.heap, heap_bytes) != 0 || become(uid) != 0)
		_exit(1);
	set_process_name(name); /* last, as in Android: who knows the name finds the app's uid */
	prctl(PR_SET_DUMPABLE, debuggable); /* whether others under its uid may read its smaps */
	app_live(&app);
	_exit(0);
}

static void answer(const char *format, int first, int second)
{
	char line[64];
	int length = snprintf(line, sizeof(line), format, first, second);

	if (send(FRAMEWORK_FD, line, (size_t)length, MSG_NOSIGNAL) < 0)
		die("zygote64: send");
}

static void fork_app(const char *line, int sock, int signals)
{
	unsigned uid;
	size_t heap_bytes;
	unsigned long long seed;
	int debuggable;
	char name[256];
	pid_t pid;

	if (sock < 0 || sscanf(line, "fork %u %zu %llu %d %255s", &uid, &heap_bytes, &seed,
			       &debuggable, name) != 5) {
		answer("error %d", EINVAL, 0);
		return;
	}
	pid = fork();
	if (pid == 0) {
		close(signals);
		run_app(sock, uid, heap_bytes, seed, debuggable, name);
	}
	answer(pid < 0 ? "error %d" : "pid %d", pid < 0 ? errno : pid, 0);
}

/* Returns the length of the request, 0 when the framework hung up; `sock` is the descriptor it carried or -1. */
static ssize_t receive(char *line, size_t size, int *sock)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct iovec data = {line, size - 1};
	struct msghdr message = {.msg_iov = &data,
				 .msg_iovlen = 1,
				 .msg_control = control.space,
				 .msg_controllen = sizeof(control.space)};
	ssize_t length = recvmsg(FRAMEWORK_FD, &message, MSG_CMSG_CLOEXEC);
	struct cmsghdr *header = length < 0 ? NULL : CMSG_FIRSTHDR(&message);

	*sock = -1;
	if (header && header->cmsg_type == SCM_RIGHTS)
		memcpy(sock, CMSG_DATA(header), sizeof(*sock));
	line[length > 0 ? length : 0] = '\0';
	return length > 0 ? length : 0;
}

static void bury(int signals)
{
	struct signalfd_siginfo info;
	int status;
	pid_t pid;

	if (read(signals, &info, sizeof(info)) < 0)
		return;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		answer("died %d %d", pid, status);
}

static void serve(int signals)
{
	struct pollfd events[] = {{.fd = FRAMEWORK_FD, .events = POLLIN},
				  {.fd = signals, .events = POLLIN}};
	char line[MESSAGE_BYTES];

	for (;;) {
		int sock;

		if (poll(events, 2, -1) < 0)
			continue;
		if (events[1].revents)
			bury(signals);
		if (!events[0].revents)
			continue;
		if (receive(line, sizeof(line), &sock) == 0)
			return;
		fork_app(line, sock, signals);
		if (sock >= 0)
			close(sock);
	}
}

int main(int argc, char **argv)
{
	sigset_t children;
	int signals;

	arguments = argv[0];
	arguments_bytes = (size_t)(argv[argc - 1] - argv[0]) + strlen(argv[argc - 1]) + 1;
	sigemptyset(&children);
	sigaddset(&children, SIGCHLD);
	sigprocmask(SIG_BLOCK, &children, NULL);
	signals = signalfd(-1, &children, SFD_CLOEXEC);
	if (signals < 0)
		die("zygote64: signalfd");
	mkdir(ASHMEM_DIR, 0755);
	prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0); /* a phone has no huge pages in app heaps */
	if (preload() != 0)
		die("zygote64: preload");
	set_process_name("zygote64");
	serve(signals);
	return 0;
}
