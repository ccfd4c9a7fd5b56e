/* What a process holds. */
#include "memory.h"

#include "fs.h"
#include "json.h"
#include "proc.h"
#include "sys.h"

const struct memory memory_unknown = {
	UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, false,
};

static int read_rollup(int dir, struct memory *out)
{
	char buffer[2048];
	struct span text = { buffer, 0 };
	int error = fs_read(dir, "smaps_rollup", buffer, sizeof(buffer), &text.len);

	if (error)
		return error;
	out->rss_bytes = field_kib_bytes(text, "Rss");
	out->rss_anon_bytes = field_kib_bytes(text, "Anonymous");
	out->swap_bytes = field_kib_bytes(text, "Swap");
	out->locked_bytes = field_kib_bytes(text, "Locked");
	if (out->rss_bytes == UNKNOWN || out->rss_anon_bytes > out->rss_bytes)
		return -ENODATA;
	out->rss_file_bytes = out->rss_bytes - out->rss_anon_bytes;
	out->approximate = false;
	return 0;
}

static int read_status(int dir, struct memory *out)
{
	struct proc_status status;
	int error = proc_read_status(dir, &status);

	if (error)
		return error;
	out->approximate = true;
	out->swap_bytes = status.swap_bytes;
	out->locked_bytes = status.locked_bytes;
	if (status.rss_anon_bytes == UNKNOWN || status.rss_file_bytes == UNKNOWN ||
	    status.rss_shmem_bytes == UNKNOWN)
		return 0;
	out->rss_anon_bytes = status.rss_anon_bytes;
	out->rss_file_bytes = status.rss_file_bytes + status.rss_shmem_bytes;
	out->rss_bytes = out->rss_anon_bytes + out->rss_file_bytes;
	return 0;
}

int memory_read(int dir, struct memory *out)
{
	int error;

	*out = memory_unknown;
	error = read_rollup(dir, out);
	if (!error)
		return 0;
	*out = memory_unknown;
	return read_status(dir, out);
}

void memory_print(const struct memory *memory)
{
	line_u64("rss_bytes", memory->rss_bytes);
	line_u64("rss_anon_bytes", memory->rss_anon_bytes);
	line_u64("rss_file_bytes", memory->rss_file_bytes);
	line_u64("swap_bytes", memory->swap_bytes);
}
