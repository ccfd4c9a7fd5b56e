/* How close to its user a process is. */
#include "importance.h"

#include "proc.h"
#include "sys.h"

#define INIT_PID 1
#define ANCESTORS_MOST 16 /* looked at; a zygote's child has two */
#define PERCEPTIBLE_ADJ 200
#define CACHED_ADJ 900

bool uid_is_app(uint32_t uid)
{
	return uid % USER_UIDS >= FIRST_APP_UID;
}

bool uid_is_isolated(uint32_t uid)
{
	return uid % USER_UIDS >= FIRST_ISOLATED_UID;
}

int adj_in_front(int dir, int adj)
{
	if (adj < PERCEPTIBLE_ADJ || adj >= CACHED_ADJ || !proc_is_app_frozen(dir))
		return adj;
	return CACHED_ADJ;
}

static int find_in_proc(int pid, int *ppid, uint32_t *uid)
{
	struct proc_stat stat;
	struct proc_status status;
	int dir = proc_open(pid);
	int error = dir < 0 ? dir : proc_read_stat(dir, &stat);

	if (!error)
		error = proc_read_status(dir, &status);
	if (dir >= 0)
		sys_close(dir);
	if (error)
		return error;
	*ppid = stat.ppid;
	*uid = status.uid;
	return 0;
}

bool importance_is_kept_by(find_process *find, int ppid, uint32_t uid)
{
	uint32_t theirs;

	for (int ups = 0; ups < ANCESTORS_MOST; ups++) {
		if (ppid <= INIT_PID)
			return ups > 0;
		if (find(ppid, &ppid, &theirs) || theirs == uid)
			return false;
	}
	return false;
}

bool importance_is_kept(int ppid, uint32_t uid)
{
	return importance_is_kept_by(find_in_proc, ppid, uid);
}

int importance(const struct bearing *one, const struct bearing *all, size_t nr)
{
	int lowest = one->adj;

	if (one->kept)
		return lowest;
	for (size_t i = 0; i < nr; i++)
		if (all[i].kept && all[i].uid == one->uid && all[i].adj < lowest)
			lowest = all[i].adj;
	return lowest;
}
