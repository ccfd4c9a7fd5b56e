/* What is learned from pagemap about a resume, of processes as /proc shows them, written here. */
#include "check.h"
#include "hot_learn.h"
#include "page.h"
#include "resume_watch.h"
#include "scratch.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096u
#define GRAIN_PAGES 16
#define IN_MEMORY (PAGE_PRESENT | PAGE_EXCLUSIVE)
#define NATIVE 0x10000000ull
#define JAVA 0x20000000ull
#define PID 411

static struct walk walk;
static char folder[] = "test_hot.XXXXXX";
static int dir;

static void write_maps(const char *text)
{
	int fd = openat(dir, "maps", O_WRONLY | O_CREAT | O_TRUNC, 0600);

	CHECK(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
}

/* Have `pages` pages from `address` on be as `entry` says. */
static void set_pages(uint64_t address, size_t pages, uint64_t entry)
{
	int fd = openat(dir, "pagemap", O_WRONLY | O_CREAT, 0600);
	static uint64_t entries[131072];

	CHECK(pages <= 131072);
	for (size_t i = 0; i < pages; i++)
		entries[i] = entry;
	CHECK(pwrite(fd, entries, pages * 8, (off_t)(address / PAGE * 8)) == (ssize_t)(pages * 8));
	close(fd);
}

static void set_grains(uint64_t address, size_t first, size_t grains, uint64_t entry)
{
	set_pages(address + first * GRAIN_BYTES, grains * GRAIN_PAGES, entry);
}

/* A process of 16 grains of native memory, in swap, noted. */
#define MAPS "10000000-10100000 rw-p 00000000 00:00 0  [anon:scudo:primary]\n"

static struct hot_set *noted(void)
{
	hot_set_drop(PID, 1);
	write_maps(MAPS);
	set_grains(NATIVE, 0, 16, PAGE_SWAPPED);
	CHECK(hot_note_out(&walk, dir, PID, 1) == 0);
	return hot_set_find(PID, 1);
}

static struct hot_set *looked(void)
{
	CHECK(hot_learn(&walk, dir, PID, 1) == 0);
	return hot_set_find(PID, 1);
}

/* One resume that uses these grains, and the page-out after it. */
static void resume_with(size_t first, size_t grains)
{
	set_grains(NATIVE, first, grains, IN_MEMORY);
	looked();
	set_grains(NATIVE, 0, 16, PAGE_SWAPPED);
	CHECK(hot_note_out(&walk, dir, PID, 1) == 0);
}

static bool is_hot(size_t grain)
{
	struct hot_set *set = hot_set_find(PID, 1);
	struct hot_mapping *next = hot_mapping_first(set), *mapping;
	bool hot;

	mapping = hot_mapping_find(set, &next, NATIVE, NATIVE + 16 * GRAIN_BYTES,
				   crc32(0, "[anon:scudo:primary]", 20));
	hot_run(mapping, NATIVE + grain * GRAIN_BYTES, PAGE, &hot);
	return hot;
}

static void what_came_back_is_hot_and_nothing_else(void)
{
	struct hot_set *set = noted();

	CHECK(set->out_pages == 256 && hot_set_bytes(set) == 0);
	set_grains(NATIVE, 3, 2, IN_MEMORY);
	set = looked();
	CHECK(set->resumes == 1 && hot_set_bytes(set) == 2 * GRAIN_BYTES);
	CHECK(!is_hot(2) && is_hot(3) && is_hot(4) && !is_hot(5));
}

static void one_page_of_a_grain_is_enough(void)
{
	noted();
	set_grains(NATIVE, 8, 1, IN_MEMORY);
	set_pages(NATIVE + 5 * GRAIN_BYTES + 3 * PAGE, 1, IN_MEMORY);
	looked();
	CHECK(is_hot(5) && is_hot(8));
}

static void new_shared_and_freed_pages_did_not_come_back(void)
{
	struct hot_set *set;

	hot_set_drop(PID, 1);
	write_maps(MAPS);
	set_grains(NATIVE, 0, 16, PAGE_SWAPPED);
	set_pages(NATIVE, 8, 0); /* half of the first grain holds nothing yet */
	set_pages(NATIVE + GRAIN_BYTES, 4, PAGE_PRESENT); /* the zygote's too: never out */
	CHECK(hot_note_out(&walk, dir, PID, 1) == 0);
	set_pages(NATIVE, 8, IN_MEMORY); /* new */
	set_grains(NATIVE, 2, 1, 0); /* freed */
	set_grains(NATIVE, 10, 2, IN_MEMORY);
	set = looked();
	CHECK(!is_hot(0) && !is_hot(1) && !is_hot(2) && is_hot(10) && is_hot(11));
	CHECK(hot_set_bytes(set) == 2 * GRAIN_BYTES);
}

static void a_page_or_two_in_the_background_is_no_resume(void)
{
	struct hot_set *set = noted();

	set_pages(NATIVE, 3, IN_MEMORY);
	set = looked();
	CHECK(set->resumes == 0 && hot_set_bytes(set) == 0);
}

static void a_second_look_adds_to_the_same_resume(void)
{
	struct hot_set *set;

	noted();
	set_grains(NATIVE, 0, 2, IN_MEMORY);
	looked();
	set_grains(NATIVE, 5, 1, IN_MEMORY);
	set = looked();
	CHECK(set->resumes == 1 && is_hot(0) && is_hot(1) && is_hot(5) && !is_hot(6));
}

static void the_last_resumes_have_a_say(void)
{
	noted();
	resume_with(0, 4);
	resume_with(0, 2);
	CHECK(is_hot(0) && is_hot(1) && !is_hot(2)); /* once, and not at the last one */
	resume_with(8, 4);
	CHECK(is_hot(0) && is_hot(1)); /* at both before the last */
	CHECK(is_hot(8) && !is_hot(2));
	resume_with(8, 4);
	CHECK(!is_hot(0) && is_hot(11));
}

static void what_was_kept_in_memory_stays_hot(void)
{
	noted();
	resume_with(0, 4);
	set_grains(NATIVE, 0, 4, IN_MEMORY);
	CHECK(hot_note_out(&walk, dir, PID, 1) == 0);
	set_grains(NATIVE, 9, 2, IN_MEMORY);
	CHECK(looked()->resumes == 2);
	CHECK(is_hot(0) && is_hot(3) && is_hot(9) && !is_hot(4));
}

static void a_mapping_that_changed_is_forgotten(void)
{
	static const char *const changed[] = {
		"10000000-100f0000 rw-p 00000000 00:00 0  [anon:scudo:primary]\n",
		"10000000-10100000 rw-p 00000000 00:00 0  [anon:scudo:secondary]\n",
		"10010000-10100000 rw-p 00000000 00:00 0  [anon:scudo:primary]\n",
		"30000000-30100000 rw-p 00000000 00:00 0  [anon:scudo:primary]\n",
	};

	for (size_t i = 0; i < ARRAY_SIZE(changed); i++) {
		noted();
		resume_with(0, 4);
		CHECK(hot_set_bytes(hot_set_find(PID, 1)) == 4 * GRAIN_BYTES);
		write_maps(changed[i]);
		CHECK(hot_set_bytes(looked()) == 0);
	}
}

#define JAVA_MAPS \
	MAPS "20000000-20100000 rw-p 00000000 00:00 0  [anon:dalvik-large object space]\n" \
	     "30000000-30100000 rw-p 00000000 00:00 0  [anon:dalvik-main space (region space)]\n"

static void a_collection_is_no_resume_and_the_moving_space_a_share(void)
{
	struct hot_set *set;

	hot_set_drop(PID, 1);
	write_maps(JAVA_MAPS);
	set_grains(NATIVE, 0, 16, PAGE_SWAPPED);
	set_grains(JAVA, 0, 16, PAGE_SWAPPED);
	set_grains(0x30000000ull, 0, 16, PAGE_SWAPPED);
	CHECK(hot_note_out(&walk, dir, PID, 1) == 0);
	set_grains(NATIVE, 0, 4, IN_MEMORY);
	set_grains(JAVA, 0, 9, IN_MEMORY); /* more than half */
	set_grains(0x30000000ull, 0, 4, IN_MEMORY);
	set = looked();
	CHECK(set->gc && hot_set_bytes(set) == 4 * GRAIN_BYTES);
	CHECK(set->moving_out_pages == 256 && set->moving_back_pages == 64);
	set_grains(JAVA, 0, 16, PAGE_SWAPPED);
	set_grains(JAVA, 0, 8, IN_MEMORY); /* half is a resume */
	set = looked();
	CHECK(!set->gc && hot_set_bytes(set) == 12 * GRAIN_BYTES);
}

static void a_step_leaves_the_hot_out_or_takes_them_alone(void)
{
	static struct step step;
	struct chosen chosen = {VMA_ANON, 0, UINT64_MAX, false, HOT_LEFT_OUT};
	uint64_t bytes = 0;

	noted();
	resume_with(2, 2);
	set_grains(NATIVE, 0, 16, IN_MEMORY);
	for (int from = 0; from < 2; from++) { /* whole, and from the middle of it on */
		chosen.start = from ? NATIVE + GRAIN_BYTES : 0;
		CHECK(walk_open(&walk, dir, &chosen) == 0);
		walk_use_hot(&walk, hot_set_find(PID, 1));
		for (bytes = 0; !walk.ended; bytes += step.bytes) {
			CHECK(walk_step(&walk, 5 * PAGE, &step) == 0);
			for (size_t i = 0; i < step.nr; i++) {
				uint64_t at = (uintptr_t)step.iov[i].base - NATIVE;

				CHECK(at + step.iov[i].bytes <= 2 * GRAIN_BYTES ||
				      at >= 4 * GRAIN_BYTES);
			}
		}
		CHECK(bytes == (14 - (uint64_t)from) * GRAIN_BYTES);
		CHECK(walk.left_out_bytes == 2 * GRAIN_BYTES);
		walk_close(&walk);
	}
	chosen = (struct chosen){VMA_ANON, 0, UINT64_MAX, true, HOT_ONLY};
	set_grains(NATIVE, 0, 16, PAGE_SWAPPED);
	for (int known = 0; known < 2; known++) {
		CHECK(walk_open(&walk, dir, &chosen) == 0);
		walk_use_hot(&walk, known ? hot_set_find(PID, 1) : NULL);
		for (bytes = 0; !walk.ended; bytes += step.bytes)
			CHECK(walk_step(&walk, UINT64_MAX, &step) == 0);
		CHECK(bytes == (known ? 2 * GRAIN_BYTES : 0));
		walk_close(&walk);
	}
}

static void two_hundred_apps_fit_and_the_oldest_goes(void)
{
	static _Alignas(8) uint8_t bytes[1120];
	struct hot_set *set = (struct hot_set *)(void *)bytes;

	*set = (struct hot_set){.bytes = sizeof(bytes)};
	CHECK(HOT_BYTES + HOT_SET_BYTES <= 256 * 1024);
	hot_set_drop(PID, 1);
	for (int pid = 1; pid <= 204; pid++) {
		set->pid = pid;
		*hot_mapping_first(set) =
			(struct hot_mapping){.bytes = sizeof(bytes) - sizeof(*set)};
		hot_set_put(set);
	}
	CHECK(hot_set_find(1, 0) && hot_set_find(204, 0));
	for (int pid = 205; pid <= 210; pid++) {
		set->pid = pid;
		hot_set_put(set);
	}
	CHECK(!hot_set_find(5, 0) && hot_set_find(210, 0) && hot_set_find(11, 0));
	for (int pid = 1; pid <= 210; pid++)
		hot_set_drop(pid, 0);
}

static void a_process_of_more_mappings_than_fit_has_a_bounded_set(void)
{
	static char maps[64 * 3000];
	size_t len = 0;

	for (size_t i = 0; i < 3000; i++)
		len += (size_t)snprintf(
			maps + len, sizeof(maps) - len, "%zx-%zx rw-p 00000000 00:00 0\n",
			(size_t)NATIVE + i * 2 * PAGE, (size_t)NATIVE + (i * 2 + 1) * PAGE);
	hot_set_drop(PID, 1);
	write_maps(maps);
	set_pages(NATIVE, 6000, PAGE_SWAPPED);
	CHECK(hot_note_out(&walk, dir, PID, 1) == 0);
	CHECK(hot_set_find(PID, 1)->bytes <= HOT_SET_BYTES);
	set_pages(NATIVE, 6000, IN_MEMORY);
	CHECK(hot_set_bytes(looked()) > 500 * PAGE);
	write_maps("10000000-f0000000 rw-p 00000000 00:00 0\n"); /* and one of more grains */
	hot_set_drop(PID, 1);
	set_grains(NATIVE, 0, 16, PAGE_SWAPPED);
	set_grains(NATIVE, 57000, 16, PAGE_SWAPPED);
	set_pages(0xf0000000ull - PAGE, 1, 0);
	CHECK(hot_note_out(&walk, dir, PID, 1) == 0);
	CHECK(hot_set_find(PID, 1)->bytes <= HOT_SET_BYTES);
}

static void the_guard_looks_twice_after_a_resume_or_as_the_app_leaves(void)
{
	static struct guard guard;
	struct app *app = &guard.apps.app[0];

	guard.apps.nr = 1;
	guard.now_ms = 100000;
	app->pid = PID;
	app->start = 1;
	app->front_ms = guard.now_ms;
	app->background_ms = UNKNOWN;
	hot_set_drop(PID, 1);
	CHECK(resume_wait_ms(&guard) == UNKNOWN); /* its rule keeps nothing */
	noted();
	CHECK(resume_wait_ms(&guard) == 500);
	guard.now_ms += 499;
	resume_look(&guard);
	CHECK(resume_wait_ms(&guard) == 1);
	guard.now_ms += 1;
	resume_look(&guard);
	CHECK(resume_wait_ms(&guard) == 3500);
	guard.now_ms += 4000; /* late */
	CHECK(resume_wait_ms(&guard) == 0);
	resume_look(&guard);
	CHECK(resume_wait_ms(&guard) == UNKNOWN && app->front_ms == UNKNOWN);
	app->front_ms = guard.now_ms;
	app->looks = 0;
	app->background_ms = guard.now_ms += 100; /* it left before the first look */
	CHECK(resume_wait_ms(&guard) == 0);
	resume_look(&guard);
	CHECK(resume_wait_ms(&guard) == UNKNOWN && app->front_ms == UNKNOWN && app->looks == 1);
	hot_set_drop(PID, 1);
	app->front_ms = guard.now_ms;
	resume_look(&guard);
	CHECK(app->front_ms == UNKNOWN && app->looks == 1); /* a page-out to come is of no resume */
}

int main(void)
{
	page_bytes = PAGE;
	dir = scratch_open(folder);
	what_came_back_is_hot_and_nothing_else();
	one_page_of_a_grain_is_enough();
	new_shared_and_freed_pages_did_not_come_back();
	a_page_or_two_in_the_background_is_no_resume();
	a_second_look_adds_to_the_same_resume();
	the_last_resumes_have_a_say();
	what_was_kept_in_memory_stays_hot();
	a_mapping_that_changed_is_forgotten();
	a_collection_is_no_resume_and_the_moving_space_a_share();
	a_step_leaves_the_hot_out_or_takes_them_alone();
	the_guard_looks_twice_after_a_resume_or_as_the_app_leaves();
	two_hundred_apps_fit_and_the_oldest_goes();
	a_process_of_more_mappings_than_fit_has_a_bounded_set();
	scratch_remove(folder);
	return 0;
}
