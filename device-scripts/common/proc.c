/* What /proc says about one process. */
#include "proc.h"

#include "cgroup.h"
#include "kernel_file.h"
#include "sys.h"

#define PF_KTHREAD 0x00200000u /* include/linux/sched.h; the same since 2.6 */

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

/* "4321 (ample.game:sync) S 310 310 0 0 -1 4194624 9 0 7 0 5 3 0 0 20 0 22 0 99887 ..." */
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
	out->comm_len = utf8_clean((struct span){text.at + open + 1, close - open - 2}, out->comm,
				   sizeof(out->comm));
	out->state = text.at[close + 1];
	rest = (struct span){text.at + close + 3, text.len - close - 3};
	if (!next_number(&rest, &ppid))
		return -EINVAL;
	skip_words(&rest, 4); /* pgrp session tty_nr tpgid */
	if (!next_number(&rest, &flags))
		return -EINVAL;
	skip_words(&rest, 2); /* minflt cminflt */
	if (!next_number(&rest, &major_faults))
		return -EINVAL;
	/* cmajflt utime stime cutime cstime priority nice threads itrealvalue */
	skip_words(&rest, 9);
	if (!span_word(&rest, ' ', &word) || !parse_u64(word, 10, &out->start))
		return -EINVAL;
	out->ppid = (int)ppid;
	out->kernel_thread = ((uint64_t)flags & PF_KTHREAD) != 0;
	out->major_faults = (uint64_t)major_faults;
	return 0;
}

/*
 *	Tgid:	4321
 *	Uid:	10123	10123	10123	10123
 *	VmLck:	       0 kB
 *	RssAnon:	   65536 kB
 *	VmSwap:	    2048 kB
 */
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

/* cmdline: "com.example.game:sync" and NULs up to where the first arguments ended. */
void name_parse(struct span cmdline, const struct proc_stat *stat, struct name *out)
{
	struct span first;

	out->of_comm = !(cmdline.len > 0 && span_word(&cmdline, '\0', &first) && first.len > 0);
	if (!out->of_comm) {
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

	path[len] = '/'; /* a directory or nothing */
	path[len + 1] = '\0';
	return sys_openat(fs_root, path, SYS_O_PATH);
}

int proc_read_stat(int dir, struct proc_stat *out)
{
	char buffer[1024];
	size_t len;
	int error = fs_read(dir, "stat", buffer, sizeof(buffer), &len);

	return error ? error : stat_parse((struct span){buffer, len}, out);
}

int proc_read_status(int dir, struct proc_status *out)
{
	char buffer[8192]; /* Cpus_allowed and Groups can be long, the wanted lines are early */
	size_t len;
	int error = fs_read(dir, "status", buffer, sizeof(buffer), &len);

	return error ? error : status_parse((struct span){buffer, len}, out);
}

int proc_read_name(int dir, const struct proc_stat *stat, struct name *out)
{
	char buffer[RAW_NAME_MAX];
	size_t len;
	int error = fs_read(dir, "cmdline", buffer, sizeof(buffer), &len);

	if (error)
		return error;
	name_parse((struct span){buffer, len}, stat, out);
	return 0;
}

/* oom_score_adj: "-800", and a newline. */
int proc_read_adj(int dir, int *adj)
{
	char buffer[32];
	struct span word;
	int64_t value;
	int error = fs_read_word(dir, "oom_score_adj", buffer, sizeof(buffer), &word);

	if (error)
		return error;
	if (!parse_i64(word, &value))
		return -EINVAL;
	*adj = (int)value;
	return 0;
}

int proc_each(bool (*visit)(int pid, void *data), void *data)
{
	static _Alignas(8) char buffer[4096];
	int proc = sys_openat(fs_root, "proc/", SYS_O_RDONLY);
	long bytes = proc;
	bool more = proc >= 0;

	while (more && (bytes = sys_getdents(proc, buffer, sizeof(buffer))) > 0) {
		for (long at = 0; more && at < bytes;) {
			struct sys_dirent *entry = (struct sys_dirent *)(void *)(buffer + at);
			uint64_t pid;

			if (parse_u64(span_of(entry->name), 10, &pid) && pid <= INT32_MAX)
				more = visit((int)pid, data);
			at += entry->bytes;
		}
	}
	if (proc >= 0)
		sys_close(proc);
	return bytes < 0 ? (int)bytes : 0;
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

/* Whether the group file says `word`. */
static bool group_says(int dir, const char *controller, const char *file, const char *word)
{
	char buffer[512];
	struct span text = {buffer, 0};
	int fd = group_open(dir, controller, file, SYS_O_RDONLY);
	bool says = false;

	if (fd < 0)
		return false;
	fs_reread(fd, buffer, sizeof(buffer), &text.len);
	sys_close(fd);
	for (; text.len > 0 && !says; text.at++, text.len--)
		says = span_starts(text, word);
	return says;
}

bool proc_is_app_frozen(int dir)
{
	return group_says(dir, "", "cgroup.events", "frozen 1");
}

bool proc_is_frozen(int dir)
{
	return proc_is_app_frozen(dir) || group_says(dir, "freezer", "freezer.state", "FROZEN");
}

bool proc_is_idle(int dir)
{
	struct proc_stat stat;

	return !proc_read_stat(dir, &stat) &&
	       (stat.state == 'T' || stat.state == 't' || proc_is_frozen(dir));
}
