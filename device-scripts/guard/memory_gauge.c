/* What the device says of its memory and swap. */
#include "memory_gauge.h"

#include "daemon_sys.h"
#include "kernel_file.h"
#include "page.h"

#define WATERMARKS_MS 60000 /* they change when somebody sets them */

static struct {
	int meminfo, psi;
	uint64_t low_bytes, low_ms;
} gauge = {-1, -1, UNKNOWN, 0};

int gauge_open(void)
{
	gauge.meminfo = sys_openat(fs_root, "proc/meminfo", SYS_O_RDONLY);
	gauge.psi = sys_openat(fs_root, "proc/pressure/memory", SYS_O_RDONLY);
	gauge.low_ms = 0;
	return gauge.meminfo < 0 ? gauge.meminfo : 0;
}

void gauge_close(void)
{
	sys_close(gauge.meminfo);
	if (gauge.psi >= 0)
		sys_close(gauge.psi);
	gauge.meminfo = gauge.psi = -1;
}

/*
 * A file that the kernel writes in one go. To look for its end, as fs_reread()
 * does, would have it written a second time: ten times a second, half of the guard's CPU time.
 */
static size_t read_once(int fd, char *buffer, size_t capacity)
{
	long got;

	do
		got = sys_pread(fd, buffer, capacity, 0);
	while (got == -EINTR);
	return got < 0 ? 0 : (size_t)got;
}

/* The number after `key` and blanks, when the line starts so (blanks aside). */
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
 * Low watermarks and the largest protection of each zone that has memory, in
 * bytes: what lmkd compares free memory with.
 */
static uint64_t read_low(void)
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

void gauge_read(struct situation *out, uint64_t now_ms)
{
	static char buffer[8192];
	struct span text = {buffer, 0};
	uint64_t cma, total_bytes = out->swap_total_bytes;

	text.len = read_once(gauge.meminfo, buffer, sizeof(buffer));
	out->available_bytes = kib_field(text, "MemAvailable:");
	out->free_bytes = kib_field(text, "MemFree:");
	out->swap_total_bytes = kib_field(text, "SwapTotal:");
	out->swap_free_bytes = kib_field(text, "SwapFree:");
	if (out->swap_free_bytes >= out->swap_stop_bytes || out->swap_total_bytes != total_bytes)
		out->swap_stop_bytes = 0;
	cma = kib_field(text, "CmaFree:");
	if (cma != UNKNOWN && out->free_bytes != UNKNOWN)
		out->free_bytes -= cma < out->free_bytes ? cma : out->free_bytes;
	if (gauge.low_ms == 0 || now_ms - gauge.low_ms > WATERMARKS_MS) {
		gauge.low_bytes = read_low();
		gauge.low_ms = now_ms;
	}
	out->low_bytes = gauge.low_bytes;
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

void gauge_psi(uint64_t *some_us, uint64_t *full_us)
{
	char buffer[256];
	struct span text = {buffer, 0}, line;

	*some_us = *full_us = UNKNOWN;
	text.len = read_once(gauge.psi, buffer, sizeof(buffer));
	while (span_word(&text, '\n', &line)) {
		if (span_starts(line, "some "))
			*some_us = total_of(line);
		else if (span_starts(line, "full "))
			*full_us = total_of(line);
	}
}

uint64_t gauge_oom_kills(void)
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

/* Whether this zram ("/dev/block/zram0", "/zram0") has a device behind it. */
static bool has_backing(struct span path)
{
	char text[128];
	struct span word;

	return !fs_read_word(fs_root, zram_path(path.at[path.len - 1] - '0', "backing_dev") + 1,
			     text, sizeof(text), &word) &&
	       !span_is(word, "none");
}

bool gauge_swap_is_flash(void)
{
	static char buffer[4096];
	struct span text = {buffer, 0}, line, path;

	fs_read(fs_root, "proc/swaps", buffer, sizeof(buffer), &text.len);
	span_word(&text, '\n', &line); /* the titles */
	while (span_word(&text, '\n', &line)) {
		size_t at = 0;

		while (at < line.len && line.at[at] != ' ' && line.at[at] != '\t')
			at++;
		path = (struct span){line.at, at};
		if (at < 6)
			continue;
		if (memcmp(path.at + at - 6, "/zram", 5) != 0 || has_backing(path))
			return true;
	}
	return false;
}
