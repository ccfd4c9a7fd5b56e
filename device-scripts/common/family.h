/* The other processes of a native child's app, held so that their oom_score_adj is one read away. */
#ifndef FAMILY_H
#define FAMILY_H

#include "importance.h"

/* Processes of one uid that a zygote forked: apps have a few. */
#define FAMILY_MAX 64

struct family {
	size_t nr; /* of `member`; those behind the first are held by a descriptor */
	struct bearing member[1 + FAMILY_MAX];
	int dir[1 + FAMILY_MAX];
};

/*
 * Hold who counts for the importance of `pid`, one of `uid` with the parent `ppid`: nobody where its
 * own adj does, so that no further read is needed. Pair with family_close(). 0 or -errno; -E2BIG: more
 * than can be held.
 */
int family_open(struct family *family, int pid, int ppid, uint32_t uid);
void family_close(struct family *family);

/* Its importance with the adj that it has now, after a look at each of the others. */
int family_importance(struct family *family, int adj);

#endif
