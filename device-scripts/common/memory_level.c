/* How short of memory the device is, in the kernel's own counters. */
#include "memory_level.h"

#include "kernel_file.h"
#include "page.h"
#include "sys.h"

size_t file_once(int fd, char *buffer, size_t capacity)
{
	long got;

	do
		got = sys_pread(fd, buffer, capacity, 0);
	while (got == -EINTR);
	return got < 0 ? 0 : (size_t)got;
}

/*
 * The number after `key` and blanks, when the line starts so (blanks aside).
 *
 *	  nr_free_cma  4096
 */
static bool line_number(struct span line, const char *key, uint64_t *out)
{
	size_t at = 0, digits = 0;

	while (at < line.len && line.at[at] == ' ')
		at++;
	line.at += at;
	line.len -= at;
	if (!span_starts(line, key))
		return false;
	at = strlen(key);
	if (at == line.len || line.at[at] != ' ')
		return false;
	while (at < line.len && line.at[at] == ' ')
		at++;
	while (at + digits < line.len && line.at[at + digits] >= '0' && line.at[at + digits] <= '9')
		digits++;
	return parse_u64((struct span){line.at + at, digits}, 10, out);
}

/* The largest of "protection: (0, 2500, 3900)"; 0 when the line is none. */
static uint64_t protection(struct span line)
{
	uint64_t most = 0, value = 0;
	size_t at = 0;

	while (at < line.len && line.at[at] == ' ')
		at++;
	if (!span_starts((struct span){line.at + at, line.len - at}, "protection:"))
		return 0;
	for (; at < line.len; at++) {
		char c = line.at[at];

		value = c >= '0' && c <= '9' ? value * 10 + (uint64_t)(c - '0') : 0;
		if (value > most)
			most = value;
	}
	return most;
}

/*
 * zoneinfo:
 *
 *	Node 0, zone   Normal
 *	        low      3413
 *	        present  262144
 *	        protection: (0, 2500, 3900)
 */
uint64_t low_watermark_bytes(void)
{
	static struct line_reader reader;
	uint64_t pages = 0, present = 0, low = 0, guarded = 0, value;
	struct span line;
	int more = reader_open(&reader, fs_root, "proc/zoneinfo");

	if (more < 0)
		return UNKNOWN;
	while ((more = reader_next(&reader, &line)) > 0) {
		if (span_starts(line, "Node ")) {
			pages += present > 0 ? low + guarded : 0;
			present = low = guarded = 0;
		} else if (line_number(line, "low", &value)) {
			low = value;
		} else if (line_number(line, "present", &value)) {
			present = value;
		} else if ((value = protection(line)) > guarded) {
			guarded = value;
		}
	}
	reader_close(&reader);
	pages += present > 0 ? low + guarded : 0;
	return more < 0 || pages == 0 ? UNKNOWN : pages * page_bytes;
}

/* "some avg10=0.00 avg60=0.00 avg300=0.00 total=123": the number at its end. */
static uint64_t total_of(struct span line)
{
	struct span word = {NULL, 0};
	uint64_t value;

	while (span_word(&line, '=', &word))
		;
	return parse_u64(word, 10, &value) ? value : UNKNOWN;
}

void psi_totals(int fd, uint64_t *some_us, uint64_t *full_us)
{
	char buffer[256];
	struct span text = {buffer, 0}, line;

	*some_us = *full_us = UNKNOWN;
	text.len = file_once(fd, buffer, sizeof(buffer));
	while (span_word(&text, '\n', &line)) {
		if (span_starts(line, "some "))
			*some_us = total_of(line);
		else if (span_starts(line, "full "))
			*full_us = total_of(line);
	}
}

/* vmstat: "oom_kill 3". */
uint64_t oom_kill_count(void)
{
	static struct line_reader reader;
	uint64_t kills = UNKNOWN;
	struct span line;

	if (reader_open(&reader, fs_root, "proc/vmstat") < 0)
		return UNKNOWN;
	while (reader_next(&reader, &line) > 0 && !line_number(line, "oom_kill", &kills))
		;
	reader_close(&reader);
	return kills;
}
