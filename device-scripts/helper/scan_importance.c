/* How close to their user the processes of one scan are, where their own adj does not say. */
#include "scan_importance.h"

#include "importance.h"
#include "json.h"
#include "sys.h"

static struct {
	int pid, ppid;
} scanned[SCANNED_MAX];
static struct bearing bearing[SCANNED_MAX];
static size_t nr;
static bool left_out;

void scanned_begin(void)
{
	nr = 0;
	left_out = false;
}

void scanned_add(int pid, int ppid, uint32_t uid, int adj)
{
	size_t at;

	if (nr == SCANNED_MAX) {
		left_out = true;
		return;
	}
	for (at = nr++; at > 0 && scanned[at - 1].pid > pid; at--) {
		scanned[at] = scanned[at - 1];
		bearing[at] = bearing[at - 1];
	}
	scanned[at].pid = pid;
	scanned[at].ppid = ppid;
	bearing[at] = (struct bearing){uid, adj, true};
}

static int find_scanned(int pid, int *ppid, uint32_t *uid)
{
	size_t low = 0, high = nr;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (scanned[middle].pid < pid)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == nr || scanned[low].pid != pid)
		return -ESRCH;
	*ppid = scanned[low].ppid;
	*uid = bearing[low].uid;
	return 0;
}

void scanned_print_importance(void)
{
	for (size_t i = 0; i < nr; i++)
		bearing[i].kept =
			!uid_is_app(bearing[i].uid) ||
			importance_is_kept_by(find_scanned, scanned[i].ppid, bearing[i].uid);
	for (size_t i = 0; i < nr && !reply_broken(); i++) {
		int found;

		if (bearing[i].kept)
			continue;
		found = importance(&bearing[i], bearing, nr);
		line_begin("importance");
		line_u64("pid", (uint64_t)scanned[i].pid);
		line_i64("importance", left_out || bearing[i].adj == INT32_MAX ? INT64_MIN : found);
		line_send();
	}
}
