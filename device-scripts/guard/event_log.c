/* What the guard did and why: a ring of two files, a line of JSON an event. */
#include "event_log.h"

#include "daemon_sys.h"
#include "guard_dir.h"
#include "json.h"
#include "kernel_file.h"

#define FILE_BYTES (500 * 1024) /* of each of two */

static const char *const names[] = {"guard.log.1", "guard.log"};
static const char head[] = "{\"id\":\"\",\"t\":\"event\",\"seq\":";

const struct event event_none = {
	NULL, NULL, NULL, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN,
};

static struct {
	int fd;
	uint64_t seq;
} events = {-1, 0};

/* {"id":"","t":"event","seq":7,...}: the number of a whole event's line; 0 when it is none. */
static uint64_t seq_of(struct span line)
{
	struct span word;
	uint64_t seq;

	if (line.len < sizeof(head) || line.at[line.len - 1] != '}' || !span_starts(line, head))
		return 0;
	line.at += sizeof(head) - 1;
	line.len -= sizeof(head) - 1;
	span_word(&line, ',', &word);
	return parse_u64(word, 10, &seq) ? seq : 0;
}

static int open_log(void)
{
	return sys_create(guard_dir_fd, names[1], SYS_O_RDWR | SYS_O_APPEND, 0600);
}

/* End a line that a crash cut off, so that it does not run into the next. */
static void end_line(void)
{
	long bytes = sys_end_of(events.fd);
	char last = '\n';

	if (bytes > 0)
		sys_pread(events.fd, &last, 1, (uint64_t)bytes - 1);
	if (last != '\n')
		sys_write(events.fd, "\n", 1);
}

void events_open(void)
{
	static struct line_reader reader;
	struct span line;

	events.seq = 0;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (reader_open(&reader, guard_dir_fd, names[i]))
			continue;
		while (reader_next(&reader, &line) > 0)
			if (seq_of(line) > events.seq)
				events.seq = seq_of(line);
		reader_close(&reader);
	}
	events.fd = open_log();
	end_line();
}

static void turn_over(void)
{
	if (sys_end_of(events.fd) < FILE_BYTES)
		return;
	sys_close(events.fd);
	sys_rename(guard_dir_fd, names[1], names[0]);
	events.fd = open_log();
}

/* Append a line whole or not at all: a full disk leaves no half line before the next one. */
static void append(struct span text)
{
	long before = sys_end_of(events.fd);
	long done = sys_write(events.fd, text.at, text.len);

	if (done >= 0 && done < (long)text.len && before >= 0)
		sys_truncate(events.fd, before);
}

void event_log(const struct event *event)
{
	const struct app *app = event->app;

	reply_begin((struct span){"", 0});
	line_begin("event");
	line_u64("seq", ++events.seq);
	line_u64("at_s", divide(sys_clock_ms(SYS_CLOCK_REALTIME), 1000));
	line_u64("boot_us", sys_clock_ms(SYS_CLOCK_BOOTTIME) * 1000);
	line_word("what", event->what);
	line_u64("pid", app ? (uint64_t)app->pid : UNKNOWN);
	if (app)
		line_text("name", (struct span){app->name, app->name_len});
	else
		line_null("name");
	line_word("reason", event->reason);
	line_u64("advised_bytes", event->advised_bytes);
	line_u64("reclaimed_bytes", event->reclaimed_bytes);
	line_u64("available_bytes", event->available_bytes);
	line_u64("refaulted_bytes", event->refaulted_bytes);
	line_u64("holdoff_s", app ? divide(app->holdoff_ms, 1000) : UNKNOWN);
	if (events.fd < 0)
		events.fd = open_log(); /* the disk may have room again */
	if (events.fd < 0)
		return;
	append(line_finish());
	turn_over();
}

static bool member_is(struct span line, const char *member)
{
	size_t len = strlen(member);

	for (size_t i = 0; i + len <= line.len; i++)
		if (memcmp(line.at + i, member, len) == 0)
			return true;
	return false;
}

/* The value of "reason" in an event's line, which holds no quotes. */
static struct span reason_of(struct span line)
{
	static const char key[] = "\"reason\":\"";

	for (size_t i = 0; i + sizeof(key) - 1 < line.len; i++) {
		struct span rest = {line.at + i + sizeof(key) - 1, line.len - i - sizeof(key) + 1};
		struct span value;

		if (memcmp(line.at + i, key, sizeof(key) - 1) == 0 && span_word(&rest, '"', &value))
			return value;
	}
	return span_of("unknown");
}

bool events_last_end(char *out, size_t capacity)
{
	static struct line_reader reader;
	struct span line, reason;
	bool any = false;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (reader_open(&reader, guard_dir_fd, names[i]))
			continue;
		while (reader_next(&reader, &line) > 0) {
			if (!seq_of(line))
				continue;
			any = true;
			reason = member_is(line, "\"what\":\"stop\"") ? reason_of(line) :
									span_of("killed");
			if (reason.len >= capacity)
				reason.len = capacity - 1;
			memcpy(out, reason.at, reason.len);
			out[reason.len] = '\0';
		}
		reader_close(&reader);
	}
	return any;
}

int verb_guard_log(const struct request *request, const char **why)
{
	static struct line_reader readers[ARRAY_SIZE(names)];
	uint64_t after;
	struct span line;

	if (request_check(request, "after", why) ||
	    !request_u64(request, "after", 0, UNKNOWN - 1, &after, why))
		return -EINVAL;
	guard_dir_open();
	/* The newer first: one that is renamed meanwhile is read twice, by its numbers told once. */
	for (size_t i = ARRAY_SIZE(names); i-- > 0;)
		reader_open(&readers[i], guard_dir_fd, names[i]);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		while (readers[i].fd >= 0 && !reply_broken() && reader_next(&readers[i], &line) > 0)
			if (seq_of(line) > after) {
				after = seq_of(line);
				line_relay(line);
			}
		reader_close(&readers[i]);
	}
	return 0;
}
