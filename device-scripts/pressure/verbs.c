/* What the pressure program can be asked for. */
#include "board.h"
#include "host_link.h"
#include "json.h"
#include "kernel_file.h"
#include "page.h"
#include "pressure_sys.h"
#include "request.h"
#include "watchdog.h"

#define STEP_MOST_BYTES (4u << 20)
#define FOR_MOST_MS 600000 /* ten minutes */
#define FLOOR_LEAST_BYTES (48u << 20)
#define KIB_MOST 0x7fffffffull
#define ADJ_MOST 100 /* from a foreground app's adj, 0, to that of a visible one */
#define PAUSE_US 10000 /* alloc-stress of AOSP: 4 MiB every 10 ms */
#define LOOK_US 20000
#define END_MS 25000

#define SYS_SIGNAL_DEFAULT ((sys_handler)0)

static struct {
	struct board *board;
	int watchdog; /* its pid; 0: there is no pressure */
} session;

static const char *const untils[] = {"kill", "headroom", "available", "taken"};

static int32_t kib_of(uint64_t bytes)
{
	uint64_t kib = bytes >> 10;

	return kib > KIB_MOST ? INT32_MAX : (int32_t)kib;
}

/* until=available bytes=209715200 */
static int parse_until(const struct request *request, struct orders *out, const char **why)
{
	struct span word;
	uint64_t bytes;

	if (!request_u64(request, "bytes", UNKNOWN, KIB_MOST << 10, &bytes, why))
		return -EINVAL;
	*why = "until must be kill, headroom, available or taken";
	if (!request_value(request, "until", &word))
		return -EINVAL;
	for (size_t i = 0; i < ARRAY_SIZE(untils); i++) {
		if (!span_is(word, untils[i]))
			continue;
		out->until = (enum until)i;
		out->until_kib = kib_of(bytes);
		*why = "available and taken want bytes=N";
		return i >= UNTIL_AVAILABLE && bytes == UNKNOWN ? -EINVAL : 0;
	}
	return -EINVAL;
}

/* Set the cap: MemTotal less the floor, and no more than was asked for. */
static int find_cap(uint64_t asked_bytes, uint64_t floor_bytes, struct orders *out,
		    const char **why)
{
	static char buffer[8192];
	struct span text = {buffer, 0};
	uint64_t total;
	int error = fs_read(fs_root, "proc/meminfo", buffer, sizeof(buffer), &text.len);

	*why = "/proc/meminfo";
	total = kib_field(text, "MemTotal:");
	if (error || total == UNKNOWN)
		return error ? error : -ENODATA;
	if (floor_bytes == UNKNOWN)
		floor_bytes = total >> 4 > FLOOR_LEAST_BYTES ? total >> 4 : FLOOR_LEAST_BYTES;
	*why = "floor_bytes leaves nothing to take";
	if (floor_bytes >= total)
		return -ENOMEM;
	total -= floor_bytes;
	if (sizeof(void *) == 4 && total > 1536ull << 20)
		total = 1536ull << 20; /* what fits into an address space beside the rest */
	out->cap_kib = kib_of(asked_bytes < total ? asked_bytes : total);
	return 0;
}

/* step_bytes=4194304 pause_us=2000 for_ms=60000 random_permille=333 seed=1 adj=0 */
static bool parse_numbers(const struct request *request, struct orders *out, const char **why)
{
	uint64_t step, pause, lasting, full, noise, adj;

	if (!request_u64(request, "step_bytes", STEP_MOST_BYTES, STEP_MOST_BYTES, &step, why) ||
	    !request_u64(request, "pause_us", PAUSE_US, 1000000 - 1, &pause, why) ||
	    !request_u64(request, "for_ms", 0, FOR_MOST_MS, &lasting, why) ||
	    !request_u64(request, "psi_full_us", 700000, 1000000, &full, why) ||
	    !request_u64(request, "random_permille", 333, 1000, &noise, why) ||
	    !request_u64(request, "seed", 1, UNKNOWN, &out->seed, why) ||
	    !request_u64(request, "adj", 0, ADJ_MOST, &adj, why))
		return false;
	*why = "for_ms=N is wanted, up to 600000, and step_bytes of a page at least";
	if (lasting == 0 || step < page_bytes || full == 0)
		return false;
	out->step_kib = (int32_t)(step >> 10);
	out->pause_us = (uint32_t)pause;
	out->for_ms = (uint32_t)lasting;
	out->psi_full_us = (uint32_t)full;
	out->random_permille = (uint32_t)noise;
	out->adj = (int)adj;
	return true;
}

/* until=kill cap_bytes=1073741824 floor_bytes=67108864 for_ms=60000 */
static int parse_orders(const struct request *request, struct orders *out, const char **why)
{
	uint64_t cap, floor;

	if (request_check(request,
			  "until bytes cap_bytes floor_bytes step_bytes pause_us for_ms "
			  "psi_full_us random_permille seed adj",
			  why) ||
	    parse_until(request, out, why) || !parse_numbers(request, out, why) ||
	    !request_u64(request, "cap_bytes", UNKNOWN, UNKNOWN, &cap, why) ||
	    !request_u64(request, "floor_bytes", UNKNOWN, UNKNOWN, &floor, why))
		return -EINVAL;
	return find_cap(cap, floor, out, why);
}

static void line_kib(const char *key, int32_t kib)
{
	line_i64(key, kib == KIB_UNKNOWN ? INT64_MIN : (int64_t)kib * 1024);
}

static void line_level(const struct level *level)
{
	line_kib("taken_bytes", level->taken_kib);
	line_kib("available_bytes", level->available_kib);
	line_kib("free_bytes", level->free_kib);
	line_kib("headroom_bytes", level->headroom_kib);
	line_kib("swap_free_bytes", level->swap_free_kib);
}

static void print_ended(const struct ended *ended)
{
	line_begin("ended");
	line_u64("pid", (uint64_t)ended->pid);
	line_u64("start", ended->start);
	line_u64("uid", ended->uid);
	line_text("name", (struct span){ended->name, ended->name_len});
	line_i64("adj", ended->adj);
	line_u64("at_ms", ended->at_ms);
	line_level(&ended->level);
	line_send();
}

static void print_board(const struct board *board)
{
	static const char *const phases[] = {"taking", "held", "ended"};
	int32_t nr = BOARD_GET(board->ended_nr), fit = nr < ENDED_MAX ? nr : ENDED_MAX;

	line_begin("pressure");
	line_word("phase", phases[BOARD_GET(board->phase)]);
	line_word("until", untils[board->orders.until]);
	line_bool("reached", board->reached != 0);
	line_word("ended_by", board->ended_by);
	line_u64("pid", (uint64_t)board->holder);
	line_u64("watchdog", (uint64_t)session.watchdog);
	line_i64("adj", board->orders.adj);
	line_u64("for_ms", board->orders.for_ms);
	line_u64("lasted_ms", board->lasted_ms ? board->lasted_ms : ms_since(board->began_us));
	line_kib("cap_bytes", board->orders.cap_kib);
	line_level(&board->now);
	line_kib("available_before_bytes", board->before.available_kib);
	line_kib("headroom_before_bytes", board->before.headroom_kib);
	line_kib("lowest_available_bytes", board->lowest.available_kib);
	line_kib("lowest_headroom_bytes", board->lowest.headroom_kib);
	line_kib("lowest_swap_free_bytes", board->lowest.swap_free_kib);
	line_u64("psi_full_us", board->psi_full_us);
	line_i64("oom_kills", board->oom_kills == KIB_UNKNOWN ? INT64_MIN : board->oom_kills);
	line_i64("ended", nr);
	line_send();
	for (int32_t i = 0; i < fit; i++)
		print_ended(&board->ended[i]);
}

/* Whether the watchdog is gone; one that was killed took its holder with it. */
static bool watchdog_ended(void)
{
	struct board *board = session.board;

	if (session.watchdog == 0)
		return true;
	if (sys_exit_status(session.watchdog) == -EAGAIN)
		return false;
	session.watchdog = 0;
	if (board->phase != PHASE_ENDED) {
		board->ended_by = "watchdog";
		board->lasted_ms = ms_since(board->began_us);
		board->phase = PHASE_ENDED;
	}
	return true;
}

/* Have the watchdog end the holder, and wait until its memory is back. */
static void release(void)
{
	uint64_t since_us = sys_now_us();

	if (session.watchdog == 0)
		return;
	BOARD_SET(session.board->release, 1);
	while (!watchdog_ended()) {
		if (ms_since(since_us) > END_MS)
			sys_kill(session.watchdog, SYS_SIGKILL);
		sleep_us(LOOK_US);
	}
}

/* Leave no dead watchdog behind a pressure that has ended: the answer that says so comes after it. */
static void reap_ended(void)
{
	if (!watchdog_ended() && BOARD_GET(session.board->phase) == PHASE_ENDED)
		release();
}

static int start(const struct orders *orders)
{
	int parent = sys_getpid();

	if (!session.board)
		session.board = sys_map(sizeof(*session.board), true);
	if (!session.board)
		return -ENOMEM;
	memset(session.board, 0, sizeof(*session.board));
	session.board->orders = *orders;
	session.board->began_us = sys_now_us();
	session.watchdog = sys_fork();
	if (session.watchdog == 0) {
		sys_on_signal(SYS_SIGTERM, SYS_SIGNAL_DEFAULT);
		watchdog_run(session.board, parent);
		sys_exit(0);
	}
	return session.watchdog < 0 ? session.watchdog : 0;
}

static int verb_take(const struct request *request, const char **why)
{
	struct orders orders = {0};
	int error = parse_orders(request, &orders, why);
	enum link_state link = LINK_GO;

	if (error)
		return error;
	*why = "a pressure lasts already: pressure_end comes first";
	if (!watchdog_ended())
		return -EBUSY;
	*why = "its watchdog";
	error = start(&orders);
	if (error) {
		session.watchdog = 0;
		return error;
	}
	while (BOARD_GET(session.board->phase) == PHASE_TAKING && !watchdog_ended()) {
		link = link_pause(LOOK_US);
		if (link != LINK_GO)
			release();
	}
	reap_ended();
	print_board(session.board);
	*why = "the session ended";
	return link == LINK_ENDING ? -EINTR : 0;
}

static int print_or_none(const char **why)
{
	*why = "there is no pressure of this session";
	if (!session.board)
		return -ENOENT;
	reap_ended();
	print_board(session.board);
	return 0;
}

static int verb_status(const struct request *request, const char **why)
{
	return request_check(request, "", why) ? -EINVAL : print_or_none(why);
}

static int verb_end(const struct request *request, const char **why)
{
	if (request_check(request, "", why))
		return -EINVAL;
	release();
	return print_or_none(why);
}

static int verb_cancel_take(const struct request *request, const char **why)
{
	struct span of;

	return request_check(request, "of", why) || !request_value(request, "of", &of) ? -EINVAL :
											 0;
}

const struct verb verbs[] = {
	{"hello", verb_hello},      {"pressure_take", verb_take}, {"pressure_status", verb_status},
	{"pressure_end", verb_end}, {"cancel", verb_cancel_take}, {NULL, NULL},
};

const char usage[] = "usage: droidreclaim-pressure VERB [KEY=VALUE ...]\n"
		     "       droidreclaim-pressure serve [heartbeat_ms=N]\n"
		     "verbs: hello pressure_take pressure_status pressure_end\n";
