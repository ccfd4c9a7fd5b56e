/* The other processes of a native child's app. */
#include "family.h"

#include "proc.h"
#include "sys.h"

#define ADJ_GONE 1001 /* further from its user than any that lives */

struct search {
	struct family *family;
	int pid;
	int error;
};

/* Hold `pid` when it is of the same app, and not one that knows no more than the first. */
static void consider(struct search *search, int pid, int dir)
{
	struct family *family = search->family;
	struct bearing *self = &family->member[0], *member = &family->member[family->nr];
	struct proc_status status;
	struct proc_stat stat;

	if (proc_read_status(dir, &status) || status.uid != self->uid ||
	    proc_read_stat(dir, &stat) || !importance_is_kept(stat.ppid, status.uid))
		return;
	if (family->nr > FAMILY_MAX) {
		search->error = -E2BIG;
		return;
	}
	*member = (struct bearing){status.uid, ADJ_GONE, true};
	family->dir[family->nr] = proc_open(pid);
	if (family->dir[family->nr] >= 0)
		family->nr++;
}

static bool visit(int pid, void *data)
{
	struct search *search = data;
	int dir;

	if (pid == search->pid)
		return true;
	dir = proc_open(pid);
	if (dir >= 0) {
		consider(search, pid, dir);
		sys_close(dir);
	}
	return !search->error;
}

int family_open(struct family *family, int pid, int ppid, uint32_t uid)
{
	struct search search = {family, pid, 0};
	int error;

	family->nr = 1;
	family->dir[0] = -1;
	family->member[0] = (struct bearing){uid, ADJ_GONE, true};
	if (!uid_is_app(uid) || importance_is_kept(ppid, uid))
		return 0;
	family->member[0].kept = false;
	error = proc_each(visit, &search);
	return search.error ? search.error : error;
}

void family_close(struct family *family)
{
	for (size_t i = 1; i < family->nr; i++)
		sys_close(family->dir[i]);
	family->nr = 0;
}

int family_importance(struct family *family, int adj)
{
	int theirs;

	family->member[0].adj = adj;
	for (size_t i = 1; i < family->nr; i++)
		family->member[i].adj = proc_read_adj(family->dir[i], &theirs) ?
						ADJ_GONE :
						adj_in_front(family->dir[i], theirs);
	return importance(&family->member[0], family->member, family->nr);
}
