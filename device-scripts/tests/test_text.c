/* Numbers, CRC and UTF-8. */
#include "check.h"
#include "text.h"

static void numbers_are_read_whole_or_not_at_all(void)
{
	uint64_t value;
	int64_t number;

	CHECK(parse_u64(span_of("18446744073709551615"), 10, &value) && value == UINT64_MAX);
	CHECK(!parse_u64(span_of("18446744073709551616"), 10, &value));
	CHECK(!parse_u64(span_of(""), 10, &value));
	CHECK(!parse_u64(span_of("12a"), 10, &value));
	CHECK(!parse_u64(span_of(" 1"), 10, &value));
	CHECK(parse_u64(span_of("7fffF000"), 16, &value) && value == 0x7ffff000);
	CHECK(parse_i64(span_of("-1000"), &number) && number == -1000);
	CHECK(!parse_i64(span_of("-"), &number));
	CHECK(!parse_i64(span_of("9223372036854775808"), &number));
}

static void numbers_are_written_as_printf_does(void)
{
	const uint64_t values[] = {
		0, 9, 10, 65535, 65536, 4294967295u, 4294967296u, 999999999999999999u, UINT64_MAX};

	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		char ours[DIGITS_MAX], theirs[32];
		size_t len = format_u64(values[i], ours);

		snprintf(theirs, sizeof(theirs), "%llu", (unsigned long long)values[i]);
		CHECK(len == strlen(theirs) && memcmp(ours, theirs, len) == 0);
	}
}

static void crc_is_zlibs(void)
{
	CHECK(crc32(0, "123456789", 9) == 0xcbf43926);
	CHECK(crc32(crc32(0, "1234", 4), "56789", 5) == 0xcbf43926);
	CHECK(crc32(0, "", 0) == 0);
}

static void clean_is(const char *raw, size_t len, const char *wanted)
{
	char out[256];
	size_t used = utf8_clean((struct span){raw, len}, out, sizeof(out));

	CHECK(used == strlen(wanted) && memcmp(out, wanted, used) == 0);
}

#define REPLACED "\xef\xbf\xbd"

static void bytes_that_are_no_character_are_replaced_one_by_one(void)
{
	clean_is("plain", 5, "plain");
	clean_is("\xc3\xa4\xe2\x82\xac\xf0\x9f\x8e\xae", 9, "\xc3\xa4\xe2\x82\xac\xf0\x9f\x8e\xae");
	clean_is("a\xff"
		 "b",
		 3, "a" REPLACED "b");
	clean_is("\xc3", 1, REPLACED); /* cut short */
	clean_is("\xc0\xaf", 2, REPLACED REPLACED); /* overlong */
	clean_is("\xed\xa0\x80", 3, REPLACED REPLACED REPLACED); /* surrogate */
	clean_is("\xf4\x90\x80\x80", 4, REPLACED REPLACED REPLACED REPLACED);
}

static void a_character_that_does_not_fit_is_left_out_whole(void)
{
	char out[4];

	CHECK(utf8_clean((struct span){"abc\xc3\xa4", 5}, out, 4) == 3);
}

static void words_are_cut_at_each_separator(void)
{
	struct span rest = span_of("a,,b"), word;

	CHECK(span_word(&rest, ',', &word) && span_is(word, "a"));
	CHECK(span_word(&rest, ',', &word) && word.len == 0);
	CHECK(span_word(&rest, ',', &word) && span_is(word, "b"));
	CHECK(!span_word(&rest, ',', &word));
}

int main(void)
{
	numbers_are_read_whole_or_not_at_all();
	numbers_are_written_as_printf_does();
	crc_is_zlibs();
	bytes_that_are_no_character_are_replaced_one_by_one();
	a_character_that_does_not_fit_is_left_out_whole();
	words_are_cut_at_each_separator();
	return 0;
}
