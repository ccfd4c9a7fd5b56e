/* What C wants from a library, and the few text functions the helper needs. */
#include "text.h"

#ifndef HOSTED
void *memcpy(void *restrict to, const void *restrict from, size_t bytes)
{
	char *t = to;
	const char *f = from;

	while (bytes-- > 0)
		*t++ = *f++;
	return to;
}

void *memmove(void *to, const void *from, size_t bytes)
{
	char *t = to;
	const char *f = from;

	if (t <= f)
		return memcpy(to, from, bytes);
	while (bytes-- > 0)
		t[bytes] = f[bytes];
	return to;
}

void *memset(void *to, int byte, size_t bytes)
{
	char *t = to;

	while (bytes-- > 0)
		*t++ = (char)byte;
	return to;
}

int memcmp(const void *a, const void *b, size_t bytes)
{
	const unsigned char *x = a, *y = b;

	for (; bytes > 0; bytes--, x++, y++)
		if (*x != *y)
			return *x - *y;
	return 0;
}

size_t strlen(const char *text)
{
	size_t len = 0;

	while (text[len])
		len++;
	return len;
}

#ifdef __arm__
/* The names ARM's run-time ABI gives them (IHI 0043); note memset's order. */
void __aeabi_memcpy(void *to, const void *from, size_t bytes)
{
	memcpy(to, from, bytes);
}

void __aeabi_memmove(void *to, const void *from, size_t bytes)
{
	memmove(to, from, bytes);
}

void __aeabi_memset(void *to, size_t bytes, int byte)
{
	memset(to, byte, bytes);
}

void __aeabi_memclr(void *to, size_t bytes)
{
	memset(to, 0, bytes);
}

__asm__(".globl __aeabi_memcpy4, __aeabi_memcpy8, __aeabi_memmove4, __aeabi_memmove8\n"
	".globl __aeabi_memset4, __aeabi_memset8, __aeabi_memclr4, __aeabi_memclr8\n"
	"__aeabi_memcpy4 = __aeabi_memcpy\n"
	"__aeabi_memcpy8 = __aeabi_memcpy\n"
	"__aeabi_memmove4 = __aeabi_memmove\n"
	"__aeabi_memmove8 = __aeabi_memmove\n"
	"__aeabi_memset4 = __aeabi_memset\n"
	"__aeabi_memset8 = __aeabi_memset\n"
	"__aeabi_memclr4 = __aeabi_memclr\n"
	"__aeabi_memclr8 = __aeabi_memclr\n");
#endif
#endif

struct span span_of(const char *text)
{
	return (struct span){text, strlen(text)};
}

bool span_equal(struct span a, struct span b)
{
	return a.len == b.len && memcmp(a.at, b.at, a.len) == 0;
}

bool span_is(struct span text, const char *word)
{
	return span_equal(text, span_of(word));
}

bool span_starts(struct span text, const char *prefix)
{
	size_t len = strlen(prefix);

	return text.len >= len && memcmp(text.at, prefix, len) == 0;
}

bool span_ends(struct span text, const char *suffix)
{
	size_t len = strlen(suffix);

	return text.len >= len && memcmp(text.at + text.len - len, suffix, len) == 0;
}

bool span_word(struct span *rest, char separator, struct span *word)
{
	if (!rest->at)
		return false;
	word->at = rest->at;
	word->len = 0;
	while (word->len < rest->len && rest->at[word->len] != separator)
		word->len++;
	if (word->len == rest->len) {
		rest->at = NULL;
		rest->len = 0;
	} else {
		rest->at += word->len + 1;
		rest->len -= word->len + 1;
	}
	return true;
}

static unsigned int digit_of(char c)
{
	unsigned int digit = (unsigned char)c - '0';

	if (digit < 10)
		return digit;
	digit = ((unsigned char)c | 0x20u) - 'a';
	return digit < 6 ? digit + 10 : 99;
}

bool take_u64(struct span *rest, unsigned int base, uint64_t *out)
{
	const char *at = rest->at, *end = at + rest->len;
	uint64_t value = 0;
	unsigned int digit;

	for (; at < end && (digit = digit_of(*at)) < base; at++)
		if (__builtin_mul_overflow(value, (uint64_t)base, &value) ||
		    __builtin_add_overflow(value, (uint64_t)digit, &value))
			return false;
	if (at == rest->at)
		return false;
	*rest = (struct span){at, (size_t)(end - at)};
	*out = value;
	return true;
}

/* "268435456" or, with base 16, "1a2b3c4d": digits alone. */
bool parse_u64(struct span text, unsigned int base, uint64_t *out)
{
	uint64_t value;

	if (!take_u64(&text, base, &value) || text.len > 0)
		return false;
	*out = value;
	return true;
}

/* "-800" */
bool parse_i64(struct span text, int64_t *out)
{
	bool minus = text.len > 0 && text.at[0] == '-';
	uint64_t value;

	if (minus) {
		text.at++;
		text.len--;
	}
	if (!parse_u64(text, 10, &value) || value > INT64_MAX)
		return false;
	*out = minus ? -(int64_t)value : (int64_t)value;
	return true;
}

/* value / 10 in limbs: 64-bit division is a library call on 32-bit ABIs. */
static unsigned int divide_by_ten(uint64_t *value)
{
	uint32_t high = (uint32_t)(*value >> 32), low = (uint32_t)*value;
	uint32_t middle = high % 10 << 16 | low >> 16;

	low = middle % 10 << 16 | (low & 0xffff);
	*value = (uint64_t)(high / 10) << 32 | (middle / 10 << 16 | low / 10);
	return low % 10;
}

size_t format_u64(uint64_t value, char out[DIGITS_MAX])
{
	char reversed[DIGITS_MAX];
	size_t count = 0;

	do {
		reversed[count++] = (char)('0' + divide_by_ten(&value));
	} while (value > 0);
	for (size_t i = 0; i < count; i++)
		out[i] = reversed[count - 1 - i];
	return count;
}

void format_hex(uint64_t value, char *out, size_t digits)
{
	for (; digits > 0; value >>= 4)
		out[--digits] = "0123456789abcdef"[value & 15];
}

uint32_t crc32(uint32_t crc, const void *bytes, size_t count)
{
	/* Remainders of a nibble under the reversed polynomial 0xedb88320. */
	static const uint32_t table[16] = {
		0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4,
		0x4db26158, 0x5005713c, 0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
		0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
	};
	const unsigned char *byte = bytes;

	crc = ~crc;
	while (count-- > 0) {
		crc ^= *byte++;
		crc = crc >> 4 ^ table[crc & 15];
		crc = crc >> 4 ^ table[crc & 15];
	}
	return ~crc;
}

/* Bytes of the UTF-8 character at the start of `text`; 0 when there is none. */
static size_t utf8_length(struct span text)
{
	const unsigned char *at = (const unsigned char *)text.at;
	unsigned char low = 0x80, high = 0xbf; /* of the second byte */
	size_t len;

	if (at[0] < 0x80)
		return 1;
	if (at[0] >= 0xc2 && at[0] <= 0xdf)
		len = 2;
	else if (at[0] >= 0xe0 && at[0] <= 0xef)
		len = 3;
	else if (at[0] >= 0xf0 && at[0] <= 0xf4)
		len = 4;
	else
		return 0;
	if (text.len < len)
		return 0;
	if (at[0] == 0xe0) /* overlong */
		low = 0xa0;
	else if (at[0] == 0xed) /* surrogates */
		high = 0x9f;
	else if (at[0] == 0xf0) /* overlong */
		low = 0x90;
	else if (at[0] == 0xf4) /* above U+10FFFF */
		high = 0x8f;
	if (at[1] < low || at[1] > high)
		return 0;
	for (size_t i = 2; i < len; i++)
		if ((at[i] & 0xc0) != 0x80)
			return 0;
	return len;
}

size_t utf8_first(struct span text, char out[4], size_t *taken)
{
	size_t len = utf8_length(text);

	*taken = len > 0 ? len : 1;
	if (len == 0) {
		memcpy(out, "\xef\xbf\xbd", 3);
		return 3;
	}
	memcpy(out, text.at, len);
	return len;
}

size_t utf8_clean(struct span raw, char *out, size_t capacity)
{
	size_t used = 0;

	while (raw.len > 0) {
		char one[4];
		size_t taken, len = utf8_first(raw, one, &taken);

		if (used + len > capacity)
			break;
		memcpy(out + used, one, len);
		used += len;
		raw.at += taken;
		raw.len -= taken;
	}
	return used;
}
