/* The processes of apps, watched for their end. */
#include "watched_apps.h"

#include "kernel_file.h"
#include "proc.h"
#include "sys.h"

#define APPS_MAX 512
#define FIRST_APP_UID 10000 /* in each user (android.os.Process) */
#define USER_RANGE 100000

static struct {
	int pid;
	int dir; /* /proc/PID: reads fail once the process is gone, even if the pid is used again */
	int adj;
	uint32_t uid;
	uint64_t start;
	size_t name_len;
	char name[ENDED_NAME_MAX];
} apps[APPS_MAX];
static size_t apps_nr, next_app;

static bool is_known(int pid)
{
	for (size_t i = 0; i < apps_nr; i++)
		if (apps[i].pid == pid)
			return true;
	return false;
}

/* Add `pid` to the table when it is an app's; returns true then, and keeps `dir` open. */
static bool add(int pid, int dir)
{
	static struct name name;
	struct proc_stat stat;
	struct proc_status status;
	int adj;

	if (proc_read_status(dir, &status) || status.uid % USER_RANGE < FIRST_APP_UID ||
	    proc_read_stat(dir, &stat) || stat.state == 'Z' || proc_read_adj(dir, &adj) ||
	    proc_read_name(dir, &stat, &name))
		return false;
	apps[apps_nr].pid = pid;
	apps[apps_nr].dir = dir;
	apps[apps_nr].adj = adj;
	apps[apps_nr].uid = status.uid;
	apps[apps_nr].start = stat.start;
	apps[apps_nr].name_len =
		utf8_clean((struct span){name.text, name.len}, apps[apps_nr].name, ENDED_NAME_MAX);
	apps_nr++;
	return true;
}

static void find(const char *entry)
{
	uint64_t pid;
	int dir;

	if (!parse_u64(span_of(entry), 10, &pid) || pid > INT32_MAX || apps_nr == APPS_MAX ||
	    is_known((int)pid))
		return;
	dir = proc_open((int)pid);
	if (dir >= 0 && !add((int)pid, dir))
		sys_close(dir);
}

void apps_find(void)
{
	static _Alignas(8) char buffer[16384];
	int proc = sys_openat(fs_root, "proc/", SYS_O_RDONLY);
	long bytes;

	while (proc >= 0 && (bytes = sys_getdents(proc, buffer, sizeof(buffer))) > 0) {
		for (long at = 0; at < bytes;) {
			struct sys_dirent *entry = (struct sys_dirent *)(void *)(buffer + at);

			find(entry->name);
			at += entry->bytes;
		}
	}
	if (proc >= 0)
		sys_close(proc);
}

/* Whether the process has ended; a zombie has. */
static bool has_ended(size_t at)
{
	struct proc_stat stat;
	int error = proc_read_stat(apps[at].dir, &stat);

	if (!error && stat.state != 'Z' && stat.state != 'X')
		return proc_read_adj(apps[at].dir, &apps[at].adj) == -ESRCH;
	return !error || error == -ESRCH;
}

bool apps_next_ended(struct ended *out)
{
	for (; next_app < apps_nr; next_app++) {
		if (!has_ended(next_app))
			continue;
		sys_close(apps[next_app].dir);
		out->pid = apps[next_app].pid;
		out->start = apps[next_app].start;
		out->uid = apps[next_app].uid;
		out->adj = apps[next_app].adj;
		out->name_len = apps[next_app].name_len;
		memcpy(out->name, apps[next_app].name, ENDED_NAME_MAX);
		apps[next_app] = apps[--apps_nr];
		return true;
	}
	next_app = 0;
	return false;
}
