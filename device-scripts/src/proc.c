/* What /proc says about one process. */
#include "proc.h"

#include "fs.h"
#include "sys.h"

#define PF_KTHREAD 0x00200000u	/* include/linux/sched.h; the same since 2.6 */

static bool next_number(struct span *rest, int64_t *out)
{
	struct span word;

	return span_word(rest, ' ', &word) && parse_i64(word, out);
}

/* Skip `count` words. */
static void skip_words(struct span *rest, int count)
{
	struct span word;

	while (count-- > 0 && span_word(rest, ' ', &word))
		;
}

int stat_parse(struct span text, struct proc_stat *out)
{
	size_t open = 0, close = text.len;
	int64_t ppid, flags, major_faults;
	struct span rest, word;

	while (open < text.len && text.at[open] != '(')
		open++;
	while (close > open && text.at[close - 1] != ')')
		close--;
	if (close <= open + 1 || close + 3 > text.len)
		return -EINVAL;
	out->comm_len = utf8_clean((struct span){ text.at + open + 1, close - open - 2 },
				   out->comm, sizeof(out->comm));
	out->state = text.at[close + 1];
	rest = (struct span){ text.at + close + 3, text.len - close - 3 };
	if (!next_number(&rest, &ppid))
		return -EINVAL;
	skip_words(&rest, 4);	/* pgrp session tty_nr tpgid */
	if (!next_number(&rest, &flags))
		return -EINVAL;
	skip_words(&rest, 2);	/* minflt cminflt */
	if (!next_number(&rest, &major_faults))
		return -EINVAL;
	skip_words(&rest, 9);	/* cmajflt utime stime cutime cstime priority nice threads itrealvalue */
	if (!span_word(&rest, ' ', &word) || !parse_u64(word, 10, &out->start))
		return -EINVAL;
	out->ppid = (int)ppid;
	out->kernel_thread = ((uint64_t)flags & PF_KTHREAD) != 0;
	out->major_faults = (uint64_t)major_faults;
	return 0;
}

/* The rest of the line that starts with `key`, looking on from where `rest` is; it stays where
 * it was when there is none. */
static uint64_t next_field(struct span *rest, const char *key)
{
	struct span text = *rest, line;
	size_t at = strlen(key), digits = 0;
	uint64_t value;

	do {
		if (!span_word(&text, '\n', &line))
			return UNKNOWN;
	} while (line.len < at || line.at[0] != key[0] || !span_starts(line, key));
	*rest = text;
	while (at < line.len && (line.at[at] == ' ' || line.at[at] == '\t'))
		at++;
	while (at + digits < line.len && line.at[at + digits] >= '0' && line.at[at + digits] <= '9')
		digits++;
	return parse_u64((struct span){ line.at + at, digits }, 10, &value) ? value : UNKNOWN;
}

static uint64_t next_kib_field(struct span *rest, const char *key)
{
	uint64_t kib = next_field(rest, key);

	return kib > UNKNOWN / 1024 ? UNKNOWN : kib * 1024;
}

int status_parse(struct span text, struct proc_status *out)
{
	uint64_t tgid = next_field(&text, "Tgid:");
	uint64_t uid = next_field(&text, "Uid:");

	if (tgid > INT32_MAX || uid > UINT32_MAX)
		return -EINVAL;
	out->tgid = (int)tgid;
	out->uid = (uint32_t)uid;
	out->locked_bytes = next_kib_field(&text, "VmLck:");
	out->rss_anon_bytes = next_kib_field(&text, "RssAnon:");
	out->rss_file_bytes = next_kib_field(&text, "RssFile:");
	out->rss_shmem_bytes = next_kib_field(&text, "RssShmem:");
	out->swap_bytes = next_kib_field(&text, "VmSwap:");
	return 0;
}

void name_parse(struct span cmdline, const struct proc_stat *stat, struct name *out)
{
	struct span first;

	if (cmdline.len > 0 && span_word(&cmdline, '\0', &first) && first.len > 0) {
		out->len = utf8_clean(first, out->text, sizeof(out->text));
		return;
	}
	memcpy(out->text, stat->comm, stat->comm_len);
	out->len = stat->comm_len;
}

/* "proc/PID/" below fs_root. */
int proc_open(int pid)
{
	char path[5 + DIGITS_MAX + 2] = "proc/";
	size_t len = 5 + format_u64((uint64_t)pid, path + 5);

	path[len] = '/';	/* a directory or nothing */
	path[len + 1] = '\0';
	return sys_openat(fs_root, path, SYS_O_PATH);
}

int proc_read_stat(int dir, struct proc_stat *out)
{
	char buffer[1024];
	size_t len;
	int error = fs_read(dir, "stat", buffer, sizeof(buffer), &len);

	return error ? error : stat_parse((struct span){ buffer, len }, out);
}

int proc_read_status(int dir, struct proc_status *out)
{
	char buffer[8192];	/* Cpus_allowed and Groups can be long, the wanted lines are early */
	size_t len;
	int error = fs_read(dir, "status", buffer, sizeof(buffer), &len);

	return error ? error : status_parse((struct span){ buffer, len }, out);
}

int proc_read_name(int dir, const struct proc_stat *stat, struct name *out)
{
	char buffer[RAW_NAME_MAX];
	size_t len;
	int error = fs_read(dir, "cmdline", buffer, sizeof(buffer), &len);

	if (error)
		return error;
	name_parse((struct span){ buffer, len }, stat, out);
	return 0;
}

int proc_read_adj(int dir, int *adj)
{
	char buffer[32];
	size_t len;
	int64_t value;
	int error = fs_read(dir, "oom_score_adj", buffer, sizeof(buffer), &len);

	if (error)
		return error;
	if (len > 0 && buffer[len - 1] == '\n')
		len--;
	if (!parse_i64((struct span){ buffer, len }, &value))
		return -EINVAL;
	*adj = (int)value;
	return 0;
}

bool proc_is_ancestor(int pid)
{
	int at = sys_getpid();

	for (int depth = 0; at > 0 && depth < 256; depth++) {
		struct proc_stat stat;
		int dir, error;

		if (at == pid)
			return true;
		dir = proc_open(at);
		if (dir < 0)
			return false;
		error = proc_read_stat(dir, &stat);
		sys_close(dir);
		if (error)
			return false;
		at = stat.ppid;
	}
	return false;
}

/* Read MOUNT + GROUP + FILE below fs_root and look for `word` in it. */
static bool group_file_has(const char *mount, struct span group, const char *file,
			   const char *word)
{
	char path[2048], text[512];
	size_t mount_len = strlen(mount), file_len = strlen(file), len;

	if (mount_len + group.len + file_len + 2 > sizeof(path))
		return false;
	memcpy(path, mount, mount_len);
	memcpy(path + mount_len, group.at, group.len);
	path[mount_len + group.len] = '/';
	memcpy(path + mount_len + group.len + 1, file, file_len + 1);
	if (fs_read(fs_root, path, text, sizeof(text), &len))
		return false;
	for (size_t i = 0; i + strlen(word) <= len; i++)
		if (memcmp(text + i, word, strlen(word)) == 0)
			return true;
	return false;
}

bool proc_is_frozen(int dir)
{
	char buffer[4096];
	struct span text = { buffer, 0 }, line, word;

	if (fs_read(dir, "cgroup", buffer, sizeof(buffer), &text.len))
		return false;
	while (span_word(&text, '\n', &line)) {
		if (!span_word(&line, ':', &word) || !span_word(&line, ':', &word) || !line.at)
			continue;
		/* Android mounts v2 at /sys/fs/cgroup, desktops with both at unified/. */
		if (word.len == 0 &&
		    (group_file_has("sys/fs/cgroup", line, "cgroup.events", "frozen 1") ||
		     group_file_has("sys/fs/cgroup/unified", line, "cgroup.events", "frozen 1")))
			return true;
		if (span_is(word, "freezer") &&
		    (group_file_has("sys/fs/cgroup/freezer", line, "freezer.state", "FROZEN") ||
		     group_file_has("dev/freezer", line, "freezer.state", "FROZEN")))
			return true;
	}
	return false;
}

bool proc_is_idle(int dir)
{
	struct proc_stat stat;

	return !proc_read_stat(dir, &stat) &&
	       (stat.state == 'T' || stat.state == 't' || proc_is_frozen(dir));
}
