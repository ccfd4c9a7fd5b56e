/* What a guard was asked to do: the lines of guard_when and guard_rule, read. */
#include "profile.h"

#include "mapping_kind.h"

#define FLOOR_ADJ 500 /* services and home; what is nearer to the user is never touched */
#define PREVIOUS_ADJ 700
#define SWAP_LEAST_PERMILLE 100 /* lmkd calls less of it low, and kills */
#define DAY_MS 86400000
#define WHEN_KEYS \
	"available_bytes next_launch headroom_bytes leaving pressure_some_us pressure_full_us " \
	"pressure_window_us trim_below_permille keep_swap_free_permille per_minute_bytes " \
	"look_every_ms"
#define RULE_KEYS \
	"match adj_low adj_high at_least_bytes background_ms rung what only budget_bytes " \
	"rate_bytes_per_s cooldown_ms last keep bring_back"

static const char *const rung_names[] = {
	[RUNG_PAGEOUT] = "pageout",
	[RUNG_COLD] = "cold",
	[RUNG_TRIM] = "trim",
	[RUNG_LEAVE] = "leave",
};

void profile_reset(struct profile *profile)
{
	memset(profile, 0, sizeof(*profile));
	profile->when.pressure_some_us = 35000;
	profile->when.pressure_window_us = 500000;
	profile->when.trim_below_permille = 500;
	profile->when.keep_swap_free_permille = 200;
	profile->when.per_minute_bytes = UNKNOWN;
	profile->when.look_every_ms = 1000;
}

/* Iterative, so that no pattern takes longer than its length times the text's. */
bool glob_fits(const char *pattern, struct span text)
{
	const char *star = NULL;
	size_t at = 0, resume = 0;

	while (at < text.len) {
		if (*pattern == '*') {
			star = ++pattern;
			resume = at;
		} else if (*pattern && (*pattern == '?' || *pattern == text.at[at])) {
			pattern++;
			at++;
		} else if (star) {
			pattern = star;
			at = ++resume;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return !*pattern;
}

/* A number within bounds; `*out` stays when it is not given. */
static bool number(const struct request *request, const char *key, uint64_t least, uint64_t most,
		   uint64_t *out, const char **why)
{
	uint64_t before = *out;

	return request_u64(request, key, before, most, out, why) &&
	       (*out == before || *out >= least);
}

static bool number32(const struct request *request, const char *key, uint32_t least, uint32_t most,
		     uint32_t *out, const char **why)
{
	uint64_t value = *out;
	bool right = number(request, key, least, most, &value, why);

	*out = (uint32_t)value;
	return right;
}

static bool flag(const struct request *request, const char *key, bool *out, const char **why)
{
	uint64_t value;
	bool right = request_u64(request, key, 0, 1, &value, why);

	*out = value == 1;
	return right;
}

/* next_launch=1 leaving=0 psi_window_us=1000000 psi_some_us=70000 swap_floor_permille=100 */
bool when_parse(const struct request *request, struct when *out, const char **why)
{
	if (request_check(request, WHEN_KEYS, why) ||
	    !number(request, "available_bytes", 0, UNKNOWN - 1, &out->available_bytes, why) ||
	    !flag(request, "next_launch", &out->next_launch, why) ||
	    !number(request, "headroom_bytes", 0, UNKNOWN - 1, &out->headroom_bytes, why) ||
	    !flag(request, "leaving", &out->leaving, why) ||
	    !number32(request, "pressure_window_us", 500000, 10000000, &out->pressure_window_us,
		      why) ||
	    !number32(request, "pressure_some_us", 0, out->pressure_window_us - 1,
		      &out->pressure_some_us, why) ||
	    !number32(request, "pressure_full_us", 0, out->pressure_window_us - 1,
		      &out->pressure_full_us, why) ||
	    !number32(request, "trim_below_permille", 0, 1000, &out->trim_below_permille, why) ||
	    !number32(request, "keep_swap_free_permille", 0, 1000, &out->keep_swap_free_permille,
		      why) ||
	    !number(request, "per_minute_bytes", 0, UNKNOWN - 1, &out->per_minute_bytes, why) ||
	    !number32(request, "look_every_ms", 100, 60000, &out->look_every_ms, why))
		return false;
	if (out->keep_swap_free_permille < SWAP_LEAST_PERMILLE)
		out->keep_swap_free_permille = SWAP_LEAST_PERMILLE;
	return true;
}

/* low=700 */
static bool parse_adj(const struct request *request, const char *key, int *out, const char **why)
{
	uint64_t value = (uint64_t)*out;
	bool right = number(request, key, FLOOR_ADJ, 1000, &value, why);

	*out = (int)value;
	return right;
}

/* how=pageout */
static bool parse_rung(const struct request *request, enum rung *out, const char **why)
{
	struct span text;

	if (!request_value(request, "rung", &text))
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(rung_names); i++)
		if (span_is(text, rung_names[i])) {
			*out = (enum rung)i;
			return true;
		}
	*why = "rung must be pageout, cold, trim or leave";
	return false;
}

/* what=anon, or only=dalvik,native */
static bool parse_kinds(const struct request *request, unsigned int *out, const char **why)
{
	struct span what = span_of("anon"), only;
	bool given = request_value(request, "what", &what);

	*why = "what must be anon, file or all; or only: dalvik native stack unnamed code data";
	if (!what_parse(what, out))
		return false;
	return !request_value(request, "only", &only) || (!given && kinds_parse(only, out));
}

/* keep=hot */
static bool parse_keep(const struct request *request, bool *out, const char **why)
{
	struct span text;

	*why = "keep must be hot";
	*out = request_value(request, "keep", &text);
	return !*out || span_is(text, "hot");
}

/* match=com.example.game* */
static bool parse_match(const struct request *request, char out[MATCH_MAX], const char **why)
{
	struct span text;

	*why = "match=GLOB is wanted, of 1 to 159 characters";
	if (!request_value(request, "match", &text) || text.len == 0 || text.len >= MATCH_MAX)
		return false;
	memcpy(out, text.at, text.len);
	return true;
}

/* match=com.example.game* low=700 high=1000 min_bytes=4194304 how=pageout what=anon last=1 */
bool rule_parse(const struct request *request, struct rule *out, const char **why)
{
	memset(out, 0, sizeof(*out));
	out->adj_low = PREVIOUS_ADJ;
	out->adj_high = 1000;
	out->budget_bytes = out->rate_bytes_per_s = UNKNOWN;
	if (request_check(request, RULE_KEYS, why) || !parse_match(request, out->match, why) ||
	    !parse_adj(request, "adj_low", &out->adj_low, why) ||
	    !parse_adj(request, "adj_high", &out->adj_high, why) ||
	    !number(request, "at_least_bytes", 0, UNKNOWN - 1, &out->at_least_bytes, why) ||
	    !number(request, "background_ms", 0, DAY_MS, &out->background_ms, why) ||
	    !parse_rung(request, &out->rung, why) || !parse_kinds(request, &out->kinds, why) ||
	    !number(request, "budget_bytes", 1, UNKNOWN - 1, &out->budget_bytes, why) ||
	    !number(request, "rate_bytes_per_s", 65536, UNKNOWN - 1, &out->rate_bytes_per_s, why) ||
	    !number(request, "cooldown_ms", 0, DAY_MS, &out->cooldown_ms, why) ||
	    !flag(request, "last", &out->last, why) || !parse_keep(request, &out->keep_hot, why) ||
	    !flag(request, "bring_back", &out->bring_back, why))
		return false;
	*why = "keep and bring_back are for rung=pageout and trim";
	if ((out->keep_hot || out->bring_back) &&
	    (out->rung == RUNG_COLD || out->rung == RUNG_LEAVE))
		return false;
	*why = "adj_low must be at most adj_high";
	return out->adj_low <= out->adj_high;
}
