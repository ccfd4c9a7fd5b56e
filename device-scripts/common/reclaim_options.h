/* What a request for pageout or cold asks for. */
#ifndef RECLAIM_OPTIONS_H
#define RECLAIM_OPTIONS_H

#include "device_memory.h"
#include "host_link.h"
#include "page_walk.h"
#include "request.h"

enum backend {
	BACKEND_MADVISE,
	BACKEND_PROC_RECLAIM,
	BACKEND_MEMCG,
};

struct options {
	int advice;
	struct chosen chosen;
	bool dry;
	enum backend backend;
	struct span targets; /* of the whole request */
	uint64_t memcg_bytes; /* to be asked of the memcg of the target in work */
	bool stuck; /* a write did not come back: no second one */
	uint64_t deadline_us; /* of that write */
	bool idle_first; /* what is frozen or stopped before what runs */
	uint64_t budget_left_bytes; /* of the whole request */
	uint64_t step_bytes; /* UNKNOWN: by the target's state */
	uint64_t pause_us; /* UNKNOWN: likewise */
	uint64_t swap_floor_bytes;
	uint64_t memory_floor_bytes; /* of prefetch: available memory that is to be left */
	/* The device when the request began, and when the last 16 MiB did. */
	struct device before;
	struct device window;
	enum link_state link;
};

/* The keys of a request that options_parse() reads. */
#define OPTIONS \
	"what only range budget_bytes step_bytes pause_us swap_floor_bytes " \
	"memory_floor_bytes idle_first backend deadline_ms dry hot"

/* Read all of them but `advice` and the state; NULL, or what is wrong. */
const char *options_parse(const struct request *request, struct options *out);

#endif
