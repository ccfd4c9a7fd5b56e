/*
 * The same program on the host's libc, for unit tests under sanitizers. With
 * DROIDRECLAIM_ROOT it sees that directory's proc/ and sys/ as its own.
 */
#include "kernel_file.h"
#include "sys.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

long sys_call(long number, long a, long b, long c, long d, long e, long f)
{
	long result = syscall(number, a, b, c, d, e, f);

	return result < 0 ? -errno : result;
}

int sys_on_signal(int number, sys_handler handler)
{
	struct sigaction action = {.sa_handler = handler};

	return sigaction(number, &action, NULL) < 0 ? -errno : 0;
}

int sys_block_signal(int number, bool block)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, number);
	return sigprocmask(block ? SIG_BLOCK : SIG_UNBLOCK, &set, NULL) < 0 ? -errno : 0;
}

#ifndef UNIT_TEST
int helper_main(int argc, char **argv, size_t page_bytes);

int main(int argc, char **argv)
{
	const char *root = getenv("DROIDRECLAIM_ROOT");

	if (root)
		fs_root = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return helper_main(argc, argv, (size_t)sysconf(_SC_PAGESIZE));
}
#endif
