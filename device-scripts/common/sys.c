/*
 * The kernel's calls. Out of line: seven registers set up at each place of use
 * are a fifth of the program.
 */
#include "sys.h"

#include "text.h"

#include <asm/unistd.h>

#ifndef __NR_pidfd_open
#define __NR_pidfd_open 434
#endif
#ifndef __NR_process_madvise
#define __NR_process_madvise 440
#endif
#ifndef __NR_getuid32
#define __NR_getuid32 __NR_getuid
#endif

#define CLOCK_MONOTONIC 1
#define CLOCK_PROCESS_CPUTIME_ID 2
#define CLOCK_BOOTTIME 7
#define ITIMER_REAL 0
#define WNOHANG 1
#define WUNTRACED 2
#define PR_SET_PDEATHSIG 1
#define AT_EMPTY_PATH 0x1000
#define STATX_UID 8
#define LOCK_EX 2
#define LOCK_NB 4

/* A pointer or a number as a register holds it. */
#define AF_UNIX 1
#define SOCK_STREAM 1
#define REGISTER(value) ((long)(value))

static long call3(long number, long a, long b, long c)
{
	return sys_call(number, a, b, c, 0, 0, 0);
}

void sys_exit(int status)
{
	for (;;)
		call3(__NR_exit_group, status, 0, 0);
}

long sys_read(int fd, void *buffer, size_t bytes)
{
	return call3(__NR_read, fd, REGISTER(buffer), REGISTER(bytes));
}

long sys_pread(int fd, void *buffer, size_t bytes, uint64_t offset)
{
	long to = REGISTER(buffer), count = REGISTER(bytes);
#if __SIZEOF_LONG__ == 8
	return sys_call(__NR_pread64, fd, to, count, REGISTER(offset), 0, 0);
#else
	long low = REGISTER(offset & 0xffffffff), high = REGISTER(offset >> 32);

#ifdef __arm__ /* its EABI: a 64-bit argument starts at an even register */
	return sys_call(__NR_pread64, fd, to, count, 0, low, high);
#else
	return sys_call(__NR_pread64, fd, to, count, low, high, 0);
#endif
#endif
}

long sys_write(int fd, const void *buffer, size_t bytes)
{
	return call3(__NR_write, fd, REGISTER(buffer), REGISTER(bytes));
}

int sys_openat(int dir, const char *path, int flags)
{
	return (int)call3(__NR_openat, dir, REGISTER(path), flags | SYS_O_CLOEXEC);
}

void sys_close(int fd)
{
	call3(__NR_close, fd, 0, 0);
}

long sys_getdents(int fd, void *buffer, size_t bytes)
{
	return call3(__NR_getdents64, fd, REGISTER(buffer), REGISTER(bytes));
}

int sys_poll(struct sys_pollfd *fds, size_t nr, const struct sys_timespec *timeout,
	     const uint64_t *signal_mask)
{
	struct sys_timespec left = {0, 0};

	if (timeout) /* the kernel writes what is left into it */
		left = *timeout;
	return (int)sys_call(__NR_ppoll, REGISTER(fds), REGISTER(nr), timeout ? REGISTER(&left) : 0,
			     REGISTER(signal_mask), sizeof(*signal_mask), 0);
}

long sys_readlink(const char *path, char *out, size_t capacity)
{
	return sys_call(__NR_readlinkat, SYS_AT_FDCWD, REGISTER(path), REGISTER(out),
			REGISTER(capacity), 0, 0);
}

int sys_socket(const char *path, struct sys_address *address)
{
	size_t len = strlen(path);

	if (len >= sizeof(address->path))
		return -ENAMETOOLONG;
	memset(address, 0, sizeof(*address));
	address->family = AF_UNIX;
	memcpy(address->path, path, len);
	return (int)call3(__NR_socket, AF_UNIX, SOCK_STREAM | SYS_O_CLOEXEC | SYS_O_NONBLOCK, 0);
}

int sys_connect(const char *path)
{
	struct sys_address address;
	int fd = sys_socket(path, &address);
	long error;

	if (fd < 0)
		return fd;
	error = call3(__NR_connect, fd, REGISTER(&address), sizeof(address));
	if (error == 0)
		return fd;
	sys_close(fd);
	return (int)error;
}

static uint64_t clock_us(int clock)
{
	struct sys_timespec now = {0, 0};

	call3(__NR_clock_gettime, clock, REGISTER(&now), 0);
	return (uint64_t)now.s * 1000000 + (uint64_t)((unsigned long)now.ns / 1000);
}

uint64_t sys_now_us(void)
{
	return clock_us(CLOCK_MONOTONIC);
}

uint64_t sys_boottime_us(void)
{
	return clock_us(CLOCK_BOOTTIME);
}

uint64_t sys_cpu_us(void)
{
	return clock_us(CLOCK_PROCESS_CPUTIME_ID);
}

int sys_pidfd_open(int pid)
{
	return (int)call3(__NR_pidfd_open, pid, 0, 0);
}

long sys_process_madvise(int pidfd, const struct sys_iovec *iov, size_t nr, int advice)
{
	return sys_call(__NR_process_madvise, pidfd, REGISTER(iov), REGISTER(nr), advice, 0, 0);
}

int sys_swapon(const char *path)
{
	return (int)call3(__NR_swapon, REGISTER(path), 0, 0);
}

int sys_swapoff(const char *path)
{
	return (int)call3(__NR_swapoff, REGISTER(path), 0, 0);
}

int sys_try_lock(int fd)
{
	return (int)call3(__NR_flock, fd, LOCK_EX | LOCK_NB, 0);
}

int sys_getpid(void)
{
	return (int)call3(__NR_getpid, 0, 0, 0);
}

int sys_fork(void)
{
	return (int)call3(__NR_clone, SYS_SIGCHLD, 0, 0); /* arm64 has no fork */
}

void sys_wait_stopped(int pid)
{
	while (call3(__NR_wait4, pid, 0, WUNTRACED) == -EINTR)
		;
}

int sys_exit_status(int pid)
{
	int status = 0;
	long ended = call3(__NR_wait4, pid, REGISTER(&status), WNOHANG);

	if (ended != pid)
		return ended < 0 ? (int)ended : -EAGAIN;
	return status & 0x7f ? -EINTR : (status >> 8) & 0xff;
}

void sys_kill(int pid, int signal)
{
	call3(__NR_kill, pid, signal, 0);
}

void sys_die_with_parent(int signal)
{
	call3(__NR_prctl, PR_SET_PDEATHSIG, signal, 0);
}

unsigned int sys_getuid(void)
{
	return (unsigned int)call3(__NR_getuid32, 0, 0, 0);
}

int64_t sys_owner(int fd)
{
	struct {
		uint32_t mask, block_bytes;
		uint64_t attributes;
		uint32_t links, uid;
		uint64_t rest[29];
	} stat; /* struct statx of linux/stat.h */
	long error = sys_call(__NR_statx, fd, REGISTER(""), AT_EMPTY_PATH, STATX_UID,
			      REGISTER(&stat), 0);

	return error ? error : (int64_t)stat.uid;
}

int sys_uname(struct sys_utsname *out)
{
	return (int)call3(__NR_uname, REGISTER(out), 0, 0);
}

void sys_tick(long period_us)
{
	struct {
		long interval_s, interval_us, first_s, first_us;
	} timer = {0, period_us, 0, period_us};

	call3(__NR_setitimer, ITIMER_REAL, REGISTER(&timer), 0);
}
