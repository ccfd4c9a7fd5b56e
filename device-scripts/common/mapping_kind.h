/* What a mapping is, by its line in maps: whose pages may be touched, and which were meant. */
#ifndef MAPPING_KIND_H
#define MAPPING_KIND_H

#include "text.h"

/* Bits, for a request may mean several. */
enum vma_kind {
	VMA_OTHER = 0, /* special, device, shared anonymous: never touched */
	VMA_DALVIK = 1 << 0, /* what ART allocated: Java heap, its tables */
	VMA_NATIVE = 1 << 1, /* malloc's: scudo, libc_malloc, [heap] */
	VMA_STACK = 1 << 2,
	VMA_UNNAMED = 1 << 3, /* any other private anonymous memory */
	VMA_CODE = 1 << 4, /* mappings of libraries, oat, dex and apk files */
	VMA_DATA = 1 << 5, /* mappings of other files */
};

#define KINDS_NR 6
#define VMA_ANON (VMA_DALVIK | VMA_NATIVE | VMA_STACK | VMA_UNNAMED)
#define VMA_FILE (VMA_CODE | VMA_DATA)

/* Of a mapping with these permissions ("rw-p"), inode and path (may be empty). */
enum vma_kind kind_of(struct span perms, uint64_t inode, struct span path);

/* 0 to KINDS_NR - 1. */
size_t kind_index(enum vma_kind kind);
const char *kind_name(size_t index);

/* "dalvik,stack" as bits; false when a word is none, or there is none. */
bool kinds_parse(struct span words, unsigned int *out);

/* "anon", "file" or "all" as bits; false when it is none. */
bool what_parse(struct span word, unsigned int *out);

#endif
