/* What /proc says about a process, also one that lies about its name. */
#include "check.h"
#include "kernel_file.h"
#include "proc.h"

#include <errno.h>
#include <unistd.h>

#define AFTER_COMM " S 310 310 0 0 -1 1077936448 5 6 7 8 9 10 11 12 20 0 3 0 99887 5 6\n"

static void stat_is_split_at_the_last_parenthesis(void)
{
	struct proc_stat stat;

	CHECK(stat_parse(span_of("4321 (a) S 1 1 (b)" AFTER_COMM), &stat) == 0);
	CHECK(stat.ppid == 310 && stat.start == 99887 && stat.state == 'S');
	CHECK(stat.major_faults == 7 && !stat.kernel_thread);
	CHECK(stat.comm_len == 11 && memcmp(stat.comm, "a) S 1 1 (b", 11) == 0);
}

static void a_comm_of_any_bytes_becomes_utf8(void)
{
	struct proc_stat stat;

	CHECK(stat_parse(span_of("1 (\x1b[31m\n\xff)" AFTER_COMM), &stat) == 0);
	CHECK(stat.comm_len == 9 && memcmp(stat.comm, "\x1b[31m\n\xef\xbf\xbd", 9) == 0);
}

static void a_kernel_thread_is_known_by_its_flag(void)
{
	struct proc_stat stat;

	CHECK(stat_parse(span_of("2 (kthreadd) S 0 0 0 0 -1 2129984 0 0 0 0 0 0 0 0 20 0 1 0 17"),
			 &stat) == 0);
	CHECK(stat.kernel_thread && stat.start == 17);
}

static void a_cut_line_of_stat_is_refused(void)
{
	static const char whole[] = "4321 (game)" AFTER_COMM;
	struct proc_stat stat;

	for (size_t len = 0; len < strlen("4321 (game) S 310 310 0 0 -1 1077936448 5 6 7 8"); len++)
		CHECK(stat_parse((struct span){whole, len}, &stat) == -EINVAL);
}

static void status_gives_bytes_and_null_for_what_it_lacks(void)
{
	struct proc_status status;

	CHECK(status_parse(span_of("Name:\tgame\nTgid:\t7\nUid:\t10123\t10123\t10123\t10123\n"
				   "VmLck:\t       4 kB\nRssAnon:\t     100 kB\n"
				   "RssFile:\t      50 kB\nRssShmem:\t       0 kB\n"
				   "VmSwap:\t      12 kB\nThreads:\t1\n"),
			   &status) == 0);
	CHECK(status.tgid == 7 && status.uid == 10123 && status.locked_bytes == 4096);
	CHECK(status.rss_anon_bytes == 102400 && status.rss_file_bytes == 51200);
	CHECK(status.rss_shmem_bytes == 0 && status.swap_bytes == 12288);
	CHECK(status_parse(span_of("Tgid:\t2\nUid:\t0\t0\t0\t0\n"), &status) == 0);
	CHECK(status.rss_anon_bytes == UNKNOWN && status.swap_bytes == UNKNOWN);
	CHECK(status_parse(span_of("Name:\tx\n"), &status) == -EINVAL);
}

static void the_name_is_cmdlines_first_string_or_comm(void)
{
	struct proc_stat stat = {.comm_len = 4, .comm = "game"};
	static struct name name;

	name_parse((struct span){"com.a:b\0arg", 11}, &stat, &name);
	CHECK(name.len == 7 && memcmp(name.text, "com.a:b", 7) == 0);
	name_parse((struct span){"", 0}, &stat, &name);
	CHECK(name.len == 4 && memcmp(name.text, "game", 4) == 0);
	name_parse((struct span){"\0\0", 2}, &stat, &name);
	CHECK(name.len == 4);
	name_parse((struct span){"\xffx", 2}, &stat, &name);
	CHECK(name.len == 4 && memcmp(name.text, "\xef\xbf\xbdx", 4) == 0);
}

static void this_process_and_those_above_are_ancestors(void)
{
	CHECK(proc_is_ancestor(getpid()));
	CHECK(proc_is_ancestor(getppid()));
	CHECK(!proc_is_ancestor(2));
}

static void a_field_is_found_by_its_whole_name(void)
{
	struct span text = span_of("SwapCached:  8 kB\nSwap:   4 kB\npgpgin 17\n");

	CHECK(kib_field(text, "Swap:") == 4096);
	CHECK(next_field(&text, "SwapFree:") == UNKNOWN);
	CHECK(next_field(&text, "pgpgin ") == 17);
	CHECK(next_field(&text, "SwapCached:") == UNKNOWN); /* that line was passed */
}

static void a_column_is_counted_whatever_is_between(void)
{
	struct span row = span_of("/dev/zram0   partition\t1024\t\t17\t-2\n");

	CHECK(column_u64(row, 2) == 1024 && column_u64(row, 3) == 17);
	CHECK(column_u64(row, 1) == UNKNOWN && column_u64(row, 5) == UNKNOWN);
}

int main(void)
{
	fs_root = -100; /* AT_FDCWD, and "/" as such */
	CHECK(chdir("/") == 0);
	stat_is_split_at_the_last_parenthesis();
	a_comm_of_any_bytes_becomes_utf8();
	a_kernel_thread_is_known_by_its_flag();
	a_cut_line_of_stat_is_refused();
	status_gives_bytes_and_null_for_what_it_lacks();
	the_name_is_cmdlines_first_string_or_comm();
	this_process_and_those_above_are_ancestors();
	a_field_is_found_by_its_whole_name();
	a_column_is_counted_whatever_is_between();
	return 0;
}
