/* Swap of the whole device. */
#include "device_memory.h"

#include "kernel_file.h"
#include "sys.h"

static struct {
	int meminfo;
	int zrams;
	int mm_stat[ZRAM_MAX];
	int io_stat[ZRAM_MAX];
} files = {.meminfo = -1};

static int open_zram(int number, const char *file)
{
	return sys_openat(fs_root, zram_path(number, file) + 1, SYS_O_RDONLY);
}

void device_open(void)
{
	files.meminfo = sys_openat(fs_root, "proc/meminfo", SYS_O_RDONLY);
	files.zrams = 0;
	for (int number = 0; number < ZRAM_MAX; number++) {
		int mm_stat = open_zram(number, "mm_stat");

		if (mm_stat < 0)
			continue;
		files.mm_stat[files.zrams] = mm_stat;
		files.io_stat[files.zrams++] = open_zram(number, "io_stat");
	}
}

void device_close(void)
{
	if (files.meminfo >= 0)
		sys_close(files.meminfo);
	files.meminfo = -1;
	for (; files.zrams > 0; files.zrams--) {
		sys_close(files.mm_stat[files.zrams - 1]);
		if (files.io_stat[files.zrams - 1] >= 0)
			sys_close(files.io_stat[files.zrams - 1]);
	}
}

static uint64_t column_of(int fd, int column)
{
	char buffer[256];
	struct span text = {buffer, 0};

	if (fd < 0 || fs_reread(fd, buffer, sizeof(buffer), &text.len))
		return UNKNOWN;
	return column_u64(text, column);
}

static void add_known(uint64_t *sum, uint64_t value)
{
	if (value == UNKNOWN)
		return;
	*sum = *sum == UNKNOWN ? value : *sum + value;
}

/*
 * meminfo, and mm_stat and io_stat of a zram:
 *
 *	SwapTotal:       2097148 kB
 *	16777216 5242880 6291456 0 6291456 12 0 0 0	(the third: memory used)
 *	       0        3        0        0		(the second: failed writes)
 */
void device_read(struct device *out)
{
	char buffer[8192];
	struct span text = {buffer, 0};

	if (files.meminfo >= 0)
		fs_reread(files.meminfo, buffer, sizeof(buffer), &text.len);
	out->swap_total_bytes = kib_field(text, "SwapTotal:");
	out->swap_free_bytes = kib_field(text, "SwapFree:");
	out->available_bytes = kib_field(text, "MemAvailable:");
	out->swap_cached_bytes = kib_field(text, "SwapCached:");
	out->zram_used_bytes = UNKNOWN;
	out->failed_writes = UNKNOWN;
	for (int i = 0; i < files.zrams; i++) {
		add_known(&out->zram_used_bytes, column_of(files.mm_stat[i], 2));
		add_known(&out->failed_writes, column_of(files.io_stat[i], 1));
	}
}

uint64_t device_growth(uint64_t before, uint64_t after)
{
	return before == UNKNOWN || after == UNKNOWN || after < before ? 0 : after - before;
}
