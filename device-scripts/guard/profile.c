/* What a guard was asked to do: the lines of guard_when and guard_rule, read. */
#include "profile.h"

#include "kind.h"

#define FLOOR_ADJ 500	/* services and home; what is nearer to the user is never touched */
#define PREVIOUS_ADJ 700
#define SWAP_LEAST_PERMILLE 100	/* lmkd calls less of it low, and kills */
#define HOUR_MS 3600000

static const char *const how_names[] = {
	[HOW_PAGEOUT] = "pageout",
	[HOW_COLD] = "cold",
	[HOW_TRIM] = "trim",
	[HOW_LEAVE] = "leave",
};

const char *how_name(enum how how)
{
	return how_names[how];
}

void profile_reset(struct profile *profile)
{
	memset(profile, 0, sizeof(*profile));
	profile->when.psi_some_us = 35000;
	profile->when.psi_window_us = 500000;
	profile->when.swap_floor_permille = 200;
	profile->when.minute_bytes = UNKNOWN;
	profile->when.beat_ms = 1000;
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

/* A number within bounds, `*out` as it was when not given; false when it is none. */
static bool number(const struct request *request, const char *key, uint64_t least, uint64_t most,
		   uint64_t *out)
{
	uint64_t value;

	if (request_u64(request, key, *out, &value))
		return false;
	if (value != *out && (value < least || value > most))
		return false;
	*out = value;
	return true;
}

static bool number32(const struct request *request, const char *key, uint32_t least, uint32_t most,
		     uint32_t *out)
{
	uint64_t value = *out;

	if (!number(request, key, least, most, &value))
		return false;
	*out = (uint32_t)value;
	return true;
}

static bool flag(const struct request *request, const char *key, bool *out)
{
	uint64_t value = 0;

	if (!number(request, key, 0, 1, &value))
		return false;
	*out = value == 1;
	return true;
}

const char *when_parse(const struct request *request, struct when *out)
{
	static const char *const known[] = {
		"available_bytes", "next_launch", "headroom_bytes", "leaving", "psi_some_us",
		"psi_full_us", "psi_window_us", "swap_floor_permille", "minute_bytes", "beat_ms",
		NULL
	};

	if (request_check(request, known))
		return "keys: available_bytes next_launch headroom_bytes leaving psi_some_us "
		       "psi_full_us psi_window_us swap_floor_permille minute_bytes beat_ms";
	if (!number(request, "available_bytes", 0, UNKNOWN - 1, &out->available_bytes) ||
	    !number(request, "headroom_bytes", 0, UNKNOWN - 1, &out->headroom_bytes) ||
	    !number(request, "minute_bytes", 0, UNKNOWN - 1, &out->minute_bytes))
		return "available_bytes, headroom_bytes and minute_bytes must be numbers";
	if (!flag(request, "next_launch", &out->next_launch) ||
	    !flag(request, "leaving", &out->leaving))
		return "next_launch and leaving must be 0 or 1";
	if (!number32(request, "psi_some_us", 0, 10000000, &out->psi_some_us) ||
	    !number32(request, "psi_full_us", 0, 10000000, &out->psi_full_us) ||
	    !number32(request, "psi_window_us", 500000, 10000000, &out->psi_window_us) ||
	    out->psi_some_us >= out->psi_window_us || out->psi_full_us >= out->psi_window_us)
		return "psi_some_us and psi_full_us under psi_window_us, 500000 to 10000000";
	if (!number32(request, "swap_floor_permille", 0, 1000, &out->swap_floor_permille))
		return "swap_floor_permille must be a number up to 1000";
	if (out->swap_floor_permille < SWAP_LEAST_PERMILLE)
		out->swap_floor_permille = SWAP_LEAST_PERMILLE;
	if (!number32(request, "beat_ms", 100, 60000, &out->beat_ms))
		return "beat_ms must be 100 to 60000";
	return NULL;
}

static bool adj(const struct request *request, const char *key, int *out)
{
	struct span text;
	int64_t value;

	if (!request_value(request, key, &text))
		return true;
	if (!parse_i64(text, &value) || value < FLOOR_ADJ || value > 1000)
		return false;
	*out = (int)value;
	return true;
}

static bool parse_how(const struct request *request, enum how *out)
{
	struct span text;

	if (!request_value(request, "how", &text))
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(how_names); i++)
		if (span_is(text, how_names[i])) {
			*out = (enum how)i;
			return true;
		}
	return false;
}

static bool parse_kinds(const struct request *request, unsigned int *out)
{
	struct span what, only;
	bool given = request_value(request, "what", &what);

	*out = VMA_ANON;
	if (given && !what_parse(what, out))
		return false;
	if (!request_value(request, "only", &only))
		return true;
	return !given && kinds_parse(only, out);
}

static bool parse_match(const struct request *request, char out[MATCH_MAX])
{
	struct span text;

	if (!request_value(request, "match", &text) || text.len == 0 || text.len >= MATCH_MAX)
		return false;
	memcpy(out, text.at, text.len);
	out[text.len] = '\0';
	return true;
}

const char *rule_parse(const struct request *request, struct rule *out)
{
	static const char *const known[] = {
		"match", "low", "high", "min_bytes", "background_ms", "how", "what", "only",
		"budget_bytes", "max_bytes_per_s", "cooldown_ms", "last", NULL
	};

	memset(out, 0, sizeof(*out));
	out->low = PREVIOUS_ADJ;
	out->high = 1000;
	out->budget_bytes = UNKNOWN;
	out->max_bytes_per_s = UNKNOWN;
	if (request_check(request, known))
		return "keys: match low high min_bytes background_ms how what only budget_bytes "
		       "max_bytes_per_s cooldown_ms last";
	if (!parse_match(request, out->match))
		return "match=GLOB is wanted, of 1 to 159 characters";
	if (!adj(request, "low", &out->low) || !adj(request, "high", &out->high) ||
	    out->low > out->high)
		return "low and high must be 500 to 1000, low first";
	if (!number(request, "min_bytes", 0, UNKNOWN - 1, &out->min_bytes) ||
	    !number(request, "budget_bytes", 1, UNKNOWN - 1, &out->budget_bytes))
		return "min_bytes and budget_bytes must be numbers, budget_bytes 1 or more";
	if (!number(request, "max_bytes_per_s", 65536, UNKNOWN - 1, &out->max_bytes_per_s))
		return "max_bytes_per_s must be 65536 or more";
	if (!number(request, "background_ms", 0, 24 * HOUR_MS, &out->background_ms) ||
	    !number(request, "cooldown_ms", 0, 24 * HOUR_MS, &out->cooldown_ms))
		return "background_ms and cooldown_ms must be at most a day";
	if (!parse_how(request, &out->how))
		return "how must be pageout, cold, trim or leave";
	if (!parse_kinds(request, &out->kinds))
		return "what must be anon, file or all; or only: dalvik native stack unnamed code data";
	if (!flag(request, "last", &out->last))
		return "last must be 0 or 1";
	return NULL;
}
