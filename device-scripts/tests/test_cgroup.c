/* How much swap a process's groups leave it, by what a fake tree says. */
#include "cgroup.h"
#include "check.h"
#include "kernel_file.h"
#include "scratch.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char root[] = "test_cgroup.XXXXXX";
static int process; /* a directory that stands for /proc/PID */

static void write_file(const char *path, const char *text)
{
	int fd = openat(fs_root, path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	CHECK(fd >= 0);
	CHECK(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
}

static void make_tree(void)
{
	static const char *const folders[] = {"sys",
					      "sys/fs",
					      "sys/fs/cgroup",
					      "sys/fs/cgroup/uid_10123",
					      "sys/fs/cgroup/uid_10123/pid_7",
					      "seven"};

	fs_root = scratch_open(root);
	for (size_t i = 0; i < ARRAY_SIZE(folders); i++)
		CHECK(mkdirat(fs_root, folders[i], 0700) == 0);
	process = openat(fs_root, "seven", O_RDONLY | O_DIRECTORY);
	CHECK(process >= 0);
}

static void limit(const char *group, const char *most, const char *now)
{
	char path[128];

	snprintf(path, sizeof(path), "sys/fs/cgroup/%s/memory.swap.max", group);
	write_file(path, most);
	snprintf(path, sizeof(path), "sys/fs/cgroup/%s/memory.swap.current", group);
	write_file(path, now);
}

static void a_process_without_groups_has_no_limit(void)
{
	CHECK(group_swap_room(process) == UNKNOWN);
	write_file("seven/cgroup", "0::/\n");
	CHECK(group_swap_room(process) == UNKNOWN);
	write_file("seven/cgroup", "2:memory:/apps\n");
	CHECK(group_swap_room(process) == UNKNOWN);
	write_file("seven/cgroup", "2:memory:/apps\n0::/uid_10123/pid_7\n");
	CHECK(group_swap_room(process) == UNKNOWN); /* no memory controller there */
}

static void the_group_that_leaves_least_decides(void)
{
	limit("uid_10123/pid_7", "1048576\n", "4096\n");
	CHECK(group_swap_room(process) == 1048576 - 4096);
	limit("uid_10123", "2097152\n", "2093056\n");
	CHECK(group_swap_room(process) == 4096);
	limit("uid_10123/pid_7", "max\n", "4096\n");
	CHECK(group_swap_room(process) == 4096);
	limit("uid_10123", "max\n", "2093056\n");
	CHECK(group_swap_room(process) == UNKNOWN);
}

static void a_group_over_its_limit_leaves_nothing(void)
{
	limit("uid_10123/pid_7", "4096\n", "8192\n");
	CHECK(group_swap_room(process) == 0);
	limit("uid_10123/pid_7", "0\n", "0\n");
	CHECK(group_swap_room(process) == 0);
}

static void a_limit_that_cannot_be_read_is_none(void)
{
	limit("uid_10123/pid_7", "", "0\n");
	CHECK(group_swap_room(process) == UNKNOWN);
	limit("uid_10123/pid_7", "4096\n", "many\n");
	CHECK(group_swap_room(process) == UNKNOWN);
	limit("uid_10123/pid_7", "99999999999999999999999999999999999\n", "0\n");
	CHECK(group_swap_room(process) == UNKNOWN);
}

int main(void)
{
	make_tree();
	a_process_without_groups_has_no_limit();
	the_group_that_leaves_least_decides();
	a_group_over_its_limit_leaves_nothing();
	a_limit_that_cannot_be_read_is_none();
	scratch_remove(root);
	return 0;
}
