/* Whose oom_score_adj counts for a process, over made-up trees of /proc. */
#include "check.h"
#include "family.h"
#include "kernel_file.h"
#include "scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define UID 10123
#define ZYGOTE 300
#define APP 4000
#define WORKER 5000

static char root[] = "test_importance.XXXXXX";

static void write_file(int pid, const char *name, const char *text)
{
	char path[256];
	FILE *file;

	snprintf(path, sizeof(path), "%s/proc/%d/%s", root, pid, name);
	file = fopen(path, "w");
	CHECK(file);
	fputs(text, file);
	fclose(file);
}

static void set_adj(int pid, int adj)
{
	char text[32];

	snprintf(text, sizeof(text), "%d\n", adj);
	write_file(pid, "oom_score_adj", text);
}

static void process(int pid, int ppid, unsigned int uid, int adj)
{
	char text[256];

	snprintf(text, sizeof(text), "%s/proc/%d", root, pid);
	mkdir(text, 0700);
	snprintf(text, sizeof(text), "%d (name) S %d 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 99887 0\n",
		 pid, ppid);
	write_file(pid, "stat", text);
	snprintf(text, sizeof(text), "Tgid:\t%d\nUid:\t%u\t%u\t%u\t%u\n", pid, uid, uid, uid, uid);
	write_file(pid, "status", text);
	set_adj(pid, adj);
}

static void begin_tree(void)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/proc", root);
	scratch_remove(path);
	CHECK(mkdir(path, 0700) == 0);
	process(ZYGOTE, 1, 0, -1000);
	process(APP, ZYGOTE, UID, 900);
}

/* What WORKER, a child of `ppid` with an adj of 900, is ranked by. */
static int importance_of_child_of(int ppid)
{
	struct family family;
	int found;

	process(WORKER, ppid, UID, 900);
	CHECK(family_open(&family, WORKER, ppid, UID) == 0);
	found = family_importance(&family, 900);
	family_close(&family);
	return found;
}

static void what_a_zygote_forked_says_itself_how_close_it_is(void)
{
	begin_tree();
	CHECK(importance_is_kept(ZYGOTE, UID));
	set_adj(APP, 0);
	CHECK(importance_of_child_of(ZYGOTE) == 900);
}

static void an_apps_own_child_is_as_close_as_the_app(void)
{
	begin_tree();
	CHECK(!importance_is_kept(APP, UID));
	CHECK(importance_of_child_of(APP) == 900);
	set_adj(APP, 0);
	CHECK(importance_of_child_of(APP) == 0);
}

static void so_is_a_child_of_any_depth_and_behind_other_uids(void)
{
	begin_tree();
	set_adj(APP, 100);
	process(4001, APP, UID, 900);
	process(4002, 4001, 0, 900); /* su */
	process(4003, 4002, 2000, 900);
	CHECK(importance_of_child_of(4001) == 100);
	CHECK(importance_of_child_of(4002) == 100);
	CHECK(importance_of_child_of(4003) == 100);
}

static void a_chain_without_an_end_is_no_proof(void)
{
	begin_tree();
	set_adj(APP, 100);
	for (int pid = 6000; pid < 6100; pid++)
		process(pid, pid + 1, 0, -1000); /* a hundred deep, and then nobody */
	CHECK(!importance_is_kept(6000, UID));
	process(6001, 6000, 0, -1000); /* two that are each other's parent */
	CHECK(!importance_is_kept(6000, UID));
	CHECK(importance_of_child_of(6000) == 100);
}

static void one_that_was_left_to_init_counts_by_what_its_app_still_runs(void)
{
	begin_tree();
	set_adj(APP, 200);
	CHECK(!importance_is_kept(1, UID));
	CHECK(importance_of_child_of(1) == 200);
}

static void a_hundred_siblings_are_no_obstacle_and_an_adj_of_their_fork_says_nothing(void)
{
	begin_tree();
	for (int pid = 6000; pid < 6100; pid++)
		process(pid, pid % 2 ? APP : 1, UID, 0); /* forked while the app was in front */
	CHECK(importance_of_child_of(APP) == 900);
	set_adj(APP, 100);
	CHECK(importance_of_child_of(APP) == 100);
}

static void every_process_that_the_system_started_for_the_app_counts(void)
{
	begin_tree();
	process(4001, ZYGOTE, UID, 250);
	process(4002, ZYGOTE, UID + 1, 0);
	CHECK(importance_of_child_of(APP) == 250);
}

static void more_of_them_than_can_be_held_are_refused(void)
{
	struct family family;

	begin_tree();
	for (int pid = 6000; pid < 6000 + FAMILY_MAX; pid++)
		process(pid, ZYGOTE, UID, 900);
	process(WORKER, APP, UID, 900);
	CHECK(family_open(&family, WORKER, APP, UID) == -E2BIG);
	family_close(&family);
}

int main(void)
{
	fs_root = scratch_open(root);
	what_a_zygote_forked_says_itself_how_close_it_is();
	an_apps_own_child_is_as_close_as_the_app();
	so_is_a_child_of_any_depth_and_behind_other_uids();
	a_chain_without_an_end_is_no_proof();
	one_that_was_left_to_init_counts_by_what_its_app_still_runs();
	a_hundred_siblings_are_no_obstacle_and_an_adj_of_their_fork_says_nothing();
	every_process_that_the_system_started_for_the_app_counts();
	more_of_them_than_can_be_held_are_refused();
	scratch_remove(root);
	return 0;
}
