/* SPDX-License-Identifier: Apache-2.0 */
/* lmkd's settings under its own names, with AOSP's defaults. */
#ifndef LMKD_SETTINGS_H
#define LMKD_SETTINGS_H

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

static struct {
	const char *name;
	long value;
} settings[] = {
	{"sdk", 33},
	{"psi_partial_stall_ms", 70},
	{"psi_complete_stall_ms", 700},
	{"swap_free_low_percentage", 10},
	{"swap_compression_ratio", 1},
	{"swap_compression_ratio_div", 1},
	{"relaxed_available_memory", 0},
	{"swap_util_max", 100},
	{"thrashing_limit", 100},
	{"thrashing_limit_decay", 10},
	{"thrashing_limit_critical", 300},
	{"stall_limit_critical", 100},
	{"pressure_after_kill_min_score", 0},
	{"lowmem_min_oom_score", 701},
	{"kill_heaviest_task", 0},
	{"kill_timeout_ms", 100},
};

static inline long setting(const char *name)
{
	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
		if (strcmp(settings[i].name, name) == 0)
			return settings[i].value;
	abort();
}

/* Change one setting, NAME=VALUE; ignore a name that lmkd does not have. */
static inline void set(const char *word)
{
	const char *value = strchr(word, '=');

	for (size_t i = 0; value && i < sizeof(settings) / sizeof(settings[0]); i++) {
		size_t length = strlen(settings[i].name);

		if ((size_t)(value - word) == length &&
		    strncmp(word, settings[i].name, length) == 0)
			settings[i].value =
				strncmp(value, "=true", 5) == 0 ? 1 : strtol(value + 1, NULL, 10);
	}
}

#endif
