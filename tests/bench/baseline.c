/*
 * What the helper is measured against, as bare as it gets.
 *
 *	baseline batch PID N	process_madvise(PAGEOUT) over the anonymous mappings of PID,
 *				N of them a call (the largest one alone when N is 0);
 *				prints what it took with reading maps, in us
 *	baseline scan		read status, oom_score_adj, cmdline and stat of every process
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define MAPPINGS_MAX 65536
#define MADV_PAGEOUT_ADVICE 21

static struct iovec mappings[MAPPINGS_MAX];

static size_t read_mappings(const char *pid)
{
	char path[64], line[8192], perms[8];
	unsigned long start, end, inode;
	size_t count = 0;
	FILE *maps;

	snprintf(path, sizeof(path), "/proc/%s/maps", pid);
	maps = fopen(path, "r");
	while (fgets(line, sizeof(line), maps))
		if (sscanf(line, "%lx-%lx %7s %*s %*s %lu", &start, &end, perms, &inode) == 4 &&
		    perms[3] == 'p' && inode == 0 && !strstr(line, "[v"))
			mappings[count++] = (struct iovec){(void *)start, end - start};
	fclose(maps);
	return count;
}

static int advise(int pidfd, const struct iovec *iov, size_t count)
{
	return syscall(SYS_process_madvise, pidfd, iov, count, MADV_PAGEOUT_ADVICE, 0) < 0;
}

static long now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static int batch(const char *pid, size_t at_once)
{
	long began_us = now_us();
	size_t count = read_mappings(pid), largest = 0;
	int pidfd = (int)syscall(SYS_pidfd_open, atoi(pid), 0);

	for (size_t i = 1; i < count; i++)
		if (mappings[i].iov_len > mappings[largest].iov_len)
			largest = i;
	if (at_once == 0)
		return advise(pidfd, &mappings[largest], 1);
	for (size_t i = 0; i < count; i += at_once)
		advise(pidfd, &mappings[i], count - i < at_once ? count - i : at_once);
	printf("%ld\n", now_us() - began_us);
	return 0;
}

static void read_file(int dir, const char *name)
{
	static char buffer[8192];
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);

	while (fd >= 0 && read(fd, buffer, sizeof(buffer)) > 0)
		;
	close(fd);
}

static int scan(void)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;

	while ((entry = readdir(proc))) {
		int dir;

		if (!isdigit(entry->d_name[0]))
			continue;
		dir = openat(dirfd(proc), entry->d_name, O_PATH | O_CLOEXEC);
		read_file(dir, "status");
		read_file(dir, "oom_score_adj");
		read_file(dir, "cmdline");
		read_file(dir, "stat");
		close(dir);
	}
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 4 && strcmp(argv[1], "batch") == 0)
		return batch(argv[2], strtoul(argv[3], NULL, 10));
	return argc == 2 && strcmp(argv[1], "scan") == 0 ? scan() : 2;
}
