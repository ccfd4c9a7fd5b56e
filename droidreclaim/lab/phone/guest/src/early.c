/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The phone's first program, in the initramfs: load the drivers, mount the disk, lay our own files over it, mount what
 * Android has mounted, and become init. In C because starting a program takes 0.1 s under emulation, and this would be
 * forty of them.
 *
 * The disk holds Debian's packages and changes rarely; our own files come with each boot, in /overlay.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define SDCARD_GID "1015" /* AID_SDCARD_RW */

static void complain(const char *what)
{
	fprintf(stderr, "init: %s: %s\n", what, strerror(errno));
}

static void load_module(const char *name)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "/modules/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || syscall(SYS_finit_module, fd, "", 0) != 0)
		complain(path);
	if (fd >= 0)
		close(fd);
}

static void load_modules(void)
{
	char name[96];
	FILE *order = fopen("/modules/order", "re");

	if (!order) {
		complain("/modules/order");
		return;
	}
	while (fgets(name, sizeof(name), order)) {
		name[strcspn(name, "\n")] = '\0';
		load_module(name);
	}
	fclose(order);
}

static void mount_on(const char *type, const char *path, unsigned long flags, const char *options)
{
	mkdir(path, 0755);
	if (mount(type, path, type, flags, options) != 0)
		complain(path);
}

static void mount_all(void)
{
	const unsigned long strict = MS_NOSUID | MS_NODEV | MS_NOEXEC;

	mount_on("proc", "/proc", strict, NULL);
	mount_on("sysfs", "/sys", strict, NULL);
	mount_on("devpts", "/dev/pts", MS_NOSUID | MS_NOEXEC, "mode=600,ptmxmode=666");
	mount_on("cgroup2", "/sys/fs/cgroup", strict, NULL);
	mount_on("tmpfs", "/sdcard", strict, "mode=0771,gid=" SDCARD_GID);
	mkdir("/dev/socket", 0755);
	mkdir("/dev/__properties__", 0755);
	mkdir("/dev/block", 0755);
	if (symlink("/proc/self/fd", "/dev/fd") != 0 ||
	    symlink("../zram0", "/dev/block/zram0") != 0)
		complain("/dev");
}

/* Whether this boot only probes KVM: then it is enough that a program runs. */
static int is_probe(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], "probe") == 0)
			return 1;
	return 0;
}

static void copy_overlay(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		execl("/bin/toybox", "cp", "-a", "/overlay/.", "/root/", (char *)NULL);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, NULL, 0) != pid)
		complain("/overlay");
}

static int enter_disk(void)
{
	if (mount("/dev/vda", "/root", "ext4", MS_NOATIME, NULL) != 0)
		return -errno;
	copy_overlay();
	if (mount("/dev", "/root/dev", NULL, MS_MOVE, NULL) != 0 || chdir("/root") != 0)
		return -errno;
	if (mount(".", "/", NULL, MS_MOVE, NULL) != 0 || chroot(".") != 0)
		return -errno;
	return 0;
}

int main(int argc, char **argv)
{
	int error;

	mount_on("devtmpfs", "/dev", MS_NOSUID, "mode=0755");
	if (is_probe(argc, argv)) {
		puts("init: probe answered");
		fflush(stdout);
		pause();
	}
	load_modules();
	error = enter_disk();
	if (error != 0) {
		fprintf(stderr, "init: no disk: %s\n", strerror(-error));
		return 1;
	}
	umask(0);
	mount_all();
	umask(022);
	execl("/system/bin/init", "init", (char *)NULL);
	complain("/system/bin/init");
	return 1;
}
