/*
 * A walk over the memory of a process: maps line by line, pagemap window by
 * window, cut into steps. Nothing of it is kept, so the helper stays as small
 * for an app of 5,000 mappings as for one of 20.
 */
#ifndef PAGE_WALK_H
#define PAGE_WALK_H

#include "hot_set.h"
#include "kernel_file.h"
#include "mapping_kind.h"
#include "sys.h"

struct vma {
	uint64_t start, end;
	enum vma_kind kind;
	bool in_file; /* also ashmem, whose private pages are anonymous */
};

/* Read a line of maps; false when it is none. */
bool vma_parse(struct span line, struct vma *out);

#define STEP_RANGES 64 /* of more ranges a call, the newer kernels' lock is held too long */

/* What one step advises: ranges in ascending order, each within one VMA. */
struct step {
	struct sys_iovec iov[STEP_RANGES];
	uint64_t vma_end[STEP_RANGES]; /* end of the VMA the range is in */
	size_t nr;
	uint64_t bytes;
};

#define WINDOW_PAGES 2048

/* What is meant: VMAs of these kinds, as far as they are in this range of addresses. */
struct chosen {
	unsigned int kinds;
	uint64_t start, end;
	bool swapped; /* of them what is in swap and was never in a file, not what is resident */
	enum hot_choice hot; /* of them what resumes need, or what they do not */
};

/* Whether it is all of anonymous memory, of files, or of both. */
bool chosen_is_whole(const struct chosen *chosen);

/* What was seen of the VMAs that are meant. */
struct use {
	/* In the order of the reply. */
	uint64_t exclusive_bytes; /* resident, mapped by this process alone */
	uint64_t shared_bytes; /* resident, mapped elsewhere too */
	uint64_t swapped_bytes;
	uint64_t mapped_bytes;
	uint64_t locked_bytes; /* only by walk_count_locked() */
};

struct walk {
	struct chosen chosen;
	struct vma vma;
	uint64_t whole_start, whole_end; /* of the mapping that `vma` is cut from */
	struct span name; /* its, until the next one is looked at */
	struct hot_set *hot; /* what is known of the process; NULL: nothing */
	struct hot_mapping *hot_next, *hot_here; /* not passed yet; that of `vma`, or NULL */
	uint64_t left_out_bytes; /* that would have been advised, were they not hot (or not) */
	uint64_t at; /* next byte of `vma` to look at */
	uint64_t refused_end; /* pages below are counted, not advised */
	bool ended;
	int pagemap; /* -errno: whole VMAs are advised */
	uint64_t window_at, window_end; /* addresses of what `entries` tells of */
	struct use uses[KINDS_NR]; /* so far, by kind */
	struct line_reader maps;
	uint64_t entries[WINDOW_PAGES];
};

/* Open maps and pagemap through the /proc directory `dir`; 0 or -errno. */
int walk_open(struct walk *walk, int dir, const struct chosen *chosen);
void walk_close(struct walk *walk);

/*
 * Fill `step` with the next ranges worth advising, `limit_bytes` (a multiple of
 * the page) in all. Returns 0, or -errno when the process cannot be read any
 * more. An empty step is not the end (the caller gets to look up from a long
 * walk over nothing): walk->ended is.
 */
int walk_step(struct walk *walk, uint64_t limit_bytes, struct step *step);

/* Go by what is known of the process, for chosen.hot; before the first step. */
void walk_use_hot(struct walk *walk, struct hot_set *hot);

/*
 * The entries of pagemap from walk->at on, as many as are at hand of this VMA; walk->at goes behind them.
 * Only with walk->pagemap. 0 or -errno.
 */
int walk_entries(struct walk *walk, const uint64_t **entries, size_t *nr);

/* Start over, and go from VMA to VMA: walk->vma, cut to what is meant. 1, 0 at the end, or -errno. */
int walk_rewind(struct walk *walk, int dir);
int walk_next_vma(struct walk *walk);

/* All kinds together. */
struct use walk_sum(const struct walk *walk);

/*
 * Add what mlock() holds, from smaps, which stalls the process like smaps_rollup.
 * The walk is over then. Returns 0 or -errno.
 */
int walk_count_locked(struct walk *walk, int dir);

/* The rest of the VMA that ends at `vma_end` is not to be advised. */
void walk_refuse(struct walk *walk, uint64_t vma_end);

#endif
