/* The guard's own directory, which is the program's, and who guards. */
#include "home.h"

#include "fs.h"
#include "gsys.h"
#include "proc.h"

static const char lock_name[] = "guard.lock";

int home_dir = -1;

int home_open(void)
{
	static char path[4096];
	long len;

	if (home_dir >= 0)
		return 0;
	len = sys_readlink("/proc/self/exe", path, sizeof(path) - 1);
	if (len < 0)
		return (int)len;
	while (len > 1 && path[len - 1] != '/')
		len--;
	path[len] = '\0';
	home_dir = sys_openat(SYS_AT_FDCWD, path, SYS_O_PATH);
	return home_dir < 0 ? home_dir : 0;
}

const char *home_path(const char *name)
{
	static char path[64] = "/proc/self/fd/";
	size_t len = 14;

	len += format_u64((uint64_t)home_dir, path + len);
	path[len++] = '/';
	memcpy(path + len, name, strlen(name) + 1);
	return path;
}

/* "PID:START:PROFILE\n". */
static int write_holder(int fd, const char *profile)
{
	char text[2 * DIGITS_MAX + PROFILE_NAME_MAX + 4];
	struct proc_stat stat;
	int dir = proc_open(sys_getpid());
	int error = dir < 0 ? dir : proc_read_stat(dir, &stat);
	size_t len;
	long done;

	if (dir >= 0)
		sys_close(dir);
	if (error)
		return error;
	len = format_u64((uint64_t)sys_getpid(), text);
	text[len++] = ':';
	len += format_u64(stat.start, text + len);
	text[len++] = ':';
	memcpy(text + len, profile, strlen(profile));
	len += strlen(profile);
	text[len++] = '\n';
	error = sys_truncate(fd, 0);
	if (error)
		return error;
	done = sys_write(fd, text, len);
	return done == (long)len ? 0 : done < 0 ? (int)done : -ENOSPC;
}

int home_lock(const char *profile)
{
	int fd = sys_create(home_dir, lock_name, SYS_O_RDWR | SYS_O_APPEND, 0600);
	int error;

	if (fd < 0)
		return fd;
	error = sys_lock(fd);
	if (!error)
		error = write_holder(fd, profile);
	if (error)
		sys_close(fd);
	return error == -EAGAIN ? -EBUSY : error;
}

static bool parse_holder(struct span text, struct holder *out)
{
	struct span word;
	uint64_t pid;

	if (!span_word(&text, ':', &word) || !parse_u64(word, 10, &pid) || pid > INT32_MAX ||
	    !span_word(&text, ':', &word) || !parse_u64(word, 10, &out->start) ||
	    !span_word(&text, '\n', &word) || word.len >= sizeof(out->profile))
		return false;
	out->pid = (int)pid;
	memcpy(out->profile, word.at, word.len);
	out->profile[word.len] = '\0';
	return true;
}

bool home_holder(struct holder *out)
{
	char buffer[256];
	size_t len;
	int fd = sys_openat(home_dir, lock_name, SYS_O_RDWR);
	bool runs = false;

	memset(out, 0, sizeof(*out));
	if (fd < 0)
		return false;
	if (sys_lock(fd) == -EAGAIN)
		runs = !fs_reread(fd, buffer, sizeof(buffer), &len) &&
		       parse_holder((struct span){ buffer, len }, out);
	sys_close(fd);
	return runs;
}

bool home_holder_lives(const struct holder *holder)
{
	struct proc_stat stat;
	int dir = proc_open(holder->pid);
	bool lives = dir >= 0 && !proc_read_stat(dir, &stat) && stat.start == holder->start &&
		     stat.state != 'Z';

	if (dir >= 0)
		sys_close(dir);
	return lives;
}
