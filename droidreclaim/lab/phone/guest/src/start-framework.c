/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Started once by init: links the framework's client under each name that it is called by, then
 * becomes the framework, named system_server as on a phone. DROID_API, DROID_APPS and the like come
 * from the kernel's command line.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SYSTEM_ADJ "-900" /* ProcessList.SYSTEM_ADJ */

static const char *const clients[] = {"am",      "cmd",     "device_config", "dumpsys",
				      "getprop", "input",   "logcat",        "pm",
				      "pocket",  "setprop", "settings",      NULL};

static void link_clients(void)
{
	char path[64];

	for (const char *const *name = clients; *name; name++) {
		snprintf(path, sizeof(path), "/system/bin/%s", *name);
		unlink(path); /* the tree may carry a tool of this name */
		if (symlink("client", path) != 0)
			perror(path);
	}
}

static void set_own_adj(void)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, SYSTEM_ADJ, strlen(SYSTEM_ADJ)) < 0)
		perror("/proc/self/oom_score_adj");
	if (fd >= 0)
		close(fd);
}

int main(void)
{
	static char *const words[] = {"system_server", "-S", "-m", "framework", NULL};

	umask(022);
	link_clients();
	set_own_adj();
	setenv("PYTHONPATH", "/system", 1);
	setenv("PYTHONDONTWRITEBYTECODE", "1", 0);
	execv("/usr/bin/python3", words);
	perror("/usr/bin/python3");
	return 1;
}
