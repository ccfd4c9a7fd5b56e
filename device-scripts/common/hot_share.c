/* Handing on what was learned of resumes: a head, then the sets as they are in memory. */
#include "hot_share.h"

#include "sys.h"

#define WAIT_S 2 /* for the other end, which may be in the middle of a page-out */

/* The two programs may be of different builds. */
static const char head[16] = "droidreclaim-h1";

/* Wait until `fd` can be read (or written); false when that takes too long. */
static bool wait_for(int fd, short what)
{
	struct sys_pollfd poll = {.fd = fd, .events = what};
	const struct sys_timespec timeout = {WAIT_S, 0};

	return sys_poll(&poll, 1, &timeout, NULL) > 0;
}

static bool write_all(int fd, const uint8_t *bytes, size_t count)
{
	while (count > 0) {
		long done = wait_for(fd, SYS_POLLOUT) ? sys_write(fd, bytes, count) : -EPIPE;

		if (done <= 0 && done != -EAGAIN)
			return false;
		if (done > 0) {
			bytes += done;
			count -= (size_t)done;
		}
	}
	return true;
}

void hot_share_give(int client)
{
	size_t used;
	const uint8_t *sets = hot_sets(&used);

	if (write_all(client, (const uint8_t *)head, sizeof(head)))
		write_all(client, sets, used);
}

/* Read up to `count` bytes, until the other end closes; returns how many. */
static size_t read_all(int fd, uint8_t *bytes, size_t count)
{
	size_t have = 0;

	while (have < count && wait_for(fd, SYS_POLLIN)) {
		long got = sys_read(fd, bytes + have, count - have);

		if (got <= 0 && got != -EAGAIN)
			break;
		if (got > 0)
			have += (size_t)got;
	}
	return have;
}

/* By the number of its directory's descriptor, for a socket's path is short. */
static int connect_to_guard(void)
{
	static char folder[4096];
	static const char name[] = "/" GUARD_SOCKET;
	char path[64] = "/proc/self/fd/";
	long len = sys_readlink("/proc/self/exe", folder, sizeof(folder) - 1);
	size_t used = strlen(path);
	int dir, fd;

	while (len > 1 && folder[len - 1] != '/')
		len--;
	if (len <= 0)
		return -ENOENT;
	folder[len] = '\0';
	dir = sys_openat(SYS_AT_FDCWD, folder, SYS_O_PATH);
	if (dir < 0)
		return dir;
	used += format_u64((uint64_t)dir, path + used);
	memcpy(path + used, name, sizeof(name));
	fd = sys_connect(path);
	sys_close(dir);
	return fd;
}

/* Whether a set, and each mapping in it, ends where it says, within `room` bytes. */
static bool is_whole(struct hot_set *set, size_t room)
{
	size_t at = sizeof(*set);

	if (room < sizeof(*set) || set->bytes < sizeof(*set) || set->bytes > room ||
	    set->bytes > HOT_SET_BYTES || set->bytes % 8 != 0)
		return false;
	while (at < set->bytes) {
		struct hot_mapping *mapping = (struct hot_mapping *)(void *)((uint8_t *)set + at);
		size_t left = set->bytes - at;

		if (left < sizeof(*mapping) || mapping->bytes > left || mapping->bytes % 8 != 0 ||
		    mapping->bytes < sizeof(*mapping) ||
		    mapping->grains_nr > mapping->bytes - sizeof(*mapping))
			return false;
		at += mapping->bytes;
	}
	return true;
}

void hot_share_take(void)
{
	static _Alignas(8) uint8_t bytes[sizeof(head) + HOT_BYTES];
	const uint8_t ask = ASK_HOT;
	size_t at = sizeof(head), have = 0;
	int fd = connect_to_guard();

	if (fd < 0)
		return;
	if (write_all(fd, &ask, 1))
		have = read_all(fd, bytes, sizeof(bytes));
	sys_close(fd);
	if (have < sizeof(head) || memcmp(bytes, head, sizeof(head)) != 0)
		return;
	while (at < have) {
		struct hot_set *set = (struct hot_set *)(void *)&bytes[at];

		if (!is_whole(set, have - at))
			return;
		if (!hot_set_find(set->pid, set->start))
			hot_set_put(set);
		at += set->bytes;
	}
}
