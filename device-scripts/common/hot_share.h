/* What the guard has learned of resumes, for a helper beside it: read over the guard's socket, by root alone. */
#ifndef HOT_SHARE_H
#define HOT_SHARE_H

#include "hot_set.h"

#define GUARD_SOCKET "guard.sock"
#define ASK_STATUS 's'
#define ASK_HOT 'h'

/* The guard's end: write every set to `client`, who has asked for them. */
void hot_share_give(int client);

/*
 * The helper's end: take over the sets of the guard that runs from the same directory, if one does, of
 * processes of which nothing is known here.
 */
void hot_share_take(void);

#endif
