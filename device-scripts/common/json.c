/* Replies: lines of JSON. */
#include "json.h"

#include "host_link.h"
#include "sys.h"

/* Room kept for what follows a long text in its line. */
#define LINE_TAIL_BYTES 256

static struct {
	char text[LINE_MAX_BYTES];
	size_t len;
	bool first; /* no comma wanted */
} line;

static struct {
	char id[16];
	size_t id_len;
	uint64_t lines;
	uint32_t crc;
	int error;
} reply;

static void put(const char *bytes, size_t count)
{
	if (count > sizeof(line.text) - line.len) {
		reply.error = -EOVERFLOW; /* callers bound their texts: a defect */
		return;
	}
	memcpy(line.text + line.len, bytes, count);
	line.len += count;
}

static void put_word(const char *word)
{
	put(word, strlen(word));
}

static void put_u64(uint64_t value)
{
	char digits[DIGITS_MAX];

	if (value == UNKNOWN)
		put_word("null");
	else
		put(digits, format_u64(value, digits));
}

/* `c` as JSON wants it inside quotes; returns its length. */
static size_t escape(char c, char out[6])
{
	unsigned char byte = (unsigned char)c;

	if (byte >= 0x20 && byte != '"' && byte != '\\' && byte != 0x7f) {
		out[0] = c;
		return 1;
	}
	out[0] = '\\';
	if (c == '"' || c == '\\' || c == '\n') {
		out[1] = c;
		if (c == '\n')
			out[1] = 'n';
		return 2;
	}
	out[1] = 'u';
	format_hex(byte, out + 2, 4);
	return 6;
}

/* Quote `value`; stop where less than LINE_TAIL_BYTES would be left. Returns the bytes taken. */
static size_t put_quoted(struct span value)
{
	size_t taken = 0;

	put("\"", 1);
	while (taken < value.len) {
		struct span rest = {value.at + taken, value.len - taken};
		char clean[4], escaped[6];
		size_t len = 1;

		if (line.len + LINE_TAIL_BYTES > sizeof(line.text))
			break;
		if ((unsigned char)rest.at[0] < 0x80) {
			put(escaped, escape(rest.at[0], escaped));
		} else {
			rest.len = rest.len < 4 ? rest.len : 4;
			put(clean, utf8_first(rest, clean, &len));
		}
		taken += len;
	}
	put("\"", 1);
	return taken;
}

static void put_span_key(struct span key)
{
	if (!line.first)
		put(",", 1);
	line.first = false;
	if (!key.at)
		return;
	put("\"", 1);
	put(key.at, key.len);
	put("\":", 2);
}

static void put_key(const char *key)
{
	put_span_key(key ? span_of(key) : (struct span){NULL, 0});
}

void line_begin(const char *type)
{
	line.len = 0;
	line.first = true;
	put("{", 1);
	line_text("id", (struct span){reply.id, reply.id_len});
	line_word("t", type);
}

void line_text(const char *key, struct span value)
{
	put_key(key);
	put_quoted(value);
}

void line_word(const char *key, const char *value)
{
	if (value)
		line_text(key, span_of(value));
	else
		line_null(key);
}

void line_u64(const char *key, uint64_t value)
{
	line_numbers(key, &value);
}

void line_numbers(const char *keys, const uint64_t *values)
{
	struct span rest = span_of(keys), key;

	while (span_word(&rest, ' ', &key)) {
		put_span_key(key);
		put_u64(*values++);
	}
}

void line_i64(const char *key, int64_t value)
{
	if (value == INT64_MIN) {
		line_null(key);
		return;
	}
	put_key(key);
	if (value < 0)
		put("-", 1);
	put_u64(value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
}

void line_bool(const char *key, bool value)
{
	put_key(key);
	put_word(value ? "true" : "false");
}

void line_null(const char *key)
{
	put_key(key);
	put_word("null");
}

void line_errno(const char *key, int error)
{
	line_word(key, error ? errno_name(error) : NULL);
}

void line_object(const char *key)
{
	put_key(key);
	put("{", 1);
	line.first = true;
}

void line_object_end(void)
{
	put("}", 1);
	line.first = false;
}

void line_list(const char *key)
{
	put_key(key);
	put("[", 1);
	line.first = true;
}

void line_list_end(void)
{
	put("]", 1);
	line.first = false;
}

size_t line_text_part(const char *key, struct span value)
{
	size_t start = line.len, taken, whole;
	bool first = line.first;

	put_key(key);
	taken = put_quoted(value);
	if (taken == value.len)
		return taken;
	for (whole = taken; whole > 0 && value.at[whole - 1] != '\n';)
		whole--;
	if (whole == 0) /* one endless line: cut anywhere */
		return taken;
	line.len = start;
	line.first = first;
	put_key(key);
	return put_quoted((struct span){value.at, whole});
}

static void write_line(void)
{
	put("}\n", 2);
	if (reply.error)
		return;
	reply.error = link_write(line.text, line.len);
}

void line_send(void)
{
	write_line();
	reply.lines++;
	reply.crc = crc32(reply.crc, line.text, line.len);
}

struct span line_finish(void)
{
	put("}\n", 2);
	return (struct span){line.text, line.len};
}

void line_relay(struct span other)
{
	struct span old_id;

	span_word(&other, ',', &old_id);
	line.len = 0;
	line.first = true;
	put("{", 1);
	line_text("id", (struct span){reply.id, reply.id_len});
	put(",", 1);
	put(other.at, other.len > 0 ? other.len - 1 : 0); /* its last brace is put again */
	line_send();
}

void reply_begin(struct span id)
{
	reply.id_len = id.len < sizeof(reply.id) ? id.len : sizeof(reply.id);
	memcpy(reply.id, id.at, reply.id_len);
	reply.lines = 0;
	reply.crc = 0;
	reply.error = 0;
}

static void put_crc(uint32_t crc)
{
	char digits[8];

	format_hex(crc, digits, sizeof(digits));
	line_text("crc", (struct span){digits, sizeof(digits)});
}

int reply_end(int error, const char *why)
{
	if (reply.error == -EOVERFLOW) {
		error = reply.error;
		why = "a line grew over 64 KiB";
		reply.error = 0;
	}
	line_begin("end");
	line_bool("ok", error == 0);
	if (error) {
		line_word("error", errno_name(error));
		line_word("why", why);
	}
	line_u64("lines", reply.lines);
	put_crc(reply.crc);
	write_line();
	return reply.error;
}

bool reply_broken(void)
{
	return reply.error != 0;
}
