/* The memory cgroup of an app. */
#include "memcg.h"

#include "cgroup.h"
#include "kernel_file.h"
#include "sys.h"

#define STEP_BYTES (8u * 1024 * 1024)
#define DIRENT_DIRECTORY 4

static const struct verdict alone = {OUTCOME_ADVISED, REASON_NONE};
static const struct verdict shared = {OUTCOME_DENIED, REASON_SHARED_CGROUP};

static struct {
	int group; /* the directory: its files are opened through it, whatever moves */
	int file; /* to write to */
	bool v2;
} memcg = {-1, -1, false};

static int open_version(int dir, const char *controller, const char *file)
{
	memcg.group = group_open(dir, controller, "", SYS_O_RDONLY);
	memcg.file = memcg.group < 0 ? memcg.group : sys_openat(memcg.group, file, SYS_O_WRONLY);
	if (memcg.file < 0 && memcg.group >= 0)
		sys_close(memcg.group);
	return memcg.file < 0 ? memcg.file : 0;
}

/* Whether the group has groups below it, which would be reclaimed with it. */
static bool has_children(void)
{
	static _Alignas(8) char buffer[4096];
	long bytes;

	while ((bytes = sys_getdents(memcg.group, buffer, sizeof(buffer))) > 0)
		for (long at = 0; at < bytes;) {
			struct sys_dirent *entry = (struct sys_dirent *)(void *)(buffer + at);

			if (entry->type == DIRENT_DIRECTORY && entry->name[0] != '.')
				return true;
			at += entry->bytes;
		}
	return bytes < 0;
}

/* Whether process `pid` is a target, and one that may be touched. */
static bool may_touch(uint64_t pid, struct span targets)
{
	struct target_spec spec;
	struct target other;
	struct verdict verdict = shared;

	while (verdict.reason && next_target(&targets, &spec)) {
		if ((uint64_t)spec.pid != pid)
			continue;
		verdict = target_open(&other, &spec, false);
		target_close(&other);
	}
	return !verdict.reason;
}

static struct verdict judge_members(struct span targets)
{
	char buffer[4096];
	struct span text = {buffer, 0}, line;
	uint64_t pid;
	int error = fs_read(memcg.group, "cgroup.procs", buffer, sizeof(buffer), &text.len);

	if (error || text.len == sizeof(buffer) || has_children())
		return error ? verdict_of_error(error) : shared;
	while (span_word(&text, '\n', &line))
		if (line.len > 0 && (!parse_u64(line, 10, &pid) || !may_touch(pid, targets)))
			return shared;
	return alone;
}

struct verdict memcg_open(const struct target *target, const struct options *options)
{
	int error = open_version(target->dir, "", "memory.reclaim");

	memcg.v2 = !error;
	if (error)
		error = open_version(target->dir, "memory", "memory.force_empty");
	if (error == -EPERM || error == -EACCES)
		return verdict_of_error(error);
	if (error)
		return (struct verdict){OUTCOME_UNSUPPORTED, REASON_UNSUPPORTED};
	return judge_members(options->targets);
}

void memcg_close(void)
{
	if (memcg.file >= 0) {
		sys_close(memcg.file);
		sys_close(memcg.group);
	}
	memcg.file = -1;
}

/* One write of "BYTES" and `key`; 0 or -errno. */
static int ask_for(uint64_t bytes, const char *key)
{
	char words[DIGITS_MAX + 20];
	size_t len = format_u64(bytes, words), key_len = strlen(key);
	long done;

	memcpy(words + len, key, key_len);
	do
		done = sys_write(memcg.file, words, len + key_len);
	while (done == -EINTR);
	return done < 0 ? (int)done : 0;
}

/*
 * Ask for one class alone, by swappiness. Numbers came with Linux 6.9 and "max" with 6.16; only the
 * write itself shows which the kernel has.
 */
static int ask_for_kinds(uint64_t bytes, unsigned int kinds)
{
	int error;

	if (kinds == (VMA_ANON | VMA_FILE))
		return ask_for(bytes, "");
	if (kinds == VMA_FILE)
		return ask_for(bytes, " swappiness=0");
	error = ask_for(bytes, " swappiness=max");
	return error == -EINVAL ? ask_for(bytes, " swappiness=200") : error;
}

int memcg_ask(struct target *target, struct walk *walk, const struct options *options)
{
	uint64_t left = options->memcg_bytes;
	int error = 0;

	(void)walk;
	if (!chosen_is_whole(&options->chosen))
		return -EINVAL;
	if (!memcg.v2)
		return options->chosen.kinds == (VMA_ANON | VMA_FILE) ? ask_for(0, "") : -EINVAL;
	while (left > 0 && !error) {
		uint64_t bytes = left < STEP_BYTES ? left : STEP_BYTES;

		if (target_check(target).reason)
			return -ECANCELED;
		error = ask_for_kinds(bytes, options->chosen.kinds);
		left -= bytes;
	}
	return error == -EAGAIN ? 0 : error;
}
