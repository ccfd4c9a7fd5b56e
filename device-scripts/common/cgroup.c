/* Files of the control group a process is in. */
#include "cgroup.h"

#include "kernel_file.h"
#include "sys.h"

static const struct {
	const char *controller;
	const char *mount;
} mounts[] = {
	{"", "sys/fs/cgroup"},
	{"", "sys/fs/cgroup/unified"}, /* of desktops with both versions */
	{"memory", "dev/memcg"},
	{"memory", "sys/fs/cgroup/memory"},
	{"freezer", "dev/freezer"},
	{"freezer", "sys/fs/cgroup/freezer"},
};

/* MOUNT GROUP / FILE below fs_root, where `group` starts with a slash. */
static int open_in(const char *mount, struct span group, const char *file, int flags)
{
	char path[2048];
	size_t mount_len = strlen(mount), file_len = strlen(file);

	if (mount_len + group.len + file_len + 2 > sizeof(path))
		return -ENAMETOOLONG;
	memcpy(path, mount, mount_len);
	memcpy(path + mount_len, group.at, group.len);
	path[mount_len + group.len] = '/';
	memcpy(path + mount_len + group.len + 1, file, file_len + 1);
	return sys_openat(fs_root, path, flags);
}

static int open_mounted(const char *controller, struct span group, const char *file, int flags)
{
	int fd = -ENOENT;

	for (size_t i = 0; i < ARRAY_SIZE(mounts) && fd == -ENOENT; i++)
		if (span_is(span_of(controller), mounts[i].controller))
			fd = open_in(mounts[i].mount, group, file, flags);
	return fd;
}

/*
 * The group of the process behind `dir`, in `buffer`. Lines of its cgroup:
 *
 *	3:memory:/apps/uid_10123
 *	0::/apps/uid_10123/pid_4321		(v2 has no controllers)
 *
 * Two controllers of one hierarchy are not looked for. 0 or -errno.
 */
static int read_group(int dir, const char *controller, char *buffer, size_t capacity,
		      struct span *group)
{
	struct span text = {buffer, 0}, word;
	int error = fs_read(dir, "cgroup", buffer, capacity, &text.len);

	if (error)
		return error;
	while (span_word(&text, '\n', group))
		if (span_word(group, ':', &word) && span_word(group, ':', &word) && group->at &&
		    span_is(word, controller))
			return 0;
	return -ENOENT;
}

int group_open(int dir, const char *controller, const char *file, int flags)
{
	char buffer[4096];
	struct span group;
	int error = read_group(dir, controller, buffer, sizeof(buffer), &group);

	return error ? error : open_mounted(controller, group, file, flags);
}

/*
 * The number in a file of the group; UNKNOWN for "max", and where there is no such file.
 *
 *	268435456
 */
static uint64_t read_limit(struct span group, const char *file)
{
	char buffer[32];
	struct span word = {buffer, 0};
	int fd = open_mounted("", group, file, SYS_O_RDONLY);
	uint64_t bytes;

	if (fd < 0)
		return UNKNOWN;
	if (!fs_reread(fd, buffer, sizeof(buffer), &word.len) && word.len > 0 &&
	    buffer[word.len - 1] == '\n')
		word.len--;
	sys_close(fd);
	return parse_u64(word, 10, &bytes) ? bytes : UNKNOWN;
}

uint64_t group_swap_room(int dir)
{
	char buffer[4096];
	struct span group;
	uint64_t room = UNKNOWN;

	if (read_group(dir, "", buffer, sizeof(buffer), &group))
		return UNKNOWN;
	while (group.len > 1) {
		uint64_t most = read_limit(group, "memory.swap.max");
		uint64_t now = most == UNKNOWN ? UNKNOWN : read_limit(group, "memory.swap.current");

		if (now != UNKNOWN && (now >= most || most - now < room))
			room = now >= most ? 0 : most - now;
		while (group.len > 0 && group.at[--group.len] != '/')
			;
	}
	return room;
}
