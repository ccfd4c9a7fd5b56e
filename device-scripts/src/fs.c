/* Reading the kernel's text files. */
#include "fs.h"

#include "sys.h"

int fs_root = SYS_AT_FDCWD;

static int read_all(int fd, char *buffer, size_t capacity, size_t *len)
{
	while (*len < capacity) {
		long got = sys_read(fd, buffer + *len, capacity - *len);

		if (got == -EINTR)
			continue;
		if (got < 0)
			return (int)got;
		if (got == 0)
			break;
		*len += (size_t)got;
	}
	return 0;
}

int fs_read(int dir, const char *path, char *buffer, size_t capacity, size_t *len)
{
	int fd = sys_openat(dir, path, SYS_O_RDONLY);
	int error;

	*len = 0;
	if (fd < 0)
		return fd;
	error = read_all(fd, buffer, capacity, len);
	sys_close(fd);
	if (error)
		*len = 0;
	return error;
}

int fs_reread(int fd, char *buffer, size_t capacity, size_t *len)
{
	*len = 0;
	while (*len < capacity) {
		long got = sys_pread(fd, buffer + *len, capacity - *len, *len);

		if (got == -EINTR)
			continue;
		if (got < 0)
			return (int)got;
		if (got == 0)
			break;
		*len += (size_t)got;
	}
	return 0;
}

int reader_open(struct line_reader *reader, int dir, const char *path)
{
	reader->start = reader->end = 0;
	reader->eof = false;
	reader->fd = sys_openat(dir, path, SYS_O_RDONLY);
	return reader->fd < 0 ? reader->fd : 0;
}

void reader_close(struct line_reader *reader)
{
	if (reader->fd >= 0)
		sys_close(reader->fd);
	reader->fd = -1;
}

static int reader_fill(struct line_reader *reader)
{
	long got;

	if (reader->start > 0) {
		memmove(reader->buffer, reader->buffer + reader->start,
			reader->end - reader->start);
		reader->end -= reader->start;
		reader->start = 0;
	}
	do {
		got = sys_read(reader->fd, reader->buffer + reader->end,
			       sizeof(reader->buffer) - reader->end);
	} while (got == -EINTR);
	if (got < 0)
		return (int)got;
	reader->eof = got == 0;
	reader->end += (size_t)got;
	return 0;
}

static size_t reader_find_lf(const struct line_reader *reader, size_t from)
{
	while (from < reader->end && reader->buffer[from] != '\n')
		from++;
	return from;
}

int reader_next(struct line_reader *reader, struct span *line)
{
	size_t lf = reader_find_lf(reader, reader->start);

	while (lf == reader->end && !reader->eof &&
	       reader->end - reader->start < sizeof(reader->buffer)) {
		size_t seen = reader->end - reader->start;
		int error = reader_fill(reader);

		if (error)
			return error;
		lf = reader_find_lf(reader, reader->start + seen);
	}
	line->at = reader->buffer + reader->start;
	line->len = lf - reader->start;
	reader->start = lf < reader->end ? lf + 1 : lf;
	return lf < reader->end || line->len > 0;
}

uint64_t field_u64(struct span text, const char *key)
{
	struct span line;

	while (span_word(&text, '\n', &line)) {
		size_t at, digits = 0;
		uint64_t value;

		if (!span_starts(line, key))
			continue;
		at = strlen(key);
		if (at < line.len && line.at[at] == ':')
			at++;
		else if (at < line.len && line.at[at] != ' ')
			continue;
		while (at < line.len && (line.at[at] == ' ' || line.at[at] == '\t'))
			at++;
		while (at + digits < line.len && line.at[at + digits] >= '0' &&
		       line.at[at + digits] <= '9')
			digits++;
		return parse_u64((struct span){ line.at + at, digits }, 10, &value) ? value :
										     UNKNOWN;
	}
	return UNKNOWN;
}

uint64_t field_kib_bytes(struct span text, const char *key)
{
	uint64_t kib = field_u64(text, key);

	return kib > UNKNOWN / 1024 ? UNKNOWN : kib * 1024;
}
