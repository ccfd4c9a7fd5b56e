/* Writes that may sit in the kernel for seconds. */
#include "slow_write.h"

#include "sys.h"

#define LOOK_EVERY_US 5000

static const struct verdict went_well = {OUTCOME_ADVISED, REASON_NONE};

/*
 * Wait for the exit status of `child`. -ETIME: it did not end in time. It is sent
 * SIGKILL, which a write that sits in the kernel does not notice.
 */
static int wait_for(int child, struct options *options)
{
	uint64_t end_us = sys_now_us() + options->deadline_us;
	int status;

	while ((status = sys_exit_status(child)) == -EAGAIN) {
		if (sys_now_us() >= end_us || options->link != LINK_GO) {
			sys_kill(child, SYS_SIGKILL);
			options->stuck = options->link == LINK_GO;
			return options->stuck ? -ETIME : -ECANCELED;
		}
		options->link = link_pause(LOOK_EVERY_US);
	}
	return status > 0 ? -status : status;
}

struct verdict child_do(child_fn work, struct target *target, struct walk *walk,
			struct options *options)
{
	struct verdict verdict;
	int child = sys_fork(), error;

	if (child == 0) {
		sys_die_with_parent(SYS_SIGKILL);
		sys_exit(-work(target, walk, options));
	}
	error = child < 0 ? child : wait_for(child, options);
	if (!error)
		return went_well;
	if (error == -ETIME)
		return (struct verdict){OUTCOME_STOPPED, REASON_STUCK};
	if (options->link != LINK_GO)
		return (struct verdict){OUTCOME_STOPPED, REASON_CANCELLED};
	verdict = target_check(target);
	if (verdict.reason)
		return verdict;
	if (error == -EPERM || error == -EACCES)
		return verdict_of_error(error);
	return (struct verdict){OUTCOME_UNSUPPORTED, REASON_UNSUPPORTED};
}
