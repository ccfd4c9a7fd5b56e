/*
 * A process to be paged out. Does what its arguments say, prints "ready", then
 * obeys lines on stdin: "check" compares every byte, "touch" reads every
 * page, "some FIRST COUNT" so many pages of the first area, "stall" tells the longest wait of the thread "mapper" since last asked.
 *
 *	anon=MIB noise=MIB locked=MIB vmas=N file=PATH
 *	pages=N (of each of the vmas) rewrite=PERCENT fork=N churn thread mapper
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096u
#define AREAS_MAX 8192

static struct area {
	unsigned char *at;
	size_t pages;
	int noise;
} areas[AREAS_MAX];
static size_t areas_nr;

/* Page `number` of an area, the same whenever it is made: about 3:1 for lzo, or noise. */
static void make_page(unsigned char *out, uint64_t number, int noise)
{
	uint64_t state = (number + 1) * 0x9e3779b97f4a7c15ull;

	for (size_t i = 0; i < PAGE; i += 8) {
		uint64_t word;

		state ^= state << 13;
		state ^= state >> 7;
		state ^= state << 17;
		word = noise || i % 32 == 0 ? state : number;
		memcpy(out + i, &word, 8);
	}
}

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void add_area(size_t pages, int noise, int lock)
{
	struct area *area = &areas[areas_nr++];

	area->pages = pages;
	area->noise = noise;
	area->at = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			0);
	if (area->at == MAP_FAILED)
		die("mmap");
	madvise(area->at, pages * PAGE, MADV_NOHUGEPAGE);
	for (size_t i = 0; i < pages; i++)
		make_page(area->at + i * PAGE, (uintptr_t)(area - areas) << 32 | i, noise);
	if (lock && mlock(area->at, pages * PAGE))
		die("mlock");
}

/* Neighbours of different protection do not merge: each stays a VMA of its own. */
static void add_vmas(size_t count, size_t pages)
{
	unsigned char *at = mmap(NULL, count * pages * PAGE, PROT_READ | PROT_WRITE,
				 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	for (size_t i = 0; i < count; i++) {
		struct area *area = &areas[areas_nr++];

		area->at = at + i * pages * PAGE;
		area->pages = pages;
		area->noise = 0;
		for (size_t page = 0; page < pages; page++)
			make_page(area->at + page * PAGE, (uintptr_t)(area - areas) << 32 | page,
				  0);
		if (i % 2 && mprotect(area->at, pages * PAGE, PROT_READ))
			die("mprotect");
	}
}

static void add_file(const char *path)
{
	struct stat stat;
	int fd = open(path, O_RDONLY);
	volatile unsigned char sum = 0;
	unsigned char *at;

	if (fd < 0 || fstat(fd, &stat))
		die(path);
	at = mmap(NULL, (size_t)stat.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	for (off_t i = 0; i < stat.st_size; i += PAGE)
		sum = (unsigned char)(sum + at[i]);
}

static size_t count_bad_pages(void)
{
	unsigned char wanted[PAGE];
	size_t bad = 0;

	for (size_t a = 0; a < areas_nr; a++)
		for (size_t i = 0; i < areas[a].pages; i++) {
			make_page(wanted, a << 32 | i, areas[a].noise);
			bad += memcmp(wanted, areas[a].at + i * PAGE, PAGE) != 0;
		}
	return bad;
}

static void touch_some(const char *numbers)
{
	char *rest;
	size_t first = strtoul(numbers, &rest, 10), count = strtoul(rest, NULL, 10);
	volatile unsigned char sum = 0;

	for (size_t i = first; i < first + count && i < areas[0].pages; i++)
		sum = (unsigned char)(sum + areas[0].at[i * PAGE]);
}

static void touch_all(void)
{
	volatile unsigned char sum = 0;

	for (size_t a = 0; a < areas_nr; a++)
		for (size_t i = 0; i < areas[a].pages; i++)
			sum = (unsigned char)(sum + areas[a].at[i * PAGE]);
}

/* Children that share every page; with `rewrite`, each first writes that much of its own. */
static void fork_children(int count, size_t rewrite_percent)
{
	for (int n = 0; n < count; n++) {
		int up[2];
		char byte;

		if (pipe(up))
			die("pipe");
		if (fork() == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			for (size_t i = 0; i < areas[0].pages * rewrite_percent / 100; i++) {
				volatile unsigned char *byte = &areas[0].at[i * PAGE];

				*byte = *byte;
			}
			printf("child %d\n", getpid());
			fflush(stdout);
			if (write(up[1], "", 1) != 1)
				_exit(1);
			for (;;)
				pause();
		}
		if (read(up[0], &byte, 1) != 1)
			die("child");
	}
}

static void *churn(void *unused)
{
	for (;;) {
		unsigned char *at = mmap(NULL, 16 * PAGE, PROT_READ | PROT_WRITE,
					 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		memset(at, 1, 16 * PAGE);
		munmap(at + 4 * PAGE, 4 * PAGE);
		usleep(20);
		munmap(at, 16 * PAGE);
	}
	return unused;
}

static volatile long longest_us;

/* What a running app does: ask for memory now and then, and wait for the mmap lock. */
static void *mapper(void *unused)
{
	for (;;) {
		struct timespec before, after;
		unsigned char *at;
		long took_us;

		clock_gettime(CLOCK_MONOTONIC, &before);
		at = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		*at = 1;
		munmap(at, PAGE);
		clock_gettime(CLOCK_MONOTONIC, &after);
		took_us = (after.tv_sec - before.tv_sec) * 1000000 +
			  (after.tv_nsec - before.tv_nsec) / 1000;
		if (took_us > longest_us)
			longest_us = took_us;
		usleep(50);
	}
	return unused;
}

static void *say_tid(void *unused)
{
	printf("tid %ld\n", syscall(SYS_gettid));
	fflush(stdout);
	pause();
	return unused;
}

static void start_thread(void *(*run)(void *))
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, run, NULL))
		die("pthread_create");
}

/* An app's uid; the kernel forgets the wish to die with the parent then. */
static void become(uid_t uid)
{
	if (setuid(uid))
		die("setuid");
	prctl(PR_SET_PDEATHSIG, SIGKILL);
}

static void obey_argument(const char *word)
{
	static size_t rewrite_percent, vma_pages = 4;
	const char *value = strchr(word, '=');
	size_t number = value ? strtoul(value + 1, NULL, 10) : 0;

	if (strncmp(word, "anon=", 5) == 0)
		add_area(number * 256, 0, 0);
	else if (strncmp(word, "noise=", 6) == 0)
		add_area(number * 256, 1, 0);
	else if (strncmp(word, "locked=", 7) == 0)
		add_area(number * 256, 0, 1);
	else if (strncmp(word, "vmas=", 5) == 0)
		add_vmas(number, vma_pages);
	else if (strncmp(word, "pages=", 6) == 0)
		vma_pages = number;
	else if (strncmp(word, "file=", 5) == 0)
		add_file(value + 1);
	else if (strncmp(word, "rewrite=", 8) == 0)
		rewrite_percent = number;
	else if (strncmp(word, "fork=", 5) == 0)
		fork_children((int)number, rewrite_percent);
	else if (strncmp(word, "uid=", 4) == 0)
		become((uid_t)number);
	else if (strcmp(word, "churn") == 0)
		start_thread(churn);
	else if (strcmp(word, "mapper") == 0)
		start_thread(mapper);
	else if (strcmp(word, "thread") == 0)
		start_thread(say_tid);
	else
		die(word);
}

int main(int argc, char **argv)
{
	char line[64];

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (int i = 1; i < argc; i++)
		obey_argument(argv[i]);
	printf("ready\n");
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		if (strcmp(line, "check\n") == 0) {
			printf("bad %zu\n", count_bad_pages());
		} else if (strcmp(line, "stall\n") == 0) {
			printf("longest %ld\n", longest_us);
			longest_us = 0;
		} else if (strncmp(line, "some ", 5) == 0) {
			touch_some(line + 5);
			printf("touched\n");
		} else {
			touch_all();
			printf("touched\n");
		}
		fflush(stdout);
	}
	return 0;
}
