/* The process that holds the memory. */
#ifndef HOLDER_H
#define HOLDER_H

#include "board.h"

/*
 * Raise this process to the adj of the orders, then take a step whenever the watchdog wants
 * one. Returns when there is nobody to hold memory for: the watchdog is gone or has not
 * looked for ten seconds, the time is over, or there is no memory to map.
 */
void holder_run(struct board *board, int watchdog);

/* Fill `permille` of `page` with noise of `seed` and `number`, the rest with two words in turn. */
void fill_page(uint64_t *page, size_t bytes, uint64_t seed, uint64_t number, uint32_t permille);

#endif
