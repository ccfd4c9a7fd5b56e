/* The verb learn: what came back of each target since its page-out, which is what its resumes need. */
#include "hot_learn.h"
#include "json.h"
#include "page.h"
#include "proc.h"
#include "request.h"

static int learn(const struct target_spec *spec)
{
	static struct walk walk;
	struct proc_stat stat;
	int dir = proc_open(spec->pid);
	int error = dir < 0 ? dir : proc_read_stat(dir, &stat);

	if (!error && stat.start != spec->start)
		error = -ESRCH;
	if (!error)
		error = hot_learn(&walk, dir, spec->pid, spec->start);
	if (dir >= 0)
		sys_close(dir);
	if (error == -ENOENT)
		error = -ESRCH;
	if (error == -ESRCH)
		hot_set_drop(spec->pid, spec->start);
	return error;
}

static void print_set(struct hot_set *set)
{
	uint64_t numbers[] = {UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN};

	if (set) {
		numbers[0] = hot_set_bytes(set);
		numbers[1] = (uint64_t)set->out_pages * page_bytes;
		numbers[2] = (uint64_t)set->moving_out_pages * page_bytes;
		numbers[3] = (uint64_t)set->moving_back_pages * page_bytes;
	}
	line_u64("resumes", set ? set->resumes : 0);
	line_numbers("hot_bytes out_bytes moving_out_bytes moving_back_bytes", numbers);
	line_bool("gc", set && set->gc);
}

int verb_learn(const struct request *request, const char **why)
{
	struct target_spec spec;
	struct span rest;

	if (request_check(request, "targets", why) || request_check_targets(request, why))
		return -EINVAL;
	request_value(request, "targets", &rest);
	while (!reply_broken() && next_target(&rest, &spec)) {
		int error = learn(&spec);

		line_begin("hot");
		line_u64("pid", (uint64_t)spec.pid);
		line_u64("start", spec.start);
		line_errno("errno", error);
		print_set(error ? NULL : hot_set_find(spec.pid, spec.start));
		line_send();
	}
	return 0;
}
