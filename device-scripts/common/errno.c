/* errno by name: numbers differ between ABIs and mean nothing to people. */
#include "json.h"
#include "sys.h"

#define NAME(error) {error, #error}

static const struct {
	unsigned char number;
	char name[13]; /* in place: a pointer would take as much again */
} names[] = {
	/* clang-format off */
	NAME(EPERM), NAME(ENOENT), NAME(ESRCH), NAME(EINTR), NAME(EIO), NAME(ENXIO),
	NAME(E2BIG), NAME(EBADF), NAME(ECHILD), NAME(EAGAIN), NAME(ENOMEM), NAME(EACCES),
	NAME(EFAULT), NAME(EBUSY), NAME(EEXIST), NAME(ENODEV), NAME(ENOTDIR), NAME(EISDIR),
	NAME(EINVAL), NAME(ENFILE), NAME(EMFILE), NAME(ENOSPC), NAME(EROFS), NAME(EPIPE),
	NAME(ERANGE), NAME(ENAMETOOLONG), NAME(ENOSYS), NAME(ELOOP), NAME(ENODATA), NAME(ETIME),
	NAME(EPROTO), NAME(EOVERFLOW), NAME(EOPNOTSUPP), NAME(ETIMEDOUT), NAME(ECANCELED),
	/* clang-format on */
};

const char *errno_name(int error)
{
	static char other[1 + DIGITS_MAX + 1];
	int number = error < 0 ? -error : error;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (names[i].number == number)
			return names[i].name;
	other[0] = 'E';
	other[1 + format_u64((uint64_t)number, other + 1)] = '\0';
	return other;
}
