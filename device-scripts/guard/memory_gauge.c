/* What the device says of its memory and swap. */
#include "memory_gauge.h"

#include "daemon_sys.h"
#include "kernel_file.h"
#include "memory_level.h"

#define WATERMARKS_MS 60000 /* they change when somebody sets them */

static struct {
	int meminfo, psi;
	uint64_t low_bytes, low_ms;
} gauge = {-1, -1, UNKNOWN, 0};

int gauge_open(void)
{
	gauge.meminfo = sys_openat(fs_root, "proc/meminfo", SYS_O_RDONLY);
	gauge.psi = sys_openat(fs_root, "proc/pressure/memory", SYS_O_RDONLY);
	gauge.low_ms = 0;
	return gauge.meminfo < 0 ? gauge.meminfo : 0;
}

void gauge_close(void)
{
	sys_close(gauge.meminfo);
	if (gauge.psi >= 0)
		sys_close(gauge.psi);
	gauge.meminfo = gauge.psi = -1;
}

/*
 * meminfo:
 *
 *	MemFree:          204800 kB
 *	MemAvailable:     614400 kB
 *	SwapFree:        1048576 kB
 *	CmaFree:           10240 kB
 */
void gauge_read(struct situation *out, uint64_t now_ms)
{
	static char buffer[8192];
	struct span text = {buffer, 0};
	uint64_t cma, total_bytes = out->swap_total_bytes;

	text.len = file_once(gauge.meminfo, buffer, sizeof(buffer));
	out->available_bytes = kib_field(text, "MemAvailable:");
	out->free_bytes = kib_field(text, "MemFree:");
	out->swap_total_bytes = kib_field(text, "SwapTotal:");
	out->swap_free_bytes = kib_field(text, "SwapFree:");
	if (out->swap_free_bytes >= out->swap_stop_bytes || out->swap_total_bytes != total_bytes)
		out->swap_stop_bytes = 0;
	cma = kib_field(text, "CmaFree:");
	if (cma != UNKNOWN && out->free_bytes != UNKNOWN)
		out->free_bytes -= cma < out->free_bytes ? cma : out->free_bytes;
	if (gauge.low_ms == 0 || now_ms - gauge.low_ms > WATERMARKS_MS) {
		gauge.low_bytes = low_watermark_bytes();
		gauge.low_ms = now_ms;
	}
	out->low_bytes = gauge.low_bytes;
}

void gauge_psi(uint64_t *some_us, uint64_t *full_us)
{
	psi_totals(gauge.psi, some_us, full_us);
}

/* Whether this zram ("/dev/block/zram0", "/zram0") has a device behind it. */
static bool has_backing(struct span path)
{
	char text[128];
	struct span word;

	return !fs_read_word(fs_root, zram_path(path.at[path.len - 1] - '0', "backing_dev") + 1,
			     text, sizeof(text), &word) &&
	       !span_is(word, "none");
}

/*
 * swaps:
 *
 *	Filename				Type		Size		Used		Priority
 *	/dev/block/zram0                        partition	2097148		65536		100
 */
bool gauge_swap_is_flash(void)
{
	static char buffer[4096];
	struct span text = {buffer, 0}, line, path;

	fs_read(fs_root, "proc/swaps", buffer, sizeof(buffer), &text.len);
	span_word(&text, '\n', &line); /* the titles */
	while (span_word(&text, '\n', &line)) {
		size_t at = 0;

		while (at < line.len && line.at[at] != ' ' && line.at[at] != '\t')
			at++;
		path = (struct span){line.at, at};
		if (at < 6)
			continue;
		if (memcmp(path.at + at - 6, "/zram", 5) != 0 || has_backing(path))
			return true;
	}
	return false;
}
