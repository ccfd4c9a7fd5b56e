/* The running guard, asked through a socket that only root reaches. */
#include "status_socket.h"

#include "daemon_sys.h"
#include "host_link.h"
#include "json.h"
#include "kernel_file.h"
#include "status_lines.h"

#define PATIENCE_US 500000 /* for a client that does not read */
#define ASK_NS 200000000 /* or that does not say what it wants */

static int listening = -1;

int status_socket_open(void)
{
	sys_unlink(guard_dir_fd, GUARD_SOCKET);
	listening = sys_listen(guard_dir_path(GUARD_SOCKET));
	return listening < 0 ? listening : 0;
}

void status_socket_close(void)
{
	sys_unlink(guard_dir_fd, GUARD_SOCKET);
	sys_close(listening);
}

int status_socket_fd(void)
{
	return listening;
}

/* The reply as any other's, with the client in the place of stdout. */
static void answer(struct guard *guard, int client)
{
	int null = sys_openat(SYS_AT_FDCWD, "/dev/null", SYS_O_RDWR);

	if (null < 0)
		return;
	sys_dup_to(client, 1);
	link_open(false, PATIENCE_US);
	link_work_begin((struct span){"", 0});
	reply_begin(span_of("s"));
	status_lines_print(guard);
	reply_end(0, NULL);
	link_work_end();
	link_open(false, 0);
	sys_dup_to(null, 1);
	sys_close(null);
	sys_on_signal(SYS_SIGALRM, SYS_SIGNAL_DEFAULT);
}

/* What the client wants, which it says at once. */
static char asked(int client)
{
	struct sys_pollfd poll = {.fd = client, .events = SYS_POLLIN};
	const struct sys_timespec patience = {0, ASK_NS};
	char word = ASK_STATUS;

	if (sys_poll(&poll, 1, &patience, NULL) > 0)
		sys_read(client, &word, 1);
	return word;
}

void status_socket_answer(struct guard *guard)
{
	struct sys_pollfd poll = {.fd = listening, .events = SYS_POLLIN};
	const struct sys_timespec now = {0, 0};
	uint32_t uid;
	int client;

	/* An accept() that finds nobody has made a socket for whom it might find. */
	client = sys_poll(&poll, 1, &now, NULL) > 0 ? sys_accept(listening) : -EAGAIN;
	if (client < 0)
		return;
	if (!sys_peer_uid(client, &uid) && uid == 0) {
		if (asked(client) == ASK_HOT)
			hot_share_give(client);
		else
			answer(guard, client);
	}
	sys_close(client);
}
