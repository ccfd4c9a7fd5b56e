/* What a process holds. */
#include "process_memory.h"

#include "json.h"
#include "kernel_file.h"
#include "proc.h"
#include "sys.h"

const struct memory memory_unknown = {
	UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, false,
};

/* Add what follows `key` in `line`; false when the line has another key. */
static bool add_kib(uint64_t *sum, struct span line, const char *key)
{
	uint64_t bytes = kib_field(line, key);

	if (bytes == UNKNOWN)
		return false;
	*sum = (*sum == UNKNOWN ? 0 : *sum) + bytes;
	return true;
}

/*
 * The sum over smaps, or over the one block of smaps_rollup, which kernels have since 4.14.
 *
 *	Rss:               81920 kB
 *	Anonymous:         65536 kB
 *	Swap:               2048 kB
 *	Locked:                0 kB
 */
static int read_smaps(int dir, const char *file, struct memory *out)
{
	static struct line_reader reader;
	struct span line;
	int more = reader_open(&reader, dir, file);

	while (!more && (more = reader_next(&reader, &line)) > 0) {
		more = 0;
		if (!add_kib(&out->rss_bytes, line, "Rss:") &&
		    !add_kib(&out->rss_anon_bytes, line, "Anonymous:") &&
		    !add_kib(&out->swap_bytes, line, "Swap:"))
			add_kib(&out->locked_bytes, line, "Locked:");
	}
	reader_close(&reader);
	if (more < 0)
		return more;
	if (out->rss_bytes == UNKNOWN || out->rss_anon_bytes > out->rss_bytes)
		return -ENODATA;
	out->rss_file_bytes = out->rss_bytes - out->rss_anon_bytes;
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
	error = read_smaps(dir, "smaps_rollup", out);
	if (error == -ENOENT)
		error = read_smaps(dir, "smaps", out);
	if (!error)
		return 0;
	*out = memory_unknown;
	return read_status(dir, out);
}

void memory_print(const struct memory *memory)
{
	line_numbers("rss_bytes rss_anon_bytes rss_file_bytes swap_bytes", &memory->rss_bytes);
}
