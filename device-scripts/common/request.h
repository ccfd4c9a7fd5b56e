/* One request: ID VERB [KEY=VALUE ...]. */
#ifndef REQUEST_H
#define REQUEST_H

#include "text.h"

struct request {
	struct span id;
	struct span verb;
	struct span pairs; /* the rest of the line */
};

/* Split `line` (which outlives the request). -EINVAL: no valid id; `id` is then empty. */
int request_parse(struct span line, struct request *out);

/* The value of `key`; false when it was not given, and then `value` is as it was. */
bool request_value(const struct request *request, const char *key, struct span *value);

/*
 * A number in decimal up to `most`, `fallback` when not given; false when it is
 * none, and then `why` is the key.
 */
bool request_u64(const struct request *request, const char *key, uint64_t fallback, uint64_t most,
		 uint64_t *out, const char **why);

/*
 * -EINVAL when a pair has no '=', or a key that is not among the blank-separated
 * `keys`, which `why` is then.
 */
int request_check(const struct request *request, const char *keys, const char **why);

/* T of targets=T,...: what the host knows about a process, and how far it may be touched. */
#define ADJ_LOWEST (-1000) /* as a floor: whatever its adj */

struct target_spec {
	int pid;
	uint64_t start;
	int adj_floor;
	bool has_uid, has_crc;
	uint32_t uid;
	uint32_t name_crc;
};

/* Every target of the request is well-formed and there is one: 0, else -EINVAL and why. */
int request_check_targets(const struct request *request, const char **why);

/* Cut the next target off `rest`, which starts as the value of "targets". */
bool next_target(struct span *rest, struct target_spec *out);

/*
 * The verbs. Each writes the lines of its reply and returns 0, or -errno with a
 * sentence in `why`; the caller ends the reply.
 */
typedef int (*verb_fn)(const struct request *request, const char **why);

struct verb {
	const char *name; /* NULL after the last */
	verb_fn run;
};

/* Those of this program, and its words for who calls it with none. */
extern const struct verb verbs[];
extern const char usage[];

int verb_hello(const struct request *request, const char **why);
int verb_probe(const struct request *request, const char **why);
int verb_scan(const struct request *request, const char **why);
int verb_read(const struct request *request, const char **why);
int verb_sample(const struct request *request, const char **why);
int verb_learn(const struct request *request, const char **why);
int verb_measure(const struct request *request, const char **why);
int verb_pageout(const struct request *request, const char **why);
int verb_cold(const struct request *request, const char **why);
int verb_prefetch(const struct request *request, const char **why);
int verb_swap_on(const struct request *request, const char **why);
int verb_swap_off(const struct request *request, const char **why);
int verb_cancel(const struct request *request, const char **why);

#endif
