/* The verb measure: what each target holds now. */
#include "json.h"
#include "proc.h"
#include "process_memory.h"
#include "request.h"
#include "sys.h"

static int measure(const struct target_spec *spec, struct memory *memory, uint64_t *major_faults)
{
	struct proc_stat stat;
	int dir = proc_open(spec->pid);
	int error = dir < 0 ? dir : proc_read_stat(dir, &stat);

	if (!error && stat.start != spec->start)
		error = -ESRCH;
	if (!error) {
		*major_faults = stat.major_faults;
		error = memory_read(dir, memory);
	}
	if (dir >= 0)
		sys_close(dir);
	return error == -ENOENT ? -ESRCH : error;
}

int verb_measure(const struct request *request, const char **why)
{
	struct target_spec spec;
	struct span rest;

	if (request_check(request, "targets", why) || request_check_targets(request, why))
		return -EINVAL;
	request_value(request, "targets", &rest);
	while (!reply_broken() && next_target(&rest, &spec)) {
		struct memory memory = memory_unknown;
		uint64_t major_faults = UNKNOWN;
		int error = measure(&spec, &memory, &major_faults);

		line_begin("memory");
		line_u64("pid", (uint64_t)spec.pid);
		line_u64("start", spec.start);
		line_errno("errno", error);
		line_bool("approximate", memory.approximate);
		memory_print(&memory);
		line_u64("locked_bytes", memory.locked_bytes);
		line_u64("major_faults", major_faults);
		line_send();
	}
	return 0;
}
