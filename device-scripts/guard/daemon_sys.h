/* The kernel's calls that only a daemon needs; answers as in sys.h. */
#ifndef DAEMON_SYS_H
#define DAEMON_SYS_H

#include "sys.h"
#include "text.h"

#define SYS_O_CREAT 0100
#define SYS_O_EXCL 0200
#define SYS_O_APPEND 02000
#define SYS_POLLPRI 2
#define SYS_SIGNAL_DEFAULT ((sys_handler)0)

#define SYS_CLOCK_REALTIME 0
#define SYS_CLOCK_MONOTONIC 1 /* stands still in suspend */
#define SYS_CLOCK_BOOTTIME 7

/* Milliseconds of a clock; the real one's also fit, until the year 2038 on 32-bit ABIs. */
uint64_t sys_clock_ms(int clock);

/* `value` / `by`, without the library call that 64-bit division is on 32-bit ABIs. */
uint64_t divide(uint64_t value, uint32_t by);

int sys_create(int dir, const char *path, int flags, unsigned int mode);
int sys_unlink(int dir, const char *path);
int sys_rename(int dir, const char *from, const char *to);
long sys_end_of(int fd); /* its size, for a file under 2 GiB */
int sys_truncate(int fd, long bytes);
/*
 * A lock of the process', not of its children's; closing any descriptor of the
 * file ends it. -EAGAIN: another holds it.
 */
int sys_lock(int fd);
int sys_locked_by(int fd); /* the pid, without taking it; 0: nobody */
int sys_dup_to(int from, int to);
int sys_pipe(int ends[2]);

int sys_new_session(void);
int sys_lock_memory(void);
int sys_set_nice(int nice);
int sys_execve(const char *path, char *const argv[], char *const envp[]);
int sys_signal_pidfd(int pidfd, int signal);
/* SIGALRM once, after `s` seconds; 0: not any more. */
void sys_alarm(long s);

/* A stream socket of the file system at `path` that listens (0600). */
int sys_listen(const char *path);
int sys_accept(int fd);
/* The uid at the other end. */
int sys_peer_uid(int fd, uint32_t *uid);

int sys_eventfd(void);
int sys_inotify(void);
int sys_watch(int fd, const char *path, uint32_t mask);
void sys_unwatch(int fd, int watch);

#endif
