/* The size of a page here, and what pagemap says about one. */
#ifndef PAGE_H
#define PAGE_H

#include "text.h"

extern size_t page_bytes; /* 4096 or 16384 on phones; set once by main */

/* Bits of an entry (Documentation/admin-guide/mm/pagemap.rst); exclusive since 4.2. */
#define PAGE_PRESENT (1ull << 63)
#define PAGE_SWAPPED (1ull << 62)
#define PAGE_FILE (1ull << 61) /* or of shared memory: not anonymous */
#define PAGE_EXCLUSIVE (1ull << 56)
#define PAGE_BITS (PAGE_PRESENT | PAGE_SWAPPED | PAGE_FILE | PAGE_EXCLUSIVE)

/* Index of the page that holds `address`. */
uint64_t page_index(uint64_t address);

#endif
