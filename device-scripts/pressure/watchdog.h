/* The process that looks at memory before each step of the holder, and ends the holder. */
#ifndef WATCHDOG_H
#define WATCHDOG_H

#include "board.h"

/* Start a holder and watch it, by the board's orders, until it has ended. `session`: our parent. */
void watchdog_run(struct board *board, int session);

/* Read the level of memory now, but not `taken_kib`. Returns 0, or -errno without /proc/meminfo. */
int level_read(struct level *out);

#endif
