/*
 * What resumes need of processes: which 64 KiB pieces of their address space (grains) came back after a
 * page-out. Bounded: HOT_BYTES for all processes together, who was noted longest ago is forgotten first.
 * It is in this process' memory alone, and ends with it.
 */
#ifndef HOT_SET_H
#define HOT_SET_H

#include "text.h"

#define HOT_BYTES (224u * 1024) /* of all sets; one is built in HOT_SET_BYTES beside them */
#define HOT_SET_BYTES (32u * 1024) /* of one process; what is over it is not learned */
#define GRAIN_SHIFT 16 /* 64 KiB: four pages of 16 KiB, and what a fault with mTHP brings in */
#define GRAIN_BYTES (1ull << GRAIN_SHIFT)

/*
 * A grain's byte. OUT: pages that were in swap after the last page-out, 15: all 16; 14: 14 or 15.
 * BACK: some of them came back at the look in work. Above it the last three resumes, the last one lowest.
 */
#define GRAIN_OUT 0x0fu
#define GRAIN_BACK 0x80u
#define GRAIN_LAST 0x10u
#define GRAIN_RESUMES 0x70u

/* One process' set: this, then its mappings in order of address, each with its grains behind it. */
struct hot_set {
	uint32_t bytes; /* of all of it */
	int32_t pid;
	uint64_t start; /* clock ticks, as of a target */
	uint32_t resumes; /* that were learned from */
	uint32_t out_pages; /* in swap after the last page-out, without the moving space */
	uint32_t moving_out_pages; /* of `dalvik-main space`, whose objects change places at a GC */
	uint32_t moving_back_pages; /* of those, back at the last look */
	uint8_t looked; /* the last page-out's resume was learned from */
	uint8_t gc; /* more than half of a Java heap came back at the last look: a GC, not a resume */
	uint8_t unused[6];
};

/* One mapping; grains are counted from the one that holds its start. */
struct hot_mapping {
	uint64_t start, end;
	uint32_t name; /* its CRC-32 */
	uint32_t first_grain, grains_nr; /* those of which something is known */
	uint32_t bytes; /* with its grains, to the next mapping */
};

/* Which pages of a process are meant, by what is known of it. */
enum hot_choice {
	HOT_ANY,
	HOT_LEFT_OUT, /* all but the hot; where nothing is known, all */
	HOT_ONLY, /* where nothing is known, none */
};

/* The set of a process; NULL: nothing is known. Valid until the next hot_set_put() or _drop(). */
struct hot_set *hot_set_find(int pid, uint64_t start);
/* Keep `set` (a copy) as the last one noted, in place of the one of its process. */
void hot_set_put(const struct hot_set *set);
void hot_set_drop(int pid, uint64_t start);

/* All of them, one behind the other, `*bytes` in all. */
const uint8_t *hot_sets(size_t *bytes);

/* The first mapping of a set, and the one behind `mapping`; NULL at the end. */
struct hot_mapping *hot_mapping_first(struct hot_set *set);
struct hot_mapping *hot_mapping_next(struct hot_set *set, struct hot_mapping *mapping);
/*
 * The mapping with exactly these; NULL: none. For a pass in ascending order: `*next` is the first one not
 * passed yet.
 */
struct hot_mapping *hot_mapping_find(struct hot_set *set, struct hot_mapping **next, uint64_t start,
				     uint64_t end, uint32_t name);
uint8_t *hot_grains(struct hot_mapping *mapping);

/* Whether a resume will want it: it came back at the last one, or at both before that. */
bool grain_is_hot(uint8_t grain);

/* Bytes from `address` on, `most` at the most, that are all hot or all not; `mapping` may be NULL. */
uint64_t hot_run(struct hot_mapping *mapping, uint64_t address, uint64_t most, bool *hot);

/* Bytes of the grains that are hot, cut to their mappings. */
uint64_t hot_set_bytes(struct hot_set *set);

#endif
