/* What the guard can be asked for. */
#include "daemon.h"
#include "daemon_sys.h"
#include "event_log.h"
#include "explain.h"
#include "guard_loop.h"
#include "guard_state.h"
#include "json.h"
#include "kernel_file.h"
#include "memory_gauge.h"

#define HOURS_MOST 168
#define ASK_MS 60000
#define ASK_MS_MOST 3600000
#define STATUS_MS 30000 /* a guard in the middle of a page-out answers between slices */
#define STOP_MS 2000
#define WAIT_MS 20

/* The guard of this session: verbs fill in its profile, and it is what a daemon is started with. */
static struct guard guard;

static int verb_guard_when(const struct request *request, const char **why)
{
	profile_reset(&guard.profile);
	if (when_parse(request, &guard.profile.when, why))
		return 0;
	profile_reset(&guard.profile);
	return -EINVAL;
}

static int verb_guard_rule(const struct request *request, const char **why)
{
	struct profile *profile = &guard.profile;

	*why = "at most 64 rules";
	if (profile->rules_nr == RULES_MAX)
		return -E2BIG;
	if (!rule_parse(request, &profile->rules[profile->rules_nr], why))
		return -EINVAL;
	profile->rules_nr++;
	return 0;
}

static int verb_guard_explain(const struct request *request, const char **why)
{
	int error;

	if (request_check(request, "", why))
		return -EINVAL;
	*why = "guard_rule comes first: there is no rule";
	if (guard.profile.rules_nr == 0)
		return -EINVAL;
	*why = "/proc/meminfo";
	error = gauge_open();
	if (error)
		return error;
	explain_print(&guard);
	gauge_close();
	return 0;
}

static const char *add(char *text, size_t *len, size_t capacity, const char *word)
{
	size_t more = strlen(word);

	if (*len + more < capacity) {
		memcpy(text + *len, word, more + 1);
		*len += more;
	}
	return text;
}

static const char *busy_words(const struct holder *holder)
{
	static char text[160];
	char pid[DIGITS_MAX + 1];
	size_t len = 0;

	pid[format_u64((uint64_t)holder->pid, pid)] = '\0';
	add(text, &len, sizeof(text), "a guard runs already: pid ");
	add(text, &len, sizeof(text), pid);
	add(text, &len, sizeof(text), ", profile ");
	return add(text, &len, sizeof(text), holder->profile);
}

static void wait_a_little(void)
{
	const struct sys_timespec wait = {0, WAIT_MS * 1000000};

	sys_poll(NULL, 0, &wait, NULL);
}

/* What stands in the way of a start before anything is started. */
static int check_start(bool allow_flash, const char **why)
{
	struct situation now = {0};
	struct holder holder;
	int error = guard_dir_open();

	*why = "the program's directory";
	if (error)
		return error;
	if (guard_dir_holder(&holder)) {
		*why = busy_words(&holder);
		return -EBUSY;
	}
	*why = "guard_rule comes first: there is no rule";
	if (guard.profile.rules_nr == 0)
		return -EINVAL;
	*why = "this kernel has no process_madvise (5.10)";
	if (sys_process_madvise(-1, NULL, 0, ADVICE_PAGEOUT) == -ENOSYS)
		return -ENOSYS;
	*why = "/proc/meminfo";
	error = gauge_open();
	if (error)
		return error;
	gauge_read(&now, 0);
	*why = "no swap: anonymous memory has nowhere to go";
	if (now.swap_total_bytes == 0 || now.swap_total_bytes == UNKNOWN)
		return -ENODEV;
	*why = "a swap is on flash, which page-outs wear: allow_flash=1";
	return gauge_swap_is_flash() && !allow_flash ? -EPERM : 0;
}

static void print_started(const struct ready *ready)
{
	line_begin("guard");
	line_bool("running", true);
	line_u64("pid", (uint64_t)ready->pid);
	line_word("profile", guard.name);
	line_u64("started_s", guard.started_s);
	line_u64("ends_s", guard.ends_s);
	line_word("bound_to", ready->why[0] ? ready->why : NULL);
	line_send();
}

static int verb_guard_start(const struct request *request, const char **why)
{
	static struct ready ready;
	uint64_t for_s, allow_flash;
	struct span name;
	int error;

	if (request_check(request, "name for_s allow_flash ask_ms", why) ||
	    !request_u64(request, "for_s", 0, HOURS_MOST * 3600, &for_s, why) ||
	    !request_u64(request, "allow_flash", 0, 1, &allow_flash, why) ||
	    !request_u64(request, "ask_ms", ASK_MS, ASK_MS_MOST, &guard.ask_ms, why))
		return -EINVAL;
	*why = "name=TEXT for_s=N are wanted";
	if (!request_value(request, "name", &name) || name.len == 0 ||
	    name.len >= sizeof(guard.name) || for_s == 0)
		return -EINVAL;
	error = check_start(allow_flash == 1, why);
	if (error)
		return error;
	guard.name[utf8_clean(name, guard.name, sizeof(guard.name) - 1)] = '\0';
	guard.started_s = divide(sys_clock_ms(SYS_CLOCK_REALTIME), 1000);
	guard.ends_s = guard.started_s + for_s;
	guard.ends_ms = sys_clock_ms(SYS_CLOCK_BOOTTIME) + for_s * 1000;
	ready = daemon_start(guard_run, &guard);
	*why = ready.why;
	if (!ready.error)
		print_started(&ready);
	return ready.error;
}

static void print_not_running(void)
{
	char reason[64];

	line_begin("guard");
	line_bool("running", false);
	line_word("last_end", events_last_end(reason, sizeof(reason)) ? reason : NULL);
	line_send();
}

/* Hand on the lines of the running guard up to its own end line. */
static int relay(int fd)
{
	static struct line_reader reader;
	struct span line;
	int more, broken = -ECONNREFUSED; /* before it said anything */

	reader.fd = fd;
	reader.start = reader.end = 0;
	reader.eof = false;
	for (;;) {
		if (!daemon_wait_readable(fd, STATUS_MS))
			return -ETIMEDOUT;
		while ((more = reader_next(&reader, &line)) > 0) {
			if (span_starts(line, "{\"id\":\"s\",\"t\":\"end\""))
				return 0;
			line_relay(line);
			broken = -EPIPE;
		}
		if (more != -EAGAIN)
			return broken;
	}
}

static int verb_guard_status(const struct request *request, const char **why)
{
	struct holder holder;
	int fd, error = 0;

	if (request_check(request, "", why))
		return -EINVAL;
	*why = "the program's directory";
	error = guard_dir_open();
	if (error)
		return error;
	/* One that begins or ends has the lock and no ear: for a moment. */
	*why = "the guard does not answer";
	for (int waited = 0; waited < STOP_MS; waited += WAIT_MS) {
		if (!guard_dir_holder(&holder)) {
			print_not_running();
			return 0;
		}
		fd = sys_connect(guard_dir_path(GUARD_SOCKET));
		if (fd >= 0)
			sys_write(fd, &(char){ASK_STATUS}, 1);
		error = fd < 0 ? fd : relay(fd);
		if (fd >= 0)
			sys_close(fd);
		if (error != -ECONNREFUSED && error != -ENOENT)
			return error;
		wait_a_little();
	}
	return error;
}

/* Send SIGTERM to who holds the lock: the process, held by a pidfd, that holds it still. */
static int terminate(int pid)
{
	int pidfd = sys_pidfd_open(pid), error = pidfd;
	struct holder holder;

	if (!guard_dir_holder(&holder) || holder.pid != pid || pid < 0)
		error = -ESRCH;
	else if (pidfd >= 0)
		error = sys_signal_pidfd(pidfd, SYS_SIGTERM);
	if (error == -ENOSYS) {
		sys_kill(pid, SYS_SIGTERM); /* kernels before 5.3 */
		error = 0;
	}
	if (pidfd >= 0)
		sys_close(pidfd);
	return error;
}

static int verb_guard_stop(const struct request *request, const char **why)
{
	struct holder holder;
	int error;

	if (request_check(request, "", why))
		return -EINVAL;
	*why = "the program's directory";
	error = guard_dir_open();
	if (error)
		return error;
	*why = "no guard runs";
	if (!guard_dir_holder(&holder))
		return -ENOENT;
	*why = "SIGTERM";
	error = terminate(holder.pid);
	for (int waited = 0; !error && waited < STOP_MS && guard_dir_holder(&holder);
	     waited += WAIT_MS)
		wait_a_little();
	if (error && error != -ESRCH)
		return error;
	*why = "it did not end in time";
	if (guard_dir_holder(&holder))
		return -ETIMEDOUT;
	print_not_running();
	return 0;
}

const struct verb verbs[] = {
	{"hello", verb_hello},
	{"guard_when", verb_guard_when},
	{"guard_rule", verb_guard_rule},
	{"guard_explain", verb_guard_explain},
	{"guard_start", verb_guard_start},
	{"guard_status", verb_guard_status},
	{"guard_log", verb_guard_log},
	{"guard_stop", verb_guard_stop},
	{NULL, NULL},
};

const char usage[] = "usage: droidreclaim-guard VERB [KEY=VALUE ...]\n"
		     "       droidreclaim-guard serve [heartbeat_ms=N]\n"
		     "verbs: hello guard_when guard_rule guard_explain guard_start guard_status "
		     "guard_log guard_stop\n";
