/* Requests, whole and broken. */
#include "check.h"
#include "request.h"

#include <errno.h>

static void an_id_is_sixteen_letters_and_digits_at_most(void)
{
	struct request request;

	CHECK(request_parse(span_of("aZ09 scan"), &request) == 0);
	CHECK(span_is(request.id, "aZ09") && span_is(request.verb, "scan"));
	CHECK(request_parse(span_of("0123456789abcdef scan"), &request) == 0);
	CHECK(request_parse(span_of("0123456789abcdefg scan"), &request) == -EINVAL);
	CHECK(request_parse(span_of(" scan"), &request) == -EINVAL);
	CHECK(request_parse(span_of("a-b scan"), &request) == -EINVAL);
	CHECK(request_parse(span_of("7"), &request) == 0 && request.verb.len == 0);
}

static void values_are_found_and_unknown_keys_refused(void)
{
	struct request request;
	struct span value = span_of("kept");
	uint64_t number;
	const char *why;

	CHECK(request_parse(span_of("1 pageout what=a=b dry=1"), &request) == 0);
	CHECK(request_check(&request, "what dry", &why) == 0);
	CHECK(!request_value(&request, "wha", &value) && span_is(value, "kept"));
	CHECK(request_value(&request, "what", &value) && span_is(value, "a=b"));
	CHECK(request_u64(&request, "dry", 0, 1, &number, &why) && number == 1);
	CHECK(!request_u64(&request, "dry", 0, 0, &number, &why) && strcmp(why, "dry") == 0);
	CHECK(!request_u64(&request, "what", 0, UNKNOWN, &number, &why));
	CHECK(request_u64(&request, "none", 17, 1, &number, &why) && number == 17);
	CHECK(request_parse(span_of("1 pageout when=now"), &request) == 0);
	CHECK(request_check(&request, "what dry", &why) == -EINVAL);
	CHECK(request_parse(span_of("1 pageout dry"), &request) == 0);
	CHECK(request_check(&request, "what dry", &why) == -EINVAL);
}

static int check_targets(const char *value)
{
	char line[256];
	struct request request;
	const char *why;

	snprintf(line, sizeof(line), "1 pageout targets=%s", value);
	CHECK(request_parse(span_of(line), &request) == 0);
	return request_check_targets(&request, &why);
}

static void targets_are_read_to_the_last_optional_part(void)
{
	struct span rest = span_of("10:200,11:201:900:10123:00c0ffee,12:202:-1000:-:-");
	struct target_spec spec;

	CHECK(next_target(&rest, &spec) && spec.pid == 10 && spec.start == 200);
	CHECK(spec.adj_floor == 700 && !spec.has_uid && !spec.has_crc);
	CHECK(next_target(&rest, &spec) && spec.adj_floor == 900 && spec.uid == 10123);
	CHECK(spec.has_uid && spec.has_crc && spec.name_crc == 0x00c0ffee);
	CHECK(next_target(&rest, &spec) && spec.adj_floor == -1000);
	CHECK(!spec.has_uid && !spec.has_crc);
	CHECK(!next_target(&rest, &spec));
}

static void a_broken_target_refuses_the_request(void)
{
	static const char *const broken[] = {
		"",     "1",        "1:",        "0:1",           "-1:1",         "1:x",
		"1:1,", "1:1:1002", "1:1:700:x", "1:1:700:-:xyz", "1:1:700:-:-:", "4294967297:1"};

	CHECK(check_targets("1:1") == 0);
	for (size_t i = 0; i < ARRAY_SIZE(broken); i++)
		CHECK(check_targets(broken[i]) == -EINVAL);
}

int main(void)
{
	an_id_is_sixteen_letters_and_digits_at_most();
	values_are_found_and_unknown_keys_refused();
	targets_are_read_to_the_last_optional_part();
	a_broken_target_refuses_the_request();
	return 0;
}
