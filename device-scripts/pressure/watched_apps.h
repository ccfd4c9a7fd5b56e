/* The processes of apps, watched for their end. */
#ifndef WATCHED_APPS_H
#define WATCHED_APPS_H

#include "board.h"

/* Look for processes that are new; called now and then. */
void apps_find(void);

/*
 * Look at each: one that is gone is written into `out` with its last adj, and forgotten; true
 * then, and it may be called again. A process that appeared and ended between two calls of
 * apps_find() was never known.
 */
bool apps_next_ended(struct ended *out);

#endif
