/* How close to its user a process is. */
#include "importance.h"

#include "proc.h"
#include "sys.h"

#define INIT_PID 1
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

bool importance_is_kept(int ppid, uint32_t uid)
{
	struct proc_status parent;
	int dir, error;

	if (ppid <= INIT_PID)
		return false;
	dir = proc_open(ppid);
	error = dir < 0 ? dir : proc_read_status(dir, &parent);
	if (dir >= 0)
		sys_close(dir);
	return !error && parent.uid != uid;
}

int importance(const struct bearing *one, const struct bearing *all, size_t nr)
{
	int lowest = one->adj;

	if (one->kept)
		return lowest;
	for (size_t i = 0; i < nr; i++)
		if (all[i].uid == one->uid && all[i].adj < lowest)
			lowest = all[i].adj;
	return lowest;
}
