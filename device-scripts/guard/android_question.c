/*
 * Battery saver is a setting and thermal status a service: no file of the kernel
 * holds either. `cmd` and `dumpsys` are native programs (10 ms; `settings` would
 * start a Java machine). Asked at the start and then only when there is work, at
 * most once in a while (a minute), so an idle phone is not woken; a later answer is for the next pass.
 */
#include "android_question.h"

#include "daemon_sys.h"
#include "kernel_file.h"

#define PATIENCE_S 5 /* of whoever is asked */
#define SEVERE 3 /* of PowerManager's THERMAL_STATUS_* */

static char *const environment[] = {"PATH=/system/bin:/system/xbin", "ANDROID_ROOT=/system",
				    "ANDROID_DATA=/data", NULL};

static char *const saver_words[] = {"/system/bin/cmd", "settings",  "get",
				    "global",          "low_power", NULL};
static char *const thermal_words[] = {"/system/bin/dumpsys", "thermalservice", NULL};

/* One question: who answers now, and what was said last. */
static struct question {
	char *const *words;
	bool (*judge)(struct span text);
	const char *pause;
	bool yes;
	bool known; /* it was answered, or nobody answers it here */
	int pid; /* 0: nobody is asked */
	int fd; /* -1: heard to its end */
	size_t len;
	char text[2048]; /* the line that matters comes early */
} questions[ANDROID_FDS] = {
	{saver_words, answer_saves, "battery_saver", false, false, 0, -1, 0, ""},
	{thermal_words, answer_is_hot, "thermal", false, false, 0, -1, 0, ""},
};

static uint64_t asked_ms;

/* "1": battery saver is on; "0" or "null": it is not. */
bool answer_saves(struct span text)
{
	return span_is(text, "1\n");
}

/* Among other lines: "Thermal Status: 3". */
bool answer_is_hot(struct span text)
{
	static const char key[] = "Thermal Status: ";
	struct span line;
	uint64_t status;

	while (span_word(&text, '\n', &line)) {
		if (!span_starts(line, key))
			continue;
		line.at += sizeof(key) - 1;
		line.len -= sizeof(key) - 1;
		return parse_u64(line, 10, &status) && status >= SEVERE;
	}
	return false;
}

/* Start a program with its output in `out` (-1: nowhere); its pid or -errno. */
static int start(char *const words[], int out)
{
	int child = sys_fork();

	if (child != 0)
		return child;
	sys_on_signal(SYS_SIGTERM, SYS_SIGNAL_DEFAULT);
	sys_block_signal(SYS_SIGTERM, false);
	/* Outlives exec: nobody is killed by a number that may be another's. */
	sys_alarm(PATIENCE_S);
	if (out >= 0)
		sys_dup_to(out, 1);
	sys_execve(words[0], words, environment);
	sys_exit(127);
}

static void begin(struct question *question)
{
	int ends[2];

	if (question->pid > 0 || sys_pipe(ends))
		return;
	question->pid = start(question->words, ends[1]);
	sys_close(ends[1]);
	question->fd = ends[0];
	question->len = 0;
	if (question->pid < 0) {
		sys_close(ends[0]);
		question->pid = 0;
		question->fd = -1;
	}
}

void android_ask_again(uint64_t now_ms, uint64_t pause_ms)
{
	if (asked_ms && now_ms - asked_ms < pause_ms)
		return;
	asked_ms = now_ms;
	for (size_t i = 0; i < ANDROID_FDS; i++)
		begin(&questions[i]);
}

size_t android_fds(struct sys_pollfd *fds)
{
	size_t nr = 0;

	for (size_t i = 0; i < ANDROID_FDS; i++)
		if (questions[i].fd >= 0)
			fds[nr++] = (struct sys_pollfd){questions[i].fd, SYS_POLLIN, 0};
	return nr;
}

/* Take what is there; what goes beyond the buffer is read and dropped. */
static void read_answer(struct question *question)
{
	char dropped[256];
	size_t room = sizeof(question->text) - question->len;
	struct sys_pollfd poll = {question->fd, SYS_POLLIN, 0};
	const struct sys_timespec now = {0, 0};
	long got;

	if (sys_poll(&poll, 1, &now, NULL) <= 0)
		return;
	got = room > 0 ? sys_read(question->fd, question->text + question->len, room) :
			 sys_read(question->fd, dropped, sizeof(dropped));
	if (got > 0 && room > 0)
		question->len += (size_t)got;
	if (got > 0 || got == -EINTR)
		return;
	sys_close(question->fd);
	question->fd = -1;
	question->known = true;
	question->yes = question->judge((struct span){question->text, question->len});
}

void android_hear(void)
{
	for (size_t i = 0; i < ANDROID_FDS; i++) {
		struct question *question = &questions[i];

		if (question->pid <= 0)
			continue;
		if (question->fd >= 0)
			read_answer(question);
		if (question->fd < 0 && sys_exit_status(question->pid) != -EAGAIN)
			question->pid = 0;
	}
}

const char *android_pause(void)
{
	for (size_t i = 0; i < ANDROID_FDS; i++)
		if (questions[i].yes)
			return questions[i].pause;
	return NULL;
}

bool android_waits(void)
{
	for (size_t i = 0; i < ANDROID_FDS; i++)
		if (questions[i].pid > 0 && !questions[i].known)
			return true;
	return false;
}

/* By its pid, which ActivityManager takes for a name: a process may call itself as another app. */
int android_trim(const struct app *app)
{
	static char pid[DIGITS_MAX + 1], user[DIGITS_MAX + 1];
	char *const words[] = {"/system/bin/cmd", "activity", "send-trim-memory",
			       "--user",          user,       pid,
			       "COMPLETE",        NULL};
	int child;

	pid[format_u64((uint64_t)app->pid, pid)] = '\0';
	user[format_u64(app->uid / 100000, user)] = '\0';
	child = start(words, -1);
	return child < 0 ? child : 0;
}
