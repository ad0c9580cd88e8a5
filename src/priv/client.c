#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "priv/priv.h"
#include "priv/wire.h"

#ifndef BH_PRIV_FOLDER
#define BH_PRIV_FOLDER "/usr/local/libexec"
#endif

#define MAX_ANSWER (1u << 30)

struct bh_priv {
	int fd;
	pid_t pid;
	bool stays; /* it watches over a trial after we have gone */
	char why[BH_MAX_WHY + 1];
};

/* ---- starting it ---- */

/* The program beside ours, else the installed one; empty when neither is there. */
static void find_program(char *ret, size_t size)
{
	char self[3072];
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);

	if (n > 0) {
		self[n] = '\0';
		char *slash = strrchr(self, '/');
		if (slash) {
			*slash = '\0';
			snprintf(ret, size, "%s/bulkhead-priv", self);
			if (access(ret, X_OK) == 0)
				return;
		}
	}
	snprintf(ret, size, "%s/bulkhead-priv", BH_PRIV_FOLDER);
	if (access(ret, X_OK) != 0)
		ret[0] = '\0';
}

/* In the child: nothing of the caller's is left open, neither terminal nor pipe,
 * because it may stay until a trial has lapsed. */
_Noreturn static void become(const char *program, int fd)
{
	char *const argv[] = { (char[]){ "bulkhead-priv" }, NULL };
	char *const empty[] = { NULL };
#ifdef BH_FAULT_POINTS
	char *const *env = environ;
	(void)empty;
#else
	char *const *env = empty;
#endif
	int null = open("/dev/null", O_RDWR);

	if (null < 0 || setsid() < 0)
		_exit(127);
	/* Out of the way of 0 to 3 first. */
	int sock = fcntl(fd, F_DUPFD, 10);
	null = fcntl(null, F_DUPFD, 10);
	if (sock < 0 || null < 0)
		_exit(127);
	for (int i = 0; i < 3; i++) {
		if (dup2(null, i) < 0)
			_exit(127);
	}
	if (dup2(sock, 3) < 0)
		_exit(127);
	close(sock);
	close(null);
	execve(program, argv, env);
	_exit(127);
}

static int start(const char *program, int fd, pid_t *ret)
{
	pid_t pid = fork();

	if (pid < 0)
		return -errno;
	if (pid == 0)
		become(program, fd);
	*ret = pid;
	return 0;
}

int bh_priv_open(struct bh_priv **ret, const char **why)
{
	static char sentence[256];
	char program[4096];
	int s[2];

	if (geteuid() != 0) {
		*why = "this needs root: run it again with sudo";
		return -EPERM;
	}
	find_program(program, sizeof program);
	if (!program[0]) {
		*why = "the program bulkhead-priv is neither beside this one nor in "
		       "" BH_PRIV_FOLDER ": is the installation whole?";
		return -ENOENT;
	}
	struct bh_priv *p = calloc(1, sizeof *p);
	int err = p ? 0 : -ENOMEM;
	if (!err && socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, s) < 0)
		err = -errno;
	if (!err) {
		err = start(program, s[1], &p->pid);
		close(s[1]);
		if (err)
			close(s[0]);
	}
	if (err) {
		free(p);
		snprintf(sentence, sizeof sentence, "cannot start bulkhead-priv: %s",
			strerror(-err));
		*why = sentence;
		return err;
	}
	p->fd = s[0];
	*ret = p;
	return 0;
}

struct bh_priv *bh_priv_free(struct bh_priv *p)
{
	if (!p)
		return NULL;
	close(p->fd);
	while (!p->stays && waitpid(p->pid, NULL, 0) < 0 && errno == EINTR)
		;
	free(p);
	return NULL;
}

/* ---- asking it ---- */

static int gone(struct bh_priv *p, const char **why)
{
	snprintf(p->why, sizeof p->why,
		"bulkhead-priv ended before it answered: 'bulkhead status' tells what stands");
	*why = p->why;
	return -EPIPE;
}

static int out_of_memory(const char **why)
{
	*why = "out of memory";
	return -ENOMEM;
}

static int send_all(int fd, const char *ptr, size_t len)
{
	while (len) {
		ssize_t n = send(fd, ptr, len, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		ptr += n;
		len -= (size_t)n;
	}
	return 0;
}

/* Reads len bytes; a descriptor that comes with them goes to *pass, if wanted. */
static int receive(int fd, void *ptr, size_t len, int *pass)
{
	uint8_t *p = ptr;

	while (len) {
		_Alignas(struct cmsghdr) char space[CMSG_SPACE(sizeof(int))];
		struct iovec v = { .iov_base = p, .iov_len = len };
		struct msghdr m = { .msg_iov = &v,
			.msg_iovlen = 1,
			.msg_control = space,
			.msg_controllen = sizeof space };
		ssize_t n = recvmsg(fd, &m, MSG_CMSG_CLOEXEC);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -EPIPE;
		const struct cmsghdr *c = CMSG_FIRSTHDR(&m);
		if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS &&
			c->cmsg_len == CMSG_LEN(sizeof(int))) {
			int got;
			memcpy(&got, CMSG_DATA(c), sizeof got);
			if (pass && *pass < 0)
				*pass = got;
			else
				close(got);
		}
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

static int receive_error(struct bh_priv *p, int err, uint32_t len, const char **why)
{
	if (len > BH_MAX_WHY || receive(p->fd, p->why, len, NULL))
		return gone(p, why);
	p->why[len] = '\0';
	*why = p->why;
	return -err;
}

/* Sends the request and gathers the whole answer. */
static int ask(struct bh_priv *p, const struct bh_buf *request, struct bh_buf *ret, int *pass,
	const char **why)
{
	bool more = true;

	if (!bh_buf_ok(request))
		return out_of_memory(why);
	/* A program that could not start has written its reason and left. */
	(void)!send_all(p->fd, request->ptr, request->len);
	while (more) {
		uint8_t header[BH_ANSWER_HEADER], piece[16384];
		uint32_t len = 0;
		int err = 0;
		if (receive(p->fd, header, sizeof header, pass) ||
			bh_wire_answer_header(bh_span_of(header, sizeof header), &err, &more, &len))
			return gone(p, why);
		if (err)
			return receive_error(p, err, len, why);
		while (len) {
			uint32_t n = (uint32_t)bh_min_size(len, sizeof piece);
			if (receive(p->fd, piece, n, NULL) || ret->len > MAX_ANSWER)
				return gone(p, why);
			bh_buf_add(ret, piece, n);
			len -= n;
		}
	}
	return bh_buf_ok(ret) ? 0 : out_of_memory(why);
}

static int ask_state(struct bh_priv *p, const struct bh_buf *request, struct bh_priv_state *ret,
	const char **why)
{
	BH_AUTO_BUF answer = { 0 };
	int err = ask(p, request, &answer, NULL, why);

	if (!err && bh_wire_get_state(bh_span_of(answer.ptr, answer.len), ret))
		err = gone(p, why);
	return err;
}

static int ask_plain(
	struct bh_priv *p, enum bh_ask what, struct bh_priv_state *ret, const char **why)
{
	BH_AUTO_BUF request = { 0 };

	bh_wire_ask(&request, what, NULL, 0);
	return ask_state(p, &request, ret, why);
}

int bh_priv_apply(struct bh_priv *p, const struct bh_priv_apply *a, struct bh_priv_state *ret,
	const char **why)
{
	BH_AUTO_BUF request = { 0 };

	bh_wire_apply(&request, a);
	int err = ask_state(p, &request, ret, why);
	p->stays |= !err && a->lease;
	return err;
}

int bh_priv_confirm(struct bh_priv *p, struct bh_priv_state *ret, const char **why)
{
	return ask_plain(p, BH_ASK_CONFIRM, ret, why);
}

int bh_priv_undo(struct bh_priv *p, struct bh_priv_state *ret, const char **why)
{
	return ask_plain(p, BH_ASK_UNDO, ret, why);
}

int bh_priv_state(struct bh_priv *p, struct bh_priv_state *ret, const char **why)
{
	return ask_plain(p, BH_ASK_STATE, ret, why);
}

int bh_priv_heal(struct bh_priv *p, struct bh_priv_state *ret, const char **why)
{
	return ask_plain(p, BH_ASK_HEAL, ret, why);
}

static int ask_bytes(struct bh_priv *p, enum bh_ask what, struct bh_buf *ret, const char **why)
{
	BH_AUTO_BUF request = { 0 };

	bh_wire_ask(&request, what, NULL, 0);
	return ask(p, &request, ret, NULL, why);
}

int bh_priv_dump(struct bh_priv *p, struct bh_buf *ret, const char **why)
{
	return ask_bytes(p, BH_ASK_DUMP, ret, why);
}

int bh_priv_policy(struct bh_priv *p, struct bh_buf *ret, const char **why)
{
	return ask_bytes(p, BH_ASK_POLICY, ret, why);
}

static int ask_number(struct bh_priv *p, enum bh_ask what, uint32_t *ret, const char **why)
{
	BH_AUTO_BUF answer = { 0 };
	int err = ask_bytes(p, what, &answer, why);

	if (err)
		return err;
	struct bh_cur c = bh_cur_of(bh_span_of(answer.ptr, answer.len));
	uint32_t v = bh_cur_le32(&c);
	if (!bh_cur_ok(&c) || bh_cur_left(&c))
		return gone(p, why);
	*ret = v;
	return 0;
}

int bh_priv_generation(struct bh_priv *p, uint32_t *ret, const char **why)
{
	return ask_number(p, BH_ASK_GENERATION, ret, why);
}

int bh_priv_cut(struct bh_priv *p, uint32_t *ret, const char **why)
{
	return ask_number(p, BH_ASK_CUT, ret, why);
}

int bh_priv_hits(struct bh_priv *p, struct bh_arena *a, const struct bh_priv_hit **ret,
	size_t *n_ret, const char **why)
{
	BH_AUTO_BUF answer = { 0 };
	struct bh_priv_hit *v;
	size_t n;
	int err = ask_bytes(p, BH_ASK_HITS, &answer, why);

	if (!err)
		err = bh_wire_get_hits(bh_span_of(answer.ptr, answer.len), a, &v, &n);
	if (err == -EBADMSG)
		return gone(p, why);
	if (err == -ENOMEM)
		return out_of_memory(why);
	if (err)
		return err;
	*ret = v;
	*n_ret = n;
	return 0;
}

static int ask_descriptor(
	struct bh_priv *p, const struct bh_buf *request, struct bh_priv_ring *ret, const char **why)
{
	BH_AUTO_BUF answer = { 0 };
	struct bh_priv_ring r = { .fd = -1 };
	int err = ask(p, request, &answer, &r.fd, why);

	if (err)
		return err;
	struct bh_cur c = bh_cur_of(bh_span_of(answer.ptr, answer.len));
	r.block_size = bh_cur_le32(&c);
	r.block_count = bh_cur_le32(&c);
	r.link = bh_cur_le32(&c);
	if (!bh_cur_ok(&c) || bh_cur_left(&c) || r.fd < 0) {
		if (r.fd >= 0)
			close(r.fd);
		return gone(p, why);
	}
	*ret = r;
	return 0;
}

int bh_priv_capture(struct bh_priv *p, const char *ifname, uint32_t mib, struct bh_priv_ring *ret,
	const char **why)
{
	BH_AUTO_BUF request = { 0 };
	BH_AUTO_BUF body = { 0 };
	char name[BH_IFNAME] = { 0 };
	size_t n = strlen(ifname);

	if (!n || n >= sizeof name) {
		*why = "an interface's name has 1 to 15 characters";
		return -EINVAL;
	}
	memcpy(name, ifname, n + 1);
	bh_buf_add(&body, name, sizeof name);
	bh_buf_le32(&body, mib);
	if (!bh_buf_ok(&body)) {
		*why = "out of memory";
		return -ENOMEM;
	}
	bh_wire_ask(&request, BH_ASK_CAPTURE, body.ptr, body.len);
	return ask_descriptor(p, &request, ret, why);
}

static int ask_socket(struct bh_priv *p, enum bh_ask what, int *ret, const char **why)
{
	BH_AUTO_BUF request = { 0 };
	struct bh_priv_ring r;

	bh_wire_ask(&request, what, NULL, 0);
	int err = ask_descriptor(p, &request, &r, why);
	if (!err)
		*ret = r.fd;
	return err;
}

int bh_priv_nflog(struct bh_priv *p, int *ret, const char **why)
{
	return ask_socket(p, BH_ASK_NFLOG, ret, why);
}

int bh_priv_changes(struct bh_priv *p, int *ret, const char **why)
{
	return ask_socket(p, BH_ASK_CHANGES, ret, why);
}
