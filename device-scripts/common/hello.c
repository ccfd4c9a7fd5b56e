/* The verb hello: who answers, and on what. */
#include "json.h"
#include "kernel_file.h"
#include "page.h"
#include "request.h"
#include "sys.h"

#define PROTOCOL 1

#ifndef BUILD
#define BUILD "unbuilt"
#endif

#if defined(__aarch64__)
#define ABI "arm64-v8a"
#elif defined(__arm__)
#define ABI "armeabi-v7a"
#elif defined(__x86_64__)
#define ABI "x86_64"
#elif defined(__i386__)
#define ABI "x86"
#elif defined(__riscv)
#define ABI "riscv64"
#endif

/* A file that holds one word, as a member; null when it cannot be read. */
static void line_file(const char *key, const char *path)
{
	char buffer[256];
	struct span word;

	if (fs_read_word(fs_root, path, buffer, sizeof(buffer), &word))
		line_null(key);
	else
		line_text(key, word);
}

/* Effective capabilities, in hex as status has them. */
static void line_capabilities(void)
{
	char buffer[8192];
	struct span text = {buffer, 0}, value;

	fs_read(fs_root, "proc/self/status", buffer, sizeof(buffer), &text.len);
	if (next_value(&text, "CapEff:\t", &value))
		line_text("cap_eff", value);
	else
		line_null("cap_eff");
}

/* attr/current is also AppArmor's and Smack's: SELinux is there when its file system is. */
static void line_selinux(void)
{
	int fd = sys_openat(fs_root, "sys/fs/selinux/enforce", SYS_O_PATH);

	if (fd < 0) {
		line_null("selinux");
		return;
	}
	sys_close(fd);
	line_file("selinux", "proc/self/attr/current");
}

int verb_hello(const struct request *request, const char **why)
{
	struct sys_utsname name;

	(void)request;
	(void)why;
	memset(&name, 0, sizeof(name));
	sys_uname(&name);
	line_begin("hello");
	line_u64("protocol", PROTOCOL);
	line_word("build", BUILD);
	line_word("abi", ABI);
	line_u64("page_bytes", page_bytes);
	line_u64("uid", sys_getuid());
	line_capabilities();
	line_selinux();
	line_file("boot_id", "proc/sys/kernel/random/boot_id");
	line_word("kernel", name.release);
	line_word("machine", name.machine);
	line_u64("pid", (uint64_t)sys_getpid());
	line_u64("cpu_us", sys_cpu_us());
	line_send();
	return 0;
}
