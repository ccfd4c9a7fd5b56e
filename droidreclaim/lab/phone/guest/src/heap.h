/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One app's heap: mappings under the names of Android 9 and before, every page of them checked (pages.h).
 *
 * Debian's kernel has no names for anonymous memory, so the old way is used: ashmem. On a phone a private mapping
 * of ashmem is anonymous memory that keeps a file for its name. A private mapping of an unlinked character node
 * with the number of /dev/zero is exactly that; one of an unlinked tmpfs file is not: each first write there leaves
 * a second page behind in the page cache.
 */
#ifndef HEAP_H
#define HEAP_H

#include "pages.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define ASHMEM_DIR "/dev/ashmem"
/* What is used together lies together: the working set comes in runs of 64 KiB. */
#define CLUSTER_PAGES 16u

enum { MAIN_SPACE, LARGE_OBJECTS, MALLOC, CACHE, PLAIN, SEGMENTS };

static const struct {
	const char *name; /* NULL: anonymous without a name */
	unsigned percent;
} layout[SEGMENTS] = {
	[MAIN_SPACE] = {"dalvik-main space", 55},
	[LARGE_OBJECTS] = {"dalvik-large object space", 10},
	[MALLOC] = {"libc_malloc", 20},
	[CACHE] = {"dalvik-image cache", 10},
	[PLAIN] = {NULL, 5},
};

enum { COLD, HOT, NEWLY_HOT, LEFT }; /* the last two while the next working set is drawn */

struct heap {
	uint64_t seed;
	uint32_t pages; /* all that may ever be filled */
	uint32_t first[SEGMENTS + 1]; /* index of each segment's first page; the last is `pages` */
	uint8_t *base[SEGMENTS];
	uint32_t grown; /* pages of the plain segment filled so far; it fills in the foreground */
	uint8_t *
		generation; /* what each page must carry; outside the pages, so a stale page is found */
	uint8_t *hot; /* by cluster: whether it is in the working set */
	uint32_t clusters;
	unsigned reuse_percent; /* of the working set, that the next resume uses again */
	bool moves; /* a collector moves the objects of the main space at each resume */
	uint64_t random;
	bool cache_dropped;
	bool has_score; /* page 0 holds a score instead of objects */
};

struct check {
	uint32_t pages;
	uint32_t bad;
	int64_t first_bad; /* -1: none */
};

static inline void *map_plain(size_t bytes)
{
	return mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

/* Returns a private anonymous mapping that /proc/PID/maps names, or MAP_FAILED with errno. */
static inline void *map_named(const char *name, size_t bytes)
{
	char path[128];
	void *base;
	int fd;

	snprintf(path, sizeof(path), ASHMEM_DIR "/%s", name);
	unlink(path);
	if (mknod(path, S_IFCHR | 0600, makedev(1, 5)) != 0) /* no ashmem, as from Android 10 on */
		return errno == ENOENT ? map_plain(bytes) : MAP_FAILED;
	fd = open(path, O_RDWR | O_CLOEXEC);
	unlink(path);
	if (fd < 0)
		return MAP_FAILED;
	base = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	close(fd);
	return base;
}

/*
 * Map the segments of a heap of `bytes`; needs CAP_MKNOD, so it is called before the app drops root.
 * Nothing is touched yet. Returns 0 or -errno.
 */
static inline int heap_map(struct heap *heap, size_t bytes)
{
	uint32_t first = 0;

	heap->pages = (uint32_t)(bytes / PAGE_BYTES);
	for (unsigned i = 0; i < SEGMENTS; i++) {
		uint32_t count =
			i == PLAIN ? heap->pages - first : heap->pages * layout[i].percent / 100;
		size_t size = (size_t)(count ? count : 1) * PAGE_BYTES;

		heap->first[i] = first;
		heap->base[i] = layout[i].name ? map_named(layout[i].name, size) : map_plain(size);
		if (heap->base[i] == MAP_FAILED)
			return -errno;
		first += count;
	}
	heap->first[SEGMENTS] = heap->pages;
	heap->generation = map_plain(heap->pages + 1);
	heap->clusters = heap->pages / CLUSTER_PAGES + 1;
	heap->hot = map_plain(heap->clusters);
	return heap->generation == MAP_FAILED || heap->hot == MAP_FAILED ? -errno : 0;
}

/*
 * Map all but the main space as plain anonymous memory instead, while nothing is touched: what it is on phones
 * since Android 10, and what remote advice to read from swap reaches. The kernel there keeps the names; here they
 * are lost. Huge pages are for none of it, as on phones. Returns 0 or -errno.
 */
static inline int heap_unname(struct heap *heap)
{
	for (unsigned i = MAIN_SPACE + 1; i < SEGMENTS; i++) {
		size_t size = (size_t)(heap->first[i + 1] - heap->first[i]) * PAGE_BYTES;

		if (size == 0)
			continue;
		if (mmap(heap->base[i], size, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
			return -errno;
		madvise(heap->base[i], size, MADV_NOHUGEPAGE);
	}
	return 0;
}

static inline uint64_t *heap_page(const struct heap *heap, uint32_t index)
{
	unsigned i = 0;

	while (index >= heap->first[i + 1])
		i++;
	return (uint64_t *)(heap->base[i] + (size_t)(index - heap->first[i]) * PAGE_BYTES);
}

/* The index after the last page that is filled now. */
static inline uint32_t heap_end(const struct heap *heap)
{
	return heap->first[PLAIN] + heap->grown;
}

static inline bool heap_holds(const struct heap *heap, uint32_t index)
{
	bool cached = index >= heap->first[CACHE] && index < heap->first[CACHE + 1];

	return index < heap_end(heap) && !(cached && heap->cache_dropped);
}

/* Give a page new content, one generation on, as an app does that allocates over what it freed. */
static inline void heap_write(struct heap *heap, uint32_t index)
{
	if (heap->has_score && index == 0)
		return;
	page_fill(heap_page(heap, index), heap->seed, index, ++heap->generation[index]);
}

static inline bool heap_good(const struct heap *heap, uint32_t index)
{
	const uint64_t *page = heap_page(heap, index);

	if (heap->has_score && index == 0)
		return page_sealed(page, heap->seed, 0, heap->generation[0]);
	return page_good(page, heap->seed, index, heap->generation[index]);
}

static inline void heap_fill(struct heap *heap, uint32_t from, uint32_t to)
{
	for (uint32_t index = from; index < to; index++)
		heap_write(heap, index);
}

static inline bool heap_in_working_set(const struct heap *heap, uint32_t index)
{
	return heap->hot[index / CLUSTER_PAGES] == HOT;
}

/* The working set of the first resume; what is not in it was used once, when the app was launched. */
static inline void heap_choose(struct heap *heap, unsigned working_permille)
{
	heap->random = mix(heap->seed) | 1;
	for (uint32_t i = 0; i < heap->clusters; i++)
		heap->hot[i] = mix(heap->seed * 31 + i) % 1000 < working_permille ? HOT : COLD;
}

static inline bool cluster_is_in_main_space(const struct heap *heap, uint32_t cluster)
{
	return (cluster + 1) * CLUSTER_PAGES <= heap->first[MAIN_SPACE + 1];
}

/* Give each filled page of a cluster new content. */
static inline void heap_write_cluster(struct heap *heap, uint32_t cluster)
{
	for (uint32_t i = 0; i < CLUSTER_PAGES; i++)
		if (cluster * CLUSTER_PAGES + i < heap->pages &&
		    heap_holds(heap, cluster * CLUSTER_PAGES + i))
			heap_write(heap, cluster * CLUSTER_PAGES + i);
}

/*
 * Replace `cluster` in the working set by another. One that a collector moves (`moved`) is replaced
 * within the main space, and the new cluster is written.
 */
static inline void heap_replace(struct heap *heap, uint32_t cluster, bool moved)
{
	uint32_t room = moved ? heap->first[MAIN_SPACE + 1] / CLUSTER_PAGES : heap->clusters;

	for (unsigned tries = 0; tries < 64; tries++) {
		uint32_t other;

		heap->random = next_word(heap->random);
		other = (uint32_t)(heap->random >> 16) % room;
		if (heap->hot[other] != COLD)
			continue;
		heap->hot[other] = NEWLY_HOT;
		heap->hot[cluster] = LEFT;
		if (moved)
			heap_write_cluster(heap, other);
		return;
	}
}

/*
 * Draw the working set of the next resume: a share of the last one's runs of 64 KiB stays, the
 * others are replaced. Where a collector moves objects, all runs of the main space are replaced.
 */
static inline void heap_draw(struct heap *heap)
{
	for (uint32_t i = 0; i < heap->clusters; i++) {
		bool moved = heap->moves && cluster_is_in_main_space(heap, i);

		if (heap->hot[i] != HOT)
			continue;
		heap->random = next_word(heap->random);
		if (moved || (heap->random >> 16) % 100 >= heap->reuse_percent)
			heap_replace(heap, i, moved);
	}
	for (uint32_t i = 0; i < heap->clusters; i++)
		heap->hot[i] = heap->hot[i] == HOT || heap->hot[i] == NEWLY_HOT ? HOT : COLD;
}

/* Read and check the filled pages, all or those of the working set; adds to `check`. */
static inline void heap_check(const struct heap *heap, bool working_set_only, struct check *check)
{
	for (uint32_t index = 0; index < heap_end(heap); index++) {
		if (!heap_holds(heap, index) ||
		    (working_set_only && !heap_in_working_set(heap, index)))
			continue;
		check->pages++;
		if (heap_good(heap, index))
			continue;
		if (check->bad++ == 0)
			check->first_bad = index;
	}
}

static inline size_t heap_drop_cache(struct heap *heap)
{
	size_t bytes = (size_t)(heap->first[CACHE + 1] - heap->first[CACHE]) * PAGE_BYTES;

	if (heap->cache_dropped || bytes == 0)
		return 0;
	madvise(heap->base[CACHE], bytes, MADV_DONTNEED);
	heap->cache_dropped = true;
	return bytes;
}

static inline void heap_restore_cache(struct heap *heap)
{
	if (!heap->cache_dropped)
		return;
	heap->cache_dropped = false;
	heap_fill(heap, heap->first[CACHE], heap->first[CACHE + 1]);
}

static inline void score_set(struct heap *heap, uint64_t score)
{
	uint64_t *page = heap_page(heap, 0);

	page[HEAD_WORDS] = score;
	page[HEAD_WORDS + 1 + score % 64] =
		mix(heap->seed + score); /* the board: where the player stands */
	page_seal(page, heap->seed, 0, ++heap->generation[0]);
}

static inline uint64_t score_get(const struct heap *heap)
{
	return heap_page(heap, 0)[HEAD_WORDS];
}

#endif
