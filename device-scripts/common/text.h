/* What C wants from a library, and the few text functions the helper needs. */
#ifndef TEXT_H
#define TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef HOSTED
#include <string.h>
#else
void *memcpy(void *restrict to, const void *restrict from, size_t bytes);
void *memmove(void *to, const void *from, size_t bytes);
void *memset(void *to, int byte, size_t bytes);
int memcmp(const void *a, const void *b, size_t bytes);
size_t strlen(const char *text);
#endif

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))
#define UNKNOWN UINT64_MAX /* a number nobody told us; printed as null */
#define DIGITS_MAX 20 /* decimal digits of a uint64_t */

/* A piece of a larger text; not NUL-terminated. */
struct span {
	const char *at;
	size_t len;
};

struct span span_of(const char *text);
bool span_equal(struct span a, struct span b);
bool span_is(struct span text, const char *word);
bool span_starts(struct span text, const char *prefix);
bool span_ends(struct span text, const char *suffix);

/* Cut the first word (up to `separator`) off `rest`; false when nothing is left. */
bool span_word(struct span *rest, char separator, struct span *word);

/* Cut the digits that `rest` begins with off it; false when there are none, or they overflow. */
bool take_u64(struct span *rest, unsigned int base, uint64_t *out);

/* The whole of `text` as a number; false when it is empty, has other characters or overflows. */
bool parse_u64(struct span text, unsigned int base, uint64_t *out);
bool parse_i64(struct span text, int64_t *out);

/* Decimal digits of `value`, without NUL; returns how many. */
size_t format_u64(uint64_t value, char out[DIGITS_MAX]);

/* The last `digits` hexadecimal digits of `value`, without NUL. */
void format_hex(uint64_t value, char *out, size_t digits);

/* CRC-32 as zlib's: start with 0, feed on with what it returned. */
uint32_t crc32(uint32_t crc, const void *bytes, size_t count);

/*
 * The first character of `text` (not empty) as valid UTF-8 to `out`, U+FFFD for
 * a byte that starts none. Returns the bytes written, and in `taken` those read.
 */
size_t utf8_first(struct span text, char out[4], size_t *taken);

/*
 * Copy `raw` to `out` as valid UTF-8: each byte that is not part of a character
 * becomes U+FFFD. Stops at the last whole character that fits; returns the
 * bytes written.
 */
size_t utf8_clean(struct span raw, char *out, size_t capacity);

#endif
