/* What a guard was asked to do: the lines of guard_when and guard_rule, read. */
#ifndef PROFILE_H
#define PROFILE_H

#include "request.h"

#define RULES_MAX 64
#define MATCH_MAX 160

enum rung {
	RUNG_PAGEOUT,
	RUNG_COLD,
	RUNG_TRIM,
	RUNG_LEAVE,
};

/* When to act; 0: not by this. */
struct when {
	uint64_t available_bytes;
	bool next_launch;
	uint64_t headroom_bytes;
	bool leaving;
	uint32_t pressure_some_us, pressure_full_us, pressure_window_us;
	uint32_t trim_below_permille; /* of swap free: caches are asked for from there on */
	uint32_t keep_swap_free_permille;
	uint64_t per_minute_bytes; /* UNKNOWN: no limit */
	uint32_t look_every_ms;
};

/* Who, and how; the first that matches a process decides. */
struct rule {
	char match[MATCH_MAX];
	int adj_low, adj_high;
	uint64_t at_least_bytes;
	uint64_t background_ms;
	enum rung rung;
	unsigned int kinds; /* of VMAs: VMA_ANON, ... */
	uint64_t budget_bytes; /* UNKNOWN: all of it */
	uint64_t rate_bytes_per_s; /* UNKNOWN: at the usual pace */
	uint64_t cooldown_ms;
	bool last;
	bool bring_back; /* read what a resume needs from swap as its app comes to the foreground */
	bool keep_hot; /* what resumes need goes last: after the cold of all apps */
};

struct profile {
	struct when when;
	size_t rules_nr;
	struct rule rules[RULES_MAX];
};

void profile_reset(struct profile *profile);

/* Read a request's pairs; false, and then `why` is what is wrong with them. */
bool when_parse(const struct request *request, struct when *out, const char **why);
bool rule_parse(const struct request *request, struct rule *out, const char **why);

/* Whether `text` fits the glob `pattern`, of * and ?. */
bool glob_fits(const char *pattern, struct span text);

#endif
