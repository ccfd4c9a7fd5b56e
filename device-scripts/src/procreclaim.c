/* The interface of 2013. */
#include "procreclaim.h"

#include "sys.h"

#define LOOK_EVERY_US 5000

static const struct verdict went_well = { OUTCOME_ADVISED, NULL };

static int write_words(int fd, struct span words)
{
	long done;

	do
		done = sys_write(fd, words.at, words.len);
	while (done == -EINTR);
	return done < 0 ? (int)done : 0;
}

/* Words in the patches of April 2013 and in CAF's trees, a number in those of March 2013 and 2016. */
static int ask_for_class(int fd, unsigned int kinds)
{
	const char *word = kinds == VMA_ANON ? "anon" : kinds == VMA_FILE ? "file" : "all";
	const char *number = kinds == VMA_ANON ? "2" : kinds == VMA_FILE ? "1" : "3";
	int error = write_words(fd, span_of(word));

	return error == -EINVAL ? write_words(fd, span_of(number)) : error;
}

/* "0xSTART BYTES", as memparse() reads it. */
static int ask_for_vma(int fd, const struct vma *vma)
{
	char words[2 + 16 + 1 + DIGITS_MAX] = "0x0123456789abcdef ";
	size_t len = 19;

	format_hex(vma->start, words + 2, 16);
	len += format_u64(vma->end - vma->start, words + len);
	return write_words(fd, (struct span){ words, len });
}

/*
 * A write a VMA: some kernels spin for ever on a range that holds a hugetlb
 * mapping. Of files they may be (hugetlbfs may be mounted anywhere), so only
 * anonymous memory is asked for by address.
 */
static int ask_for_ranges(int fd, struct target *target, struct walk *walk)
{
	int more = walk_rewind(walk, target->dir);

	while (!more && (more = walk_next_vma(walk)) > 0) {
		struct verdict verdict = target_check(target);

		if (verdict.reason)
			return -ECANCELED;
		more = walk->vma.kind & VMA_ANON ? ask_for_vma(fd, &walk->vma) : 0;
	}
	return more;
}

static bool means_whole_classes(const struct chosen *chosen)
{
	return chosen->start == 0 && chosen->end == UINT64_MAX &&
	       (chosen->kinds == VMA_ANON || chosen->kinds == VMA_FILE ||
		chosen->kinds == (VMA_ANON | VMA_FILE));
}

/* What the child does: the exit status is its errno. */
static int ask(struct target *target, struct walk *walk, const struct chosen *chosen)
{
	int fd = sys_openat(target->dir, "reclaim", SYS_O_WRONLY);

	if (fd < 0)
		return fd;
	return means_whole_classes(chosen) ? ask_for_class(fd, chosen->kinds) :
					     ask_for_ranges(fd, target, walk);
}

/*
 * The exit status of `child`. -ETIME: it did not end in time, and is told to,
 * which a write that sits in the kernel does not hear.
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

struct verdict procreclaim_ask(struct target *target, struct walk *walk, struct options *options)
{
	struct verdict verdict;
	int child = sys_fork(), error;

	if (child == 0) {
		sys_die_with_parent(SYS_SIGKILL);
		sys_exit(-ask(target, walk, &options->chosen));
	}
	error = child < 0 ? child : wait_for(child, options);
	if (!error)
		return went_well;
	if (error == -ETIME)
		return (struct verdict){ OUTCOME_STOPPED, "stuck" };
	if (options->link != LINK_GO)
		return (struct verdict){ OUTCOME_STOPPED, "cancelled" };
	verdict = target_check(target);
	if (verdict.reason)
		return verdict;
	if (error == -EPERM || error == -EACCES)
		return verdict_of_error(error);
	return (struct verdict){ OUTCOME_UNSUPPORTED, "unsupported" };
}
