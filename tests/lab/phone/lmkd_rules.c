/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asks the pocket phone's lmkd for one decision: words NAME=VALUE in, "REASON FLOOR WORDS" out (-1: no kill). Or, with
 * words MS:REFAULTS and "kill", how much it thrashes by its own account at each of these looks, with 10,000 file pages.
 */
#define main lmkd_main
#include "lmkd.c"
#undef main

static struct {
	const char *name;
	long value;
} given[] = {
	{"free", 0},          {"cma", 0},          {"inactive_file", 0}, {"anon_kb", 0},
	{"swap_total_kb", 0}, {"swap_free_kb", 0}, {"thrashing", 0},     {"stall_ms", 0},
	{"direct", 0},        {"after_kill", 0},   {"min", 0},           {"low", 0},
	{"high", 0},          {"active_file", 0},  {"dirty", 0},
};

static long value_of(const char *name)
{
	for (size_t i = 0; i < sizeof(given) / sizeof(given[0]); i++)
		if (strcmp(given[i].name, name) == 0)
			return given[i].value;
	abort();
}

static void take(const char *word)
{
	for (size_t i = 0; i < sizeof(given) / sizeof(given[0]); i++) {
		size_t length = strlen(given[i].name);

		if (strncmp(word, given[i].name, length) == 0 && word[length] == '=')
			given[i].value = strtol(word + length + 1, NULL, 10);
	}
	set(word);
}

static int say_thrashing(char **words)
{
	struct vmstate state = {.active_file = 9999};
	bool after_kill = false;

	watch.limit = setting("thrashing_limit");
	for (; *words; words++) {
		char *refaults = strchr(*words, ':');

		if (refaults) {
			state.refault_file = strtoul(refaults + 1, NULL, 10);
			measure_thrashing(&state, atol(*words), after_kill);
			printf("%ld ", watch.thrashing);
		}
		after_kill = !refaults;
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct vmstate state = {0};
	struct decision decision;

	if (argc > 1 && strchr(argv[1], ':'))
		return say_thrashing(argv + 1);
	for (int i = 1; i < argc; i++)
		take(argv[i]);
	state.free = (uint64_t)value_of("free");
	state.cma_free = (uint64_t)value_of("cma");
	state.inactive_file = (uint64_t)value_of("inactive_file");
	state.active_file = (uint64_t)value_of("active_file");
	state.dirty = (uint64_t)value_of("dirty");
	state.meminfo_kb[ACTIVE_ANON] = (uint64_t)value_of("anon_kb");
	state.meminfo_kb[SWAP_TOTAL] = (uint64_t)value_of("swap_total_kb");
	state.meminfo_kb[SWAP_FREE] = (uint64_t)value_of("swap_free_kb");
	watch.thrashing = value_of("thrashing");
	watch.limit = setting("thrashing_limit");
	watch.marks = (struct watermarks){(uint64_t)value_of("min"), (uint64_t)value_of("low"),
					  (uint64_t)value_of("high")};
	decision = decide(&state, value_of("stall_ms") >= setting("psi_complete_stall_ms"),
			  value_of("after_kill") != 0, value_of("direct") != 0);
	printf("%d %d %s\n", (int)decision.reason, decision.min_adj, decision.why);
	return 0;
}
