/* What the guard reads: the table of apps, memory and swap, from a tree like a device's. */
#include "android_question.h"
#include "app_table.h"
#include "check.h"
#include "kernel_file.h"
#include "memory_gauge.h"
#include "memory_level.h"
#include "page.h"
#include "scratch.h"
#include "sys.h"

#include <fcntl.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>

#define MIB (1024ull * 1024)

static char root[] = "guard_apps_XXXXXX";
static struct apps apps;
static struct profile profile;
static uint64_t now_ms = 100000;
static unsigned int ended;

static void write_text(const char *path, const char *format, ...)
{
	char whole[512], *slash;
	va_list values;
	FILE *file;

	snprintf(whole, sizeof(whole), "%s/%s", root, path);
	for (slash = whole + sizeof(root); (slash = strchr(slash, '/')); slash++) {
		*slash = '\0';
		mkdir(whole, 0700);
		*slash = '/';
	}
	file = fopen(whole, "w");
	CHECK(file);
	va_start(values, format);
	vfprintf(file, format, values);
	va_end(values);
	fclose(file);
}

/* Write a process as the kernel shows it; `flags` 0x200000: a kernel thread. */
static void process(int pid, const char *name, int uid, int adj, int anon_mib, unsigned int flags)
{
	char path[64];

	snprintf(path, sizeof(path), "proc/%d/stat", pid);
	write_text(path, "%d (x) S 1 1 1 0 -1 %u 0 0 7 0 1 1 0 0 20 0 1 0 %d 0 0\n", pid, flags,
		   pid * 10);
	snprintf(path, sizeof(path), "proc/%d/status", pid);
	write_text(path,
		   "Tgid:\t%d\nUid:\t%d\t0\t0\t0\nRssAnon:\t%d kB\nRssFile:\t0 kB\nRssShmem:\t0 "
		   "kB\nVmSwap:\t%d kB\n",
		   pid, uid, anon_mib * 1024, 1024);
	snprintf(path, sizeof(path), "proc/%d/cmdline", pid);
	write_text(path, "%s", name);
	snprintf(path, sizeof(path), "proc/%d/oom_score_adj", pid);
	write_text(path, "%d\n", adj);
}

static void set_adj(int pid, int adj)
{
	char path[64];

	snprintf(path, sizeof(path), "proc/%d/oom_score_adj", pid);
	write_text(path, "%d\n", adj);
}

static void end_process(int pid)
{
	static const char *const files[] = {"stat", "status", "cmdline", "oom_score_adj"};
	char path[512];

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		snprintf(path, sizeof(path), "%s/proc/%d/%s", root, pid, files[i]);
		unlink(path);
	}
	snprintf(path, sizeof(path), "%s/proc/%d", root, pid);
	CHECK(rmdir(path) == 0);
}

static void note_ended(void *data, const struct app *app)
{
	(void)data;
	ended += app->background_ms != UNKNOWN ? 1 : 100;
}

static struct changes scan_after(uint64_t ms)
{
	now_ms += ms;
	return apps_scan(&apps, &profile, now_ms, note_ended, NULL);
}

static struct app *app_of(int pid)
{
	for (size_t i = 0; i < apps.nr; i++)
		if (apps.app[i].pid == pid)
			return &apps.app[i];
	return NULL;
}

static void add_rule(const char *match)
{
	snprintf(profile.rules[profile.rules_nr++].match, MATCH_MAX, "%s", match);
}

static void apps_are_told_from_everything_else(void)
{
	process(1, "/init", 0, -1000, 1, 0);
	process(2, "", 0, 0, 0, 0x200000);
	process(40, "surfaceflinger", 1000, -1000, 9, 0);
	process(41, "toybox", 2000, 0, 1, 0);
	process(50, "com.example.game", 10100, 0, 100, 0);
	process(51, "com.example.mail:sync", 1010101, 905, 40, 0);
	process(52, "com.android.settings", 1000, 900, 30, 0);
	process(53, "webview:sandboxed_process0:a.b", 99004, 900, 20, 0);
	add_rule("com.vendor.*");
	add_rule("com.example.mail");
	add_rule("*");
	write_text("data/system/packages.list",
		   "com.example.game 10100 0 /data/user/0/com.example.game "
		   "default:targetSdkVersion=34\n"
		   "com.vendor.mail 10101 0 /data/user/0/com.vendor.mail default\n");
	CHECK(scan_after(0).any);
	CHECK(apps.nr == 3 && app_of(50) && app_of(51) && app_of(53)); /* never the system's */
	CHECK(app_of(50)->rule == 2 && app_of(50)->background_ms == UNKNOWN);
	CHECK(app_of(51)->rule == 0); /* by a package of its uid, in another user */
	CHECK(app_of(53)->rule == 2 && app_of(53)->background_ms == now_ms); /* of nobody known */
	CHECK(app_of(51)->start == 510 && app_of(51)->uid == 1010101);
	CHECK(app_of(51)->rss_anon_bytes == 40 * MIB && app_of(51)->swap_bytes == MIB);
	CHECK(apps_launch_bytes(&apps) == 101 * MIB); /* until a launch is seen: the largest */
	CHECK(!scan_after(1000).any);
}

static void an_app_leaves_and_returns(void)
{
	struct changes changes;

	set_adj(50, 700);
	CHECK(scan_after(1000).any);
	CHECK(app_of(50)->background_ms == now_ms && app_of(50)->leaving);
	set_adj(50, 900);
	CHECK(scan_after(1000).any);
	CHECK(app_of(50)->background_ms == now_ms - 1000); /* it left then, not now */
	app_of(50)->action_ms = now_ms;
	app_of(50)->out = true;
	set_adj(50, 0);
	changes = scan_after(1000);
	CHECK(changes.any && changes.returned);
	CHECK(app_of(50)->background_ms == UNKNOWN && !app_of(50)->leaving);
	set_adj(50, 900);
	scan_after(1000);
	set_adj(50, 0);
	CHECK(!scan_after(1000).returned); /* nothing of it was paged out this time */
}

static void a_launch_is_what_an_app_held_when_it_first_left(void)
{
	process(60, "com.example.maps", 10103, 0, 10, 0);
	scan_after(1000);
	process(60, "com.example.maps", 10103, 0, 300, 0);
	scan_after(1000);
	CHECK(apps_launch_bytes(&apps) == 101 * MIB);
	set_adj(60, 700);
	scan_after(1000);
	CHECK(apps_launch_bytes(&apps) == 301 * MIB);
	process(60, "com.example.maps", 10103, 0, 900, 0);
	scan_after(1000);
	set_adj(60, 700);
	scan_after(1000);
	CHECK(apps_launch_bytes(&apps) == 301 * MIB); /* a return is no launch */
}

static void child_of(int pid, int ppid, const char *name, int uid, int adj)
{
	char path[64];

	process(pid, name, uid, adj, 50, 0);
	snprintf(path, sizeof(path), "proc/%d/stat", pid);
	write_text(path, "%d (x) S %d 1 1 0 -1 0 0 0 7 0 1 1 0 0 20 0 1 0 %d 0 0\n", pid, ppid,
		   pid * 10);
}

static void a_native_child_is_as_close_to_its_user_as_its_app(void)
{
	process(70, "zygote64", 0, -1000, 5, 0);
	child_of(71, 70, "com.example.front", 10120, 0);
	child_of(72, 71, "libworker.so", 10120, 900);
	child_of(73, 1, "liborphan.so", 10120, 900); /* its parent ended */
	child_of(74, 70, "com.example.front:sync", 10120, 905);
	child_of(75, 74, "libsync.so", 10120, 1000);
	scan_after(70000);
	CHECK(app_of(72)->adj == 0 && app_of(72)->own_adj == 900);
	CHECK(strcmp(policy_spares(&profile, app_of(72), now_ms + 100000), "foreground") == 0);
	CHECK(app_of(73)->adj == 0 && app_of(75)->adj == 0);
	CHECK(app_of(74)->adj == 905); /* ActivityManager keeps it */
	set_adj(71, 910);
	scan_after(1000);
	CHECK(app_of(72)->adj == 900 && app_of(72)->background_ms == now_ms);
	set_adj(71, 100);
	scan_after(1000);
	CHECK(app_of(72)->adj == 100 && app_of(72)->background_ms == UNKNOWN);
	for (int pid = 70; pid <= 75; pid++)
		end_process(pid);
	scan_after(1000);
}

/* Make packages.list unreadable by a folder in its place, which even root cannot read. */
static void set_list_readable(bool readable)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/data/system/packages.list", root);
	CHECK((readable ? rmdir(path) : unlink(path)) == 0);
	if (!readable)
		CHECK(mkdir(path, 0700) == 0);
	else
		write_text("data/system/packages.list", "");
}

static int rule_of(int pid, int ppid, const char *name, int uid)
{
	int rule;

	child_of(pid, ppid, name, uid, 900);
	scan_after(1000);
	CHECK(app_of(pid));
	rule = app_of(pid)->rule;
	end_process(pid);
	scan_after(1000);
	return rule;
}

/* Rules: 0 com.vendor.*, 1 com.example.mail, 2 *; com.vendor.mail is 10101's, com.example.game 10100's. */
static void a_name_finds_no_rule(void)
{
	process(80, "zygote64", 0, -1000, 5, 0);
	CHECK(rule_of(81, 80, "com.vendor.mail", 10100) == 2); /* of another app's uid */
	CHECK(rule_of(81, 80, "com.vendor.mail:remote", 10777) ==
	      2); /* of a uid without a package */
	CHECK(rule_of(81, 80, "com.vendor.mail", 99001) ==
	      2); /* isolated: of a zygote of all apps */
	CHECK(rule_of(81, 80, "com.vendor.mail", 90001) == 2);
	CHECK(rule_of(81, 1, "com.vendor.mail", 99001) == 2); /* its parent ended */
	CHECK(rule_of(81, 4242, "com.vendor.mail", 99001) == 2); /* its parent cannot be seen */
	CHECK(rule_of(81, 80, "zygote64", 10101) == 0);
	CHECK(rule_of(81, 80, "any.name", 20101) == 0); /* the SDK sandbox of 10101 */
	CHECK(rule_of(81, 80, "com.vendor.mail", 20100) == 2);
	CHECK(rule_of(81, 80, "com.vendor.mail", 30101) == 2);
	CHECK(rule_of(81, 80, "any.name", 1020101) == 0);
	child_of(82, 80, "com.vendor.mail_zygote", 10101, -1000); /* the app's own zygote */
	CHECK(rule_of(81, 82, "any.name", 90001) == 0); /* whose children are the app's */
	child_of(83, 82, "any.name", 90001, 900);
	CHECK(rule_of(81, 83, "sh", 90001) == 0); /* and what those fork */
	CHECK(rule_of(81, 83, "sh", 90002) == 2); /* but no other isolated one */
	child_of(84, 84, "com.vendor.mail", 99002, 900); /* a torn look shows loops */
	CHECK(rule_of(81, 84, "sh", 99002) == 2);
	for (int pid = 80; pid <= 84; pid++)
		if (pid != 81)
			end_process(pid);
	write_text("data/system/packages.list", "");
	CHECK(rule_of(81, 1, "com.vendor.mail", 10101) == 2);
	set_list_readable(false);
	CHECK(rule_of(81, 1, "com.vendor.mail", 10101) ==
	      -1); /* nobody is known: nobody is touched */
	set_list_readable(true);
}

static void one_that_ends_is_forgotten(void)
{
	size_t before = apps.nr;
	struct changes changes;

	ended = 0;
	end_process(51);
	end_process(50); /* in the foreground: not a loss to speak of */
	changes = scan_after(1000);
	CHECK(changes.any && ended == 101);
	CHECK(apps.nr == before - 2 && !app_of(51) && !app_of(50) && app_of(60));
}

/* A zygote's child is root's until it becomes an app; one that is no app is not read again. */
static void a_stranger_that_becomes_an_app_is_met_within_a_minute(void)
{
	int young = (int)(now_ms / 100) - 3; /* started 0.3 s ago: see process() */
	int late = young + 1;

	process(young, "zygote64", 0, 0, 5, 0);
	process(late, "daemon", 0, 0, 5, 0);
	scan_after(0);
	process(young, "com.example.new", 10110, 0, 5, 0);
	scan_after(1000);
	CHECK(app_of(young));
	scan_after(20000);
	process(late, "com.example.late", 10111, 0, 5, 0);
	scan_after(1000);
	CHECK(!app_of(late));
	scan_after(61000);
	CHECK(app_of(late));
}

static void more_apps_than_the_table_holds_are_counted(void)
{
	for (int pid = 1000; pid < 1000 + APPS_MAX; pid++)
		process(pid, "com.example.many", 10200, 900, 1, 0);
	scan_after(70000);
	CHECK(apps.nr == APPS_MAX && apps.left_out > 0);
	for (int pid = 1000; pid < 1000 + APPS_MAX; pid++)
		end_process(pid);
	scan_after(1000);
	CHECK(apps.nr < 10);
}

static void memory_is_read_as_lmkd_counts_it(void)
{
	struct situation now = {0};
	uint64_t some_us, full_us;

	page_bytes = 4096;
	write_text("proc/meminfo",
		   "MemTotal: 4000000 kB\nMemFree: 1000 kB\nMemAvailable: 2000 kB\n"
		   "SwapTotal: 4000 kB\nSwapFree: 3000 kB\nCmaTotal: 500 kB\nCmaFree: 400 kB\n");
	write_text("proc/zoneinfo",
		   "Node 0, zone      DMA\n  per-node stats\n      nr_inactive_anon 12\n"
		   "  pages free     3000\n        min      10\n        low      12\n        high  "
		   "   15\n"
		   "        spanned  4095\n        present  3998\n        managed  3840\n"
		   "        protection: (0, 100, 250, 250)\n      nr_free_pages 3000\n"
		   "Node 0, zone   Normal\n  pages free     9\n        min      20\n        low    "
		   "  25\n"
		   "        high     30\n        present  9000\n        protection: (0, 0, 0)\n"
		   "Node 0, zone  Movable\n  pages free     0\n        min      32\n        low    "
		   "  32\n"
		   "        high     32\n        present  0\n        protection: (0, 0)\n");
	write_text("proc/pressure/memory", "some avg10=0.00 avg60=0.12 avg300=0.08 total=868090\n"
					   "full avg10=0.00 avg60=0.12 avg300=0.08 total=867300\n");
	write_text("proc/vmstat", "nr_free_pages 1\noom_kill 3\npgpgin 5\n");
	CHECK(gauge_open() == 0);
	gauge_read(&now, 1);
	CHECK(now.available_bytes == 2000 * 1024 && now.free_bytes == 600 * 1024);
	CHECK(now.swap_total_bytes == 4000 * 1024 && now.swap_free_bytes == 3000 * 1024);
	CHECK(now.low_bytes == (12 + 250 + 25) * 4096); /* a zone without memory does not count */
	gauge_psi(&some_us, &full_us);
	CHECK(some_us == 868090 && full_us == 867300);
	CHECK(oom_kill_count() == 3);
}

static void swap_of(int total_kib, int free_kib)
{
	write_text("proc/meminfo",
		   "MemFree: 1000 kB\nMemAvailable: 2000 kB\nSwapTotal: %d kB\nSwapFree: %d kB\n",
		   total_kib, free_kib);
}

static void where_a_page_out_stopped_holds_until_swap_has_room_again(void)
{
	struct situation now = {0};

	swap_of(4000, 900);
	gauge_read(&now, 1);
	now.swap_stop_bytes = 1000 * 1024;
	swap_of(4000, 999);
	gauge_read(&now, 1);
	CHECK(now.swap_stop_bytes == 1000 * 1024);
	swap_of(4000, 1000);
	gauge_read(&now, 1);
	CHECK(now.swap_stop_bytes == 0);
	now.swap_stop_bytes = 3000 * 1024;
	swap_of(2000, 2000); /* a smaller one in its place never would */
	gauge_read(&now, 1);
	CHECK(now.swap_stop_bytes == 0);
}

static void swap_on_flash_is_known(void)
{
	static const char titles[] = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n";

	write_text("proc/swaps", "%s", titles);
	CHECK(!gauge_swap_is_flash());
	write_text("proc/swaps",
		   "%s/dev/block/zram0                       partition\t500\t\t0\t\t-2\n", titles);
	CHECK(!gauge_swap_is_flash());
	write_text("sys/block/zram0/backing_dev", "none\n");
	CHECK(!gauge_swap_is_flash());
	write_text("sys/block/zram0/backing_dev", "/dev/block/loop7\n");
	CHECK(gauge_swap_is_flash());
	write_text("sys/block/zram0/backing_dev", "none\n");
	write_text("proc/swaps",
		   "%s/dev/zram0 partition\t500\t0\t-2\n/data/swap file\t500\t0\t-3\n", titles);
	CHECK(gauge_swap_is_flash());
}

static void answers_of_android_are_understood(void)
{
	CHECK(answer_saves(span_of("1\n")));
	CHECK(!answer_saves(span_of("0\n")) && !answer_saves(span_of("null\n")));
	CHECK(!answer_saves(span_of("")) &&
	      !answer_saves(span_of("cmd: Can't find service: settings\n")));
	CHECK(answer_is_hot(
		span_of("IsStatusOverride: false\nThermalEventListeners:\nThermal Status: 3\n")));
	CHECK(answer_is_hot(span_of("Thermal Status: 6\n")));
	CHECK(!answer_is_hot(span_of("Thermal Status: 2\n")) && !answer_is_hot(span_of("")));
	CHECK(!answer_is_hot(span_of("Can't find service: thermalservice\n")));
}

int main(void)
{
	fs_root = scratch_open(root);
	write_text("proc/empty", "");
	apps_are_told_from_everything_else();
	an_app_leaves_and_returns();
	a_launch_is_what_an_app_held_when_it_first_left();
	a_native_child_is_as_close_to_its_user_as_its_app();
	a_name_finds_no_rule();
	one_that_ends_is_forgotten();
	a_stranger_that_becomes_an_app_is_met_within_a_minute();
	more_apps_than_the_table_holds_are_counted();
	memory_is_read_as_lmkd_counts_it();
	where_a_page_out_stopped_holds_until_swap_has_room_again();
	swap_on_flash_is_known();
	answers_of_android_are_understood();
	scratch_remove(root);
	return 0;
}
