/* The processes of apps, watched for their end. */
#ifndef WATCHED_APPS_H
#define WATCHED_APPS_H

#include "board.h"

/* Look for processes that are new; called now and then. */
void apps_find(void);

/*
 * Find a process that has ended: write it to `out` with its last adj, forget it and return true;
 * then call again, until there is none. A process that appeared and ended between two calls of
 * apps_find() was never known.
 */
bool apps_next_ended(struct ended *out);

#endif
