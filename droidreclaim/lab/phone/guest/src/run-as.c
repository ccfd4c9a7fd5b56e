/* SPDX-License-Identifier: Apache-2.0 */
/*
 * run-as PACKAGE [--user N] WORDS...: runs a program under the uid of a debuggable app. Like
 * Android's, it is setuid, serves only root and the shell, and takes uid and debuggable from
 * packages.list:
 *
 *	com.example.feed 10130 1 /data/user/0/com.example.feed default:targetSdkVersion=33 3003 0 1 1 @null
 */
#define _GNU_SOURCE
#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LIST "/data/system/packages.list"
#define SHELL_UID 2000
#define USER_RANGE 100000u
#define FIRST_APP 10000u
#define LAST_APP 19999u

static int refuse(const char *what, const char *name)
{
	fprintf(stderr, "run-as: %s: %s\n", what, name);
	return 1;
}

/* 0 when the list has a line for `package`. */
static int find(const char *package, unsigned *uid, int *debuggable)
{
	FILE *list = fopen(LIST, "re");
	char line[1024], name[256];
	int found = -ENOENT;

	if (!list)
		return -errno;
	while (found != 0 && fgets(line, sizeof(line), list))
		if (sscanf(line, "%255s %u %d", name, uid, debuggable) == 3 &&
		    strcmp(name, package) == 0)
			found = 0;
	fclose(list);
	return found;
}

static int become(uid_t uid)
{
	gid_t gid = uid;

	if (setgroups(1, &gid) != 0 || setresgid(gid, gid, gid) != 0 ||
	    setresuid(uid, uid, uid) != 0)
		return -errno;
	return 0;
}

int main(int argc, char **argv)
{
	unsigned uid, user = 0;
	int debuggable, next = 2;

	if (getuid() != 0 && getuid() != SHELL_UID)
		return refuse("only 'shell' or 'root' users can run this program", "not for apps");
	if (argc > 3 && strcmp(argv[2], "--user") == 0) {
		user = (unsigned)strtoul(argv[3], NULL, 10);
		next = 4;
	}
	if (next >= argc)
		return refuse("usage", "run-as PACKAGE [--user N] WORDS...");
	if (find(argv[1], &uid, &debuggable) != 0)
		return refuse("unknown package", argv[1]);
	if (uid < FIRST_APP || uid > LAST_APP)
		return refuse("package not an application", argv[1]);
	if (!debuggable)
		return refuse("package not debuggable", argv[1]);
	if (become(user * USER_RANGE + uid) != 0)
		return refuse("set*id failed", strerror(errno));
	execvp(argv[next], argv + next);
	return refuse("exec failed", strerror(errno));
}
