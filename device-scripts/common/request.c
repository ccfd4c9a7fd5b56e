/* One request: ID VERB [KEY=VALUE ...]. */
#include "request.h"

#include "sys.h"

#define ID_MAX 16
#define DEFAULT_ADJ_FLOOR 700 /* previous app: the first that is not in use (ProcessList.java) */

static bool id_is_valid(struct span id)
{
	if (id.len == 0 || id.len > ID_MAX)
		return false;
	for (size_t i = 0; i < id.len; i++) {
		char c = id.at[i];

		if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z')))
			return false;
	}
	return true;
}

/* "7 pageout targets=4321:99887:700 budget_bytes=268435456": id, verb, pairs. */
int request_parse(struct span line, struct request *out)
{
	memset(out, 0, sizeof(*out));
	if (!span_word(&line, ' ', &out->id) || !id_is_valid(out->id)) {
		out->id = (struct span){"", 0};
		return -EINVAL;
	}
	if (!span_word(&line, ' ', &out->verb))
		out->verb = (struct span){"", 0};
	out->pairs = line;
	return 0;
}

/* Cut the next KEY=VALUE off `rest`; -EINVAL when it has no '=', 0 at the end, else 1. */
static int next_pair(struct span *rest, struct span *key, struct span *value)
{
	do {
		if (!span_word(rest, ' ', value))
			return 0;
	} while (value->len == 0);
	span_word(value, '=', key);
	return value->at ? 1 : -EINVAL;
}

bool request_value(const struct request *request, const char *key, struct span *value)
{
	struct span rest = request->pairs, name, found;

	while (next_pair(&rest, &name, &found) > 0) {
		if (!span_is(name, key))
			continue;
		*value = found;
		return true;
	}
	return false;
}

bool request_u64(const struct request *request, const char *key, uint64_t fallback, uint64_t most,
		 uint64_t *out, const char **why)
{
	struct span value;

	*out = fallback;
	if (!request_value(request, key, &value))
		return true;
	*why = key;
	return parse_u64(value, 10, out) && *out <= most;
}

int request_check(const struct request *request, const char *keys, const char **why)
{
	struct span rest = request->pairs, name, value;
	int more;

	*why = *keys ? keys : "no keys";
	while ((more = next_pair(&rest, &name, &value)) > 0) {
		struct span left = span_of(keys), key;

		while (span_word(&left, ' ', &key) && !span_equal(name, key))
			;
		if (!span_equal(name, key))
			return -EINVAL;
	}
	return more;
}

/* "10123" or "-" for one that is not given, up to the next ":"; false when it is neither. */
static bool parse_optional(struct span *rest, unsigned int base, bool *given, uint32_t *out)
{
	struct span word;
	uint64_t value;

	*given = false;
	if (!span_word(rest, ':', &word) || span_is(word, "-"))
		return true;
	*given = true;
	if (!parse_u64(word, base, &value) || value > UINT32_MAX)
		return false;
	*out = (uint32_t)value;
	return true;
}

/* "4321:99887:700:10123:1a2b3c4d": pid, start time, floor of adj, uid, CRC32 of the name. */
static bool parse_target(struct span text, struct target_spec *out)
{
	struct span word;
	uint64_t pid;
	int64_t floor = DEFAULT_ADJ_FLOOR;

	memset(out, 0, sizeof(*out));
	if (!span_word(&text, ':', &word) || !parse_u64(word, 10, &pid) || pid == 0 ||
	    pid > INT32_MAX)
		return false;
	if (!span_word(&text, ':', &word) || !parse_u64(word, 10, &out->start))
		return false;
	if (span_word(&text, ':', &word) &&
	    (!parse_i64(word, &floor) || floor < ADJ_LOWEST || floor > 1001))
		return false;
	if (!parse_optional(&text, 10, &out->has_uid, &out->uid) ||
	    !parse_optional(&text, 16, &out->has_crc, &out->name_crc) || text.at)
		return false;
	out->pid = (int)pid;
	out->adj_floor = (int)floor;
	return true;
}

bool next_target(struct span *rest, struct target_spec *out)
{
	struct span word;

	return span_word(rest, ',', &word) && parse_target(word, out);
}

int request_check_targets(const struct request *request, const char **why)
{
	struct target_spec spec;
	struct span rest, word;

	*why = "targets: PID:START[:FLOOR[:UID[:CRC]]]";
	if (!request_value(request, "targets", &rest))
		return -EINVAL;
	while (span_word(&rest, ',', &word))
		if (!parse_target(word, &spec))
			return -EINVAL;
	return 0;
}
