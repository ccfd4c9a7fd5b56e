/* A walk over the memory of a process. */
#include "page_walk.h"

#include "page.h"

/* Windows of pagemap (8 MiB each at 4 KiB) read before the caller gets to look up. */
#define WINDOWS_A_STEP 64
/*
 * Small VMAs lie close together: read what the page table of 2 MiB still holds at once, holes
 * cost next to nothing. The kernel goes from table to table as well: what crosses the end of one
 * is walked twice.
 */
#define TABLE_PAGES 512

static bool take_char(struct span *rest, char c)
{
	if (rest->len == 0 || rest->at[0] != c)
		return false;
	rest->at++;
	rest->len--;
	return true;
}

/*
 * Start, end, permissions, offset, device, inode and path:
 *
 *	12c00000-13000000 rw-p 00000000 00:00 0          [anon:dalvik-main space (region space)]
 *	7a41b000-7a424000 r-xp 00012000 fe:00 1377       /system/lib64/libexample.so
 */
bool vma_parse(struct span line, struct vma *out)
{
	struct span perms, word;
	uint64_t inode;

	if (!take_u64(&line, 16, &out->start) || !take_char(&line, '-') ||
	    !take_u64(&line, 16, &out->end) || !take_char(&line, ' ') ||
	    !span_word(&line, ' ', &perms) || !span_word(&line, ' ', &word) ||
	    !span_word(&line, ' ', &word) || !take_u64(&line, 10, &inode))
		return false;
	if (out->start >= out->end || perms.len < 4 || (line.len > 0 && line.at[0] != ' '))
		return false;
	if ((out->start | out->end) & (page_bytes - 1))
		return false;
	while (take_char(&line, ' '))
		;
	out->kind = kind_of(perms, inode, line);
	out->in_file = inode != 0;
	return true;
}

/* The last word of such a line, which may have blanks in it; empty: none. */
static struct span name_in(struct span line)
{
	struct span word;

	for (int i = 0; i < 5; i++)
		if (!span_word(&line, ' ', &word))
			return line;
	while (take_char(&line, ' '))
		;
	return line;
}

/* A 32-bit helper cannot name such an address; -EOVERFLOW says so. */
static int check_address(const struct vma *vma)
{
	return vma->end - 1 > UINTPTR_MAX ? -EOVERFLOW : 0;
}

/*
 * Before anything is advised, see that all of it can be: the low mappings of a
 * 64-bit app come first. Only 32-bit helpers spend this pass.
 */
static int check_all_addresses(struct walk *walk)
{
	struct span line;
	struct vma vma;
	int more;

	while ((more = reader_next(&walk->maps, &line)) > 0)
		/* x86-64 shows [vsyscall] in every process, also of 32 bits */
		if (vma_parse(line, &vma) && vma.kind != VMA_OTHER && check_address(&vma))
			return -EOVERFLOW;
	return more;
}

int walk_open(struct walk *walk, int dir, const struct chosen *chosen)
{
	int error;

	walk->chosen = *chosen;
	walk->vma = (struct vma){0, 0, VMA_OTHER, false};
	walk->at = walk->refused_end = walk->left_out_bytes = 0;
	walk_use_hot(walk, NULL);
	walk->ended = false;
	walk->window_at = walk->window_end = 0;
	memset(walk->uses, 0, sizeof(walk->uses));
	walk->pagemap = -EBADF;
	error = reader_open(&walk->maps, dir, "maps");
	if (!error && sizeof(uintptr_t) < sizeof(uint64_t)) {
		error = check_all_addresses(walk);
		reader_close(&walk->maps);
		if (!error)
			error = reader_open(&walk->maps, dir, "maps");
	}
	if (!error)
		walk->pagemap = sys_openat(dir, "pagemap", SYS_O_RDONLY);
	return error;
}

void walk_use_hot(struct walk *walk, struct hot_set *hot)
{
	walk->hot = hot;
	walk->hot_next = hot ? hot_mapping_first(hot) : NULL;
	walk->hot_here = NULL;
}

void walk_close(struct walk *walk)
{
	reader_close(&walk->maps);
	if (walk->pagemap >= 0)
		sys_close(walk->pagemap);
	walk->pagemap = -EBADF;
}

bool chosen_is_whole(const struct chosen *chosen)
{
	unsigned int kinds = chosen->kinds;

	return chosen->start == 0 && chosen->end == UINT64_MAX &&
	       (kinds == VMA_ANON || kinds == VMA_FILE || kinds == (VMA_ANON | VMA_FILE));
}

/*
 * Whether `vma` is meant at all; cuts it to the part that is. Of a mapping of a
 * file MADV_WILLNEED reads the file, never what a process wrote to its own copy.
 */
static bool is_chosen(const struct chosen *chosen, struct vma *vma)
{
	if (chosen->swapped && vma->in_file)
		return false;
	if (!(vma->kind & chosen->kinds) || vma->end <= chosen->start || vma->start >= chosen->end)
		return false;
	if (vma->start < chosen->start)
		vma->start = chosen->start;
	if (vma->end > chosen->end)
		vma->end = chosen->end;
	return true;
}

/* See what is known of the mapping that walk->vma is of. */
static void find_hot(struct walk *walk)
{
	if (walk->hot)
		walk->hot_here =
			hot_mapping_find(walk->hot, &walk->hot_next, walk->whole_start,
					 walk->whole_end, crc32(0, walk->name.at, walk->name.len));
}

/* Go to the next VMA of the kinds asked for: 1, 0 at the end, or -errno. */
int walk_next_vma(struct walk *walk)
{
	struct span line;
	int more;

	while ((more = reader_next(&walk->maps, &line)) > 0) {
		struct vma vma;

		if (!vma_parse(line, &vma))
			continue;
		walk->whole_start = vma.start;
		walk->whole_end = vma.end;
		if (!is_chosen(&walk->chosen, &vma))
			continue;
		if (check_address(&vma))
			return -EOVERFLOW;
		walk->name = name_in(line);
		find_hot(walk);
		walk->vma = vma;
		walk->at = vma.start;
		walk->uses[kind_index(vma.kind)].mapped_bytes += vma.end - vma.start;
		return 1;
	}
	return more;
}

/* Have the entry of walk->at in the window: 0 or -errno. Counts reads in `reads`. */
static int load_window(struct walk *walk, int *reads)
{
	const uint64_t table_bytes = (uint64_t)TABLE_PAGES * page_bytes;
	uint64_t first;
	size_t want;
	long got;

	if (walk->at >= walk->window_at && walk->at < walk->window_end)
		return 0;
	first = page_index(walk->at);
	/* Far from the last window, as reservations and thread stacks are, most would be holes. */
	want = walk->at - walk->window_end < table_bytes || walk->vma.end - walk->at > table_bytes ?
		       WINDOW_PAGES :
		       TABLE_PAGES;
	want -= (size_t)first % TABLE_PAGES;
	got = sys_pread(walk->pagemap, walk->entries, want * sizeof(walk->entries[0]),
			first * sizeof(walk->entries[0]));
	++*reads;
	if (got < 0)
		return (int)got;
	if (got < (long)sizeof(walk->entries[0]))
		return -ESRCH; /* no address space any more */
	walk->window_at = walk->at;
	walk->window_end =
		walk->at + (uint64_t)((size_t)got / sizeof(walk->entries[0])) * page_bytes;
	return 0;
}

int walk_entries(struct walk *walk, const uint64_t **entries, size_t *nr)
{
	int reads = 0, error = load_window(walk, &reads);
	uint64_t stop = walk->vma.end < walk->window_end ? walk->vma.end : walk->window_end;

	if (error)
		return error;
	*entries = &walk->entries[page_index(walk->at - walk->window_at)];
	*nr = (size_t)page_index(stop - walk->at);
	walk->at = stop;
	return 0;
}

/* Add `bytes` from walk->at to the step; false when it has no room for another range. */
static bool add_range(struct walk *walk, struct step *step, uint64_t bytes)
{
	struct sys_iovec *last = step->nr > 0 ? &step->iov[step->nr - 1] : NULL;

	if (last && step->vma_end[step->nr - 1] == walk->vma.end &&
	    (uintptr_t)last->base + last->bytes == walk->at) {
		last->bytes += (size_t)bytes;
	} else {
		if (step->nr == STEP_RANGES)
			return false;
		step->iov[step->nr].base = (void *)(uintptr_t)walk->at;
		step->iov[step->nr].bytes = (size_t)bytes;
		step->vma_end[step->nr++] = walk->vma.end;
	}
	step->bytes += bytes;
	return true;
}

/* Bytes from walk->at up to `stop` whose entries, from `entry` on, say the same. */
static uint64_t run_bytes(const struct walk *walk, const uint64_t *entry, uint64_t stop)
{
	uint64_t first = *entry, bytes = page_bytes, most = stop - walk->at;

	while (bytes < most && !((*++entry ^ first) & PAGE_BITS))
		bytes += page_bytes;
	return bytes;
}

/* Whether the pages from walk->at on are meant, by what resumes need; cuts `bytes` to what is alike. */
static bool is_hot_choice(struct walk *walk, uint64_t *bytes)
{
	bool hot;

	if (walk->chosen.hot == HOT_ANY)
		return true;
	*bytes = hot_run(walk->hot_here, walk->at, *bytes, &hot);
	return hot == (walk->chosen.hot == HOT_ONLY);
}

/* Take the pages of the window that belong to the VMA; false when the step is full. */
static bool take_window(struct walk *walk, uint64_t limit_bytes, struct step *step)
{
	struct use *use = &walk->uses[kind_index(walk->vma.kind)];
	const uint64_t *entry = &walk->entries[page_index(walk->at - walk->window_at)];
	uint64_t stop = walk->vma.end < walk->window_end ? walk->vma.end : walk->window_end;
	/* What a library wrote to its own copy (.data, relro) is anonymous: it would go to swap. */
	bool anonymous_too = walk->chosen.kinds & VMA_ANON;
	uint64_t *meant = walk->chosen.swapped ? &use->swapped_bytes : &use->exclusive_bytes;

	while (walk->at < stop) {
		uint64_t bytes = run_bytes(walk, entry, stop), whole = bytes, *count;

		count = !anonymous_too && !(*entry & PAGE_FILE) ? NULL :
			*entry & PAGE_SWAPPED                   ? &use->swapped_bytes :
			!(*entry & PAGE_PRESENT)                ? NULL :
			*entry & PAGE_EXCLUSIVE                 ? &use->exclusive_bytes :
								  &use->shared_bytes;
		if (count == meant && !is_hot_choice(walk, &whole)) {
			bytes = whole;
			walk->left_out_bytes += bytes;
		} else if (count == meant && walk->at >= walk->refused_end) {
			bytes = whole;
			if (bytes > limit_bytes - step->bytes)
				bytes = limit_bytes - step->bytes;
			if (bytes == 0 || !add_range(walk, step, bytes))
				return false;
		}
		if (count)
			*count += bytes;
		walk->at += bytes;
		if (bytes < whole)
			return false;
		entry += page_index(bytes);
	}
	return true;
}

/* Without pagemap: the next piece of the VMA, whatever is in it. */
static bool take_blindly(struct walk *walk, uint64_t limit_bytes, struct step *step)
{
	uint64_t bytes = walk->vma.end - walk->at;

	if (walk->at < walk->refused_end || walk->chosen.hot == HOT_ONLY) {
		walk->at = walk->vma.end;
		return true;
	}
	if (bytes > limit_bytes - step->bytes)
		bytes = limit_bytes - step->bytes;
	if (bytes == 0 || !add_range(walk, step, bytes))
		return false;
	walk->at += bytes;
	return true;
}

int walk_step(struct walk *walk, uint64_t limit_bytes, struct step *step)
{
	int reads = 0;

	step->nr = 0;
	step->bytes = 0;
	while (reads < WINDOWS_A_STEP) {
		int result;

		if (walk->at == walk->vma.end) {
			result = walk_next_vma(walk);
			walk->ended = result == 0;
			if (result <= 0)
				return result;
		}
		if (walk->pagemap < 0) {
			if (!take_blindly(walk, limit_bytes, step))
				return 0;
			continue;
		}
		result = load_window(walk, &reads);
		if (result)
			return result;
		if (!take_window(walk, limit_bytes, step))
			return 0;
	}
	return 0;
}

void walk_refuse(struct walk *walk, uint64_t vma_end)
{
	if (vma_end > walk->refused_end)
		walk->refused_end = vma_end;
}

int walk_rewind(struct walk *walk, int dir)
{
	reader_close(&walk->maps);
	return reader_open(&walk->maps, dir, "maps");
}

struct use walk_sum(const struct walk *walk)
{
	struct use sum = {0, 0, 0, 0, 0};

	for (size_t i = 0; i < KINDS_NR; i++) {
		sum.mapped_bytes += walk->uses[i].mapped_bytes;
		sum.exclusive_bytes += walk->uses[i].exclusive_bytes;
		sum.shared_bytes += walk->uses[i].shared_bytes;
		sum.swapped_bytes += walk->uses[i].swapped_bytes;
		sum.locked_bytes += walk->uses[i].locked_bytes;
	}
	return sum;
}

/*
 * smaps: a line of maps, then its numbers.
 *
 *	12c00000-13000000 rw-p 00000000 00:00 0          [anon:dalvik-main space]
 *	Rss:                 512 kB
 *	Locked:               64 kB
 */
int walk_count_locked(struct walk *walk, int dir)
{
	struct vma vma = {0, 0, VMA_OTHER, false};
	bool meant = false;
	struct span line;
	int more;

	reader_close(&walk->maps);
	more = reader_open(&walk->maps, dir, "smaps");
	while (!more && (more = reader_next(&walk->maps, &line)) > 0) {
		uint64_t bytes;

		more = 0;
		if (vma_parse(line, &vma)) {
			meant = is_chosen(&walk->chosen, &vma);
			continue;
		}
		if (!meant || !span_starts(line, "Locked:"))
			continue;
		bytes = kib_field(line, "Locked:");
		if (bytes != UNKNOWN)
			walk->uses[kind_index(vma.kind)].locked_bytes += bytes;
	}
	return more;
}
