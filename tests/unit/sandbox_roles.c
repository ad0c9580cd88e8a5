#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "sandbox/sandbox.h"
#include "tap.h"

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

#define KILLED 1000

/* What became of fn in a child that has entered the role: its status, or KILLED when the
 * filter ended it. */
static int in_role(enum bh_role role, int (*fn)(int fd), int fd)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		int r = bh_sandbox_enter(role);
		_exit(r ? 99 : fn(fd));
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -1;
	if (WIFSIGNALED(status))
		return WTERMSIG(status) == SIGSYS ? KILLED : -WTERMSIG(status);
	return WEXITSTATUS(status);
}

static int work(int fd)
{
	char c;
	struct timespec t;
	struct pollfd p = { .fd = fd, .events = POLLIN };

	if (poll(&p, 1, 1000) != 1 || read(fd, &c, 1) != 1 || c != 'x')
		return 1;
	void *m = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (m == MAP_FAILED || munmap(m, 1 << 20))
		return 2;
	char *volatile big = malloc(8 << 20);
	if (!big)
		return 3;
	big[123456] = 1;
	free(big);
	clock_gettime(CLOCK_REALTIME, &t);
	return write(fd, "y", 1) == 1 ? 7 : 4;
}

static void test_a_sensor_can_do_its_work(void)
{
	int s[2];
	char c = 0;

	EXPECT(socketpair(AF_UNIX, SOCK_STREAM, 0, s) == 0);
	EXPECT(write(s[0], "x", 1) == 1);
	EXPECT_INT(in_role(BH_ROLE_SENSOR, work, s[1]), 7);
	EXPECT(recv(s[0], &c, 1, MSG_DONTWAIT) == 1 && c == 'y');
	close(s[0]);
	close(s[1]);
}

static int by_value(const void *x, const void *y)
{
	const int *a = x, *b = y;
	return *a < *b ? -1 : *a > *b;
}

/* The C library's own helpers ask the kernel things: qsort of more than a kilobyte how
 * much memory there is, realloc of something large to move it. */
static int sort_and_grow(int fd)
{
	size_t n = 100000;
	int *v = malloc(n * sizeof *v);

	(void)fd;
	for (size_t i = 0; v && i < n; i++)
		v[i] = (int)(i * 7919 % n);
	int *w = v ? realloc(v, 64 * n * sizeof *v) : NULL;
	if (!w)
		return 1;
	qsort(w, n, sizeof *w, by_value);
	return w[0] == 0 && w[n - 1] == (int)n - 1 ? 7 : 2;
}

static void test_confined_roles_can_sort_and_grow(void)
{
	EXPECT_INT(in_role(BH_ROLE_SENSOR, sort_and_grow, -1), 7);
	if (geteuid() == 0)
		EXPECT_INT(in_role(BH_ROLE_PRIV, sort_and_grow, -1), 7);
}

static int map_file(int fd)
{
	const char *p = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
	return p != MAP_FAILED && p[0] ? 7 : 1;
}

static void test_a_sensor_maps_a_file_it_was_handed(void)
{
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	EXPECT(fd >= 0);
	EXPECT_INT(in_role(BH_ROLE_SENSOR, map_file, fd), 7);
	close(fd);
}

static int open_passwd(int fd)
{
	(void)fd;
	return open("/etc/passwd", O_RDONLY | O_CLOEXEC) < 0 ? errno : 0;
}
static int make_socket(int fd)
{
	(void)fd;
	return socket(AF_INET, SOCK_STREAM, 0) < 0 ? errno : 0;
}
static int make_unix(int fd)
{
	(void)fd;
	return socket(AF_UNIX, SOCK_STREAM, 0) < 0 ? errno : 0;
}
static int run_shell(int fd)
{
	(void)fd;
	return execl("/bin/sh", "sh", "-c", "exit 0", (char *)NULL) < 0 ? errno : 0;
}
static int make_child(int fd)
{
	(void)fd;
	pid_t p = fork();
	if (p == 0)
		_exit(0);
	return p < 0 ? errno : 0;
}
static int kill_parent(int fd)
{
	(void)fd;
	return kill(getppid(), 0) < 0 ? errno : 0;
}
static int make_code(int fd)
{
	(void)fd;
	void *m = mmap(
		NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return m == MAP_FAILED ? errno : 0;
}

/* Killed; where a sanitizer softens the filter, refused. */
static void expect_no(int got)
{
	EXPECT_INT(got, SANITIZED ? EPERM : KILLED);
}

static void test_a_sensor_opens_nothing(void)
{
	EXPECT_INT(in_role(BH_ROLE_SENSOR, open_passwd, -1), EPERM);
}

static void test_a_sensor_reaches_nobody(void)
{
	expect_no(in_role(BH_ROLE_SENSOR, make_socket, -1));
	expect_no(in_role(BH_ROLE_SENSOR, make_unix, -1));
	expect_no(in_role(BH_ROLE_SENSOR, kill_parent, -1));
}

static void test_a_sensor_runs_nothing(void)
{
	expect_no(in_role(BH_ROLE_SENSOR, run_shell, -1));
	expect_no(in_role(BH_ROLE_SENSOR, make_child, -1));
	expect_no(in_role(BH_ROLE_SENSOR, make_code, -1));
}

static void test_priv_makes_no_connection_and_runs_nothing(void)
{
	expect_no(in_role(BH_ROLE_PRIV, make_socket, -1));
	expect_no(in_role(BH_ROLE_PRIV, make_unix, -1));
	expect_no(in_role(BH_ROLE_PRIV, run_shell, -1));
	expect_no(in_role(BH_ROLE_PRIV, make_child, -1));
}

static int socket_of_priv(int fd)
{
	(void)fd;
	return socket(AF_NETLINK, SOCK_RAW, 12) >= 0 ? 7 : errno;
}

static void test_priv_opens_a_netlink_socket(void)
{
	EXPECT_INT(in_role(BH_ROLE_PRIV, socket_of_priv, -1), 7);
}

/* The effective capabilities, a bit each, as the kernel tells them. */
static unsigned long long effective(void)
{
	char line[256];
	unsigned long long caps = ~0ull;
	FILE *f = fopen("/proc/self/status", "re");

	while (f && fgets(line, sizeof line, f)) {
		if (!strncmp(line, "CapEff:", 7))
			caps = strtoull(line + 7, NULL, 16);
	}
	if (f)
		fclose(f);
	return caps;
}

static int only_dac(int fd)
{
	(void)fd;
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
		return 1;
	unsigned long long caps = effective();
	return caps == 0 || caps == 1ull << CAP_DAC_OVERRIDE ? 7 : 2;
}

static void test_the_command_line_keeps_one_capability_at_most(void)
{
	EXPECT_INT(in_role(BH_ROLE_CLI, only_dac, -1), 7);
}

static int twice(int fd)
{
	int r = bh_sandbox_enter(BH_ROLE_SENSOR);
	return r ? 98 : work(fd);
}

static void test_a_sensor_may_come_from_the_command_line(void)
{
	int s[2];

	EXPECT(socketpair(AF_UNIX, SOCK_STREAM, 0, s) == 0);
	EXPECT(write(s[0], "x", 1) == 1);
	EXPECT_INT(in_role(BH_ROLE_CLI, twice, s[1]), 7);
	close(s[0]);
	close(s[1]);
}

static void test_descriptors_not_named_are_closed(void)
{
	int status = 0, p[2], q[2];

	EXPECT(pipe(p) == 0 && pipe(q) == 0);
	pid_t pid = fork();
	if (pid == 0) {
		int keep[] = { q[1], p[0] };
		int r = bh_sandbox_keep_only(keep, 2);
		bool kept = fcntl(p[0], F_GETFD) >= 0 && fcntl(q[1], F_GETFD) >= 0;
		bool gone = fcntl(p[1], F_GETFD) < 0 && fcntl(q[0], F_GETFD) < 0;
		bool std = fcntl(1, F_GETFD) >= 0;
		_exit(!r && kept && gone && std ? 7 : 1);
	}
	EXPECT(waitpid(pid, &status, 0) == pid);
	EXPECT_INT(WEXITSTATUS(status), 7);
	for (int i = 0; i < 2; i++) {
		close(p[i]);
		close(q[i]);
	}
}

static void test_landlock_keeps_to_its_folders(void)
{
	int status = 0;
	char dir[] = "/tmp/bh-sandbox-XXXXXX";

	EXPECT(mkdtemp(dir) != NULL);
	pid_t pid = fork();
	if (pid == 0) {
		const char *folders[] = { dir };
		bool has = false;
		char path[64];
		if (bh_sandbox_folders(folders, 1, &has))
			_exit(1);
		if (!has)
			_exit(8);
		snprintf(path, sizeof path, "%s/x", dir);
		int in = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
		int out = open("/etc/passwd", O_RDONLY | O_CLOEXEC);
		_exit(in >= 0 && out < 0 && errno == EACCES && unlink(path) == 0 ? 7 : 2);
	}
	EXPECT(waitpid(pid, &status, 0) == pid);
	if (WEXITSTATUS(status) == 8)
		printf("# this kernel has no Landlock: only its absence was tested\n");
	else
		EXPECT_INT(WEXITSTATUS(status), 7);
	EXPECT(rmdir(dir) == 0);
}

int main(void)
{
	RUN(test_a_sensor_can_do_its_work);
	RUN(test_confined_roles_can_sort_and_grow);
	RUN(test_a_sensor_maps_a_file_it_was_handed);
	RUN(test_a_sensor_opens_nothing);
	RUN(test_a_sensor_reaches_nobody);
	RUN(test_a_sensor_runs_nothing);
	RUN(test_priv_makes_no_connection_and_runs_nothing);
	RUN(test_priv_opens_a_netlink_socket);
	RUN(test_the_command_line_keeps_one_capability_at_most);
	RUN(test_a_sensor_may_come_from_the_command_line);
	RUN(test_descriptors_not_named_are_closed);
	RUN(test_landlock_keeps_to_its_folders);
	return tap_done();
}
