/*
 * The verbs swap_on and swap_off: a zram that nobody uses as swap, and undone.
 * Nothing is written down: the swap area carries our label, and both are gone
 * with a reboot.
 */
#include "fs.h"
#include "json.h"
#include "pages.h"
#include "request.h"
#include "sys.h"

#define ZRAM_MAX 8
#define PAGE_MAX_BYTES 65536

static const char label[16] = "droidreclaim";

/* The first page of a swap area (union swap_header of include/linux/swap.h). */
struct swap_header {
	char boot[1024];
	uint32_t version;
	uint32_t last_page;
	uint32_t bad_pages;
	char uuid[16];
	char label[16];
};

static const char magic[] = "SWAPSPACE2";	/* in the last ten bytes of that page */

static union {
	struct swap_header header;
	char bytes[PAGE_MAX_BYTES];
} first_page;

/* "sys/block/zram0/" and what is appended. */
static const char *attribute_path(int number, const char *file)
{
	static char path[64] = "sys/block/zram0/";

	path[14] = (char)('0' + number);
	memcpy(path + 16, file, strlen(file) + 1);
	return path;
}

static int write_attribute(int number, const char *file, struct span text)
{
	int fd = sys_openat(fs_root, attribute_path(number, file), SYS_O_WRONLY);
	long done = fd;

	if (fd >= 0) {
		done = sys_write(fd, text.at, text.len);
		sys_close(fd);
	}
	return done < 0 ? (int)done : 0;
}

static int write_number(int number, const char *file, uint64_t value)
{
	char digits[DIGITS_MAX];

	return write_attribute(number, file, (struct span){ digits, format_u64(value, digits) });
}

/* UNKNOWN where there is no such zram. */
static uint64_t disk_bytes(int number)
{
	char buffer[32];
	struct span text = { buffer, 0 };
	uint64_t bytes;

	if (fs_read(fs_root, attribute_path(number, "disksize"), buffer, sizeof(buffer), &text.len))
		return UNKNOWN;
	if (text.len > 0 && buffer[text.len - 1] == '\n')
		text.len--;
	return parse_u64(text, 10, &bytes) ? bytes : UNKNOWN;
}

/* Android keeps its block devices in dev/block/, others in dev/. `path` has a leading slash. */
static int open_disk(int number, int flags, const char **path)
{
	static char android[] = "/dev/block/zram0", plain[] = "/dev/zram0";
	int fd;

	android[sizeof(android) - 2] = plain[sizeof(plain) - 2] = (char)('0' + number);
	*path = android;
	fd = sys_openat(fs_root, android + 1, flags);
	if (fd != -ENOENT)
		return fd;
	*path = plain;
	return sys_openat(fs_root, plain + 1, flags);
}

static int write_header(int fd, uint64_t size_bytes)
{
	uint64_t pages = page_index(size_bytes);
	long done;

	memset(&first_page, 0, sizeof(first_page));
	first_page.header.version = 1;
	first_page.header.last_page = (uint32_t)(pages - 1);
	memcpy(first_page.header.label, label, sizeof(label));
	memcpy(first_page.bytes + page_bytes - sizeof(magic) + 1, magic, sizeof(magic) - 1);
	done = sys_write(fd, first_page.bytes, page_bytes);
	return done == (long)page_bytes ? 0 : done < 0 ? (int)done : -EIO;
}

static bool is_ours(int number)
{
	const char *path;
	int fd = open_disk(number, SYS_O_RDONLY, &path);
	long got;

	if (fd < 0)
		return false;
	got = sys_read(fd, first_page.bytes, sizeof(first_page.header));
	sys_close(fd);
	return got == sizeof(first_page.header) &&
	       memcmp(first_page.header.label, label, sizeof(label)) == 0;
}

/* The row of proc/swaps that ends in this zram's name; its "Used" in bytes, UNKNOWN without one. */
static uint64_t used_bytes(int number)
{
	static char buffer[4096];
	struct span text = { buffer, 0 }, line, word;
	char name[] = "/zram0";
	uint64_t kib;

	name[5] = (char)('0' + number);
	fs_read(fs_root, "proc/swaps", buffer, sizeof(buffer), &text.len);
	while (span_word(&text, '\n', &line)) {
		int column = 0;

		for (size_t i = 0; i < line.len; i++)
			if (line.at[i] == '\t')
				buffer[(size_t)(line.at - buffer) + i] = ' ';
		span_word(&line, ' ', &word);
		if (word.len < 6 || memcmp(word.at + word.len - 6, name, 6) != 0)
			continue;
		while (span_word(&line, ' ', &word))	/* Type Size Used Priority */
			if (word.len > 0 && ++column == 3)
				return parse_u64(word, 10, &kib) ? kib * 1024 : UNKNOWN;
	}
	return UNKNOWN;
}

static void print_swap(const char *path, uint64_t size_bytes, uint64_t was_used_bytes)
{
	line_begin("swap");
	line_word("path", path);
	line_u64("size_bytes", size_bytes);
	line_u64("used_bytes", was_used_bytes);
	line_send();
}

/* Make the unused zram `number` swap; on failure it is unused again. */
static int make_swap(int number, uint64_t size_bytes)
{
	const char *path;
	int error = write_number(number, "disksize", size_bytes);
	int fd;

	if (error)
		return error;
	fd = open_disk(number, SYS_O_RDWR, &path);
	error = fd < 0 ? fd : write_header(fd, size_bytes);
	if (fd >= 0)
		sys_close(fd);
	if (!error)
		error = sys_swapon(path);
	if (error)
		write_number(number, "reset", 1);
	else
		print_swap(path, size_bytes, 0);
	return error;
}

int verb_swap_on(const struct request *request, const char **why)
{
	static const char *const known[] = { "size_bytes", NULL };
	uint64_t size_bytes;

	*why = "swap_on size_bytes=N, 1 MiB or more, whole pages";
	if (request_check(request, known) ||
	    request_u64(request, "size_bytes", 0, &size_bytes) || size_bytes < 1024 * 1024 ||
	    size_bytes & (page_bytes - 1) || page_index(size_bytes) > UINT32_MAX)
		return -EINVAL;
	for (int number = 0; number < ZRAM_MAX; number++) {
		int error;

		if (disk_bytes(number) != 0)
			continue;
		error = make_swap(number, size_bytes);
		*why = error ? "zram could not be made swap" : NULL;
		return error;
	}
	*why = "no zram that nobody uses";
	return -ENODEV;
}

static uint64_t available_bytes(void)
{
	static char buffer[8192];
	struct span text = { buffer, 0 };

	fs_read(fs_root, "proc/meminfo", buffer, sizeof(buffer), &text.len);
	return field_kib_bytes(text, "MemAvailable");
}

/* What is swapped must fit into memory, or taking it back kills what it is to save. */
static int undo_swap(int number, const char **why)
{
	uint64_t used = used_bytes(number), size = disk_bytes(number);
	uint64_t available = available_bytes();
	const char *path;
	int fd, error;

	if (used != UNKNOWN && (available == UNKNOWN || available < used)) {
		*why = "what is swapped does not fit into available memory";
		return -ENOMEM;
	}
	fd = open_disk(number, SYS_O_PATH, &path);
	if (fd >= 0)
		sys_close(fd);
	*why = "swapoff";
	error = used == UNKNOWN ? 0 : sys_swapoff(path);
	if (error)
		return error;
	*why = "reset";
	error = write_number(number, "reset", 1);
	if (!error)
		print_swap(path, size, used);
	return error;
}

int verb_swap_off(const struct request *request, const char **why)
{
	static const char *const known[] = { NULL };
	bool found = false;

	*why = "swap_off takes no keys";
	if (request_check(request, known))
		return -EINVAL;
	for (int number = 0; number < ZRAM_MAX; number++) {
		int error;

		if (disk_bytes(number) == UNKNOWN || disk_bytes(number) == 0 || !is_ours(number))
			continue;
		found = true;
		error = undo_swap(number, why);
		if (error)
			return error;
	}
	*why = found ? NULL : "no swap of droidreclaim's here";
	return found ? 0 : -ENOENT;
}
