/*
 * What the three processes of a pressure share: the session, which asks; the watchdog, its
 * child, which looks and judges; the holder, the watchdog's child, which takes memory and
 * nothing else. Each dies with its parent, so no memory is held once the session has ended.
 */
#ifndef BOARD_H
#define BOARD_H

#include "text.h"

#define ENDED_MAX 64
#define ENDED_NAME_MAX 160
#define KIB_UNKNOWN INT32_MIN

enum phase {
	PHASE_TAKING,
	PHASE_HELD, /* the condition was reached, or somebody was killed before it was */
	PHASE_ENDED, /* the holder is gone, its memory with it */
};

enum until {
	UNTIL_KILL, /* an app's process ended, or the kernel counts an OOM kill */
	UNTIL_HEADROOM, /* free memory is at the low watermarks */
	UNTIL_AVAILABLE, /* MemAvailable is down to a number */
	UNTIL_TAKEN, /* the holder has taken a number of bytes */
};

/* What is short, in KiB: 32 bits, which a reader in another process never sees half written. */
struct level {
	int32_t taken_kib;
	int32_t available_kib;
	int32_t free_kib; /* without CMA */
	int32_t headroom_kib; /* free memory over the low watermarks; may be negative */
	int32_t swap_free_kib;
};

/* A process of an app that ended while the pressure lasted, and how things stood then. */
struct ended {
	int pid;
	uint64_t start;
	uint32_t uid;
	int adj; /* at the last look */
	uint32_t at_ms; /* since the pressure began */
	struct level level;
	size_t name_len;
	char name[ENDED_NAME_MAX];
};

struct orders {
	enum until until;
	int32_t until_kib;
	int32_t cap_kib;
	int32_t step_kib;
	uint32_t pause_us; /* between two looks */
	uint32_t for_ms;
	uint32_t psi_full_us; /* when all processes waited so long in a second: the end */
	uint32_t random_permille; /* of each page; the rest compresses to nothing */
	uint64_t seed;
	int adj;
};

struct board {
	struct orders orders;
	int32_t phase;
	int32_t reached;
	const char *ended_by; /* a word of the protocol; NULL while nothing has */
	int32_t error; /* -errno of the holder, which took nothing then */
	int32_t steps_wanted; /* written by the watchdog, after a look for each */
	int32_t steps_done; /* written by the holder */
	int32_t looks;
	int32_t taken_kib;
	int32_t release; /* set by the session: end the holder */
	int32_t holder; /* its pid */
	int32_t oom_kills; /* by the kernel since the pressure began; KIB_UNKNOWN: not counted */
	uint32_t psi_full_us; /* the most of any second so far */
	uint64_t began_us;
	uint32_t lasted_ms; /* known once it has ended */
	struct level before, now, lowest; /* `lowest`: each number's own lowest */
	int32_t ended_nr; /* may be more than fit */
	struct ended ended[ENDED_MAX];
};

#define BOARD_GET(member) __atomic_load_n(&(member), __ATOMIC_ACQUIRE)
#define BOARD_SET(member, value) __atomic_store_n(&(member), value, __ATOMIC_RELEASE)

/* Milliseconds since `us`, a time of sys_now_us(); good for nine hours. */
uint32_t ms_since(uint64_t us);

/* Sleep for `us`, which is under a second. */
void sleep_us(uint32_t us);

#endif
