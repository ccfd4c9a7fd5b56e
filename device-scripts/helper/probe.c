/*
 * The verb probe: which backends work here, tried on memory of the helper's own.
 * Versions say nothing: vendors backport, and policies forbid.
 */
#include "cgroup.h"
#include "json.h"
#include "kernel_file.h"
#include "page.h"
#include "proc.h"
#include "request.h"
#include "sys.h"

#define PROBE_BYTES 65536 /* the largest page there is */

static _Alignas(PROBE_BYTES) char own_memory[PROBE_BYTES];

static void print_backend(const char *name, int error, const char *why)
{
	line_begin("backend");
	line_word("name", name);
	line_bool("works", !error && !why);
	line_errno("errno", error);
	line_word("why", why);
	line_send();
}

/* Make the first page of own_memory resident, with content that is not all the same. */
static void touch_own_memory(void)
{
	for (size_t i = 0; i < page_bytes; i++)
		((volatile char *)own_memory)[i] = (char)(i ^ i >> 8);
}

/* The pagemap entry of own_memory's first page; 0 or -errno. */
static int own_page(uint64_t *entry)
{
	int fd = sys_openat(fs_root, "proc/self/pagemap", SYS_O_RDONLY);
	long got = fd;

	if (fd >= 0) {
		got = sys_pread(fd, entry, sizeof(*entry),
				page_index((uintptr_t)own_memory) * sizeof(*entry));
		sys_close(fd);
	}
	if (got < 0)
		return (int)got;
	return got == sizeof(*entry) ? 0 : -ENODATA;
}

/* Advise the first page in the process behind `pidfd`; 0 or -errno. */
static int advise_page(int pidfd, int advice)
{
	struct sys_iovec page = {own_memory, page_bytes};
	long done = pidfd;

	if (pidfd >= 0)
		done = sys_process_madvise(pidfd, &page, 1, advice);
	return done < 0 ? (int)done : 0;
}

/* NULL when the page has left, else why the backend does not work. */
static const char *not_moved(void)
{
	uint64_t entry;

	if (own_page(&entry))
		return "no pagemap to see whether the page left";
	return entry & PAGE_PRESENT ? "nothing moved" : NULL;
}

/*
 * Start a child that has the page too, stopped, to advise. Advice to oneself proves nothing: it
 * needs no capability (6.18 asks for CAP_SYS_NICE only between processes).
 */
static int start_child(void)
{
	int child = sys_fork();

	if (child == 0) {
		sys_die_with_parent(SYS_SIGKILL);
		sys_kill(sys_getpid(), SYS_SIGSTOP);
		sys_exit(0);
	}
	if (child > 0)
		sys_wait_stopped(child);
	return child;
}

static void end_child(int child)
{
	if (child < 0)
		return;
	sys_kill(child, SYS_SIGKILL);
	sys_wait_stopped(child);
}

/* See on our own page whether a page leaves: the child's may wait in another CPU's LRU batch. */
static const char *page_out_self(void)
{
	int pidfd = sys_pidfd_open(sys_getpid());
	int error;

	touch_own_memory();
	error = advise_page(pidfd, ADVICE_PAGEOUT);
	if (pidfd >= 0)
		sys_close(pidfd);
	return error ? "not on itself" : not_moved();
}

static void probe_madvise(void)
{
	int child = start_child();
	int pidfd = child < 0 ? child : sys_pidfd_open(child);
	int error;

	print_backend("pidfd_open", pidfd < 0 ? pidfd : 0, NULL);
	print_backend("process_madvise", advise_page(pidfd, ADVICE_COLD), NULL);
	error = advise_page(pidfd, ADVICE_PAGEOUT);
	print_backend("pageout", error, error ? NULL : page_out_self());
	print_backend("willneed", advise_page(pidfd, ADVICE_WILLNEED), NULL);
	if (pidfd >= 0)
		sys_close(pidfd);
	end_child(child);
}

/* Try a word, as in most kernels with this interface, then a number, as in the others. */
static void probe_proc_reclaim(void)
{
	int error;

	touch_own_memory();
	error = fs_write("proc/self/reclaim", SYS_O_WRONLY, span_of("anon"));
	if (error == -EINVAL)
		error = fs_write("proc/self/reclaim", SYS_O_WRONLY, span_of("2"));
	print_backend("proc_reclaim", error, error ? "/proc/self/reclaim" : not_moved());
}

/* Ask the helper's own memcg for 0 bytes: the write is checked, and nothing is taken. */
static void probe_memory_reclaim(void)
{
	int dir = proc_open(sys_getpid());
	long done = group_open(dir, "", "memory.reclaim", SYS_O_WRONLY);
	int fd = (int)done;

	if (fd >= 0) {
		done = sys_write(fd, "0", 1);
		sys_close(fd);
	}
	sys_close(dir);
	print_backend("memory_reclaim", done < 0 ? (int)done : 0,
		      done < 0 ? "memory.reclaim of its cgroup" : NULL);
}

/* A window of 1 s needs CAP_SYS_RESOURCE, and is what lmkd uses. The kernel drops the last byte. */
static void probe_psi_trigger(void)
{
	int error = fs_write("proc/pressure/memory", SYS_O_RDWR, span_of("some 70000 1000000\n"));

	print_backend("psi_trigger", error, error ? "/proc/pressure/memory" : NULL);
}

static void probe_pagemap(void)
{
	uint64_t entry = 0;
	int error;

	touch_own_memory();
	error = own_page(&entry);
	if (error)
		print_backend("pagemap", error, "/proc/self/pagemap");
	else
		print_backend("pagemap", 0,
			      entry & PAGE_PRESENT && entry & PAGE_EXCLUSIVE ?
				      NULL :
				      "does not tell which pages are one's own");
}

int verb_probe(const struct request *request, const char **why)
{
	if (request_check(request, "", why))
		return -EINVAL;
	probe_madvise();
	probe_proc_reclaim();
	probe_memory_reclaim();
	probe_psi_trigger();
	probe_pagemap();
	return 0;
}
