/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `am compact` does to one process: MADV_PAGEOUT on its anonymous mappings, and on its files too when asked,
 * one mapping a call as CachedAppOptimizer's native half hands them over. Prints the bytes advised.
 *
 *	compact PID some|full|anon|file
 *
 * In AOSP "some" is the file-backed part and "full" is both (CachedAppOptimizer.java, Android 10 to 13).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define PAGEOUT 21 /* MADV_PAGEOUT, Linux 5.4 */

#ifndef SYS_process_madvise
#define SYS_process_madvise 440
#define SYS_pidfd_open 434
#endif

static bool is_anonymous(const char *path)
{
	return path[0] == '\0' || path[0] == '[' || strncmp(path, "/dev/ashmem/", 12) == 0;
}

/* Special mappings and devices are not memory that can be paged out. */
static bool is_out_of_bounds(const char *path)
{
	return strncmp(path, "[v", 2) == 0 ||
	       (strncmp(path, "/dev/", 5) == 0 && strncmp(path, "/dev/ashmem/", 12) != 0);
}

static bool wanted(const char *path, bool anon, bool file)
{
	if (is_out_of_bounds(path))
		return false;
	return is_anonymous(path) ? anon : file;
}

static int compact(int pidfd, FILE *maps, bool anon, bool file, unsigned long long *advised)
{
	char line[4096];

	while (fgets(line, sizeof(line), maps)) {
		unsigned long start, end;
		int name = 0;
		struct iovec range;
		long done;

		line[strcspn(line, "\n")] = '\0';
		if (sscanf(line, "%lx-%lx %*s %*s %*s %*s %n", &start, &end, &name) < 2 ||
		    !wanted(line + name, anon, file))
			continue;
		range = (struct iovec){(void *)start, end - start};
		done = syscall(SYS_process_madvise, pidfd, &range, 1, PAGEOUT, 0);
		if (done > 0)
			*advised += (unsigned long long)done;
		else if (errno == ESRCH || errno == EPERM || errno == ENOSYS)
			return -errno;
	}
	return 0;
}

int main(int argc, char **argv)
{
	unsigned long long advised = 0;
	char path[32];
	bool full, file;
	FILE *maps;
	int pidfd, error;

	if (argc != 3) {
		fprintf(stderr, "usage: compact PID some|full|anon|file\n");
		return 2;
	}
	pidfd = (int)syscall(SYS_pidfd_open, atoi(argv[1]), 0);
	snprintf(path, sizeof(path), "/proc/%d/maps", atoi(argv[1]));
	maps = fopen(path, "re");
	if (pidfd < 0 || !maps) {
		perror(path);
		return 1;
	}
	full = strcmp(argv[2], "full") == 0;
	file = strcmp(argv[2], "some") == 0 || strcmp(argv[2], "file") == 0;
	error = compact(pidfd, maps, full || !file, full || file, &advised);
	printf("%llu\n", advised);
	return error ? 1 : 0;
}
