/*
 * Every parser on random bytes and on broken copies of true text, under the
 * sanitizers: it may refuse, it may not read past the end.
 */
#include "android_question.h"
#include "check.h"
#include "page.h"
#include "page_walk.h"
#include "proc.h"
#include "profile.h"
#include "request.h"

#define ROUNDS 40000 /* half of them random, half broken */
#define TEXT_MAX 512

static const char *const truths[] = {
	"7 guard_when available_bytes=268435456 next_launch=1 pressure_some_us=35000 "
	"look_every_ms=1000",
	"8 guard_rule match=com.example.* adj_low=700 adj_high=1000 at_least_bytes=1 rung=trim "
	"only=native,code "
	"last=1",
	"IsStatusOverride: false\nThermal Status: 3\nCached temperatures:\n",
	"4321 (com.example) S 310 310 0 0 -1 1077936448 5 6 7 8 9 10 11 12 20 0 3 0 99887 5 6\n",
	"Name:\tgame\nTgid:\t7\nUid:\t10123\t1\t1\t1\nRssAnon:\t 100 kB\nVmSwap:\t 12 kB\n",
	"7f0000000000-7f0000001000 rw-p 00000000 fd:01 42   /system/lib64/libc.so",
	"6 pageout targets=1:2:700:10123:00c0ffee,3:4 what=anon budget_bytes=1048576 dry=1",
	"\xc3\xa4\xe2\x82\xac\xf0\x9f\x8e\xae\xef\xbf\xbd",
};

static uint64_t seed = 0x9e3779b97f4a7c15;

static uint64_t next_random(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

/* Break a text, into heap memory of exactly its size: the sanitizer sees one byte too far. */
static struct span break_text(size_t truth)
{
	size_t len = strlen(truths[truth]);
	char *text;

	if (next_random() % 2) {
		len = next_random() % TEXT_MAX;
		text = malloc(len ? len : 1);
		for (size_t i = 0; i < len; i++)
			text[i] = (char)next_random();
		return (struct span){text, len};
	}
	len = next_random() % (len + 1);
	text = malloc(len ? len : 1);
	memcpy(text, truths[truth], len);
	for (uint64_t change = next_random() % 4; len > 0 && change > 0; change--)
		text[next_random() % len] = (char)next_random();
	return (struct span){text, len};
}

static void parse_everything(struct span text)
{
	static struct name name;
	static char clean[TEXT_MAX * 3], again[TEXT_MAX * 3];
	static struct profile profile;
	struct proc_stat stat = {.comm_len = 0};
	struct proc_status status;
	struct request request;
	struct target_spec spec;
	struct vma vma;
	const char *why;
	size_t len;

	stat_parse(text, &stat);
	status_parse(text, &status);
	name_parse(text, &stat, &name);
	vma_parse(text, &vma);
	kib_field(text, "Name:");
	column_u64(text, 3);
	if (!request_parse(text, &request)) {
		request_check(&request, "targets what", &why);
		request_check_targets(&request, &why);
		profile_reset(&profile);
		when_parse(&request, &profile.when, &why);
		if (rule_parse(&request, &profile.rules[0], &why))
			glob_fits(profile.rules[0].match, text);
	}
	answer_is_hot(text);
	while (text.at && next_target(&text, &spec))
		;
	len = utf8_clean((struct span){name.text, name.len}, clean, sizeof(clean));
	CHECK(utf8_clean((struct span){clean, len}, again, sizeof(again)) == len);
	CHECK(memcmp(clean, again, len) == 0); /* what is clean stays as it is */
}

int main(void)
{
	page_bytes = 4096;
	for (size_t i = 0; i < ROUNDS; i++) {
		struct span text = break_text(i % ARRAY_SIZE(truths));

		parse_everything(text);
		free((void *)(uintptr_t)text.at);
	}
	return 0;
}
