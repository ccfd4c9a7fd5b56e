/* The process that looks before each step, and ends the holder. */
#ifndef WATCHDOG_H
#define WATCHDOG_H

#include "board.h"

/* Start a holder, watch it by the orders on the board until it is gone. `session` is our parent. */
void watchdog_run(struct board *board, int session);

/* Read what is short now; without `taken_kib`. 0 or -errno: no /proc/meminfo. */
int level_read(struct level *out);

#endif
