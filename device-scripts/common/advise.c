/* Advice on ranges of another process. */
#include "advise.h"

static bool out_of_reach(long error)
{
	return error == -ESRCH || error == -EPERM || error == -EACCES || error == -ENOSYS ||
	       error == -EBADF;
}

static void count_refusal(struct advice_result *result, int error, uint64_t bytes)
{
	size_t i = 0;

	while (i < result->refusals_nr && result->refusals[i].error != error)
		i++;
	if (i == result->refusals_nr) {
		if (i == REFUSALS_MAX)
			return;
		result->refusals[result->refusals_nr++] = (struct refusal){error, 0, 0};
	}
	result->refusals[i].ranges++;
	result->refusals[i].bytes += bytes;
}

/* Bytes of iov[first] up to `count` ranges. */
static size_t whole_ranges(const struct step *step, size_t first, size_t done_bytes)
{
	size_t i = first;

	while (i < step->nr && done_bytes >= step->iov[i].bytes)
		done_bytes -= step->iov[i++].bytes;
	return i - first;
}

/* Count the refusal of range `i`; returns the first range to go on with. */
static size_t refuse(struct walk *walk, const struct step *step, size_t i, int error,
		     struct advice_result *result)
{
	uint64_t end = step->vma_end[i];

	if (error != EINVAL) {
		count_refusal(result, error, step->iov[i].bytes);
		return i + 1;
	}
	count_refusal(result, error, end - (uintptr_t)step->iov[i].base);
	walk_refuse(walk, end);
	while (i < step->nr && step->vma_end[i] == end)
		i++;
	return i;
}

static long timed_call(int pidfd, int advice, const struct sys_iovec *iov, size_t count,
		       struct advice_result *result)
{
	uint64_t began_us = sys_now_us(), took_us;
	long done = sys_process_madvise(pidfd, iov, count, advice);

	took_us = sys_now_us() - began_us;
	result->calls++;
	if (took_us > result->longest_us)
		result->longest_us = took_us;
	return done;
}

int advise_step(int pidfd, int advice, struct walk *walk, struct step *step,
		struct advice_result *result)
{
	bool one_by_one = false;
	size_t i = 0;

	while (i < step->nr) {
		size_t count = one_by_one ? 1 : step->nr - i;
		long done = timed_call(pidfd, advice, &step->iov[i], count, result);
		size_t whole;

		if (out_of_reach(done))
			return (int)done;
		if (done < 0 && count > 1) {
			one_by_one = true;
			continue;
		}
		whole = done > 0 ? whole_ranges(step, i, (size_t)done) : 0;
		if (whole == 0) { /* refused, or no progress at all */
			i = refuse(walk, step, i, done < 0 ? (int)-done : EAGAIN, result);
			one_by_one = false;
			continue;
		}
		result->advised_bytes += (uint64_t)done;
		i += whole;
		one_by_one = whole < count;
	}
	return 0;
}
