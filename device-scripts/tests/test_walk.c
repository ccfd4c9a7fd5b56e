/* Which mappings are whose kind, and how a walk over real memory is cut into steps. */
#include "check.h"
#include "page.h"
#include "page_walk.h"
#include "scratch.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static enum vma_kind kind_in(const char *line)
{
	struct vma vma;

	CHECK(vma_parse(span_of(line), &vma));
	return vma.kind;
}

#define PRIVATE "7f0000000000-7f0000001000 rw-p 00000000 "
#define SHARED "7f0000000000-7f0000001000 rw-s 00000000 "

static void private_anonymous_memory_has_many_names(void)
{
	CHECK(kind_in(PRIVATE "00:00 0") & VMA_ANON);
	CHECK(kind_in(PRIVATE "00:00 0                  [heap]") & VMA_ANON);
	CHECK(kind_in(PRIVATE "00:00 0                  [stack]") & VMA_ANON);
	CHECK(kind_in(PRIVATE "00:00 0                  [stack:411]") & VMA_ANON);
	CHECK(kind_in(PRIVATE "00:00 0  [anon:dalvik-main space (region space)]") & VMA_ANON);
	CHECK(kind_in(PRIVATE "00:04 9  /dev/ashmem/dalvik-main space (deleted)") & VMA_ANON);
	CHECK(kind_in(PRIVATE "00:04 9  /dev/ashmem/libc_malloc (deleted)") & VMA_ANON);
}

static void special_shared_and_device_memory_is_left_alone(void)
{
	CHECK(kind_in(PRIVATE "00:00 0                  [vdso]") == VMA_OTHER);
	CHECK(kind_in(PRIVATE "00:00 0                  [vvar]") == VMA_OTHER);
	CHECK(kind_in(PRIVATE "00:00 0                  [vectors]") == VMA_OTHER);
	CHECK(kind_in("ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0 [vsyscall]") ==
	      VMA_OTHER);
	CHECK(kind_in(SHARED "00:04 9  /dev/ashmem/gralloc (deleted)") == VMA_OTHER);
	CHECK(kind_in(SHARED "00:01 9  /dev/zero (deleted)") == VMA_OTHER);
	CHECK(kind_in(SHARED "00:01 9  /memfd:jit-cache (deleted)") == VMA_OTHER);
	CHECK(kind_in(SHARED "00:10 9  /dev/kgsl-3d0") == VMA_OTHER);
	CHECK(kind_in(SHARED "00:10 9  /dev/mali0") == VMA_OTHER);
	CHECK(kind_in(SHARED "00:0b 9  /dmabuf:system (deleted)") == VMA_OTHER);
	CHECK(kind_in(SHARED "00:0b 9  anon_inode:dmabuf") == VMA_OTHER);
	CHECK(kind_in(PRIVATE "00:0f 9  /anon_hugepage (deleted)") == VMA_OTHER);
	CHECK(kind_in("7f0000000000-8f0000000000 ---p 00000000 00:00 0") == VMA_OTHER);
}

static void files_are_files_mapped_either_way(void)
{
	CHECK(kind_in(PRIVATE "fd:01 42 /system/lib64/libc.so") & VMA_FILE);
	CHECK(kind_in(SHARED "fd:01 42 /data/app/base.apk") & VMA_FILE);
	CHECK(kind_in(PRIVATE "fd:01 42 /data/a name with blanks (deleted)") & VMA_FILE);
}

static void a_kind_is_what_android_calls_it(void)
{
	CHECK(kind_in(PRIVATE "00:00 0  [anon:dalvik-main space (region space)]") == VMA_DALVIK);
	CHECK(kind_in(PRIVATE "00:04 9  /dev/ashmem/dalvik-main space (deleted)") == VMA_DALVIK);
	CHECK(kind_in(PRIVATE "00:00 0  [anon:scudo:primary]") == VMA_NATIVE);
	CHECK(kind_in(PRIVATE "00:00 0  [anon:libc_malloc]") == VMA_NATIVE);
	CHECK(kind_in(PRIVATE "00:04 9  /dev/ashmem/libc_malloc (deleted)") == VMA_NATIVE);
	CHECK(kind_in(PRIVATE "00:00 0  [heap]") == VMA_NATIVE);
	CHECK(kind_in(PRIVATE "00:00 0  [stack]") == VMA_STACK);
	CHECK(kind_in(PRIVATE "00:00 0  [anon:stack_and_tls:4711]") == VMA_STACK);
	CHECK(kind_in(PRIVATE "00:00 0  [anon:.bss]") == VMA_UNNAMED);
	CHECK(kind_in(PRIVATE "00:00 0") == VMA_UNNAMED);
	CHECK(kind_in(PRIVATE "fd:01 42 /system/lib64/libc.so") == VMA_CODE);
	CHECK(kind_in("1000-2000 r-xp 00000000 fd:01 42 /system/bin/app_process64") == VMA_CODE);
	CHECK(kind_in(SHARED "fd:01 42 /data/app/x/base.apk") == VMA_CODE);
	CHECK(kind_in(PRIVATE "fd:01 42 /system/fonts/Roboto.ttf") == VMA_DATA);
}

static void kinds_are_asked_for_by_name(void)
{
	unsigned int kinds;

	CHECK(kinds_parse(span_of("dalvik,stack"), &kinds) && kinds == (VMA_DALVIK | VMA_STACK));
	CHECK(kinds_parse(span_of("code"), &kinds) && kinds == VMA_CODE);
	CHECK(!kinds_parse(span_of("dalvik,graphics"), &kinds));
	CHECK(!kinds_parse(span_of(""), &kinds));
}

static void a_line_that_is_none_is_left_out(void)
{
	struct vma vma;

	CHECK(!vma_parse(span_of(""), &vma));
	CHECK(!vma_parse(span_of("7f00-"), &vma));
	CHECK(!vma_parse(span_of("2000-1000 rw-p 00000000 00:00 0"), &vma));
	CHECK(!vma_parse(span_of("1001-2000 rw-p 00000000 00:00 0"), &vma));
	CHECK(!vma_parse(span_of("11000000000001000-2000 rw-p 00000000 00:00 0"), &vma));
	CHECK(!vma_parse(span_of("1000-2000-rw-p 00000000 00:00 0"), &vma));
	CHECK(!vma_parse(span_of("1000-2000 rw-p 00000000 00:00 "), &vma));
	CHECK(!vma_parse(span_of("1000-2000 rw-p 00000000 00:00 0x [heap]"), &vma));
}

#define PAGES 300
#define LIMIT_PAGES 15 /* odd: it ends between two neighbours */

/* A child with PAGES pages of its own at `memory`, every third missing. */
static pid_t spawn_child(char *memory)
{
	pid_t child = fork();

	if (child == 0) {
		for (size_t i = 0; i < PAGES; i++)
			if (i % 3 != 0)
				memory[i * page_bytes] = (char)(i + 1);
		kill(getpid(), SIGSTOP);
		_exit(0);
	}
	CHECK(waitpid(child, NULL, WUNTRACED) == child);
	return child;
}

/*
 * A directory like the child's in /proc with the mappings from `memory` on: the
 * sanitizer's own, of terabytes, would take half a minute.
 */
static int open_cut_proc(pid_t child, const char *memory, char *folder)
{
	char path[128], line[512], target[64];
	unsigned long start, end;
	FILE *from, *to;
	int dir = scratch_open(folder);

	snprintf(path, sizeof(path), "%s/maps", folder);
	snprintf(target, sizeof(target), "/proc/%d/maps", child);
	from = fopen(target, "r");
	to = fopen(path, "w");
	while (fgets(line, sizeof(line), from))
		if (sscanf(line, "%lx-%lx", &start, &end) == 2 && end > (uintptr_t)memory &&
		    start < (uintptr_t)memory + PAGES * page_bytes)
			fputs(line, to);
	fclose(from);
	fclose(to);
	snprintf(path, sizeof(path), "%s/pagemap", folder);
	snprintf(target, sizeof(target), "/proc/%d/pagemap", child);
	CHECK(symlink(target, path) == 0);
	return dir;
}

static void close_cut_proc(int dir, const char *folder)
{
	close(dir);
	scratch_remove(folder);
}

static void steps_hold_resident_pages_and_no_more_than_asked(void)
{
	static struct walk walk;
	static struct step step;
	const struct chosen anon = {VMA_ANON, 0, UINT64_MAX, false, HOT_ANY};
	struct use sum;
	char folder[] = "test_walk.XXXXXX";
	char *memory =
		mmap(NULL, (PAGES + 2) * page_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint64_t own_pages = 0;
	pid_t child;
	int dir;

	memory += page_bytes; /* with neighbours that cannot merge */
	CHECK(mprotect(memory, PAGES * page_bytes, PROT_READ | PROT_WRITE) == 0);
	child = spawn_child(memory);
	dir = open_cut_proc(child, memory, folder);
	CHECK(walk_open(&walk, dir, &anon) == 0 && walk.pagemap >= 0);
	while (!walk.ended) {
		CHECK(walk_step(&walk, LIMIT_PAGES * page_bytes, &step) == 0);
		CHECK(step.bytes <= LIMIT_PAGES * page_bytes && step.nr <= STEP_RANGES);
		for (size_t i = 0; i < step.nr; i++) {
			char *base = step.iov[i].base;

			CHECK(base >= memory && base < memory + PAGES * page_bytes);
			CHECK((size_t)(base - memory) / page_bytes % 3 != 0);
			CHECK(step.iov[i].bytes <= 2 * page_bytes);
			own_pages += step.iov[i].bytes / page_bytes;
		}
	}
	CHECK(own_pages == PAGES / 3 * 2);
	sum = walk_sum(&walk);
	CHECK(sum.exclusive_bytes == own_pages * page_bytes);
	CHECK(sum.mapped_bytes == PAGES * page_bytes);
	CHECK(sum.shared_bytes == 0 && sum.swapped_bytes == 0);
	walk_close(&walk);
	close_cut_proc(dir, folder);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}

int main(void)
{
	page_bytes = (size_t)sysconf(_SC_PAGESIZE);
	private_anonymous_memory_has_many_names();
	special_shared_and_device_memory_is_left_alone();
	files_are_files_mapped_either_way();
	a_kind_is_what_android_calls_it();
	kinds_are_asked_for_by_name();
	a_line_that_is_none_is_left_out();
	steps_hold_resident_pages_and_no_more_than_asked();
	return 0;
}
