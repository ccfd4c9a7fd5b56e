/* The late alarm: processes wait for memory. By the best means this kernel allows. */
#include "pressure_alarm.h"

#include "daemon_sys.h"
#include "kernel_file.h"
#include "memory_gauge.h"

#define LOOK_MS 100 /* a reader every millisecond made the kernel's counter stand still */
#define LOOKS_MOST 128
#define NOTICE_US 1000 /* kswapd's work counts as waiting (mm/vmscan.c, balance_pgdat) */
#define NOTICE_WINDOW_US 500000

static struct {
	const char *name;
	int fds[ALARM_FDS];
	short events; /* to poll them for */
	size_t nr, notices;
	/* Polled: the totals of the last looks, in a ring. */
	uint64_t some_us[LOOKS_MOST], full_us[LOOKS_MOST];
	size_t looks, window_looks;
	uint64_t some_limit_us, full_limit_us;
} alarm_state;

/*
 * One trigger, "some 35000 500000" and a newline: the kernel replaces the last
 * byte of what is written by a NUL. -EINVAL without CAP_SYS_RESOURCE, but for
 * windows of whole 2 s, which are too late here.
 */
static int open_trigger(const char *kind, uint64_t stall_us, uint64_t window_us)
{
	char text[64];
	size_t len = strlen(kind);
	int fd = sys_openat(fs_root, "proc/pressure/memory", SYS_O_RDWR | SYS_O_NONBLOCK);
	long done;

	if (fd < 0)
		return fd;
	memcpy(text, kind, len);
	text[len++] = ' ';
	len += format_u64(stall_us, text + len);
	text[len++] = ' ';
	len += format_u64(window_us, text + len);
	text[len++] = '\n';
	done = sys_write(fd, text, len);
	if (done >= 0)
		return fd;
	sys_close(fd);
	return (int)done;
}

static void add_fd(int fd)
{
	if (fd >= 0)
		alarm_state.fds[alarm_state.nr++] = fd;
}

static void add_notice(void)
{
	int fd = open_trigger("some", NOTICE_US, NOTICE_WINDOW_US);

	if (fd >= 0)
		alarm_state.fds[alarm_state.nr + alarm_state.notices++] = fd;
}

static bool open_triggers(const struct when *when)
{
	if (when->pressure_some_us > 0)
		add_fd(open_trigger("some", when->pressure_some_us, when->pressure_window_us));
	if (when->pressure_full_us > 0)
		add_fd(open_trigger("full", when->pressure_full_us, when->pressure_window_us));
	alarm_state.events = SYS_POLLPRI; /* the file is always readable */
	if (alarm_state.nr > 0)
		add_notice();
	return alarm_state.nr > 0;
}

static bool open_polling(const struct when *when)
{
	uint64_t some_us, full_us;

	gauge_psi(&some_us, &full_us);
	if (some_us == UNKNOWN)
		return false;
	alarm_state.window_looks = when->pressure_window_us / (LOOK_MS * 1000);
	alarm_state.some_limit_us = when->pressure_some_us;
	alarm_state.full_limit_us = when->pressure_full_us;
	return true;
}

/* The memory group of cgroup v1 tells of pressure through an eventfd. */
static bool open_vmpressure(void)
{
	static const char *const roots[] = {"dev/memcg/", "sys/fs/cgroup/memory/"};
	char path[64], text[64];

	for (size_t i = 0; i < ARRAY_SIZE(roots); i++) {
		size_t at = strlen(roots[i]), len;
		int control, level, event = sys_eventfd();
		long done = -ENOENT;

		memcpy(path, roots[i], at);
		memcpy(path + at, "memory.pressure_level", 22);
		level = sys_openat(fs_root, path, SYS_O_RDONLY);
		memcpy(path + at, "cgroup.event_control", 21);
		control = sys_openat(fs_root, path, SYS_O_WRONLY);
		if (event >= 0 && level >= 0 && control >= 0) {
			len = format_u64((uint64_t)event, text);
			text[len++] = ' ';
			len += format_u64((uint64_t)level, text + len);
			memcpy(text + len, " medium", 8);
			done = sys_write(control, text, len + 7);
		}
		if (level >= 0)
			sys_close(level);
		if (control >= 0)
			sys_close(control);
		if (done >= 0) {
			add_fd(event);
			alarm_state.events = SYS_POLLIN;
			return true;
		}
		if (event >= 0)
			sys_close(event);
	}
	return false;
}

void alarm_open(const struct when *when)
{
	memset(&alarm_state, 0, sizeof(alarm_state));
	if (when->pressure_some_us == 0 && when->pressure_full_us == 0) {
		alarm_state.name = "timer";
		return;
	}
	alarm_state.name = open_triggers(when) ? "psi_trigger" :
			   open_polling(when)  ? "psi_poll" :
			   open_vmpressure()   ? "vmpressure" :
						 "timer";
}

const char *alarm_name(void)
{
	return alarm_state.name;
}

bool alarm_is_polled(void)
{
	return alarm_state.window_looks > 0;
}

size_t alarm_fds(struct sys_pollfd *fds)
{
	size_t nr = alarm_state.nr + alarm_state.notices;

	for (size_t i = 0; i < nr; i++)
		fds[i] = (struct sys_pollfd){alarm_state.fds[i], alarm_state.events, 0};
	return nr;
}

/* Whether the total grew by `limit_us` within the window that ends now. */
static bool grew(const uint64_t *ring, uint64_t now_us, uint64_t limit_us)
{
	uint64_t before_us =
		ring[(alarm_state.looks + LOOKS_MOST - alarm_state.window_looks) % LOOKS_MOST];

	return limit_us > 0 && alarm_state.looks >= alarm_state.window_looks && now_us != UNKNOWN &&
	       now_us - before_us >= limit_us;
}

static bool look(void)
{
	uint64_t some_us, full_us;
	bool rang;

	gauge_psi(&some_us, &full_us);
	rang = grew(alarm_state.some_us, some_us, alarm_state.some_limit_us) ||
	       grew(alarm_state.full_us, full_us, alarm_state.full_limit_us);
	alarm_state.some_us[alarm_state.looks % LOOKS_MOST] = some_us;
	alarm_state.full_us[alarm_state.looks % LOOKS_MOST] = full_us;
	alarm_state.looks++;
	return rang;
}

bool alarm_rang(const struct sys_pollfd *fds)
{
	bool rang = false;

	if (alarm_is_polled())
		return look();
	for (size_t i = 0; i < alarm_state.nr; i++) {
		uint64_t count;

		rang |= (fds[i].revents & (SYS_POLLPRI | SYS_POLLIN)) != 0;
		if (fds[i].revents & SYS_POLLIN) /* an eventfd: read, or it rings for ever */
			sys_read(fds[i].fd, &count, sizeof(count));
		if (fds[i].revents & (SYS_POLLERR | SYS_POLLNVAL)) {
			alarm_state.nr = alarm_state.notices =
				0; /* PSI went away: the timer is left */
			alarm_state.name = "timer";
		}
	}
	return rang;
}
