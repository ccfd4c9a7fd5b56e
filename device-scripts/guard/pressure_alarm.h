/* The late alarm: processes wait for memory. By the best means this kernel allows. */
#ifndef PRESSURE_ALARM_H
#define PRESSURE_ALARM_H

#include "profile.h"
#include "sys.h"

#define ALARM_FDS 3

/* Try each means in turn. */
void alarm_open(const struct when *when);

/* "psi_trigger", "psi_poll", "vmpressure" or "timer". */
const char *alarm_name(void);

/* Whether somebody has to look every 100 ms for it to be heard. */
bool alarm_is_polled(void);

/*
 * What to poll; returns how many (up to ALARM_FDS). The last of PSI's wakes the guard when the
 * kernel begins to reclaim, before anybody waits, and is no alarm.
 */
size_t alarm_fds(struct sys_pollfd *fds);

/* Whether it went off, by what poll said, or by looking. */
bool alarm_rang(const struct sys_pollfd *fds);

#endif
