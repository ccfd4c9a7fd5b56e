/* The interface of 2013. */
#include "proc_reclaim.h"

#include "sys.h"

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
	return write_words(fd, (struct span){words, len});
}

/*
 * One write for each VMA: some kernels spin for ever on a range that holds a hugetlb mapping. The
 * mapping of a file may be one (hugetlbfs may be mounted anywhere), so ask by address only for
 * anonymous memory.
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

int procreclaim_ask(struct target *target, struct walk *walk, const struct options *options)
{
	int fd = sys_openat(target->dir, "reclaim", SYS_O_WRONLY);

	if (fd < 0)
		return fd;
	return chosen_is_whole(&options->chosen) ? ask_for_class(fd, options->chosen.kinds) :
						   ask_for_ranges(fd, target, walk);
}
