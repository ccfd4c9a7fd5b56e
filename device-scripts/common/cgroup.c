/* Files of the control group a process is in. */
#include "cgroup.h"

#include "kernel_file.h"
#include "sys.h"

static const struct {
	const char *controller;
	const char *mount;
} mounts[] = {
	{ "", "sys/fs/cgroup" },
	{ "", "sys/fs/cgroup/unified" },	/* of desktops with both versions */
	{ "memory", "dev/memcg" },
	{ "memory", "sys/fs/cgroup/memory" },
	{ "freezer", "dev/freezer" },
	{ "freezer", "sys/fs/cgroup/freezer" },
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

/* A line of cgroup is "ID:CONTROLLERS:/GROUP"; two controllers of one hierarchy are not looked for. */
int group_open(int dir, const char *controller, const char *file, int flags)
{
	char buffer[4096];
	struct span text = { buffer, 0 }, line, word;
	int error = fs_read(dir, "cgroup", buffer, sizeof(buffer), &text.len);

	if (error)
		return error;
	while (span_word(&text, '\n', &line))
		if (span_word(&line, ':', &word) && span_word(&line, ':', &word) && line.at &&
		    span_is(word, controller))
			return open_mounted(controller, line, file, flags);
	return -ENOENT;
}
