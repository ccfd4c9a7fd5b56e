/* The guard's own directory, which is the program's, and who guards. */
#include "guard_dir.h"

#include "daemon_sys.h"
#include "kernel_file.h"

static const char lock_name[] = "guard.lock";

int guard_dir_fd = -1;

int guard_dir_open(void)
{
	static char path[4096];
	long len;

	if (guard_dir_fd >= 0)
		return 0;
	len = sys_readlink("/proc/self/exe", path, sizeof(path) - 1);
	if (len < 0)
		return (int)len;
	while (len > 1 && path[len - 1] != '/')
		len--;
	path[len] = '\0';
	guard_dir_fd = sys_openat(SYS_AT_FDCWD, path, SYS_O_PATH);
	return guard_dir_fd < 0 ? guard_dir_fd : 0;
}

const char *guard_dir_path(const char *name)
{
	static char path[64] = "/proc/self/fd/";
	size_t len = 14;

	len += format_u64((uint64_t)guard_dir_fd, path + len);
	path[len++] = '/';
	memcpy(path + len, name, strlen(name) + 1);
	return path;
}

/* "PID:PROFILE\n". */
static int write_holder(int fd, const char *profile)
{
	char text[DIGITS_MAX + PROFILE_NAME_MAX + 2];
	size_t name = strlen(profile), len = format_u64((uint64_t)sys_getpid(), text);
	int error = sys_truncate(fd, 0);
	long done;

	text[len++] = ':';
	memcpy(text + len, profile, name);
	len += name;
	text[len++] = '\n';
	if (error)
		return error;
	done = sys_write(fd, text, len);
	return done == (long)len ? 0 : done < 0 ? (int)done : -ENOSPC;
}

int guard_dir_lock(const char *profile)
{
	int fd = sys_create(guard_dir_fd, lock_name, SYS_O_RDWR | SYS_O_APPEND, 0600);
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

/* "4321:keep-games", as write_holder() has it. */
bool guard_dir_holder(struct holder *out)
{
	char buffer[256];
	struct span text = {buffer, 0}, word;
	int fd = sys_openat(guard_dir_fd, lock_name, SYS_O_RDWR);
	uint64_t pid;

	memset(out, 0, sizeof(*out));
	if (fd < 0)
		return false;
	out->pid = sys_locked_by(fd);
	/* What is written may still be the last one's. */
	if (out->pid && !fs_reread(fd, buffer, sizeof(buffer), &text.len) &&
	    span_word(&text, ':', &word) && parse_u64(word, 10, &pid) &&
	    pid == (uint64_t)out->pid && span_word(&text, '\n', &word) &&
	    word.len < sizeof(out->profile))
		memcpy(out->profile, word.at, word.len);
	sys_close(fd);
	return out->pid != 0;
}
