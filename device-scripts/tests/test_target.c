/* Who may be touched, by what a fake /proc says of a real child. */
#include "check.h"
#include "kernel_file.h"
#include "scratch.h"
#include "target.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char root[] = "test_target.XXXXXX";
static char folder[128];
static pid_t child;

static void write_file(const char *name, const char *text)
{
	char path[256];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "w");
	CHECK(file);
	fputs(text, file);
	fclose(file);
}

static void write_stat(const char *state, unsigned int flags, int start)
{
	char text[256];

	snprintf(text, sizeof(text), "%d (game) %s 1 1 1 0 -1 %u 0 0 0 0 0 0 0 0 20 0 1 0 %d 0\n",
		 child, state, flags, start);
	write_file("stat", text);
}

static void write_status(int tgid, int uid)
{
	char text[256];

	snprintf(text, sizeof(text), "Name:\tgame\nTgid:\t%d\nUid:\t%d\t%d\t%d\t%d\n", tgid, uid,
		 uid, uid, uid);
	write_file("status", text);
}

static void write_adj(int adj)
{
	char text[32];

	snprintf(text, sizeof(text), "%d\n", adj);
	write_file("oom_score_adj", text);
}

static void write_honest_files(void)
{
	write_stat("S", 0, 99887);
	write_status(child, 10123);
	write_adj(900);
	write_file("cmdline", "com.example.game");
	write_file("cgroup", "0::/\n");
}

static void make_tree(void)
{
	fs_root = scratch_open(root);
	snprintf(folder, sizeof(folder), "%s/proc", root);
	CHECK(mkdir(folder, 0700) == 0);
	snprintf(folder, sizeof(folder), "%s/proc/%d", root, child);
	CHECK(mkdir(folder, 0700) == 0);
	write_honest_files();
}

static void open_is(enum outcome outcome, enum reason reason)
{
	struct target_spec spec = {
		.pid = child, .start = 99887, .adj_floor = 700, .has_uid = true, .uid = 10123};
	struct target target;
	struct verdict verdict = target_open(&target, &spec, true);

	CHECK(verdict.outcome == outcome && verdict.reason == reason);
	target_close(&target);
}

static enum reason reason_of(int adj)
{
	if (adj >= 700)
		return REASON_NONE;
	if (adj >= 200 && adj < 500)
		return REASON_PERCEPTIBLE;
	return adj >= 0 && adj < 200 ? REASON_FOREGROUND : REASON_BELOW_FLOOR;
}

static void every_reason_has_its_word(void)
{
	CHECK(reason_name(REASON_NONE) == NULL);
	CHECK(strcmp(reason_name(REASON_GONE), "gone") == 0);
	CHECK(strcmp(reason_name(REASON_SHARED_CGROUP), "shared_cgroup") == 0);
	CHECK(strcmp(reason_name(REASON_STUCK), "stuck") == 0);
	CHECK(strcmp(reason_name(REASON_BUSY), "busy") == 0);
}

static void every_adj_has_its_reason(void)
{
	for (int adj = -1000; adj <= 1001; adj++) {
		enum reason reason = reason_of(adj);

		write_adj(adj);
		open_is(reason ? OUTCOME_STOPPED : OUTCOME_ADVISED, reason);
	}
	write_adj(900);
}

static void an_adj_that_cannot_be_read_is_no_leave(void)
{
	write_file("oom_score_adj", "");
	open_is(OUTCOME_UNSUPPORTED, REASON_UNSUPPORTED);
	write_file("oom_score_adj", "high\n");
	open_is(OUTCOME_UNSUPPORTED, REASON_UNSUPPORTED);
	write_adj(900);
}

static void an_identity_that_differs_is_changed(void)
{
	write_stat("S", 0, 99888);
	open_is(OUTCOME_CHANGED, REASON_CHANGED);
	write_stat("S", 0, 99887);
	write_status(child, 10124);
	open_is(OUTCOME_CHANGED, REASON_CHANGED);
	write_status(child + 1, 10123);
	open_is(OUTCOME_NOTHING, REASON_THREAD);
	write_status(child, 10123);
}

static void kinds_that_hold_nothing_are_known(void)
{
	write_stat("Z", 0, 99887);
	open_is(OUTCOME_NOTHING, REASON_ZOMBIE);
	write_stat("S", 0x00200000, 99887);
	open_is(OUTCOME_NOTHING, REASON_KERNEL_THREAD);
	write_stat("S", 0, 99887);
}

#define ZYGOTE 4999000 /* above the kernel's pid_max */
#define PARENT 4999001
#define SIBLINGS 70 /* more than can be held */

/* Write a process beside the child; remove it where `ppid` is 0. */
static void other(int pid, int ppid, int uid, int adj)
{
	static const char *const names[] = {"stat", "status", "oom_score_adj"};
	char own[sizeof(folder)], text[256];

	memcpy(own, folder, sizeof(own));
	snprintf(folder, sizeof(folder), "%s/proc/%d", root, pid);
	if (ppid) {
		mkdir(folder, 0700);
		snprintf(text, sizeof(text),
			 "%d (other) S %d 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 99887 0\n", pid,
			 ppid);
		write_file("stat", text);
		write_status(pid, uid);
		write_adj(adj);
	}
	for (size_t i = 0; !ppid && i < ARRAY_SIZE(names); i++) {
		snprintf(text, sizeof(text), "%s/%s", folder, names[i]);
		CHECK(unlink(text) == 0);
	}
	CHECK(ppid || rmdir(folder) == 0);
	memcpy(folder, own, sizeof(own));
}

static void write_child_of(int ppid)
{
	char text[256];

	snprintf(text, sizeof(text),
		 "%d (libworker.so) S %d 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 99887 0\n", child,
		 ppid);
	write_file("stat", text);
}

static void a_native_child_is_let_go_when_its_parent_comes_to_the_front(void)
{
	struct target_spec spec = {.pid = child, .start = 99887, .adj_floor = 700};
	struct verdict verdict;
	struct target target;

	other(ZYGOTE, 1, 0, -1000);
	other(PARENT, ZYGOTE, 10123, 0);
	write_child_of(PARENT);
	open_is(OUTCOME_STOPPED, REASON_FOREGROUND);
	other(PARENT, ZYGOTE, 10123, 900);
	CHECK(!target_open(&target, &spec, true).reason);
	CHECK(!target_check(&target).reason);
	other(PARENT, ZYGOTE, 10123, 100);
	verdict = target_check(&target);
	CHECK(verdict.outcome == OUTCOME_STOPPED && verdict.reason == REASON_FOREGROUND);
	CHECK(target.adj == 900); /* what it says of itself */
	target_close(&target);
	other(PARENT, 0, 0, 0);
}

static void with_force_nobody_elses_adj_is_asked_for(void)
{
	struct target_spec spec = {.pid = child, .start = 99887, .adj_floor = ADJ_LOWEST};
	struct target target;

	for (int pid = PARENT; pid < PARENT + SIBLINGS; pid++)
		other(pid, ZYGOTE, 10123, 0);
	open_is(OUTCOME_UNSUPPORTED, REASON_UNSUPPORTED);
	write_adj(0);
	CHECK(!target_open(&target, &spec, true).reason);
	CHECK(!target_check(&target).reason);
	target_close(&target);
	write_adj(900);
	for (int pid = ZYGOTE; pid < PARENT + SIBLINGS; pid++)
		other(pid, 0, 0, 0);
	write_stat("S", 0, 99887);
}

/* Have the freezer of the child's group say `frozen`, in a tree of cgroups below `root`. */
static void write_freezer(int frozen)
{
	static const char *const folders[] = {"sys", "sys/fs", "sys/fs/cgroup",
					      "sys/fs/cgroup/app"};
	char text[32];
	int fd;

	for (size_t i = 0; i < ARRAY_SIZE(folders); i++)
		mkdirat(fs_root, folders[i], 0700);
	fd = openat(fs_root, "sys/fs/cgroup/app/cgroup.events", O_WRONLY | O_CREAT | O_TRUNC, 0600);
	CHECK(fd >= 0);
	snprintf(text, sizeof(text), "populated 1\nfrozen %d\n", frozen);
	CHECK(write(fd, text, strlen(text)) > 0);
	close(fd);
	write_file("cgroup", "0::/app\n");
}

static void remove_freezer(void)
{
	static const char *const folders[] = {"sys/fs/cgroup/app", "sys/fs/cgroup", "sys/fs",
					      "sys"};

	unlinkat(fs_root, "sys/fs/cgroup/app/cgroup.events", 0);
	for (size_t i = 0; i < ARRAY_SIZE(folders); i++)
		CHECK(unlinkat(fs_root, folders[i], AT_REMOVEDIR) == 0);
	write_file("cgroup", "0::/\n");
}

static void a_frozen_app_is_cached_whatever_its_adj_until_it_thaws(void)
{
	struct target_spec spec = {.pid = child, .start = 99887, .adj_floor = 700};
	struct verdict verdict;
	struct target target;

	write_adj(249);
	write_freezer(0);
	open_is(OUTCOME_STOPPED, REASON_PERCEPTIBLE);
	write_freezer(1);
	CHECK(!target_open(&target, &spec, true).reason);
	CHECK(!target_check(&target).reason && target.adj == 249);
	write_freezer(0); /* it comes to the front: thawed first, its adj after that */
	verdict = target_check(&target);
	CHECK(verdict.outcome == OUTCOME_STOPPED && verdict.reason == REASON_PERCEPTIBLE);
	write_freezer(1);
	write_adj(0);
	verdict = target_check(&target);
	CHECK(verdict.outcome == OUTCOME_STOPPED && verdict.reason == REASON_FOREGROUND);
	target_close(&target);
	remove_freezer();
	write_adj(900);
}

static void only_one_at_a_time_moves_its_memory(void)
{
	struct target_spec spec = {.pid = child, .start = 99887, .adj_floor = 700};
	struct target first, second;
	struct verdict verdict;

	CHECK(!target_open(&first, &spec, true).reason);
	CHECK(!target_open(&second, &spec, true).reason); /* a look needs no claim */
	CHECK(!target_claim(&first).reason);
	verdict = target_claim(&second);
	CHECK(verdict.outcome == OUTCOME_NOTHING && verdict.reason == REASON_BUSY);
	target_close(&first);
	CHECK(!target_claim(&second).reason); /* the claim ended with its holder */
	target_close(&second);
}

static void between_steps_the_same_questions_are_asked(void)
{
	struct target_spec spec = {.pid = child, .start = 99887, .adj_floor = 700};
	struct target target;

	write_stat("T", 0, 99887);
	CHECK(!target_open(&target, &spec, true).reason && target.idle);
	CHECK(!target_check(&target).reason && target.idle);
	write_stat("S", 0, 99887);
	CHECK(!target_check(&target).reason && !target.idle);
	write_status(child, 10124);
	CHECK(target_check(&target).outcome == OUTCOME_CHANGED);
	write_status(child, 10123);
	write_adj(0);
	CHECK(target_check(&target).outcome == OUTCOME_STOPPED);
	write_adj(900);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	CHECK(target_check(&target).outcome == OUTCOME_GONE);
	target_close(&target);
	open_is(OUTCOME_GONE, REASON_GONE);
}

int main(void)
{
	child = fork();
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL); /* a claim that fails ends the parent at once */
		for (;;)
			pause();
	}
	make_tree();
	open_is(OUTCOME_ADVISED, REASON_NONE);
	every_reason_has_its_word();
	every_adj_has_its_reason();
	an_adj_that_cannot_be_read_is_no_leave();
	an_identity_that_differs_is_changed();
	kinds_that_hold_nothing_are_known();
	a_native_child_is_let_go_when_its_parent_comes_to_the_front();
	with_force_nobody_elses_adj_is_asked_for();
	a_frozen_app_is_cached_whatever_its_adj_until_it_thaws();
	only_one_at_a_time_moves_its_memory();
	between_steps_the_same_questions_are_asked();
	scratch_remove(root);
	return 0;
}
