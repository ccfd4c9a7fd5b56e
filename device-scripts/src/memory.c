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

/* The sum over smaps, for kernels before 4.14, which have no smaps_rollup. */
static int read_smaps(int dir, struct memory *out)
{
	static struct line_reader reader;
	uint64_t anon_bytes = 0, swap_bytes = 0, locked_bytes = 0, rss_bytes = UNKNOWN;
	struct span line;
	int more = reader_open(&reader, dir, "smaps");

	while (!more && (more = reader_next(&reader, &line)) > 0) {
		more = 0;
		if (span_starts(line, "Rss:"))
			rss_bytes = (rss_bytes == UNKNOWN ? 0 : rss_bytes) +
				    field_kib_bytes(line, "Rss");
		else if (span_starts(line, "Anonymous:"))
			anon_bytes += field_kib_bytes(line, "Anonymous");
		else if (span_starts(line, "Swap:"))
			swap_bytes += field_kib_bytes(line, "Swap");
		else if (span_starts(line, "Locked:"))
			locked_bytes += field_kib_bytes(line, "Locked");
	}
	reader_close(&reader);
	if (more < 0 || rss_bytes == UNKNOWN || anon_bytes > rss_bytes)
		return more < 0 ? more : -ENODATA;
	*out = (struct memory){
		.rss_bytes = rss_bytes, .rss_anon_bytes = anon_bytes,
		.rss_file_bytes = rss_bytes - anon_bytes, .swap_bytes = swap_bytes,
		.locked_bytes = locked_bytes, .approximate = false,
	};
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
	if (error == -ENOENT)
		error = read_smaps(dir, out);
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
