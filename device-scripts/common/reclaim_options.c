/* What a request for pageout or cold asks for. */
#include "reclaim_options.h"

#include "page.h"

/* ChromeOS warns that a write to /proc/PID/reclaim may take 10 s (reference: its debugd). */
#define DEADLINE_MS 20000

/* "7f1234000000-7f1234800000": START-END in hex, as maps has it, of whole pages. */
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

/* what=anon, only=dalvik,native or range=7f1234000000-7f1234800000 */
static const char *parse_chosen(const struct request *request, struct chosen *out)
{
	struct span what = span_of("anon"), only, range;
	bool given = request_value(request, "what", &what);

	*out = (struct chosen){0, 0, UINT64_MAX, false, HOT_ANY};
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

/* hot=keep, or hot=only of a prefetch */
static const char *parse_hot(const struct request *request, enum hot_choice *out)
{
	struct span hot;

	if (!request_value(request, "hot", &hot))
		return NULL;
	*out = span_is(hot, "keep") ? HOT_LEFT_OUT : HOT_ONLY;
	return *out == HOT_LEFT_OUT || span_is(hot, "only") ? NULL : "hot must be keep or only";
}

/* backend=memcg */
static const char *parse_backend(const struct request *request, struct options *out)
{
	static const char *const names[] = {
		[BACKEND_MADVISE] = "process_madvise",
		[BACKEND_PROC_RECLAIM] = "proc_reclaim",
		[BACKEND_MEMCG] = "memcg",
	};
	struct span backend = span_of(names[BACKEND_MADVISE]);
	size_t i = 0;

	request_value(request, "backend", &backend);
	while (i < ARRAY_SIZE(names) && !span_is(backend, names[i]))
		i++;
	out->backend = (enum backend)i;
	return i < ARRAY_SIZE(names) ? NULL : "backend";
}

/*
 * budget_bytes=268435456 step_bytes=524288 pause_us=500 swap_floor_bytes=107374182
 * deadline_ms=20000 dry=1
 */
const char *options_parse(const struct request *request, struct options *out)
{
	uint64_t dry, idle_first, deadline_ms;
	const char *why = parse_chosen(request, &out->chosen);

	if (!why)
		why = parse_backend(request, out);
	if (!why)
		why = parse_hot(request, &out->chosen.hot);
	if (why)
		return why;
	if (!request_u64(request, "budget_bytes", UNKNOWN, UNKNOWN, &out->budget_left_bytes,
			 &why) ||
	    !request_u64(request, "step_bytes", UNKNOWN, UNKNOWN, &out->step_bytes, &why) ||
	    !request_u64(request, "pause_us", UNKNOWN, UNKNOWN, &out->pause_us, &why) ||
	    !request_u64(request, "swap_floor_bytes", 0, UNKNOWN, &out->swap_floor_bytes, &why) ||
	    !request_u64(request, "memory_floor_bytes", 0, UNKNOWN, &out->memory_floor_bytes,
			 &why) ||
	    !request_u64(request, "deadline_ms", DEADLINE_MS, 600000, &deadline_ms, &why) ||
	    !request_u64(request, "idle_first", 0, 1, &idle_first, &why) ||
	    !request_u64(request, "dry", 0, 1, &dry, &why))
		return why;
	if (out->step_bytes < page_bytes)
		return "step_bytes must be a page or more";
	out->deadline_us = deadline_ms * 1000;
	out->idle_first = idle_first == 1;
	out->dry = dry == 1;
	return NULL;
}
