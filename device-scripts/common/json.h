/*
 * Replies: one JSON object a line, each line written with one write(2), counted
 * and summed for the line that ends the reply. One line is built at a time.
 */
#ifndef JSON_H
#define JSON_H

#include "text.h"

#define LINE_MAX_BYTES 65536

/* Start counting a new reply to request `id` (kept until the reply ends). */
void reply_begin(struct span id);

/*
 * End it: "ok" when error is 0, else the error's name and `why`. Returns 0, or
 * -errno when the host is out of reach.
 */
int reply_end(int error, const char *why);

/* True when a line could not be written: nobody reads, so work is in vain. */
bool reply_broken(void);

void line_begin(const char *type);
void line_text(const char *key, struct span value); /* any bytes */
void line_word(const char *key, const char *value); /* NULL: null */
void line_u64(const char *key, uint64_t value); /* UNKNOWN: null */
/* A number for each of the blank-separated keys: a call for each is a tenth of the program. */
void line_numbers(const char *keys, const uint64_t *values);
void line_i64(const char *key, int64_t value); /* INT64_MIN: null */
void line_bool(const char *key, bool value);
void line_null(const char *key);
void line_errno(const char *key, int error); /* 0: null */
void line_object(const char *key); /* key NULL: inside a list */
void line_object_end(void);
void line_list(const char *key);
void line_list_end(void);
void line_send(void);

/* End the line with its LF, for another use than sending it; valid until the next begins. */
struct span line_finish(void);

/* Send a line that another process built (without its LF), under this reply's id. */
void line_relay(struct span line);

/*
 * Add "key" with as much of `value` as one line holds, cut after an LF where
 * there is one. Returns the bytes taken.
 */
size_t line_text_part(const char *key, struct span value);

/* "ENOENT", or "E123" for one without a name here; `error` may have either sign. */
const char *errno_name(int error);

#endif
