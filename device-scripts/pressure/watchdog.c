/* The process that looks at memory before each step of the holder, and ends the holder. */
#include "watchdog.h"

#include "device_memory.h"
#include "holder.h"
#include "kernel_file.h"
#include "memory_level.h"
#include "pressure_sys.h"
#include "watched_apps.h"

#define FIND_MS 500
#define HOLD_LOOK_US 50000
#define PSI_WINDOW_MS 1000
#define OOM_VICTIM_MS 500 /* from the kernel's count of a kill until its victim has ended */
#define REAP_US 5000
#define REAP_TURNS 4000 /* 20 s: an exit gives back what is swapped too */

static struct {
	int psi;
	uint64_t oom_before, oom_us; /* count of kills at the start; when it was seen to grow */
	uint64_t full_us, window_us; /* at the start of the present window of PSI */
	uint64_t found_us;
} watch;

static int32_t kib(uint64_t bytes)
{
	return bytes == UNKNOWN ? KIB_UNKNOWN : (int32_t)(bytes >> 10);
}

int level_read(struct level *out)
{
	static char buffer[8192];
	static int meminfo = -1;
	static int32_t low_kib = KIB_UNKNOWN;
	struct span text = {buffer, 0};
	uint64_t cma;

	if (meminfo < 0) {
		meminfo = sys_openat(fs_root, "proc/meminfo", SYS_O_RDONLY);
		if (meminfo < 0)
			return meminfo;
		low_kib = kib(low_watermark_bytes());
	}
	text.len = file_once(meminfo, buffer, sizeof(buffer));
	out->available_kib = kib(kib_field(text, "MemAvailable:"));
	out->free_kib = kib(kib_field(text, "MemFree:"));
	out->swap_free_kib = kib(kib_field(text, "SwapFree:"));
	cma = kib_field(text, "CmaFree:");
	if (cma != UNKNOWN && out->free_kib != KIB_UNKNOWN)
		out->free_kib -= kib(cma) < out->free_kib ? kib(cma) : out->free_kib;
	out->headroom_kib = out->free_kib == KIB_UNKNOWN || low_kib == KIB_UNKNOWN ?
				    KIB_UNKNOWN :
				    out->free_kib - low_kib;
	return 0;
}

static int32_t lower(int32_t a, int32_t b)
{
	return a < b ? a : b;
}

static void look_at_level(struct board *board)
{
	struct level *now = &board->now, *lowest = &board->lowest;

	level_read(now);
	now->taken_kib = BOARD_GET(board->taken_kib);
	lowest->available_kib = lower(lowest->available_kib, now->available_kib);
	lowest->free_kib = lower(lowest->free_kib, now->free_kib);
	lowest->headroom_kib = lower(lowest->headroom_kib, now->headroom_kib);
	lowest->swap_free_kib = lower(lowest->swap_free_kib, now->swap_free_kib);
}

static void look_at_apps(struct board *board)
{
	static struct ended ended;
	uint64_t oom_kills = oom_kill_count();

	if (ms_since(watch.found_us) >= FIND_MS) {
		watch.found_us = sys_now_us();
		apps_find();
	}
	while (apps_next_ended(&ended)) {
		ended.at_ms = ms_since(board->began_us);
		ended.level = board->now;
		if (board->ended_nr < ENDED_MAX)
			board->ended[board->ended_nr] = ended;
		BOARD_SET(board->ended_nr, board->ended_nr + 1);
	}
	board->oom_kills = oom_kills == UNKNOWN || watch.oom_before == UNKNOWN ?
				   KIB_UNKNOWN :
				   (int32_t)(oom_kills - watch.oom_before);
	if (board->oom_kills > 0 && !watch.oom_us)
		watch.oom_us = sys_now_us();
}

/* Whether in this second all processes have waited for memory for too long. */
static bool stands_still(struct board *board)
{
	uint64_t some_us, full_us;
	uint32_t waited_us;

	psi_totals(watch.psi, &some_us, &full_us);
	if (full_us == UNKNOWN)
		return false;
	waited_us = full_us > watch.full_us ? (uint32_t)(full_us - watch.full_us) : 0;
	if (ms_since(watch.window_us) > PSI_WINDOW_MS) {
		watch.window_us = sys_now_us();
		watch.full_us = full_us;
	}
	if (waited_us > board->psi_full_us)
		board->psi_full_us = waited_us;
	return waited_us >= board->orders.psi_full_us;
}

static bool somebody_was_killed(const struct board *board)
{
	return board->ended_nr > 0 || board->oom_kills > 0;
}

/*
 * Whether the victim has had its time to end. The kernel counts a kill when it sends the signal:
 * the victim may be our holder, whose end is the end of the pressure.
 */
static bool kill_is_over(const struct board *board)
{
	return board->ended_nr > 0 ||
	       (board->oom_kills > 0 && ms_since(watch.oom_us) >= OOM_VICTIM_MS);
}

static bool is_reached(const struct board *board)
{
	const struct level *now = &board->now;

	switch (board->orders.until) {
	case UNTIL_KILL:
		return kill_is_over(board);
	case UNTIL_HEADROOM:
		return now->headroom_kib != KIB_UNKNOWN && now->headroom_kib <= 0;
	case UNTIL_AVAILABLE:
		return now->available_kib <= board->orders.until_kib;
	default:
		return now->taken_kib >= board->orders.until_kib;
	}
}

/* Whether another step fits under the cap and into what was asked for. */
static bool fits(const struct board *board)
{
	return board->now.taken_kib + board->orders.step_kib <= board->orders.cap_kib;
}

static void hold(struct board *board, bool reached)
{
	board->reached = reached;
	BOARD_SET(board->phase, PHASE_HELD);
}

/* Want another step, or note that memory is held. Returns why the holder is to end, or NULL. */
static const char *judge(struct board *board, bool still)
{
	bool idle = board->steps_wanted == BOARD_GET(board->steps_done);

	if (BOARD_GET(board->release))
		return "released";
	if (ms_since(board->began_us) >= board->orders.for_ms)
		return "time";
	if (still)
		return "psi_full";
	if (board->phase == PHASE_TAKING) {
		if (is_reached(board))
			hold(board, true);
		else if (kill_is_over(board))
			hold(board, false);
		else if (idle && !fits(board) && !somebody_was_killed(board))
			return "cap";
	}
	/* Memory that is held is paged out in turn, so take more, unless somebody was killed. */
	if (idle && !is_reached(board) && fits(board) && !somebody_was_killed(board))
		BOARD_SET(board->steps_wanted, board->steps_wanted + 1);
	return NULL;
}

/* Why a holder ended that the watchdog did not end. */
static const char *why_gone(const struct board *board, int status)
{
	if (status == -EINTR)
		return "killed";
	if (board->error == -ENOMEM)
		return "no_memory";
	return board->error ? "refused" : "time";
}

static void end(struct board *board, int holder, const char *why)
{
	sys_kill(holder, SYS_SIGKILL);
	for (int turn = 0; turn < REAP_TURNS && sys_exit_status(holder) == -EAGAIN; turn++)
		sleep_us(REAP_US);
	look_at_level(board);
	board->ended_by = why;
	board->lasted_ms = ms_since(board->began_us);
	BOARD_SET(board->phase, PHASE_ENDED);
}

static void prepare(struct board *board)
{
	uint64_t some_us;

	watch.psi = sys_openat(fs_root, "proc/pressure/memory", SYS_O_RDONLY);
	psi_totals(watch.psi, &some_us, &watch.full_us);
	watch.window_us = watch.found_us = sys_now_us();
	watch.oom_before = oom_kill_count();
	apps_find();
	level_read(&board->before);
	board->now = board->lowest = board->before;
}

void watchdog_run(struct board *board, int session)
{
	const char *why = NULL;
	int holder, status, self = sys_getpid();

	sys_die_with_parent(SYS_SIGKILL);
	if (sys_getppid() != session)
		sys_exit(0); /* the session ended before sys_die_with_parent() */
	prepare(board);
	holder = sys_fork();
	if (holder == 0) {
		sys_die_with_parent(SYS_SIGKILL);
		holder_run(board, self);
		sys_exit(0);
	}
	if (holder < 0) {
		board->error = holder;
		board->ended_by = "refused";
		BOARD_SET(board->phase, PHASE_ENDED);
		return;
	}
	BOARD_SET(board->holder, holder);
	while (!why) {
		bool still;

		look_at_level(board);
		look_at_apps(board);
		still = stands_still(board);
		BOARD_SET(board->looks, board->looks + 1);
		status = sys_exit_status(holder);
		if (status == -EAGAIN) {
			why = judge(board, still);
		} else {
			why = why_gone(board, status);
			/* an app that ended before the holder ended under this pressure */
			board->reached |= board->orders.until == UNTIL_KILL && board->ended_nr > 0;
		}
		if (!why)
			sleep_us(board->phase == PHASE_TAKING ? board->orders.pause_us :
								HOLD_LOOK_US);
	}
	end(board, holder, why);
}
