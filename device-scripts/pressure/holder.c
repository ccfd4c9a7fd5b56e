/* The process that holds the memory. */
#include "holder.h"

#include "kernel_file.h"
#include "page.h"
#include "pressure_sys.h"
#include "proc.h"

#define WATCHDOG_SILENT_MS 10000 /* a device short of memory can stand still for seconds */
#define IDLE_US 1000

void fill_page(uint64_t *page, size_t bytes, uint64_t seed, uint64_t number, uint32_t permille)
{
	size_t words = bytes / sizeof(*page);
	size_t noise = words * permille / 1000;
	uint64_t state = (seed + number + 1) * 0x9e3779b97f4a7c15ull | 1;

	for (size_t i = 0; i < noise; i++) {
		state ^= state << 13;
		state ^= state >> 7;
		state ^= state << 17;
		page[i] = state;
	}
	/* two words in turn: a page of one word alone costs zram no memory */
	for (size_t i = noise; i < words; i++)
		page[i] = i & 1 ? number : ~seed;
}

/* Set our own adj, and check that it is set. */
static int take_adj(int adj)
{
	char digits[DIGITS_MAX];
	size_t len = format_u64((uint64_t)adj, digits);
	int error = fs_write("proc/self/oom_score_adj", SYS_O_WRONLY, (struct span){digits, len});
	int dir, now = -1;

	if (error)
		return error;
	dir = proc_open(sys_getpid());
	error = dir < 0 ? dir : proc_read_adj(dir, &now);
	if (dir >= 0)
		sys_close(dir);
	return error ? error : now == adj ? 0 : -EACCES;
}

/* Whether nobody wants this memory any more. */
static bool is_over(const struct board *board, int watchdog)
{
	return sys_getppid() != watchdog || ms_since(board->began_us) >= board->orders.for_ms;
}

/* Take one step of new memory; stop within it when nobody wants it any more. */
static int take_step(struct board *board, int watchdog, uint64_t *number)
{
	size_t bytes = (size_t)board->orders.step_kib * 1024;
	char *at = sys_map(bytes, false);

	if (!at)
		return -ENOMEM;
	for (size_t done = 0; done < bytes; done += page_bytes) {
		if (BOARD_GET(board->release) || is_over(board, watchdog))
			break;
		fill_page((uint64_t *)(void *)(at + done), page_bytes, board->orders.seed,
			  (*number)++, board->orders.random_permille);
		BOARD_SET(board->taken_kib, board->taken_kib + (int32_t)(page_bytes / 1024));
	}
	return 0;
}

void holder_run(struct board *board, int watchdog)
{
	int32_t looks = 0;
	uint64_t number = 0, heard_us = sys_now_us();
	int error = take_adj(board->orders.adj);

	while (!error && !is_over(board, watchdog)) {
		if (BOARD_GET(board->looks) != looks) {
			looks = BOARD_GET(board->looks);
			heard_us = sys_now_us();
		} else if (ms_since(heard_us) > WATCHDOG_SILENT_MS) {
			return;
		}
		if (BOARD_GET(board->steps_wanted) == board->steps_done) {
			sleep_us(IDLE_US);
			continue;
		}
		error = take_step(board, watchdog, &number);
		BOARD_SET(board->steps_done, board->steps_done + 1);
	}
	BOARD_SET(board->error, error);
}
