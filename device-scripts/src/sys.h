/*
 * The kernel's calls, each answering its result or -errno. Structures are the
 * kernel's own (32-bit ABIs: with 32-bit times, which every kernel has).
 */
#ifndef SYS_H
#define SYS_H

#include <asm/unistd.h>
#include <linux/errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifndef __NR_pidfd_open
#define __NR_pidfd_open 434
#endif
#ifndef __NR_process_madvise
#define __NR_process_madvise 440
#endif
#ifndef __NR_getuid32
#define __NR_getuid32 __NR_getuid
#endif

#define SYS_AT_FDCWD (-100)
#define SYS_O_RDONLY 0
#define SYS_O_WRONLY 1
#define SYS_O_RDWR 2
#define SYS_O_CLOEXEC 02000000
#define SYS_O_PATH 010000000
/* O_DIRECTORY is needless: every directory here is followed by a slash or a getdents. */

#define SYS_POLLIN 1
#define SYS_POLLOUT 4
#define SYS_POLLERR 8
#define SYS_POLLHUP 16
#define SYS_POLLNVAL 32

#define SYS_SIGPIPE 13
#define SYS_SIGALRM 14
#define SYS_SIGTERM 15

#define ADVICE_WILLNEED 3
#define ADVICE_COLD 20
#define ADVICE_PAGEOUT 21

/* "sys_" spares the names for the hosted build, where libc has them. */
struct sys_iovec {
	void *base;
	size_t bytes;
};

struct sys_pollfd {
	int fd;
	short events;
	short revents;
};

struct sys_timespec {
	long s;
	long ns;
};

struct sys_dirent {
	uint64_t inode;
	int64_t next;
	uint16_t bytes;
	uint8_t type;
	char name[];
};

struct sys_utsname {
	char sysname[65];
	char nodename[65];
	char release[65];
	char version[65];
	char machine[65];
	char domainname[65];
};

long sys_call(long number, long a, long b, long c, long d, long e, long f);

#define SYS0(nr) sys_call(nr, 0, 0, 0, 0, 0, 0)
#define SYS1(nr, a) sys_call(nr, (long)(a), 0, 0, 0, 0, 0)
#define SYS2(nr, a, b) sys_call(nr, (long)(a), (long)(b), 0, 0, 0, 0)
#define SYS3(nr, a, b, c) sys_call(nr, (long)(a), (long)(b), (long)(c), 0, 0, 0)
#define SYS4(nr, a, b, c, d) \
	sys_call(nr, (long)(a), (long)(b), (long)(c), (long)(d), 0, 0)
#define SYS5(nr, a, b, c, d, e) \
	sys_call(nr, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), 0)

__attribute__((noreturn)) static inline void sys_exit(int status)
{
	for (;;)
		SYS1(__NR_exit_group, status);
}

static inline long sys_read(int fd, void *buffer, size_t bytes)
{
	return SYS3(__NR_read, fd, buffer, bytes);
}

static inline long sys_pread(int fd, void *buffer, size_t bytes, uint64_t offset)
{
#if __SIZEOF_LONG__ == 8
	return SYS4(__NR_pread64, fd, buffer, bytes, offset);
#elif defined(__arm__)	/* EABI: a 64-bit argument starts at an even register */
	return sys_call(__NR_pread64, fd, (long)buffer, (long)bytes, 0, (long)(offset & 0xffffffff),
			(long)(offset >> 32));
#else
	return SYS5(__NR_pread64, fd, buffer, bytes, offset & 0xffffffff, offset >> 32);
#endif
}

static inline long sys_write(int fd, const void *buffer, size_t bytes)
{
	return SYS3(__NR_write, fd, buffer, bytes);
}

static inline int sys_openat(int dir, const char *path, int flags)
{
	return (int)SYS4(__NR_openat, dir, path, flags | SYS_O_CLOEXEC, 0);
}

static inline void sys_close(int fd)
{
	SYS1(__NR_close, fd);
}

static inline long sys_getdents(int fd, void *buffer, size_t bytes)
{
	return SYS3(__NR_getdents64, fd, buffer, bytes);
}

/* A NULL timeout waits forever. */
static inline int sys_poll(struct sys_pollfd *fds, size_t nr, const struct sys_timespec *timeout,
			   const uint64_t *signal_mask)
{
	struct sys_timespec left = { 0, 0 };

	if (timeout)	/* the kernel writes what is left into it */
		left = *timeout;
	return (int)SYS5(__NR_ppoll, fds, nr, timeout ? &left : NULL, signal_mask,
			 sizeof(*signal_mask));
}

static inline uint64_t sys_now_us(void)
{
	struct sys_timespec now = { 0, 0 };

	SYS2(__NR_clock_gettime, 1, &now);	/* CLOCK_MONOTONIC */
	return (uint64_t)now.s * 1000000 + (uint64_t)((unsigned long)now.ns / 1000);
}

static inline int sys_pidfd_open(int pid)
{
	return (int)SYS2(__NR_pidfd_open, pid, 0);
}

static inline long sys_process_madvise(int pidfd, const struct sys_iovec *iov, size_t nr,
				       int advice)
{
	return SYS5(__NR_process_madvise, pidfd, iov, nr, advice, 0);
}

static inline int sys_getpid(void)
{
	return (int)SYS0(__NR_getpid);
}

static inline unsigned int sys_getuid(void)
{
	return (unsigned int)SYS0(__NR_getuid32);
}

static inline int sys_uname(struct sys_utsname *out)
{
	return (int)SYS1(__NR_uname, out);
}

/* SIGALRM every `period_us` (under a second) from now on; 0 ends it. */
static inline void sys_tick(long period_us)
{
	struct { long interval_s, interval_us, first_s, first_us; } timer = {
		0, period_us, 0, period_us
	};

	SYS3(__NR_setitimer, 0, &timer, NULL);
}

typedef void (*sys_handler)(int);

#define SYS_SIGNAL_IGNORE ((sys_handler)1)

/* Handlers run without SA_RESTART: a blocked write comes back with -EINTR. */
int sys_on_signal(int number, sys_handler handler);
/* Hold back (or let through) one signal. */
int sys_block_signal(int number, bool block);

#endif
