/* Reading the kernel's text files. */
#ifndef FS_H
#define FS_H

#include "rt.h"

/* The directory that holds proc/, sys/ and data/: "/", or a fake tree in tests. */
extern int fs_root;

/*
 * Read up to `capacity` bytes of `path` (relative to the directory `dir`) and
 * say how many in `len`. Returns 0 or -errno; `len` is 0 on failure.
 */
int fs_read(int dir, const char *path, char *buffer, size_t capacity, size_t *len);

/* The same for a file that is kept open and read again from its start. */
int fs_reread(int fd, char *buffer, size_t capacity, size_t *len);

/* A file read line by line, whatever its size. */
struct line_reader {
	int fd;
	size_t start, end;
	bool eof;
	char buffer[16384];	/* the longest line of maps: 73 + PATH_MAX, escaped */
};

int reader_open(struct line_reader *reader, int dir, const char *path);
void reader_close(struct line_reader *reader);

/*
 * The next line without its LF; of a line longer than the buffer, its pieces.
 * Returns 1, 0 at the end, or -errno. The line is valid until the next call.
 */
int reader_next(struct line_reader *reader, struct span *line);

/* "Key:   123 kB" or "key 123" of `text`; UNKNOWN when no line starts with `key`. */
uint64_t field_u64(struct span text, const char *key);
/* The same in bytes, for a value the kernel calls kB (KiB). */
uint64_t field_kib_bytes(struct span text, const char *key);

#endif
