/* SPDX-License-Identifier: Apache-2.0 */
/*
 * su in the dialects that droidreclaim meets. A file that only root may read or write names the
 * dialect; init writes it from droid.root= of the kernel's command line:
 *
 *	su		as Magisk: su [USER] -c COMMAND
 *	su0		as AOSP's userdebug builds: su [USER [COMMAND WORDS...]]
 *	su-deny		the owner said no
 *	su-hang		the owner does not answer
 *	su-weak		uid 0 and no capability
 *	su-banner	as su, with a greeting on stdout first
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define BEHAVIOUR_FILE "/data/adb/su"
#define SHELL "/system/bin/sh"

static int read_behaviour(char *name, size_t size)
{
	int fd = open(BEHAVIOUR_FILE, O_RDONLY | O_CLOEXEC);
	ssize_t length;

	if (fd < 0)
		return -errno;
	length = read(fd, name, size - 1);
	close(fd);
	if (length <= 0)
		return -EIO;
	name[length] = '\0';
	name[strcspn(name, "\n")] = '\0';
	return 0;
}

static int drop_capabilities(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[2] = {{0}};

	for (int cap = 0; prctl(PR_CAPBSET_READ, cap) >= 0; cap++)
		if (prctl(PR_CAPBSET_DROP, cap) != 0)
			return -errno;
	return syscall(SYS_capset, &header, none) != 0 ? -errno : 0;
}

static int become_root(void)
{
	gid_t group = 0;

	if (setgroups(1, &group) != 0 || setgid(0) != 0 || setuid(0) != 0)
		return -errno;
	return 0;
}

static int is_root(const char *user)
{
	return strcmp(user, "0") == 0 || strcmp(user, "root") == 0;
}

static int usage(const char *why)
{
	fprintf(stderr, "su: %s\n", why);
	return 1;
}

static int run(char *const words[])
{
	execv(SHELL, words);
	fprintf(stderr, "su: %s: %s\n", SHELL, strerror(errno));
	return 127;
}

/* su [USER] -c COMMAND, or su [USER] for a shell. */
static int run_command_option(int argc, char **argv)
{
	int next = 1;

	if (next < argc && argv[next][0] != '-') {
		if (!is_root(argv[next]))
			return usage("no such user");
		next++;
	}
	if (next == argc)
		return run((char *[]){"sh", NULL});
	if (strcmp(argv[next], "-c") != 0 || next + 2 != argc)
		return usage("usage: su [USER] [-c COMMAND]");
	return run((char *[]){"sh", "-c", argv[next + 1], NULL});
}

/* su [USER [WORDS...]]: the words are a program and its arguments, never a line for a shell. */
static int run_words(int argc, char **argv)
{
	if (argc > 1 && !is_root(argv[1])) {
		fprintf(stderr, "su: invalid uid/gid '%s'\n", argv[1]);
		return 1;
	}
	if (argc <= 2)
		return run((char *[]){"sh", NULL});
	execvp(argv[2], argv + 2);
	fprintf(stderr, "su: failed to exec %s: %s\n", argv[2], strerror(errno));
	return 1;
}

int main(int argc, char **argv)
{
	char behaviour[32];
	int error = become_root();

	if (error == 0)
		error = read_behaviour(behaviour, sizeof(behaviour));
	if (error == 0 && strcmp(behaviour, "su-weak") == 0)
		error = drop_capabilities();
	if (error != 0) {
		fprintf(stderr, "su: %s\n", strerror(-error));
		return 1;
	}
	if (strcmp(behaviour, "su-deny") == 0)
		return usage("Permission denied");
	if (strcmp(behaviour, "su-hang") == 0)
		for (;;)
			pause();
	if (strcmp(behaviour, "su-banner") == 0) {
		puts("Welcome to the superuser shell.");
		fflush(stdout);
	}
	return strcmp(behaviour, "su0") == 0 ? run_words(argc, argv) :
					       run_command_option(argc, argv);
}
