/* Swap of the whole device. */
#include "device.h"

#include "fs.h"
#include "sys.h"

#define ZRAM_MAX 8

static struct {
	int meminfo;
	int zrams;
	int mm_stat[ZRAM_MAX];
	int io_stat[ZRAM_MAX];
} files = { .meminfo = -1 };

static int open_zram(int number, const char *file)
{
	char path[40] = "sys/block/zram0/";

	path[14] = (char)('0' + number);
	memcpy(path + 16, file, strlen(file) + 1);
	return sys_openat(fs_root, path, SYS_O_RDONLY);
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

/* The `column`th number (from 0) of a file of blank-separated ones; UNKNOWN if there is none. */
static uint64_t column_of(int fd, int column)
{
	char buffer[256];
	struct span text = { buffer, 0 }, word;
	uint64_t value;

	if (fd < 0 || fs_reread(fd, buffer, sizeof(buffer), &text.len))
		return UNKNOWN;
	while (text.len > 0 && text.at[text.len - 1] == '\n')
		text.len--;
	while (span_word(&text, ' ', &word)) {
		if (word.len == 0)
			continue;
		if (column-- == 0)
			return parse_u64(word, 10, &value) ? value : UNKNOWN;
	}
	return UNKNOWN;
}

static void add_known(uint64_t *sum, uint64_t value)
{
	if (value == UNKNOWN)
		return;
	*sum = *sum == UNKNOWN ? value : *sum + value;
}

void device_read(struct device *out)
{
	char buffer[8192];
	struct span text = { buffer, 0 };

	if (files.meminfo >= 0)
		fs_reread(files.meminfo, buffer, sizeof(buffer), &text.len);
	out->swap_total_bytes = field_kib_bytes(text, "SwapTotal");
	out->swap_free_bytes = field_kib_bytes(text, "SwapFree");
	out->swap_cached_bytes = field_kib_bytes(text, "SwapCached");
	out->zram_used_bytes = UNKNOWN;
	out->failed_writes = UNKNOWN;
	for (int i = 0; i < files.zrams; i++) {
		/* mm_stat: orig_data_size compr_data_size mem_used_total ... */
		add_known(&out->zram_used_bytes, column_of(files.mm_stat[i], 2));
		/* io_stat: failed_reads failed_writes invalid_io notify_free */
		add_known(&out->failed_writes, column_of(files.io_stat[i], 1));
	}
}
