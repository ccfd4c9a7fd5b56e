/* What resumes need of processes, kept one behind the other in the order in which they were noted. */
#include "hot_set.h"

static _Alignas(8) uint8_t sets[HOT_BYTES];
static size_t used;

static struct hot_set *set_at(size_t at)
{
	return (struct hot_set *)(void *)&sets[at];
}

static void remove_at(size_t at)
{
	size_t bytes = set_at(at)->bytes;

	used -= bytes;
	memmove(&sets[at], &sets[at + bytes], used - at);
}

struct hot_set *hot_set_find(int pid, uint64_t start)
{
	for (size_t at = 0; at < used; at += set_at(at)->bytes)
		if (set_at(at)->pid == pid && set_at(at)->start == start)
			return set_at(at);
	return NULL;
}

void hot_set_drop(int pid, uint64_t start)
{
	struct hot_set *set = hot_set_find(pid, start);

	if (set)
		remove_at((size_t)((uint8_t *)set - sets));
}

void hot_set_put(const struct hot_set *set)
{
	hot_set_drop(set->pid, set->start);
	while (used + set->bytes > sizeof(sets))
		remove_at(0);
	memcpy(&sets[used], set, set->bytes);
	used += set->bytes;
}

const uint8_t *hot_sets(size_t *bytes)
{
	*bytes = used;
	return sets;
}

static struct hot_mapping *mapping_at(struct hot_set *set, uint8_t *at)
{
	return at < (uint8_t *)set + set->bytes ? (struct hot_mapping *)(void *)at : NULL;
}

struct hot_mapping *hot_mapping_first(struct hot_set *set)
{
	return mapping_at(set, (uint8_t *)(set + 1));
}

struct hot_mapping *hot_mapping_next(struct hot_set *set, struct hot_mapping *mapping)
{
	return mapping_at(set, (uint8_t *)mapping + mapping->bytes);
}

struct hot_mapping *hot_mapping_find(struct hot_set *set, struct hot_mapping **next, uint64_t start,
				     uint64_t end, uint32_t name)
{
	struct hot_mapping *mapping = *next;

	while (mapping && mapping->start < start)
		mapping = hot_mapping_next(set, mapping);
	*next = mapping;
	return mapping && mapping->start == start && mapping->end == end && mapping->name == name ?
		       mapping :
		       NULL;
}

uint8_t *hot_grains(struct hot_mapping *mapping)
{
	return (uint8_t *)(mapping + 1);
}

bool grain_is_hot(uint8_t grain)
{
	const uint8_t before = GRAIN_LAST << 1 | GRAIN_LAST << 2;

	return (grain & GRAIN_LAST) || (grain & before) == before;
}

/* The byte of the grain `number`, counted from the start of the address space; 0 outside. */
static uint8_t grain_of(struct hot_mapping *mapping, uint64_t number)
{
	uint64_t first = (mapping->start >> GRAIN_SHIFT) + mapping->first_grain;

	return number < first || number - first >= mapping->grains_nr ?
		       0 :
		       hot_grains(mapping)[number - first];
}

uint64_t hot_run(struct hot_mapping *mapping, uint64_t address, uint64_t most, bool *hot)
{
	uint64_t number = address >> GRAIN_SHIFT, end;

	*hot = false;
	if (!mapping)
		return most;
	*hot = grain_is_hot(grain_of(mapping, number));
	do
		end = ++number << GRAIN_SHIFT;
	while (end - address < most && grain_is_hot(grain_of(mapping, number)) == *hot);
	return end - address < most ? end - address : most;
}

static uint64_t mapping_hot_bytes(struct hot_mapping *mapping)
{
	uint64_t first = (mapping->start >> GRAIN_SHIFT) + mapping->first_grain, sum = 0;

	for (uint32_t i = 0; i < mapping->grains_nr; i++) {
		uint64_t from = (first + i) << GRAIN_SHIFT, to = from + GRAIN_BYTES;

		if (!grain_is_hot(hot_grains(mapping)[i]))
			continue;
		from = from < mapping->start ? mapping->start : from;
		to = to > mapping->end ? mapping->end : to;
		sum += to - from;
	}
	return sum;
}

uint64_t hot_set_bytes(struct hot_set *set)
{
	struct hot_mapping *mapping;
	uint64_t sum = 0;

	for (mapping = hot_mapping_first(set); mapping; mapping = hot_mapping_next(set, mapping))
		sum += mapping_hot_bytes(mapping);
	return sum;
}
