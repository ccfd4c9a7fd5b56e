/*
 * PROGRAM serve [heartbeat_ms=N]	requests on stdin, until it ends
 * PROGRAM VERB [KEY=VALUE ...]		one request, answered with the id 0
 *
 * One source for all programs: each links a table of verbs of its own.
 */
#include "host_link.h"
#include "json.h"
#include "kernel_file.h"
#include "page.h"
#include "request.h"
#include "sys.h"

size_t page_bytes = 4096;

/* 64-bit division, and shifts by a variable, are library calls on 32-bit ABIs. */
uint64_t page_index(uint64_t address)
{
	for (size_t page = page_bytes; page > 1; page >>= 1)
		address >>= 1;
	return address;
}

static char request_line[LINK_LINE_BYTES];

static int run_verb(const struct request *request, const char **why)
{
	for (const struct verb *verb = verbs; verb->name; verb++)
		if (span_is(request->verb, verb->name))
			return verb->run(request, why);
	*why = "no such verb";
	return -ENOSYS;
}

/* Answer one line of `len` bytes (-E2BIG: it was longer); 0 when the reply was written. */
static int answer(long len, int *error)
{
	struct span line = {request_line, strlen(request_line)};
	struct request request;
	const char *why = NULL;

	*error = request_parse(line, &request);
	reply_begin(request.id);
	if (*error) {
		why = "ID VERB [KEY=VALUE ...]";
	} else if (len < 0) {
		*error = (int)len;
		why = "a request is at most 64 KiB";
	} else {
		link_work_begin(request.id);
		*error = run_verb(&request, &why);
		link_work_end();
	}
	return reply_end(*error, why);
}

static int serve(void)
{
	for (;;) {
		long len = link_next(request_line);
		int error;

		if (len == -EPIPE || len == -EINTR)
			return 0;
		if (answer(len, &error))
			return 1;
		if (error == -EINTR)
			return 0;
	}
}

/* The arguments as one line, "0 VERB KEY=VALUE ..."; its length or -E2BIG. */
static long join_arguments(int argc, char **argv)
{
	size_t used = 1;

	request_line[0] = '0';
	for (int i = 1; i < argc; i++) {
		size_t len = strlen(argv[i]);

		if (used + len + 2 > sizeof(request_line))
			return -E2BIG;
		request_line[used++] = ' ';
		memcpy(request_line + used, argv[i], len + 1);
		used += len;
	}
	return (long)used;
}

static void say(const char *words)
{
	sys_write(2, words, strlen(words));
}

int helper_main(int argc, char **argv, size_t page_size)
{
	static const char heartbeat[] = "heartbeat_ms=";
	uint64_t heartbeat_ms = 0;
	int error;

	page_bytes = page_size;
	if (fs_root < 0)
		fs_root = sys_openat(SYS_AT_FDCWD, "/", SYS_O_PATH);
	if (argc < 2) {
		say(usage);
		return 2;
	}
	if (!span_is(span_of(argv[1]), "serve")) {
		link_open(false, 0);
		return answer(join_arguments(argc, argv), &error) || error ? 1 : 0;
	}
	if (argc > 2 && (argc > 3 || !span_starts(span_of(argv[2]), heartbeat) ||
			 !parse_u64(span_of(argv[2] + sizeof(heartbeat) - 1), 10, &heartbeat_ms) ||
			 heartbeat_ms > 3600000)) {
		say("usage: serve [heartbeat_ms=N], N up to 3600000\n");
		return 2;
	}
	link_open(true, heartbeat_ms * 1000);
	return serve();
}
