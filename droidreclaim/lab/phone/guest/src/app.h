/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an app does between its fork and its death: it obeys one line commands of the framework that arrive on a
 * SEQPACKET socket, answers each with one line, and works a little by itself in the foreground and in the background.
 *
 *	heap WORKING_PERMILLE REUSE_PERCENT MOVES GAME FILE
 *	                                  fill the heap, map FILE ("-": none)   ok USEC PAGES STALL_USEC
 *	front 0|1                         leave or take the screen              ok STALL_USEC
 *	resume                            touch and check the working set       check PAGES BAD FIRST USEC MAJOR_FAULTS
 *	verify                            check every page, shared ones too     check ... as above
 *	beat 0|1                          background work off, on               ok
 *	trim LEVEL                        give up caches                        ok BYTES
 *	hold BYTES                        have so many beside the heap          ok, or "error ERRNO"
 *	child NAME                        start a process of its own            ok PID, or "error ERRNO"
 *	frames                            how many took 0, 1, 2 ... ms          frames COUNT ...
 *	tap, score                        the game                              score N, or "none" in other apps
 *
 * STALL_USEC is the longest time that the app took to fill up to 64 KiB of its heap, since
 * STALL_USEC was last answered: what the user sees as a hitch when memory is short.
 */
#ifndef APP_H
#define APP_H

#include "heap.h"

#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>

#define MESSAGE_BYTES 512
#define FRONT_PERIOD_MS 100
#define FRAME_KINDS 64 /* the last: 63 ms and more */
#define FRONT_PAGES 8u /* 320 KiB a second: a game that allocates without haste */
#define BEAT_PERIOD_MS 3000
#define BEAT_PAGES 4u
/* ComponentCallbacks2: from here on an app gives up what it can rebuild. */
#define TRIM_UI_HIDDEN 20
#define TRIM_RUNNING_LOW 10 /* the same for one in use: LOW and CRITICAL */
#define TRIM_RUNNING_CRITICAL 15

struct shared_heap {
	const uint8_t *base;
	uint32_t pages;
	uint64_t seed;
};

struct app {
	struct heap heap;
	struct shared_heap shared;
	int sock;
	void (*call_itself)(const char *name); /* changes the name that /proc shows */
	bool filled;
	bool front;
	bool beats;
	uint64_t random;
	void *held; /* pages beside the heap, which no check reads */
	size_t held_bytes;
	uint32_t bad; /* found while working, told with the next check */
	int64_t stall_us;
	uint16_t frames[FRAME_KINDS]; /* since its start, by milliseconds taken */
};

static inline int64_t now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static inline long major_faults(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_majflt;
}

static inline uint32_t random_page(struct app *app)
{
	app->random = next_word(app->random);
	return (uint32_t)(app->random % heap_end(&app->heap));
}

static inline void note_stall(struct app *app, int64_t since_us)
{
	int64_t took_us = now_us() - since_us;

	app->stall_us = took_us > app->stall_us ? took_us : app->stall_us;
}

/* A frame is a turn of work in front, or a resume: what is late in it, the user sees. */
static inline void note_frame(struct app *app, int64_t since_us)
{
	int64_t ms = (now_us() - since_us) / 1000;
	uint16_t *frames = &app->frames[ms < FRAME_KINDS ? ms : FRAME_KINDS - 1];

	if (*frames < UINT16_MAX)
		(*frames)++;
}

static inline int64_t take_stall(struct app *app)
{
	int64_t stall_us = app->stall_us;

	app->stall_us = 0;
	return stall_us;
}

static inline void fill(struct app *app, uint32_t end)
{
	for (uint32_t from = 0; from < end; from += CLUSTER_PAGES) {
		int64_t start = now_us();

		heap_fill(&app->heap, from,
			  from + CLUSTER_PAGES < end ? from + CLUSTER_PAGES : end);
		note_stall(app, start);
	}
}

static inline void app_work(struct app *app)
{
	struct heap *heap = &app->heap;
	int64_t start = now_us();

	for (unsigned i = 0; i < FRONT_PAGES; i++) {
		if (heap_end(heap) < heap->pages) {
			heap_write(heap, heap_end(heap));
			heap->grown++;
			continue;
		}
		uint32_t index = random_page(app);

		if (heap_holds(heap, index) && heap_in_working_set(heap, index))
			heap_write(heap, index);
	}
	note_stall(app, start);
	note_frame(app, start);
}

static inline void app_beat(struct app *app)
{
	for (unsigned i = 0; i < BEAT_PAGES; i++) {
		uint32_t index = random_page(app);

		if (heap_holds(&app->heap, index) && !heap_good(&app->heap, index))
			app->bad++;
	}
}

static inline void map_file(const char *path)
{
	static volatile uint8_t seen;
	struct stat file;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	if (fstat(fd, &file) == 0 && file.st_size > 0) {
		const uint8_t *base =
			mmap(NULL, (size_t)file.st_size, PROT_READ, MAP_PRIVATE, fd, 0);

		for (off_t at = 0; base != MAP_FAILED && at < file.st_size; at += PAGE_BYTES)
			seen += base[at];
	}
	close(fd);
}

static inline void do_heap(struct app *app, const char *line, char *answer)
{
	char path[256] = "-";
	int64_t start = now_us();
	unsigned working_permille = 0;
	int game = 0, moves = 0;

	sscanf(line, "heap %u %u %d %d %255s", &working_permille, &app->heap.reuse_percent, &moves,
	       &game, path);
	app->heap.moves = moves;
	if (app->heap.reuse_percent < 100 && heap_unname(&app->heap) != 0)
		_exit(1); /* the framework takes it for an app that died */
	heap_choose(&app->heap, working_permille);
	fill(app, app->heap.first[PLAIN]);
	app->heap.has_score = game;
	if (game)
		score_set(&app->heap, 0);
	if (strcmp(path, "-") != 0)
		map_file(path);
	app->filled = true;
	snprintf(answer, MESSAGE_BYTES, "ok %lld %u %lld", (long long)(now_us() - start),
		 heap_end(&app->heap), (long long)take_stall(app));
}

static inline void check_shared(const struct shared_heap *shared, struct check *check)
{
	for (uint32_t i = 0; i < shared->pages; i++) {
		check->pages++;
		if (!page_good(shared->base + (size_t)i * PAGE_BYTES, shared->seed, i, 0))
			check->bad++;
	}
}

static inline void do_check(struct app *app, bool resume, char *answer)
{
	struct check check = {0, app->bad, -1};
	long faults = major_faults();
	int64_t start = now_us();

	if (resume) {
		heap_draw(&app->heap);
		heap_restore_cache(&app->heap);
	} else {
		check_shared(&app->shared, &check);
	}
	heap_check(&app->heap, resume, &check);
	if (resume)
		note_frame(app, start);
	snprintf(answer, MESSAGE_BYTES, "check %u %u %lld %lld %ld", check.pages, check.bad,
		 (long long)check.first_bad, (long long)(now_us() - start),
		 major_faults() - faults);
}

static inline void do_trim(struct app *app, int level, char *answer)
{
	bool drops = level >= TRIM_UI_HIDDEN || level == TRIM_RUNNING_LOW ||
		     level == TRIM_RUNNING_CRITICAL;

	snprintf(answer, MESSAGE_BYTES, "ok %zu", drops ? heap_drop_cache(&app->heap) : 0);
}

/* Give back what was held, and hold `bytes` instead, in whole pages: memory that is known to the byte. */
static inline void do_hold(struct app *app, size_t bytes, char *answer)
{
	size_t pages = bytes / PAGE_BYTES;

	if (app->held_bytes)
		munmap(app->held, app->held_bytes);
	app->held_bytes = 0;
	if (pages == 0)
		return;
	app->held = map_plain(pages * PAGE_BYTES);
	if (app->held == MAP_FAILED) {
		snprintf(answer, MESSAGE_BYTES, "error %d", errno);
		return;
	}
	app->held_bytes = pages * PAGE_BYTES;
	for (size_t at = 0; at < pages; at++)
		page_fill((uint64_t *)((uint8_t *)app->held + at * PAGE_BYTES), app->heap.seed,
			  (uint32_t)at, 1);
}

static inline void do_score(struct app *app, bool tap, char *answer)
{
	if (!app->heap.has_score) {
		snprintf(answer, MESSAGE_BYTES, "none");
		return;
	}
	if (tap)
		score_set(&app->heap, score_get(&app->heap) + 1);
	snprintf(answer, MESSAGE_BYTES, "score %llu", (unsigned long long)score_get(&app->heap));
}

/* A process that an app starts by itself, as one that runs programs does. It sleeps, and ends with the app. */
static inline void do_child(struct app *app, const char *name, char *answer)
{
	pid_t pid;

	signal(SIGCHLD, SIG_IGN); /* nobody waits for it */
	pid = fork();
	if (pid == 0) {
		close(app->sock);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		app->call_itself(name);
		for (;;)
			pause();
	}
	snprintf(answer, MESSAGE_BYTES, pid < 0 ? "error %d" : "ok %d", pid < 0 ? errno : (int)pid);
}

static inline void do_frames(const struct app *app, char *answer)
{
	int length = snprintf(answer, MESSAGE_BYTES, "frames");

	for (int i = 0; i < FRAME_KINDS; i++)
		length += snprintf(answer + length, (size_t)(MESSAGE_BYTES - length), " %u",
				   app->frames[i]);
}

static inline void do_front(struct app *app, bool front, char *answer)
{
	app->front = front;
	snprintf(answer, MESSAGE_BYTES, "ok %lld", (long long)take_stall(app));
}

static inline void app_obey(struct app *app, const char *line, char *answer)
{
	snprintf(answer, MESSAGE_BYTES, "ok");
	if (strncmp(line, "heap ", 5) == 0)
		do_heap(app, line, answer);
	else if (strncmp(line, "front ", 6) == 0)
		do_front(app, line[6] == '1', answer);
	else if (strncmp(line, "beat ", 5) == 0)
		app->beats = line[5] == '1';
	else if (strcmp(line, "resume") == 0 || strcmp(line, "verify") == 0)
		do_check(app, line[0] == 'r', answer);
	else if (strncmp(line, "trim ", 5) == 0)
		do_trim(app, atoi(line + 5), answer);
	else if (strncmp(line, "hold ", 5) == 0)
		do_hold(app, strtoul(line + 5, NULL, 10), answer);
	else if (strncmp(line, "child ", 6) == 0)
		do_child(app, line + 6, answer);
	else if (strcmp(line, "frames") == 0)
		do_frames(app, answer);
	else if (strcmp(line, "tap") == 0 || strcmp(line, "score") == 0)
		do_score(app, line[0] == 't', answer);
	else
		snprintf(answer, MESSAGE_BYTES, "unknown");
}

static inline int app_pause_ms(const struct app *app)
{
	if (!app->filled)
		return -1;
	if (app->front)
		return FRONT_PERIOD_MS;
	return app->beats ? BEAT_PERIOD_MS : -1;
}

/* Runs until the framework hangs up. */
static inline void app_live(struct app *app)
{
	char line[MESSAGE_BYTES];
	char answer[MESSAGE_BYTES];
	struct pollfd commands = {.fd = app->sock, .events = POLLIN};

	for (;;) {
		int ready = poll(&commands, 1, app_pause_ms(app));
		ssize_t length;

		if (ready == 0) {
			if (app->front)
				app_work(app);
			else
				app_beat(app);
			continue;
		}
		length = recv(app->sock, line, sizeof(line) - 1, 0);
		if (length < 0 && errno == EINTR)
			continue;
		if (length <= 0)
			return;
		line[length] = '\0';
		app_obey(app, line, answer);
		if (send(app->sock, answer, strlen(answer), MSG_NOSIGNAL) < 0)
			return;
	}
}

#endif
