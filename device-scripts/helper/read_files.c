/* The verb read: files of the kernel, for a snapshot in the same round trip. */
#include "json.h"
#include "kernel_file.h"
#include "request.h"
#include "sys.h"

#define PART_BYTES 32768

/* Below /proc. */
static const char *const plain[] = {
	"meminfo",         "vmstat",       "zoneinfo",    "swaps",
	"pressure/memory", "pressure/cpu", "pressure/io", "uptime",
};

/* Of each zram device, below /sys/block/zramN/. */
static const struct {
	const char *name;
	const char *file;
} of_zram[] = {
	{"zram", "mm_stat"},
	{"zram_io", "io_stat"},
	{"zram_algorithm", "comp_algorithm"},
	{"zram_backing", "backing_dev"},
	{"zram_flash", "bd_stat"},
};

static void begin_part(const char *name, const char *path, uint64_t part)
{
	line_begin("file");
	line_word("name", name);
	line_word("path", path);
	line_u64("part", part);
}

/* Print what `text` holds from its start, as one line; returns the bytes taken. */
static size_t print_part(const char *name, const char *path, uint64_t part, struct span text)
{
	size_t taken;

	begin_part(name, path, part);
	taken = line_text_part("text", text);
	line_null("errno");
	line_send();
	return taken;
}

static void print_failure(const char *name, const char *path, uint64_t part, int error)
{
	begin_part(name, path, part);
	line_null("text");
	line_errno("errno", error);
	line_send();
}

/* `path` with a leading slash; read below fs_root. */
static void print_file(const char *name, const char *path)
{
	static char buffer[PART_BYTES];
	int fd = sys_openat(fs_root, path + 1, SYS_O_RDONLY);
	size_t held = 0;
	uint64_t part = 0;
	long got = fd;

	while (got >= 0 && !reply_broken()) {
		size_t taken;

		do {
			got = sys_read(fd, buffer + held, sizeof(buffer) - held);
			held += got > 0 ? (size_t)got : 0;
		} while ((got > 0 && held < sizeof(buffer)) || got == -EINTR);
		if (got < 0 || (held == 0 && part > 0))
			break;
		taken = print_part(name, path, part++, (struct span){buffer, held});
		held -= taken;
		memmove(buffer, buffer + taken, held);
		if (got == 0 && held == 0)
			break;
	}
	if (got < 0)
		print_failure(name, path, part, (int)got);
	if (fd >= 0)
		sys_close(fd);
}

/* `file` of each zram device, found by trying: the numbers may have holes, but few. */
static void print_zram(const char *name, const char *file)
{
	bool any = false;

	for (int number = 0; number < ZRAM_MAX; number++) {
		const char *path = zram_path(number, file);
		int fd = sys_openat(fs_root, path + 1, SYS_O_PATH);

		if (fd < 0)
			continue;
		sys_close(fd);
		print_file(name, path);
		any = true;
	}
	if (!any)
		print_failure(name, zram_path('*' - '0', file), 0, -ENOENT);
}

static void print_plain(const char *name)
{
	char path[32] = "/proc/";

	memcpy(path + 6, name, strlen(name) + 1);
	print_file(name, path);
}

/* False when there is no such name. */
static bool print_named(struct span name, bool dry)
{
	for (size_t i = 0; i < ARRAY_SIZE(plain); i++) {
		if (!span_is(name, plain[i]))
			continue;
		if (!dry)
			print_plain(plain[i]);
		return true;
	}
	for (size_t i = 0; i < ARRAY_SIZE(of_zram); i++) {
		if (!span_is(name, of_zram[i].name))
			continue;
		if (!dry)
			print_zram(of_zram[i].name, of_zram[i].file);
		return true;
	}
	return false;
}

int verb_read(const struct request *request, const char **why)
{
	struct span names, rest, name;

	if (request_check(request, "files", why) || !request_value(request, "files", &names))
		return -EINVAL;
	for (rest = names; span_word(&rest, ',', &name);)
		if (!print_named(name, true))
			return -EINVAL;
	for (rest = names; span_word(&rest, ',', &name);)
		print_named(name, false);
	return 0;
}
