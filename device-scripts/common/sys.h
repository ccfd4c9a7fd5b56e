/*
 * The kernel's calls, each answering its result or -errno. Structures are the
 * kernel's own (32-bit ABIs: with 32-bit times, which every kernel has).
 */
#ifndef SYS_H
#define SYS_H

#include <linux/errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SYS_AT_FDCWD (-100)
#define SYS_O_RDONLY 0
#define SYS_O_WRONLY 1
#define SYS_O_RDWR 2
#define SYS_O_CLOEXEC 02000000
#define SYS_O_NONBLOCK 04000
#define SYS_O_PATH 010000000
/* O_DIRECTORY is needless: every directory here is followed by a slash or a getdents. */

#define SYS_POLLIN 1
#define SYS_POLLOUT 4
#define SYS_POLLERR 8
#define SYS_POLLHUP 16
#define SYS_POLLNVAL 32

#define SYS_SIGKILL 9
#define SYS_SIGPIPE 13
#define SYS_SIGALRM 14
#define SYS_SIGTERM 15
#define SYS_SIGCHLD 17
#define SYS_SIGSTOP 19

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

/* What the rest is made of; arch.c, or libc's syscall() in the hosted build. */
long sys_call(long number, long a, long b, long c, long d, long e, long f);

__attribute__((noreturn)) void sys_exit(int status);
long sys_read(int fd, void *buffer, size_t bytes);
long sys_pread(int fd, void *buffer, size_t bytes, uint64_t offset);
long sys_write(int fd, const void *buffer, size_t bytes);
int sys_openat(int dir, const char *path, int flags);
void sys_close(int fd);
long sys_getdents(int fd, void *buffer, size_t bytes);
/* A NULL timeout waits forever, a NULL mask leaves the signals as they are. */
int sys_poll(struct sys_pollfd *fds, size_t nr, const struct sys_timespec *timeout,
	     const uint64_t *signal_mask);
uint64_t sys_now_us(void); /* CLOCK_MONOTONIC */
uint64_t sys_boottime_us(void); /* as monotonic, and goes on while the device sleeps */
uint64_t sys_cpu_us(void); /* of this process, so far */
int sys_pidfd_open(int pid);
long sys_process_madvise(int pidfd, const struct sys_iovec *iov, size_t nr, int advice);
/* Of the device at `path`; swapoff waits until everything in it is back in memory. */
int sys_swapon(const char *path);
int sys_swapoff(const char *path);
/* Lock for this descriptor alone, without waiting (-EAGAIN); closing it unlocks. */
int sys_try_lock(int fd);
long sys_readlink(const char *path, char *out, size_t capacity);

/* Of a socket in the file system. */
struct sys_address {
	uint16_t family;
	char path[108];
};

/* A new stream socket, which never waits, and the address of `path`; or -errno. */
int sys_socket(const char *path, struct sys_address *address);
/* One that is connected to `path`, or -errno. */
int sys_connect(const char *path);
int sys_getpid(void);
int sys_fork(void);
/* Wait for `pid` to stop or to end. */
void sys_wait_stopped(int pid);
/* Whether `pid` has ended: its exit status (-EINTR: killed), or -EAGAIN while it runs. */
int sys_exit_status(int pid);
void sys_kill(int pid, int signal);
/* Have the kernel send this signal when the parent ends. */
void sys_die_with_parent(int signal);
unsigned int sys_getuid(void);
/* The uid that owns what `fd` is open on: of a directory of /proc, its process'. -ENOSYS before Linux 4.11. */
int64_t sys_owner(int fd);
int sys_uname(struct sys_utsname *out);
/* SIGALRM every `period_us` (under a second) from now on; 0 ends it. */
void sys_tick(long period_us);

typedef void (*sys_handler)(int);

#define SYS_SIGNAL_IGNORE ((sys_handler)1)

/* Handlers run without SA_RESTART: a blocked write comes back with -EINTR. */
int sys_on_signal(int number, sys_handler handler);
/* Hold back (or let through) one signal. */
int sys_block_signal(int number, bool block);

#endif
