/*
 * The verbs swap_on and swap_off: turn a zram that nobody uses into swap, and undo that.
 * Nothing is written down: the swap area carries our label, and both are gone with a reboot.
 */
#include "device_memory.h"
#include "json.h"
#include "kernel_file.h"
#include "page.h"
#include "request.h"
#include "sys.h"

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

static const char magic[] = "SWAPSPACE2"; /* in the last ten bytes of that page */

static union {
	struct swap_header header;
	char bytes[PAGE_MAX_BYTES];
} first_page;

static int write_number(int number, const char *file, uint64_t value)
{
	char digits[DIGITS_MAX];

	return fs_write(zram_path(number, file) + 1, SYS_O_WRONLY,
			(struct span){digits, format_u64(value, digits)});
}

/* The disksize of zram `number`; UNKNOWN where there is no such zram. */
static uint64_t disk_bytes(int number)
{
	char buffer[32];
	struct span word;
	uint64_t bytes;

	if (fs_read_word(fs_root, zram_path(number, "disksize") + 1, buffer, sizeof(buffer), &word))
		return UNKNOWN;
	return parse_u64(word, 10, &bytes) ? bytes : UNKNOWN;
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

/* "Used" of this zram's row in proc/swaps, in bytes; UNKNOWN without a row. */
static uint64_t used_bytes(int number)
{
	static char buffer[4096];
	struct span text = {buffer, 0}, line, path;
	char name[] = "/zram0";
	uint64_t kib;

	name[5] = (char)('0' + number);
	fs_read(fs_root, "proc/swaps", buffer, sizeof(buffer), &text.len);
	while (span_word(&text, '\n', &line)) {
		struct span columns = line;

		span_word(&columns, ' ', &path);
		if (!span_ends(path, name))
			continue;
		kib = column_u64(line, 3); /* Filename Type Size Used Priority */
		return kib == UNKNOWN ? UNKNOWN : kib * 1024;
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
	uint64_t size_bytes;

	if (request_check(request, "size_bytes", why) ||
	    !request_u64(request, "size_bytes", 0, UNKNOWN, &size_bytes, why))
		return -EINVAL;
	*why = "size_bytes: 1 MiB or more, whole pages";
	if (size_bytes < 1024 * 1024 || size_bytes & (page_bytes - 1) ||
	    page_index(size_bytes) > UINT32_MAX)
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

/* Undo swap, if what is swapped fits into memory: otherwise swapoff would get apps killed. */
static int undo_swap(int number, const char **why)
{
	uint64_t used = used_bytes(number), size = disk_bytes(number);
	struct device device;
	const char *path;
	int fd, error;

	device_open();
	device_read(&device);
	device_close();
	if (used != UNKNOWN &&
	    (device.available_bytes == UNKNOWN || device.available_bytes < used)) {
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
	bool found = false;

	if (request_check(request, "", why))
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
