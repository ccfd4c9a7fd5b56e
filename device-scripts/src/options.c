/* What a request for pageout or cold asks for. */
#include "options.h"

#include "pages.h"

/* ChromeOS warns that a write to /proc/PID/reclaim may take 10 s (reference: its debugd). */
#define DEADLINE_MS 20000

/* "START-END" in hex, as maps has it, of whole pages. */
static bool parse_range(struct span range, struct chosen *out)
{
	struct span start;

	return span_word(&range, '-', &start) && parse_u64(start, 16, &out->start) &&
	       parse_u64(range, 16, &out->end) && out->start < out->end &&
	       !((out->start | out->end) & (page_bytes - 1));
}

static bool is_single_target(const struct request *request)
{
	struct target_spec spec;
	struct span rest;

	request_value(request, "targets", &rest);
	return next_target(&rest, &spec) && !next_target(&rest, &spec);
}

static const char *parse_chosen(const struct request *request, struct chosen *out)
{
	struct span what = span_of("anon"), only, range;
	bool given = request_value(request, "what", &what);

	*out = (struct chosen){ 0, 0, UINT64_MAX };
	if (!what_parse(what, &out->kinds))
		return "what must be anon, file or all";
	if (request_value(request, "only", &only)) {
		if (given || !kinds_parse(only, &out->kinds))
			return "only, without what: dalvik native stack unnamed code data";
	}
	if (request_value(request, "range", &range) &&
	    (!parse_range(range, out) || !is_single_target(request)))
		return "range must be START-END in hex, whole pages of one target";
	return NULL;
}

const char *options_parse(const struct request *request, struct options *out)
{
	uint64_t dry, idle_first, deadline_ms;
	struct span backend = span_of("process_madvise");
	const char *why = parse_chosen(request, &out->chosen);

	if (why)
		return why;
	if (request_u64(request, "budget_bytes", UNKNOWN, &out->budget_left_bytes))
		return "budget_bytes must be a number";
	if (request_u64(request, "step_bytes", UNKNOWN, &out->step_bytes) ||
	    out->step_bytes < page_bytes)
		return "step_bytes must be a page or more";
	if (request_u64(request, "pause_us", UNKNOWN, &out->pause_us))
		return "pause_us must be a number";
	if (request_u64(request, "swap_floor_bytes", 0, &out->swap_floor_bytes))
		return "swap_floor_bytes must be a number";
	if (request_u64(request, "idle_first", 0, &idle_first) || idle_first > 1)
		return "idle_first must be 0 or 1";
	out->idle_first = idle_first == 1;
	if (request_value(request, "backend", &backend) && !span_is(backend, "process_madvise") &&
	    !span_is(backend, "proc_reclaim"))
		return "backend must be process_madvise or proc_reclaim";
	out->proc_reclaim = span_is(backend, "proc_reclaim");
	if (request_u64(request, "deadline_ms", DEADLINE_MS, &deadline_ms) || deadline_ms > 600000)
		return "deadline_ms must be a number up to 600000";
	out->deadline_us = deadline_ms * 1000;
	if (request_u64(request, "dry", 0, &dry) || dry > 1)
		return "dry must be 0 or 1";
	out->dry = dry == 1;
	return NULL;
}
