/* Learning what a resume needs: what was in swap after a page-out, and is in memory later. */
#include "hot_learn.h"

#include "page.h"

#define RESUME_SHARE 16 /* less than this part of what went out is no resume */

static const struct chosen anonymous = {VMA_ANON, 0, UINT64_MAX, false, HOT_ANY};

/* Objects in it change their places at every compacting GC, so its addresses say nothing. */
static bool is_moving(struct span name)
{
	return span_starts(name, "[anon:dalvik-main space") ||
	       span_starts(name, "/dev/ashmem/dalvik-main space");
}

static uint32_t name_of(const struct walk *walk)
{
	return crc32(0, walk->name.at, walk->name.len);
}

#define SLICE_PAGES 8192 /* looked at between two pauses: a third of a millisecond */
#define PAUSE_NS 500000

/* Leave the processor to the app now and then: it is in front, and draws. */
static void pause_after(size_t pages)
{
	static const struct sys_timespec pause = {0, PAUSE_NS};
	static size_t looked_at;

	looked_at += pages;
	if (looked_at < SLICE_PAGES)
		return;
	looked_at = 0;
	sys_poll(NULL, 0, &pause, NULL);
}

/* What pagemap says of one grain. */
struct grain {
	uint64_t number; /* counted from the start of the address space */
	uint32_t swapped, present; /* pages; present ones of this process alone */
};

typedef void (*grain_fn)(void *data, const struct grain *grain);

/* Call `see` for each grain of walk->vma in which something is in memory or in swap. 0 or -errno. */
static int each_grain(struct walk *walk, grain_fn see, void *data)
{
	struct grain grain = {0, 0, 0};

	while (walk->at < walk->vma.end) {
		const uint64_t *entries;
		uint64_t at = walk->at;
		size_t nr, used = 0;
		int error = walk_entries(walk, &entries, &nr);

		if (error)
			return error;
		for (size_t i = 0; i < nr; i++, at += page_bytes) {
			used += entries[i] != 0;
			if (at >> GRAIN_SHIFT != grain.number) {
				if (grain.swapped || grain.present)
					see(data, &grain);
				grain = (struct grain){at >> GRAIN_SHIFT, 0, 0};
			}
			grain.swapped += (entries[i] & PAGE_SWAPPED) != 0;
			grain.present +=
				(entries[i] & PAGE_PRESENT) && (entries[i] & PAGE_EXCLUSIVE);
		}
		pause_after(used);
	}
	if (grain.swapped || grain.present)
		see(data, &grain);
	return 0;
}

/* Noting. */

static struct {
	_Alignas(8) uint8_t bytes[HOT_SET_BYTES];
	struct hot_set *before; /* of the same process; NULL: none */
	struct hot_mapping *next; /* in it, not passed yet */
	struct hot_mapping *old; /* the same mapping in it; NULL: it is new, or changed */
	struct hot_mapping *mapping; /* the one in work */
} building;

static struct hot_set *new_set(void)
{
	return (struct hot_set *)(void *)building.bytes;
}

/* 16 pages as 15, for all of them are out more often than all but one. */
static uint8_t out_of(uint32_t pages)
{
	return (uint8_t)(pages >= 16 ? 15 : pages == 15 ? 14 : pages);
}

/* The pages that a grain's byte says were out. */
static uint32_t pages_out(uint8_t grain)
{
	return (grain & GRAIN_OUT) == 15 ? 16 : grain & GRAIN_OUT;
}

/* What is known of a grain from before: the resumes that used it. */
static uint8_t resumes_of(struct hot_mapping *old, uint64_t number)
{
	uint64_t first = old ? (old->start >> GRAIN_SHIFT) + old->first_grain : 0;

	return old && number >= first && number - first < old->grains_nr ?
		       hot_grains(old)[number - first] & GRAIN_RESUMES :
		       0;
}

static void note_grain(void *data, const struct grain *grain)
{
	struct hot_mapping *mapping = building.mapping;
	size_t index = (size_t)(grain->number - (mapping->start >> GRAIN_SHIFT));
	uint8_t byte = out_of(grain->swapped) | resumes_of(building.old, grain->number);
	uint8_t *grains = hot_grains(mapping);
	size_t room = (size_t)(&building.bytes[sizeof(building.bytes)] - grains);

	(void)data;
	new_set()->out_pages += grain->swapped;
	if (!byte)
		return;
	if (mapping->grains_nr == 0)
		mapping->first_grain = (uint32_t)index;
	index -= mapping->first_grain;
	if (index >= room)
		return; /* more than one process may have */
	memset(&grains[mapping->grains_nr], 0, index - mapping->grains_nr);
	grains[index] = byte;
	mapping->grains_nr = (uint32_t)index + 1;
}

static void note_moving(void *data, const struct grain *grain)
{
	(void)data;
	new_set()->moving_out_pages += grain->swapped;
}

/* Whether a mapping with a few grains still fits. */
static bool has_room(void)
{
	return new_set()->bytes + sizeof(struct hot_mapping) + 8 <= sizeof(building.bytes);
}

static int note_mapping(struct walk *walk)
{
	struct hot_set *set = new_set();
	struct hot_mapping *mapping = (struct hot_mapping *)(void *)&building.bytes[set->bytes];
	int error;

	if (is_moving(walk->name))
		return each_grain(walk, note_moving, NULL);
	if (!has_room()) {
		walk->at = walk->vma.end;
		return 0;
	}
	*mapping = (struct hot_mapping){walk->vma.start, walk->vma.end, name_of(walk), 0, 0, 0};
	building.mapping = mapping;
	building.old = building.before ?
			       hot_mapping_find(building.before, &building.next, mapping->start,
						mapping->end, mapping->name) :
			       NULL;
	error = each_grain(walk, note_grain, NULL);
	if (mapping->grains_nr > 0) {
		mapping->bytes = (uint32_t)(sizeof(*mapping) + mapping->grains_nr + 7) & ~7u;
		set->bytes += mapping->bytes;
	}
	return error;
}

int hot_note_out(struct walk *walk, int dir, int pid, uint64_t start)
{
	struct hot_set *set = new_set(), *before = hot_set_find(pid, start);
	int more, error = walk_open(walk, dir, &anonymous);

	*set = (struct hot_set){.bytes = sizeof(*set), .pid = pid, .start = start};
	if (before)
		set->resumes = before->resumes;
	building.before = before;
	building.next = before ? hot_mapping_first(before) : NULL;
	if (!error && walk->pagemap < 0)
		error = walk->pagemap;
	while (!error && (more = walk_next_vma(walk)) != 0)
		error = more < 0 ? more : note_mapping(walk);
	walk_close(walk);
	if (error)
		hot_set_drop(pid, start);
	else
		hot_set_put(set);
	return error;
}

/* Learning. */

struct look {
	struct hot_set *set;
	struct hot_mapping *mapping;
	uint32_t back_pages; /* of the mapping in work */
	uint32_t swapped_pages; /* of the moving space, still */
	uint32_t all_back_pages;
};

static void look_at_grain(void *data, const struct grain *grain)
{
	struct look *look = data;
	uint64_t first = (look->mapping->start >> GRAIN_SHIFT) + look->mapping->first_grain;
	uint64_t index = grain->number - first;
	uint32_t out;

	if (grain->number < first || index >= look->mapping->grains_nr)
		return;
	out = pages_out(hot_grains(look->mapping)[index]);
	if (grain->present == 0 || grain->swapped >= out)
		return;
	hot_grains(look->mapping)[index] |= GRAIN_BACK;
	out -= grain->swapped; /* what left swap, as far as it is in memory */
	look->back_pages += out < grain->present ? out : grain->present;
}

static void look_at_moving(void *data, const struct grain *grain)
{
	struct look *look = data;

	look->swapped_pages += grain->swapped;
}

static uint32_t out_pages(struct hot_mapping *mapping)
{
	uint32_t sum = 0;

	for (uint32_t i = 0; i < mapping->grains_nr; i++)
		sum += pages_out(hot_grains(mapping)[i]);
	return sum;
}

/* A mapping that is not there any more, or changed, has no hot grains. */
static void forget(struct hot_mapping *mapping)
{
	memset(hot_grains(mapping), 0, mapping->grains_nr);
}

/* A GC touches most of a Java heap: that says nothing about the next resume. */
static void leave_out_gc(struct look *look, enum vma_kind kind)
{
	if (kind != VMA_DALVIK || look->back_pages * 2 <= out_pages(look->mapping))
		return;
	look->set->gc = true;
	look->back_pages = 0;
	for (uint32_t i = 0; i < look->mapping->grains_nr; i++)
		hot_grains(look->mapping)[i] &= (uint8_t)~GRAIN_BACK;
}

static int look_at_mapping(struct walk *walk, struct look *look, struct hot_mapping **next)
{
	struct hot_mapping *mapping = *next;
	int error;

	if (is_moving(walk->name))
		return each_grain(walk, look_at_moving, look);
	for (; mapping && mapping->start < walk->vma.start;
	     mapping = hot_mapping_next(look->set, mapping))
		forget(mapping);
	*next = mapping;
	if (!mapping || mapping->start > walk->vma.start)
		return 0;
	*next = hot_mapping_next(look->set, mapping);
	if (mapping->end != walk->vma.end || mapping->name != name_of(walk)) {
		forget(mapping);
		return 0;
	}
	look->mapping = mapping;
	look->back_pages = 0;
	error = each_grain(walk, look_at_grain, look);
	leave_out_gc(look, walk->vma.kind);
	look->all_back_pages += look->back_pages;
	return error;
}

/* Enter what came back into each grain's resumes; without `learned` only clear what the look left. */
static void enter(struct hot_set *set, bool learned)
{
	struct hot_mapping *mapping;

	for (mapping = hot_mapping_first(set); mapping; mapping = hot_mapping_next(set, mapping))
		for (uint32_t i = 0; i < mapping->grains_nr; i++) {
			uint8_t *grain = &hot_grains(mapping)[i], before = *grain;
			uint8_t resumes = before & GRAIN_RESUMES;

			/* What was kept in memory says nothing about its use. */
			if (learned && !set->looked && (before & GRAIN_OUT))
				resumes = (uint8_t)(resumes << 1) & GRAIN_RESUMES;
			if (learned && (before & GRAIN_BACK))
				resumes |= GRAIN_LAST;
			*grain = (before & GRAIN_OUT) | resumes;
		}
}

int hot_learn(struct walk *walk, int dir, int pid, uint64_t start)
{
	struct look look = {.set = hot_set_find(pid, start)};
	struct hot_mapping *next;
	bool resumed;
	int more, error;

	if (!look.set)
		return 0;
	look.set->gc = false;
	next = hot_mapping_first(look.set);
	error = walk_open(walk, dir, &anonymous);
	if (!error && walk->pagemap < 0)
		error = walk->pagemap;
	while (!error && (more = walk_next_vma(walk)) != 0)
		error = more < 0 ? more : look_at_mapping(walk, &look, &next);
	walk_close(walk);
	if (error)
		return error;
	for (; next; next = hot_mapping_next(look.set, next))
		forget(next);
	look.set->moving_back_pages = look.swapped_pages < look.set->moving_out_pages ?
					      look.set->moving_out_pages - look.swapped_pages :
					      0;
	look.set->gc |= look.set->moving_back_pages * 2 > look.set->moving_out_pages;
	resumed = look.all_back_pages > 0 &&
		  (look.set->looked || look.all_back_pages * RESUME_SHARE >= look.set->out_pages);
	enter(look.set, resumed);
	look.set->resumes += resumed && !look.set->looked;
	look.set->looked |= resumed;
	return 0;
}
