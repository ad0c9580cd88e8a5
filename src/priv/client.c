#include "priv/priv.h"

#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "priv/wire.h"

#define PROGRAM "bulkhead-priv"

struct bh_priv {
	int fd;
	pid_t pid;
	char why[512];
};

/* Beside this program first, so that a build tree uses its own. */
static const char *program(char ret[PATH_MAX])
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);

	if (n > 0) {
		self[n] = '\0';
		if (snprintf(ret, PATH_MAX, "%s/" PROGRAM, dirname(self)) < PATH_MAX &&
			access(ret, X_OK) == 0)
			return ret;
	}
	static const char *const places[] = { "/usr/local/sbin/" PROGRAM, "/usr/sbin/" PROGRAM };
	for (size_t i = 0; i < BH_LEN(places); i++) {
		if (access(places[i], X_OK) == 0)
			return places[i];
	}
	return NULL;
}

static int start(struct bh_priv *p, const char *path)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		return -errno;
	p->pid = fork();
	if (p->pid < 0) {
		int r = -errno;
		close(pair[0]);
		close(pair[1]);
		return r;
	}
	if (!p->pid) {
		char *const argv[] = { (char[]){ PROGRAM }, NULL };
		char *const env[] = { NULL };
		if (pair[1] == 3)
			fcntl(3, F_SETFD, 0);
		else if (dup2(pair[1], 3) != 3)
			_exit(127);
		execve(path, argv, env);
		_exit(127);
	}
	close(pair[1]);
	p->fd = pair[0];
	return 0;
}

int bh_priv_open(struct bh_priv **ret, const char **why)
{
	char path[PATH_MAX];
	const char *found;

	if (geteuid() != 0) {
		*why = "this needs root: run it again with sudo";
		return -EPERM;
	}
	found = program(path);
	if (!found) {
		*why = PROGRAM
			" is neither beside this program nor installed: run 'make' or 'make install'";
		return -ENOENT;
	}
	BH_AUTO(bh_priv) p = calloc(1, sizeof *p);
	if (!p) {
		*why = "out of memory";
		return -ENOMEM;
	}
	p->fd = -1;
	int r = start(p, found);
	if (r) {
		*why = "cannot start " PROGRAM;
		return r;
	}
	*ret = p;
	p = NULL;
	return 0;
}

struct bh_priv *bh_priv_free(struct bh_priv *p)
{
	if (!p)
		return NULL;
	if (p->fd >= 0)
		close(p->fd);
	while (p->pid > 0 && waitpid(p->pid, NULL, 0) < 0 && errno == EINTR)
		;
	free(p);
	return NULL;
}

static int lost(struct bh_priv *p, int r, const char **why)
{
	snprintf(p->why, sizeof p->why, PROGRAM " went away before it answered (%s)", strerror(-r));
	*why = p->why;
	return r;
}

/* Sends one request and takes its answer apart; rest and passed may be NULL. */
static int ask(struct bh_priv *p, uint32_t type, const struct bh_buf *body,
	struct bh_priv_state *state, struct bh_buf *rest, int *passed, const char **why)
{
	BH_AUTO_BUF frame = { 0 }, answer = { 0 };
	size_t len = body ? body->len : 0;
	uint8_t head[4];

	bh_buf_le32(&frame, (uint32_t)(len + 4));
	bh_buf_le32(&frame, type);
	if (len)
		bh_buf_add(&frame, body->ptr, len);
	if (!bh_buf_ok(&frame) || len > PRIV_MAX_REQUEST) {
		*why = "the request is too large";
		return -E2BIG;
	}
	int r = priv_send(p->fd, frame.ptr, frame.len, -1);
	if (!r)
		r = priv_receive(p->fd, head, sizeof head, passed);
	if (r)
		return lost(p, r, why);
	struct bh_cur h = bh_cur_of(bh_span_of(head, sizeof head));
	answer.len = bh_cur_le32(&h);
	answer.ptr = malloc(answer.len + 1);
	if (!answer.ptr) {
		*why = "out of memory";
		return -ENOMEM;
	}
	r = priv_receive(p->fd, answer.ptr, answer.len, passed);
	if (r)
		return lost(p, r, why);

	struct bh_cur c = bh_cur_of(bh_span_of(answer.ptr, answer.len));
	int err = (int)bh_cur_le32(&c);
	uint32_t n = bh_cur_le32(&c);
	struct bh_span said = bh_cur_take(&c, n);
	struct bh_priv_state s;
	if (!bh_cur_ok(&c) || priv_state_decode(&c, &s))
		return lost(p, -EBADMSG, why);
	if (err) {
		snprintf(p->why, sizeof p->why, "%.*s", (int)bh_min_size(said.len, 500),
			(const char *)said.ptr);
		*why = p->why;
		return -err;
	}
	if (state)
		*state = s;
	if (rest)
		bh_buf_add(rest, c.at, bh_cur_left(&c));
	return 0;
}

int bh_priv_apply(struct bh_priv *p, const struct bh_priv_apply *a, struct bh_priv_state *ret,
	const char **why)
{
	BH_AUTO_BUF body = { 0 }, table = { 0 };
	const char *text = a->policy_text ? a->policy_text : "";

	bh_table_encode(a->table, &table);
	bh_buf_u8(&body, (uint8_t)a->mode);
	bh_buf_le32(&body, a->lease);
	bh_buf_le32(&body, (uint32_t)table.len);
	bh_buf_add(&body, table.ptr, table.len);
	bh_buf_le32(&body, (uint32_t)strlen(text));
	bh_buf_str(&body, text);
	if (!bh_buf_ok(&table) || !bh_buf_ok(&body)) {
		*why = "out of memory";
		return -ENOMEM;
	}
	return ask(p, PRIV_APPLY, &body, ret, NULL, NULL, why);
}

int bh_priv_confirm(struct bh_priv *p, struct bh_priv_state *ret, const char **why)
{
	return ask(p, PRIV_CONFIRM, NULL, ret, NULL, NULL, why);
}

int bh_priv_undo(struct bh_priv *p, struct bh_priv_state *ret, const char **why)
{
	return ask(p, PRIV_UNDO, NULL, ret, NULL, NULL, why);
}

int bh_priv_state(struct bh_priv *p, struct bh_priv_state *ret, const char **why)
{
	return ask(p, PRIV_STATE, NULL, ret, NULL, NULL, why);
}

int bh_priv_dump(struct bh_priv *p, struct bh_buf *ret, const char **why)
{
	return ask(p, PRIV_DUMP, NULL, NULL, ret, NULL, why);
}

int bh_priv_policy(struct bh_priv *p, struct bh_buf *ret, const char **why)
{
	return ask(p, PRIV_POLICY, NULL, NULL, ret, NULL, why);
}

int bh_priv_capture(
	struct bh_priv *p, const char *ifname, struct bh_priv_ring *ret, const char **why)
{
	BH_AUTO_BUF body = { 0 }, rest = { 0 };
	char name[BH_IFNAME] = { 0 };
	int fd = -1;

	if (strlen(ifname) >= sizeof name) {
		*why = "an interface's name has at most 15 characters";
		return -EINVAL;
	}
	memcpy(name, ifname, strlen(ifname));
	bh_buf_add(&body, name, sizeof name);
	int r = ask(p, PRIV_CAPTURE, &body, NULL, &rest, &fd, why);
	struct bh_cur c = bh_cur_of(bh_span_of(rest.ptr, rest.len));
	uint32_t size = bh_cur_le32(&c);
	uint32_t count = bh_cur_le32(&c);
	if (!r && (fd < 0 || !bh_cur_ok(&c)))
		r = lost(p, -EBADMSG, why);
	if (r) {
		if (fd >= 0)
			close(fd);
		return r;
	}
	*ret = (struct bh_priv_ring){ .fd = fd, .block_size = size, .block_count = count };
	return 0;
}

int bh_priv_nflog(struct bh_priv *p, int *ret, const char **why)
{
	int fd = -1;
	int r = ask(p, PRIV_NFLOG, NULL, NULL, NULL, &fd, why);

	if (!r && fd < 0)
		r = lost(p, -EBADMSG, why);
	if (!r)
		*ret = fd;
	return r;
}
