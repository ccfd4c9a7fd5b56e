/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The program behind am, pm, cmd, dumpsys, logcat, input, getprop ...: it sends the name it was
 * called by and its arguments to the framework, and copies the reply to stdout and stderr. A C
 * program, because starting an interpreter for each command would cost the phone more than the
 * command.
 *
 * Request: the words, each closed by NUL, then end of stream. Reply: frames of one byte ('1' stdout, '2' stderr,
 * 'x' exit) and a 32-bit little-endian number: the length of the text that follows, or the exit status.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define FRAMEWORK_SOCKET "/dev/socket/framework"
#define NO_SERVICE 20 /* what cmd returns when the service is not there */

static int write_all(int fd, const char *data, size_t length)
{
	while (length > 0) {
		ssize_t done = write(fd, data, length);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return -errno;
		data += done;
		length -= (size_t)done;
	}
	return 0;
}

static int read_all(int fd, char *data, size_t length)
{
	while (length > 0) {
		ssize_t done = read(fd, data, length);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return -EPIPE;
		data += done;
		length -= (size_t)done;
	}
	return 0;
}

static int connect_framework(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = FRAMEWORK_SOCKET};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
		return -1;
	return fd;
}

static int ask(int fd, char **words)
{
	for (; *words; words++)
		if (write_all(fd, *words, strlen(*words) + 1) != 0)
			return -errno;
	return shutdown(fd, SHUT_WR);
}

static int copy(int from, int to, uint32_t length)
{
	char data[8192];

	while (length > 0) {
		size_t part = length < sizeof(data) ? length : sizeof(data);

		if (read_all(from, data, part) != 0 || write_all(to, data, part) != 0)
			return -EPIPE;
		length -= (uint32_t)part;
	}
	return 0;
}

static int relay(int fd)
{
	unsigned char head[5];

	while (read_all(fd, (char *)head, sizeof(head)) == 0) {
		uint32_t number = head[1] | (uint32_t)head[2] << 8 | (uint32_t)head[3] << 16 |
				  (uint32_t)head[4] << 24;

		if (head[0] == 'x')
			return (int)number;
		if (copy(fd, head[0] == '2' ? STDERR_FILENO : STDOUT_FILENO, number) != 0)
			return 1;
	}
	fprintf(stderr, "the framework hung up\n");
	return 1;
}

/*
 * Answer while no framework runs: getprop prints an empty value and succeeds, all others find no
 * service.
 */
static int without_framework(const char *name)
{
	if (strcmp(name, "getprop") == 0) {
		putchar('\n');
		return 0;
	}
	fprintf(stderr, "%s: Can't find service: %s\n", name,
		strcmp(name, "pm") == 0 ? "package" : "activity");
	return NO_SERVICE;
}

int main(int argc, char **argv)
{
	char *slash = strrchr(argv[0], '/');
	int fd;

	(void)argc;
	if (slash)
		argv[0] = slash + 1;
	fd = connect_framework();
	if (fd < 0)
		return without_framework(argv[0]);
	if (ask(fd, argv) != 0) {
		fprintf(stderr, "%s: %s\n", argv[0], strerror(errno));
		return 1;
	}
	return relay(fd);
}
