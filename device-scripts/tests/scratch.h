/* A folder of a test's own, below the directory it runs in: mostly a made-up "/" of a device. */
#ifndef SCRATCH_H
#define SCRATCH_H

#include "check.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Make the folder `name`, whose last six letters are XXXXXX and become its own; return it open. */
static inline int scratch_open(char *name)
{
	int fd;

	CHECK(mkdtemp(name));
	fd = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CHECK(fd >= 0);
	return fd;
}

/* Remove `name` and all that is in it. */
static inline void scratch_remove(const char *name)
{
	char command[256];

	snprintf(command, sizeof(command), "rm -rf '%s'", name);
	CHECK(system(command) == 0);
}

#endif
