/* The line to the host: requests in, replies out, and when to stop. */
#include "host_link.h"

#include "sys.h"

#define TICK_US 200000 /* a blocked write looks up this often */

static struct {
	bool serving;
	bool eof;
	uint64_t heartbeat_us;
	uint64_t heard_us; /* when the last byte came */
	struct span id; /* of the request in work */
	size_t start, end; /* of what waits in `pending` */
	bool overlong; /* the rest of a line over the limit is skipped */
	char pending[LINK_LINE_BYTES + 4096];
} link;

static volatile int terminated;

static void on_sigterm(int number)
{
	(void)number;
	terminated = 1;
}

static void on_tick(int number)
{
	(void)number;
}

void link_open(bool serving, uint64_t heartbeat_us)
{
	link.eof = link.overlong = false;
	link.start = link.end = 0;
	link.id = (struct span){"", 0};
	link.serving = serving;
	link.heartbeat_us = heartbeat_us;
	link.heard_us = sys_now_us();
	sys_on_signal(SYS_SIGPIPE, SYS_SIGNAL_IGNORE);
	sys_on_signal(SYS_SIGTERM, on_sigterm);
	sys_on_signal(SYS_SIGALRM, on_tick);
}

bool link_terminated(void)
{
	return terminated != 0;
}

static bool link_full(void)
{
	return link.end - link.start == sizeof(link.pending);
}

/* Take what stdin has; call only when it is readable. */
static void link_read(void)
{
	long got;

	if (link.start > 0) {
		memmove(link.pending, link.pending + link.start, link.end - link.start);
		link.end -= link.start;
		link.start = 0;
	}
	got = sys_read(0, link.pending + link.end, sizeof(link.pending) - link.end);
	if (got > 0) {
		link.end += (size_t)got;
		link.heard_us = sys_now_us();
	} else if (got != -EINTR && got != -EAGAIN) {
		link.eof = true;
	}
}

static bool heartbeat_missed(void)
{
	return link.heartbeat_us && sys_now_us() - link.heard_us > link.heartbeat_us;
}

/*
 * Wait for input, a signal or the end of `us` (UNKNOWN: forever), and take the
 * input. Sets link.eof when either side is gone.
 */
static void link_watch(uint64_t us, const uint64_t *signal_mask)
{
	struct sys_pollfd fds[2] = {
		{.fd = 1, .events = 0},
		{.fd = 0, .events = SYS_POLLIN},
	};
	struct sys_timespec timeout = {0, 0};
	size_t nr = link.serving ? 2 : 1;

	if (link_full())
		fds[1].events = 0;
	if (us != UNKNOWN) {
		/* 32 bits: 64-bit division is a library call on 32-bit ABIs */
		uint32_t part_us = us > 4000000000u ? 4000000000u : (uint32_t)us;

		timeout.s = (long)(part_us / 1000000);
		timeout.ns = (long)(part_us % 1000000) * 1000;
	}
	if (sys_poll(fds, nr, us == UNKNOWN ? NULL : &timeout, signal_mask) <= 0)
		return;
	if (fds[0].revents & (SYS_POLLERR | SYS_POLLHUP | SYS_POLLNVAL))
		link.eof = true;
	if (nr == 1)
		return;
	if (fds[1].revents & SYS_POLLIN)
		link_read();
	else if (fds[1].revents & (SYS_POLLERR | SYS_POLLHUP | SYS_POLLNVAL))
		link.eof = true;
}

/* The first line of what waits after `at`; false when none is complete. */
static bool pending_line(size_t at, struct span *line, size_t *next)
{
	for (size_t i = at; i < link.end; i++) {
		if (link.pending[i] != '\n')
			continue;
		line->at = link.pending + at;
		line->len = i - at;
		*next = i + 1;
		if (line->len > 0 && line->at[line->len - 1] == '\r')
			line->len--;
		return true;
	}
	return false;
}

static long take_line(struct span line, char *out)
{
	size_t len = line.len < LINK_LINE_BYTES ? line.len : LINK_LINE_BYTES - 1;

	memcpy(out, line.at, len);
	out[len] = '\0';
	return line.len < LINK_LINE_BYTES ? (long)len : -E2BIG;
}

/* A complete line to `out`; 0 when there is none yet (or only heartbeats). */
static long next_pending(char *out)
{
	struct span line;
	size_t next;

	while (pending_line(link.start, &line, &next)) {
		bool rest = link.overlong;

		link.start = next;
		link.overlong = false;
		if (line.len > 0 && !rest)
			return take_line(line, out);
	}
	if (!link_full())
		return 0;
	line = (struct span){link.pending + link.start, link.end - link.start};
	link.start = link.end;
	if (link.overlong)
		return 0;
	link.overlong = true;
	return take_line(line, out);
}

long link_next(char *line)
{
	const uint64_t none = 0;
	long result;

	sys_block_signal(SYS_SIGTERM, true); /* until link_watch() waits: none is missed */
	for (;;) {
		result = terminated ? -EINTR : next_pending(line);
		if (result)
			break;
		if (heartbeat_missed()) /* or nobody listened: the last request took long */
			link_watch(0, NULL);
		if (link.eof || heartbeat_missed()) {
			result = -EPIPE;
			break;
		}
		link_watch(link.heartbeat_us ?
				   link.heartbeat_us - (sys_now_us() - link.heard_us) + 1000 :
				   UNKNOWN,
			   &none);
	}
	sys_block_signal(SYS_SIGTERM, false);
	return result;
}

void link_work_begin(struct span id)
{
	link.id = id;
	sys_tick(TICK_US);
}

void link_work_end(void)
{
	sys_tick(0);
}

/* Whether a line that waits is "ID cancel of=<the request in work>". */
static bool cancel_waits(void)
{
	struct span line, word;
	size_t at = link.start;

	while (pending_line(at, &line, &at)) {
		if (!span_word(&line, ' ', &word) || !span_word(&line, ' ', &word) ||
		    !span_is(word, "cancel") || !span_starts(line, "of="))
			continue;
		line.at += 3;
		line.len -= 3;
		if (line.len == link.id.len && memcmp(line.at, link.id.at, line.len) == 0)
			return true;
	}
	return false;
}

enum link_state link_pause(uint64_t us)
{
	uint64_t until = sys_now_us() + us;
	uint64_t now;

	do {
		now = sys_now_us();
		link_watch(until > now ? until - now : 0, NULL);
		if (terminated || link.eof || heartbeat_missed())
			return LINK_ENDING;
		if (cancel_waits())
			return LINK_CANCELLED;
	} while (sys_now_us() < until);
	return LINK_GO;
}

int link_write(const char *bytes, size_t count)
{
	while (count > 0) {
		long done = sys_write(1, bytes, count);

		if (done == -EINTR || done == -EAGAIN) { /* the tick: is anybody there? */
			link_watch(done == -EAGAIN ? TICK_US : 0, NULL);
			if (terminated || link.eof || heartbeat_missed())
				return -EPIPE;
			continue;
		}
		if (done < 0)
			return (int)done;
		bytes += done;
		count -= (size_t)done;
	}
	return 0;
}
