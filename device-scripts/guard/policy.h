/*
 * The guard's decisions: when, whom, in which order, and for everyone else why
 * not. Pure: a table of processes and what the device says, in; no /proc here.
 * Times are milliseconds of a clock that runs through suspend.
 */
#ifndef POLICY_H
#define POLICY_H

#include "profile.h"

#define APPS_MAX 256
#define APP_NAME_MAX 96

/* One process that may be paged out at some time. */
struct app {
	int pid;
	uint64_t start;
	uint32_t uid;
	int own_adj; /* its oom_score_adj */
	bool kept; /* ActivityManager keeps that up to date */
	bool met; /* in the scan in work */
	int adj; /* its importance: own_adj, or the lowest of its app */
	int rule; /* the first that matches; -1: none */
	uint64_t rss_anon_bytes, swap_bytes; /* when last looked at; UNKNOWN: never */
	uint64_t background_ms; /* since when out of the foreground; UNKNOWN: is in it */
	bool leaving; /* left the foreground and was not paged out since */
	bool launching; /* in the foreground for the first time */
	bool no_rest; /* used since its last page-out, or that ended at enough: no rest is due */
	bool out; /* some of it was advised since it was in the foreground */
	bool seen; /* by the scan in work */
	int watch; /* of inotify, on its oom_score_adj; 0: none */
	uint64_t action_ms; /* when it was last paged out; UNKNOWN: never */
	uint64_t trim_ms; /* when it was last asked to give up caches; UNKNOWN: never */
	uint64_t holdoff_ms; /* that long it is left alone then; 0: the rule's cooldown */
	uint64_t check_ms; /* when to see what came back; UNKNOWN: nothing to see */
	uint64_t moved_bytes; /* that went to swap by the last action */
	uint64_t swap_after_bytes; /* in swap at its end */
	/* Anonymous RSS that its last page-out left: it cannot go; 0: none, or cut short. */
	uint64_t rest_bytes;
	uint64_t
		hot_bytes; /* that it left in memory for the next resume; they may go when nothing else is left */
	uint64_t
		front_ms; /* when it came back to the foreground; UNKNOWN: there is nothing to learn */
	bool comes; /* it came to the foreground since the last look, with some of it in swap */
	unsigned int looks; /* at what came back since then */
	uint64_t refaulted_bytes; /* of that, came back within ten seconds; summed */
	size_t name_len;
	char name[APP_NAME_MAX];
};

/* What the device says; UNKNOWN where it says nothing. */
struct situation {
	uint64_t available_bytes;
	uint64_t free_bytes; /* without CMA, as lmkd counts */
	uint64_t low_bytes; /* low watermarks and protection of all zones */
	uint64_t swap_total_bytes, swap_free_bytes;
	uint64_t swap_stop_bytes; /* under it a page-out stopped for the floor; 0: none did */
	uint64_t launch_bytes; /* what the next launch needs; 0: not known yet */
	bool pressed; /* processes wait for memory (PSI, vmpressure) */
	bool returning; /* what was paged out came back within the last two seconds */
};

/* What may ask for memory, in this order. */
enum condition {
	CONDITION_AVAILABLE,
	CONDITION_NEXT_LAUNCH,
	CONDITION_HEADROOM,
	CONDITION_PRESSURE,
	CONDITIONS,
};

/* Its word in the protocol. */
const char *condition_name(enum condition condition);

/* Bytes that are missing by one condition; 0 when none are, or the profile does not go by it. */
uint64_t policy_missing_by(const struct when *when, const struct situation *now,
			   enum condition condition);

/* Bytes that are missing by the first condition that asks, and its name; 0 and NULL: none does. */
uint64_t policy_missing(const struct when *when, const struct situation *now,
			const char **condition);

/*
 * Why nobody may be paged out now: "no_swap", "swap_floor" or "minute_budget" (with
 * `minute_bytes` advised in this minute); NULL when nothing stands in the way.
 */
const char *policy_forbids(const struct when *when, const struct situation *now,
			   uint64_t minute_bytes);

/* Why this one is not to be touched now: a word of the protocol, or NULL. */
const char *policy_spares(const struct profile *profile, const struct app *app, uint64_t now_ms);

/* Whether what was left in memory for its next resume may go now. */
bool policy_gives_hot(const struct profile *profile, const struct app *app, uint64_t now_ms);

/* The first rule that fits one of the names; -1 when none does. Asked for each name in turn. */
int policy_rule(const struct profile *profile, struct span name, int best);

/*
 * Whether this one has left and is to be asked to give up caches: when swap is
 * short, for they take room there that others need. It costs no
 * swap, so it comes before all page-outs, whatever memory is missing.
 */
bool policy_trims(const struct profile *profile, const struct app *app, const struct situation *now,
		  uint64_t now_ms);

/*
 * Whom to touch first: who left the foreground before the others, favourites
 * last. `wanted`: memory is missing; else only who is `leaving` counts, to be
 * trimmed or where the profile asks for it. NULL: nobody. Once nobody is left,
 * and memory is still missing, who policy_gives_hot(), in the same order.
 */
struct app *policy_next(const struct profile *profile, struct app *apps, size_t nr,
			const struct situation *now, bool wanted, uint64_t now_ms);

/*
 * Bytes to advise before memory is looked at again. What is missing needs more
 * than that paged out, for zram takes up to half of it back. More would be gone
 * for nothing, and of swap there may be little.
 */
uint64_t policy_slice(uint64_t missing);

/* Bytes of one page-out: the rule's budget within what the minute has left. */
uint64_t policy_budget(const struct when *when, const struct rule *rule, uint64_t minute_bytes);

/*
 * Ten seconds after a page-out `swap_bytes` are still out: the hold-off doubles
 * when more than a quarter came back or nothing had gone, and halves when not.
 * Returns what came back.
 */
uint64_t policy_returned(const struct profile *profile, struct app *app, uint64_t swap_bytes);

#define RETURN_WATCH_MS 10000
#define FOREGROUND_ADJ 500 /* under it an app is never touched */

#endif
