/* One guard: what it was started with, what it counts and what it remembers from one look to the next. */
#ifndef GUARD_STATE_H
#define GUARD_STATE_H

#include "app_table.h"
#include "guard_dir.h"

/* Why it ends. */
enum ending {
	ENDING_NONE, /* it goes on */
	ENDING_STOPPED,
	ENDING_TIME,
	ENDING_UNHEARD,
	ENDING_EXHAUSTED,
	ENDING_STUCK,
};

/* Milliseconds are of CLOCK_BOOTTIME. */
struct guard {
	/* What it is started with. */
	struct profile profile;
	char name[PROFILE_NAME_MAX];
	uint64_t started_s, ends_s; /* of the wall clock, for display */
	uint64_t ends_ms;
	uint64_t ask_ms; /* between two questions to Android */
	char bound_to[128]; /* group that ends with adbd; empty: none */
	/* Counters since its start. */
	uint64_t wakeups, looks, passes, actions;
	uint64_t advised_bytes, reclaimed_bytes, refaulted_bytes;
	uint64_t brought_bytes; /* read from swap for who came to the foreground */
	uint64_t gone; /* apps that ended in the background */
	uint64_t oom_kills_before;
	/* The last look. */
	struct apps apps;
	struct situation situation;
	const char *condition; /* NULL: no memory is missing */
	const char *forbidden; /* why nobody is touched */
	/* From one look to the next. */
	uint64_t now_ms;
	uint64_t minute_ms, minute_bytes; /* when the minute began, and what it spent */
	uint64_t look_ms; /* of the last look at memory */
	uint64_t alarm_ms; /* when a polled alarm was last asked */
	uint64_t fall_bytes_per_ms; /* of available memory, between the last two looks */
	uint64_t scan_ms; /* of the last look at the processes */
	uint64_t sized_ms; /* when the size of every app was read last */
	uint64_t look_every_ms; /* as it has grown */
	uint64_t alert_until_ms;
	uint64_t full_until_ms; /* zram refused pages: nobody is touched before */
	uint64_t returned_ms; /* when something paged out came back; UNKNOWN: never */
	uint64_t rang_ms; /* when the alarm rang last; UNKNOWN: never */
	uint64_t exhausted_ms; /* since when swap is all but full, awake; UNKNOWN: it is not */
	uint64_t steady_bytes; /* available memory at the last change */
	int inotify;
	const char *paused;
	enum ending ending;
};

/* Log an event of no process. */
void guard_note(const struct guard *guard, const char *what, const char *reason);

/* Bring the time, and the minute's budget, up to date. */
void guard_tick(struct guard *guard);

#endif
