/* Reading the kernel's text files. */
#ifndef KERNEL_FILE_H
#define KERNEL_FILE_H

#include "text.h"

/* The directory that holds proc/, sys/ and data/: "/", or a fake tree in tests. */
extern int fs_root;

/*
 * Read up to `capacity` bytes of `path` (relative to the directory `dir`) and
 * say how many in `len`. Returns 0 or -errno; `len` is 0 on failure.
 */
int fs_read(int dir, const char *path, char *buffer, size_t capacity, size_t *len);

/* The same for a file of one word or number: without the LF or NUL behind it. */
int fs_read_word(int dir, const char *path, char *buffer, size_t capacity, struct span *word);

/* As fs_read() for a file that is kept open and read again from its start. */
int fs_reread(int fd, char *buffer, size_t capacity, size_t *len);

/* Open `path` below fs_root with `flags` and write `text` with one write(2). 0 or -errno. */
int fs_write(const char *path, int flags, struct span text);

/* "/sys/block/zramN/FILE"; valid until the next call. */
#define ZRAM_MAX 8
const char *zram_path(int number, const char *file);

/* A file read line by line, whatever its size. */
struct line_reader {
	int fd;
	size_t start, end;
	bool eof;
	char buffer[16384]; /* the longest line of maps: 73 + PATH_MAX, escaped */
};

int reader_open(struct line_reader *reader, int dir, const char *path);
void reader_close(struct line_reader *reader);

/*
 * The next line without its LF; of a line longer than the buffer, its pieces.
 * Returns 1, 0 at the end, or -errno. The line is valid until the next call.
 */
int reader_next(struct line_reader *reader, struct span *line);

/* The number in a column (from 0) of a text with blanks or tabs between; UNKNOWN if there is none. */
uint64_t column_u64(struct span text, int column);

/*
 * The rest of the line that starts with `key`, looking on from where `rest` is,
 * which moves behind that line; false, and `rest` as it was, when there is none.
 */
bool next_value(struct span *rest, const char *key, struct span *value);
/*
 * The number behind `key` (with its colon or blank: "Rss:", "pgpgin ") likewise;
 * UNKNOWN when there is none.
 */
uint64_t next_field(struct span *rest, const char *key);
/* The same in bytes, for a value the kernel calls kB (KiB). */
uint64_t next_kib_field(struct span *rest, const char *key);
/* The same, from the start of `text` each time. */
uint64_t kib_field(struct span text, const char *key);

#endif
