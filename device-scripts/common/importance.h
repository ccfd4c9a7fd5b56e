/* How close to its user a process is: one answer for the guard's order and for the look between steps. */
#ifndef IMPORTANCE_H
#define IMPORTANCE_H

#include "text.h"

#define FIRST_APP_UID 10000 /* android_filesystem_config.h; per user, of 100000 each */
#define FIRST_ISOLATED_UID 90000 /* of app zygotes' children; 99000 and above: of all others' */
#define USER_UIDS 100000

/* What a process says of itself, as far as it matters here. */
struct bearing {
	uint32_t uid;
	int adj; /* its oom_score_adj */
	bool kept; /* ActivityManager keeps that up to date */
};

bool uid_is_app(uint32_t uid);
bool uid_is_isolated(uint32_t uid); /* one lent to a single process, which tells of no app */

/*
 * The adj of the process behind `dir` as far as it tells who is in front: `adj`, or 900 (cached) for one
 * that says less and is frozen. Android 17 gives a cached app whose zram was written back to flash a lower
 * one, 249 unless it is set otherwise; the freezer lets go of an app before it comes forward. Under 200 adj
 * is believed against the freezer.
 */
int adj_in_front(int dir, int adj);

/*
 * Whether ActivityManager keeps the adj of a process of `uid` that `ppid` is the parent of: one that a
 * zygote forked. What an app starts itself, at any depth and through other uids (su), and what was left
 * to init when its parent ended, keeps the adj of its fork, or what it writes itself. A parent that
 * cannot be read, or that no end of parents is found above, is no proof.
 */
bool importance_is_kept(int ppid, uint32_t uid);

/* The same by what `find` says of a process, its parent and its uid: 0 or -errno. */
typedef int find_process(int pid, int *ppid, uint32_t *uid);
bool importance_is_kept_by(find_process *find, int ppid, uint32_t uid);

/*
 * The oom_score_adj that says how close `one` is to its user: its own where it is kept up to date, else
 * the lowest of it and of its app, which is all of its uid among the `nr` of `all` whose adj is kept.
 * (Packages that share a uid count as one app here: too much is spared then, never too little.)
 */
int importance(const struct bearing *one, const struct bearing *all, size_t nr);

#endif
