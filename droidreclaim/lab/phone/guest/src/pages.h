/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pages that look like an app's heap and can be checked: one in ten is zero, the rest is object words (69 %),
 * UTF-16 text (16 %) and noise (5 %), about 3:1 under lzo-rle. Every page that is not zero carries seed, index,
 * generation and a sum, so that a page lost, swapped for another, or one byte off is found.
 */
#ifndef PAGES_H
#define PAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PAGE_BYTES 4096u
#define PAGE_WORDS (PAGE_BYTES / sizeof(uint64_t))

struct page_head {
	uint64_t seed;
	uint32_t index;
	uint32_t generation;
	uint64_t sum;
};

#define HEAD_WORDS (sizeof(struct page_head) / sizeof(uint64_t))
#define SUM_WORD 2u

enum page_kind { PAGE_ZERO, PAGE_OBJECTS, PAGE_TEXT, PAGE_NOISE };

static inline uint64_t mix(uint64_t x)
{
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
	return x ^ (x >> 31);
}

static inline uint64_t next_word(uint64_t x)
{
	x ^= x << 13;
	x ^= x >> 7;
	return x ^ (x << 17);
}

static inline enum page_kind page_kind(uint64_t seed, uint32_t index)
{
	uint64_t share = mix(seed ^ (uint64_t)index << 20) % 100;

	if (share < 10)
		return PAGE_ZERO;
	if (share < 79)
		return PAGE_OBJECTS;
	return share < 95 ? PAGE_TEXT : PAGE_NOISE;
}

/*
 * Each step is a bijection of the sum for a given word and of the word for a given sum: two pages that differ in
 * one word never have the same sum.
 */
static inline uint64_t page_sum(const uint64_t *word)
{
	uint64_t sum = 0x9e3779b97f4a7c15u;

	for (size_t i = 0; i < PAGE_WORDS; i++)
		if (i != SUM_WORD)
			sum = (sum ^ word[i]) * 0xd6e8feb86659fd93u;
	return sum;
}

static inline bool page_is_zero(const uint64_t *word)
{
	uint64_t any = 0;

	for (size_t i = 0; i < PAGE_WORDS; i++)
		any |= word[i];
	return any == 0;
}

/* Objects of 32 bytes: class and lock word, two references to neighbours, a small number, a few flags. */
static inline void fill_objects(uint64_t *word, uint64_t x)
{
	for (size_t i = HEAD_WORDS; i < PAGE_WORDS; i++) {
		if (i % 4 == 0) {
			x = next_word(x);
			word[i] = 0x70a1b000u + ((x & 7) << 6);
		} else if (i % 4 == 1) {
			word[i] = 0x12c00000u + ((x >> 8 & 0xfff) << 4);
		} else if (i % 4 == 2) {
			word[i] = (x >> 24 & 7) ? 0 : 0x1340000000000u + (x >> 32 & 0xfff);
		} else {
			word[i] = x >> 44 & 7;
		}
	}
}

/* Four UTF-16 letters a word, from 32 syllables. */
static inline void fill_text(uint64_t *word, uint64_t x)
{
	for (size_t i = HEAD_WORDS; i < PAGE_WORDS; i++) {
		uint64_t syllable;

		x = next_word(x);
		syllable = mix(x & 31);
		word[i] = 0x0061006100610061u + (syllable & 0x0007000f0003000fu);
	}
}

static inline void fill_noise(uint64_t *word, uint64_t x)
{
	for (size_t i = HEAD_WORDS; i < PAGE_WORDS; i++)
		word[i] = x = next_word(x);
}

/* Close a page whose body was changed on purpose: stamp it and bring the sum up to date. */
static inline void page_seal(void *page, uint64_t seed, uint32_t index, uint32_t generation)
{
	struct page_head *head = page;

	head->seed = seed;
	head->index = index;
	head->generation = generation;
	head->sum = page_sum(page);
}

static inline void page_fill(void *page, uint64_t seed, uint32_t index, uint32_t generation)
{
	uint64_t x = mix(seed + index) + generation * 2 + 1;

	switch (page_kind(seed, index)) {
	case PAGE_ZERO:
		for (size_t i = 0; i < PAGE_WORDS; i++)
			((volatile uint64_t *)page)[i] =
				0; /* written, so that it is the app's own page */
		return;
	case PAGE_OBJECTS:
		fill_objects(page, x);
		break;
	case PAGE_TEXT:
		fill_text(page, x);
		break;
	case PAGE_NOISE:
		fill_noise(page, x);
		break;
	}
	page_seal(page, seed, index, generation);
}

static inline bool page_sealed(const void *page, uint64_t seed, uint32_t index, uint32_t generation)
{
	const struct page_head *head = page;

	return head->seed == seed && head->index == index && head->generation == generation &&
	       head->sum == page_sum(page);
}

static inline bool page_good(const void *page, uint64_t seed, uint32_t index, uint32_t generation)
{
	if (page_kind(seed, index) == PAGE_ZERO)
		return page_is_zero(page);
	return page_sealed(page, seed, index, generation);
}

#endif
