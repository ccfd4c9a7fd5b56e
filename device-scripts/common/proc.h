/* What /proc says about one process. */
#ifndef PROC_H
#define PROC_H

#include "text.h"

#define RAW_NAME_MAX 1024 /* of cmdline's first string */
#define NAME_MAX_BYTES (RAW_NAME_MAX * 3) /* each byte may become U+FFFD */
#define COMM_MAX_BYTES (64 * 3)

/* A name as replies give it: valid UTF-8. */
struct name {
	bool of_comm; /* no cmdline was there: a kernel thread, a zombie, or in the middle of exec */
	size_t len;
	char text[NAME_MAX_BYTES];
};

/* The line of /proc/PID/stat, as far as it is wanted. */
struct proc_stat {
	uint64_t start; /* clock ticks after boot: a name, not a handle */
	uint64_t major_faults;
	int ppid;
	char state;
	bool kernel_thread;
	size_t comm_len;
	char comm[COMM_MAX_BYTES];
};

/* Of /proc/PID/status; memory UNKNOWN for kernel threads, zombies and kernels before 4.5. */
struct proc_status {
	int tgid;
	uint32_t uid;
	/* In the order of scan's reply. */
	uint64_t rss_anon_bytes;
	uint64_t rss_file_bytes;
	uint64_t rss_shmem_bytes;
	uint64_t swap_bytes;
	uint64_t locked_bytes;
};

/* Read a line of stat; split at its last ')', for comm may hold any byte. 0 or -EINVAL. */
int stat_parse(struct span text, struct proc_stat *out);
int status_parse(struct span text, struct proc_status *out);

/* The first NUL-terminated string of cmdline, or comm where that is empty. */
void name_parse(struct span cmdline, const struct proc_stat *stat, struct name *out);

/*
 * The directory of `pid` below /proc: what is opened through it belongs to the
 * process it was opened for, or fails with -ESRCH. Returns a descriptor or -errno.
 */
int proc_open(int pid);

int proc_read_stat(int dir, struct proc_stat *out);
int proc_read_status(int dir, struct proc_status *out);
int proc_read_name(int dir, const struct proc_stat *stat, struct name *out);
int proc_read_adj(int dir, int *adj);

/* Call `visit` for every pid below /proc until it says false; 0 or -errno. */
int proc_each(bool (*visit)(int pid, void *data), void *data);

/* Whether `pid` is this process or one above it. */
bool proc_is_ancestor(int pid);

/* Whether every task of the process is held by a cgroup freezer. */
bool proc_is_frozen(int dir);

/*
 * Whether the freezer of v2 holds it: ActivityManager's, which freezes nothing but cached apps. (Those of
 * v1 are vendors' own, and hold others, too.)
 */
bool proc_is_app_frozen(int dir);

/* Frozen or stopped: no thread of it waits for a lock. */
bool proc_is_idle(int dir);

#endif
