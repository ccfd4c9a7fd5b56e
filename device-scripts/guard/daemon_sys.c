/* The kernel's calls that only a daemon needs. */
#include "daemon_sys.h"

#include <asm/unistd.h>

#ifndef __NR_pidfd_send_signal
#define __NR_pidfd_send_signal 424
#endif

#define REGISTER(value) ((long)(value))
#define F_GETLK 5
#define F_SETLK 6
#define F_WRLCK 1
#define F_UNLCK 2
#define SEEK_END 2
#define MCL_CURRENT 1
#define MCL_ONFAULT 4 /* 4.4 */
#define SOCK_CLOEXEC SYS_O_CLOEXEC
#define SOCK_NONBLOCK SYS_O_NONBLOCK
#define SOL_SOCKET 1
#define SO_PEERCRED 17

static long call3(long number, long a, long b, long c)
{
	return sys_call(number, a, b, c, 0, 0, 0);
}

uint64_t divide(uint64_t value, uint32_t by)
{
	uint64_t quotient = 0, rest = 0;

	for (int bit = 0; bit < 64; bit++) {
		rest = rest << 1 | value >> 63;
		value <<= 1;
		quotient <<= 1;
		if (rest >= by) {
			rest -= by;
			quotient |= 1;
		}
	}
	return quotient;
}

uint64_t sys_clock_ms(int clock)
{
	struct sys_timespec now = {0, 0};

	call3(__NR_clock_gettime, clock, REGISTER(&now), 0);
	return (uint64_t)now.s * 1000 + (uint64_t)((unsigned long)now.ns / 1000000);
}

int sys_create(int dir, const char *path, int flags, unsigned int mode)
{
	return (int)sys_call(__NR_openat, dir, REGISTER(path), flags | SYS_O_CREAT | SYS_O_CLOEXEC,
			     REGISTER(mode), 0, 0);
}

int sys_unlink(int dir, const char *path)
{
	return (int)call3(__NR_unlinkat, dir, REGISTER(path), 0);
}

int sys_rename(int dir, const char *from, const char *to)
{
#ifdef __NR_renameat
	return (int)sys_call(__NR_renameat, dir, REGISTER(from), dir, REGISTER(to), 0, 0);
#else
	return (int)sys_call(__NR_renameat2, dir, REGISTER(from), dir, REGISTER(to), 0, 0);
#endif
}

long sys_end_of(int fd)
{
	return call3(__NR_lseek, fd, 0, SEEK_END);
}

int sys_truncate(int fd, long bytes)
{
	return (int)call3(__NR_ftruncate, fd, bytes, 0);
}

/* The kernel's struct flock, for the whole file. */
struct lock {
	short type, whence;
	long start, bytes;
	int pid;
};

int sys_lock(int fd)
{
	struct lock lock = {.type = F_WRLCK};

	return (int)call3(__NR_fcntl, fd, F_SETLK, REGISTER(&lock));
}

int sys_locked_by(int fd)
{
	struct lock lock = {.type = F_WRLCK};

	return call3(__NR_fcntl, fd, F_GETLK, REGISTER(&lock)) || lock.type == F_UNLCK ? 0 :
											 lock.pid;
}

int sys_dup_to(int from, int to)
{
	return (int)call3(__NR_dup3, from, to, 0);
}

int sys_pipe(int ends[2])
{
	return (int)call3(__NR_pipe2, REGISTER(ends), SYS_O_CLOEXEC, 0);
}

int sys_new_session(void)
{
	return (int)call3(__NR_setsid, 0, 0, 0);
}

int sys_lock_memory(void)
{
	return (int)call3(__NR_mlockall, MCL_CURRENT | MCL_ONFAULT, 0, 0);
}

int sys_set_nice(int nice)
{
	return (int)call3(__NR_setpriority, 0, 0, nice);
}

int sys_execve(const char *path, char *const argv[], char *const envp[])
{
	return (int)call3(__NR_execve, REGISTER(path), REGISTER(argv), REGISTER(envp));
}

int sys_signal_pidfd(int pidfd, int signal)
{
	return (int)sys_call(__NR_pidfd_send_signal, pidfd, signal, 0, 0, 0, 0);
}

void sys_alarm(long s)
{
	struct {
		long interval_s, interval_us, first_s, first_us;
	} timer = {0, 0, s, 0};

	call3(__NR_setitimer, 0, REGISTER(&timer), 0);
}

int sys_listen(const char *path)
{
	struct sys_address address;
	int fd = sys_socket(path, &address);
	long error;

	if (fd < 0)
		return fd;
	call3(__NR_umask, 0177, 0, 0);
	error = call3(__NR_bind, fd, REGISTER(&address), sizeof(address));
	call3(__NR_umask, 0077, 0, 0);
	if (error == 0)
		error = call3(__NR_listen, fd, 4, 0);
	if (error == 0)
		return fd;
	sys_close(fd);
	return (int)error;
}

int sys_accept(int fd)
{
	return (int)sys_call(__NR_accept4, fd, 0, 0, SOCK_CLOEXEC | SOCK_NONBLOCK, 0, 0);
}

int sys_peer_uid(int fd, uint32_t *uid)
{
	struct {
		uint32_t pid, uid, gid;
	} peer = {0, UINT32_MAX, 0};
	uint32_t bytes = sizeof(peer);
	long error = sys_call(__NR_getsockopt, fd, SOL_SOCKET, SO_PEERCRED, REGISTER(&peer),
			      REGISTER(&bytes), 0);

	*uid = peer.uid;
	return (int)error;
}

int sys_eventfd(void)
{
	return (int)call3(__NR_eventfd2, 0, SYS_O_CLOEXEC | SYS_O_NONBLOCK, 0);
}

int sys_inotify(void)
{
	return (int)call3(__NR_inotify_init1, SYS_O_CLOEXEC | SYS_O_NONBLOCK, 0, 0);
}

int sys_watch(int fd, const char *path, uint32_t mask)
{
	return (int)call3(__NR_inotify_add_watch, fd, REGISTER(path), REGISTER(mask));
}

void sys_unwatch(int fd, int watch)
{
	call3(__NR_inotify_rm_watch, fd, watch, 0);
}
