/* What a mapping is. */
#include "mapping_kind.h"

static const char *const names[KINDS_NR] = {
	"dalvik", "native", "stack", "unnamed", "code", "data",
};

size_t kind_index(enum vma_kind kind)
{
	return (size_t)__builtin_ctz((unsigned int)kind);
}

const char *kind_name(size_t index)
{
	return names[index];
}

/* "dalvik,native,stack" */
bool kinds_parse(struct span words, unsigned int *out)
{
	struct span word;

	*out = 0;
	while (span_word(&words, ',', &word)) {
		size_t i = 0;

		while (i < KINDS_NR && !span_is(word, names[i]))
			i++;
		if (i == KINDS_NR)
			return false;
		*out |= 1u << i;
	}
	return *out != 0;
}

static bool has_prefix_of(struct span path, const char *const *prefixes)
{
	for (; *prefixes; prefixes++)
		if (span_starts(path, *prefixes))
			return true;
	return false;
}

/*
 * Names are those of Android 9 (ashmem) and later; a kernel without names of
 * anonymous memory has [heap] and [stack] only.
 */
static enum vma_kind anonymous_kind(struct span path)
{
	static const char *const dalvik[] = {"[anon:dalvik-", "/dev/ashmem/dalvik-", NULL};
	static const char *const native[] = {"[heap]",
					     "[anon:scudo:",
					     "[anon:libc_malloc",
					     "[anon:GWP-ASan",
					     "/dev/ashmem/libc_malloc",
					     NULL};
	static const char *const stack[] = {"[stack", "[anon:stack_and_tls:", NULL};

	if (has_prefix_of(path, dalvik))
		return VMA_DALVIK;
	if (has_prefix_of(path, native))
		return VMA_NATIVE;
	return has_prefix_of(path, stack) ? VMA_STACK : VMA_UNNAMED;
}

static enum vma_kind file_kind(struct span perms, struct span path)
{
	static const char *const suffixes[] = {".so",  ".apk", ".dex", ".vdex", ".odex",
					       ".oat", ".art", ".jar", NULL};

	if (perms.at[2] == 'x')
		return VMA_CODE;
	for (const char *const *suffix = suffixes; *suffix; suffix++)
		if (span_ends(path, *suffix))
			return VMA_CODE;
	return VMA_DATA;
}

/*
 * Private mappings of /dev/ashmem/ are anonymous memory under a name (ashmem's
 * mmap drops the file from a private mapping's faults): the Java heap and
 * malloc of Android up to 9. All of them count, for the name is the app's choice.
 */
enum vma_kind kind_of(struct span perms, uint64_t inode, struct span path)
{
	static const char *const anonymous[] = {"[heap]", "[stack", "[anon:", "/dev/ashmem/", NULL};
	/* Devices, GPU buffers, shared memory and hugetlb: PAGEOUT refuses or must not move them. */
	static const char *const untouchable[] = {"/dev/", "/memfd:",        "/dmabuf",
						  "/SYSV", "/anon_hugepage", NULL};
	bool private = perms.at[3] == 'p';

	/*
	 * Mappings nobody may access are reservations (V8's cage, malloc's regions, guard
	 * pages): gigabytes of pagemap to read, and next to nothing in them.
	 */
	if (span_starts(perms, "---"))
		return VMA_OTHER;
	if (path.len == 0)
		return private && inode == 0 ? VMA_UNNAMED : VMA_OTHER;
	if (has_prefix_of(path, anonymous))
		return private ? anonymous_kind(path) : VMA_OTHER;
	if (path.at[0] != '/' || inode == 0 || has_prefix_of(path, untouchable))
		return VMA_OTHER;
	return file_kind(perms, path);
}

/* "anon", "file" or "all" */
bool what_parse(struct span word, unsigned int *out)
{
	*out = span_is(word, "anon") ? VMA_ANON :
	       span_is(word, "file") ? VMA_FILE :
	       span_is(word, "all")  ? VMA_ANON | VMA_FILE :
				       0;
	return *out != 0;
}
