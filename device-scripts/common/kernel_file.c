/* Reading the kernel's text files. */
#include "kernel_file.h"

#include "sys.h"

int fs_root = SYS_AT_FDCWD;

int fs_reread(int fd, char *buffer, size_t capacity, size_t *len)
{
	*len = 0;
	while (*len < capacity) {
		long got = sys_pread(fd, buffer + *len, capacity - *len, *len);

		if (got == -EINTR)
			continue;
		if (got < 0)
			*len = 0;
		if (got <= 0)
			return (int)got;
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
	error = fs_reread(fd, buffer, capacity, len);
	sys_close(fd);
	return error;
}

int fs_read_word(int dir, const char *path, char *buffer, size_t capacity, struct span *word)
{
	int error = fs_read(dir, path, buffer, capacity, &word->len);

	word->at = buffer;
	while (word->len > 0 && (buffer[word->len - 1] == '\n' || buffer[word->len - 1] == '\0'))
		word->len--;
	return error;
}

int fs_write(const char *path, int flags, struct span text)
{
	int fd = sys_openat(fs_root, path, flags);
	long done = fd;

	if (fd >= 0) {
		done = sys_write(fd, text.at, text.len);
		sys_close(fd);
	}
	return done < 0 ? (int)done : 0;
}

const char *zram_path(int number, const char *file)
{
	static char path[40] = "/sys/block/zram0/";

	path[15] = (char)('0' + number);
	memcpy(path + 17, file, strlen(file) + 1);
	return path;
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

uint64_t column_u64(struct span text, int column)
{
	uint64_t value;

	for (size_t start = 0, end; start < text.len; start = end + 1) {
		for (end = start; end < text.len && (unsigned char)text.at[end] > ' ';)
			end++;
		if (end > start && column-- == 0)
			return parse_u64((struct span){text.at + start, end - start}, 10, &value) ?
				       value :
				       UNKNOWN;
	}
	return UNKNOWN;
}

/* Skips what is between a key and its value. */
static void skip_blanks(struct span *text)
{
	while (text->len > 0 && (text->at[0] == ' ' || text->at[0] == '\t')) {
		text->at++;
		text->len--;
	}
}

/* `key` "VmSwap:" finds "VmSwap:	    2048 kB", and `value` is what follows it. */
bool next_value(struct span *rest, const char *key, struct span *value)
{
	struct span text = *rest;
	size_t len = strlen(key);

	do {
		if (!span_word(&text, '\n', value))
			return false;
	} while (value->len < len || value->at[0] != key[0] || !span_starts(*value, key));
	*rest = text;
	value->at += len;
	value->len -= len;
	return true;
}

uint64_t next_field(struct span *rest, const char *key)
{
	struct span text;
	uint64_t value;

	if (!next_value(rest, key, &text))
		return UNKNOWN;
	skip_blanks(&text);
	return take_u64(&text, 10, &value) ? value : UNKNOWN;
}

uint64_t next_kib_field(struct span *rest, const char *key)
{
	uint64_t kib = next_field(rest, key);

	return kib > UNKNOWN / 1024 ? UNKNOWN : kib * 1024;
}

uint64_t kib_field(struct span text, const char *key)
{
	return next_kib_field(&text, key);
}
