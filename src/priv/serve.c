#include "priv/serve.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "priv/rings.h"
#include "priv/seen.h"
#include "priv/state.h"

/* What an answer carries besides errno and sentence. */
struct answer {
	struct bh_priv_state state;
	struct bh_buf rest;
	int fd; /* -1: none */
};

static int fail(struct server *s, int r, const char *fmt, ...) BH_PRINTF(3, 4);

static int fail(struct server *s, int r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(s->why, sizeof s->why, fmt, ap);
	va_end(ap);
	return r;
}

/* Test builds kill themselves after a step, to show that every step may be the last. */
static void step(struct server *s, int n)
{
#ifdef BH_FAULT_POINTS
	if (s->at_death == n)
		raise(SIGKILL);
#else
	(void)s;
	(void)n;
#endif
}

int server_open(struct server *s, bool boot)
{
	*s = (struct server){ .dir = -1 };
	(void)boot;
	int r = state_open(&s->dir, s->path, sizeof s->path);
	if (r)
		return fail(s, r, "cannot use the state folder %s", s->path);
#ifdef BH_FAULT_POINTS
	FILE *f = fopen("/run/bulkhead/die-at", "re");
	if (f && fscanf(f, "%d", &s->at_death) != 1)
		s->at_death = 0;
	if (f)
		fclose(f);
#endif
	r = kernel_open(&s->kernel);
	return r ? fail(s, r, "%s", s->kernel.why) : 0;
}

static int look(struct server *s, struct bh_arena *a, struct seen *ret)
{
	BH_AUTO_BUF dump = { 0 };
	int r = kernel_dump(&s->kernel, true, &dump);

	if (r)
		return fail(s, r, "%s", s->kernel.why);
	struct bh_span bytes = { .ptr = bh_arena_copy(a, dump.ptr, dump.len), .len = dump.len };
	if (!bytes.ptr)
		return fail(s, -ENOMEM, "out of memory");
	r = seen_read(bytes, a, ret);
	return r ? fail(s, r, "the kernel's answer makes no sense") : 0;
}

static int gather(void *ctx, const void *messages, size_t len)
{
	bh_buf_add(ctx, messages, len);
	return bh_buf_ok(ctx) ? 0 : -ENOMEM;
}

typedef int (*lower_fn)(const struct bh_load *l, uint32_t *seq, const struct bh_nl_sink *sink);

static int commit(struct server *s, lower_fn lower, const struct bh_load *l)
{
	BH_AUTO_BUF batch = { 0 };
	const struct bh_nl_sink sink = { .ctx = &batch, .put = gather };
	int r = lower(l, &s->kernel.seq, &sink);

	if (r)
		return fail(s, r, "cannot write down the rules: %s", strerror(-r));
	r = kernel_commit(&s->kernel, &batch);
	return r ? fail(s, r, "%s", s->kernel.why) : 0;
}

static int stale(struct seen *n, uint32_t generation, struct bh_arena *a, struct bh_load *l)
{
	int r = seen_of(
		n->chains, n->n_chains, generation, a, &l->stale_chains, &l->n_stale_chains);

	if (!r)
		r = seen_of(n->sets, n->n_sets, generation, a, &l->stale_sets, &l->n_stale_sets);
	return r;
}

/* Ends a trial in one transaction: the former generation, or no table. */
static int end_trial(struct server *s, struct seen *n, struct bh_arena *a)
{
	struct bh_load l = { .generation = n->state.trial,
		.former = n->state.generation,
		.generation_hooks = n->trial_hooks,
		.former_hooks = n->hooks };
	int r = stale(n, n->state.trial, a, &l);

	if (r)
		return fail(s, r, "out of memory");
	r = commit(s, bh_enforce_undo, &l);
	step(s, 11);
	if (!r)
		r = state_forget(s->dir, "trial");
	return r;
}

/* What was loaded, as its file has it; false when the file is another one's. */
static bool remembered(
	struct server *s, const struct seen *n, bool trial, struct bh_buf *bytes, struct saved *ret)
{
	struct bh_arena a = { 0 };
	struct bh_table t;
	const uint8_t *hash = trial ? n->state.trial_hash : n->state.hash;
	uint32_t generation = trial ? n->state.trial : n->state.generation;

	if (!generation || state_load(s->dir, trial ? "trial" : "confirmed", bytes, ret))
		return false;
	bool same = ret->generation == generation && bh_table_decode(ret->table, &a, &t) == 0 &&
		    !memcmp(t.policy_hash, hash, BH_HASH);
	bh_arena_reset(&a);
	return same;
}

/* After a change: the digest of what now stands there goes into its file. */
static int remember_digest(struct server *s, bool trial)
{
	BH_AUTO_ARENA a = { 0 };
	BH_AUTO_BUF bytes = { 0 };
	struct seen n;
	struct saved f;
	int r = look(s, &a, &n);

	if (r)
		return r;
	if (!remembered(s, &n, trial, &bytes, &f))
		return 0;
	f.digest[0] = n.digest[0];
	f.digest[1] = n.digest[1];
	r = state_save(s->dir, trial ? "trial" : "confirmed", &f);
	return r ? fail(s, r, "cannot write into %s: %s", s->path, strerror(-r)) : 0;
}

/* Looks, and puts right what a killed predecessor or a lapsed lease left behind. */
static int look_and_tidy(struct server *s, struct bh_arena *a, struct seen *ret)
{
	int r = look(s, a, ret);

	if (r)
		return r;
	if (ret->state.trial && !ret->state.lease_left) {
		r = end_trial(s, ret, a);
		if (!r)
			r = look(s, a, ret);
		/* The former stands as before; its digest counts other chains now. */
		if (!r && ret->state.generation)
			r = remember_digest(s, false);
		return r;
	}
	if (!ret->state.trial && ret->state.generation) {
		/* Confirmed in the kernel, killed before the files followed? */
		BH_AUTO_BUF bytes = { 0 };
		struct saved f;
		if (!state_load(s->dir, "trial", &bytes, &f) &&
			f.generation == ret->state.generation) {
			f.deadline = 0;
			r = state_save(s->dir, "trial", &f);
			if (!r)
				r = state_promote(s->dir);
			if (!r)
				r = remember_digest(s, false);
		}
	}
	return r;
}

static int tell(struct server *s, struct answer *ans)
{
	BH_AUTO_ARENA a = { 0 };
	BH_AUTO_BUF bytes = { 0 };
	struct seen n;
	struct saved f;
	int r = look_and_tidy(s, &a, &n);

	if (r)
		return r;
	bool trial = n.state.trial != 0;
	if (remembered(s, &n, trial, &bytes, &f) && (f.digest[0] || f.digest[1]))
		n.state.changed_outside = f.digest[0] != n.digest[0] || f.digest[1] != n.digest[1];
	ans->state = n.state;
	return 0;
}

static int64_t boottime(void)
{
	struct timespec t = { 0 };

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (int64_t)t.tv_sec;
}

static int apply(struct server *s, const struct priv_request *q, struct answer *ans)
{
	BH_AUTO_ARENA a = { 0 };
	struct seen n;
	int r = look_and_tidy(s, &a, &n);

	if (r)
		return r;
	if (n.state.trial)
		return fail(s, -EBUSY,
			"another change is on trial for %u more seconds: run 'bulkhead confirm' or "
			"'bulkhead undo' first",
			n.state.lease_left);
	struct bh_load l = { .table = &q->table,
		.mode = q->mode,
		.generation = n.highest + 1,
		.former = n.state.generation,
		.former_hooks = n.hooks,
		.lease = q->lease };
	struct saved f = { .generation = l.generation,
		.mode = q->mode,
		.deadline = boottime() + q->lease,
		.table = q->table_bytes,
		.policy = q->policy };
	r = l.lease || !l.former ? 0 : stale(&n, l.former, &a, &l);
	if (r)
		return fail(s, r, "out of memory");
	step(s, 1);
	r = state_save(s->dir, "trial", &f);
	if (r)
		return fail(s, r, "cannot write into %s: %s", s->path, strerror(-r));
	step(s, 2);
	r = commit(s, bh_enforce_load, &l);
	if (r) {
		(void)!state_forget(s->dir, "trial");
		return r;
	}
	step(s, 3);
	/* Without a trial, tidying up finds a confirmed generation and lets the file follow. */
	if (l.lease)
		r = remember_digest(s, true);
	step(s, 4);
	return r ? r : tell(s, ans);
}

static int confirm(struct server *s, struct answer *ans)
{
	BH_AUTO_ARENA a = { 0 };
	struct seen n;
	int r = look(s, &a, &n);

	if (r)
		return r;
	if (n.state.trial && !n.state.lease_left) {
		r = look_and_tidy(s, &a, &n);
		return r ? r : fail(s, -ETIME, "too late: the change has undone itself");
	}
	if (!n.state.trial)
		return fail(s, -ENOENT, "nothing is on trial");
	struct bh_load l = { .generation = n.state.trial,
		.former = n.state.generation,
		.generation_hooks = n.trial_hooks,
		.former_hooks = n.hooks };
	r = l.former ? stale(&n, l.former, &a, &l) : 0;
	if (r)
		return fail(s, r, "out of memory");
	step(s, 5);
	r = commit(s, bh_enforce_confirm, &l);
	if (r)
		return r;
	step(s, 6);
	return tell(s, ans); /* tidying up lets the file follow */
}

static int undo(struct server *s, struct answer *ans)
{
	BH_AUTO_ARENA a = { 0 };
	struct seen n;
	int r = look_and_tidy(s, &a, &n);

	if (r)
		return r;
	if (n.state.trial) {
		r = end_trial(s, &n, &a);
		step(s, 7);
		if (!r && n.state.generation)
			r = remember_digest(s, false);
		return r ? r : tell(s, ans);
	}
	if (!n.state.loaded)
		return fail(s, -ENOENT, "nothing is loaded");
	/* First the file, so that a machine that dies now does not load it again. */
	r = state_forget(s->dir, "confirmed");
	if (r)
		return fail(s, r, "cannot write into %s: %s", s->path, strerror(-r));
	step(s, 8);
	struct bh_load l = { .generation = n.state.generation };
	r = commit(s, bh_enforce_undo, &l);
	step(s, 9);
	return r ? r : tell(s, ans);
}

static int policy(struct server *s, struct answer *ans)
{
	BH_AUTO_ARENA a = { 0 };
	BH_AUTO_BUF bytes = { 0 };
	struct seen n;
	struct saved f;
	int r = look_and_tidy(s, &a, &n);

	if (r)
		return r;
	if (!remembered(s, &n, n.state.trial != 0, &bytes, &f) || !f.policy.len)
		return fail(s, -ENOENT, "it is not known which policy was loaded: name it with -p");
	bh_buf_add(&ans->rest, f.policy.ptr, f.policy.len);
	ans->state = n.state;
	return 0;
}

static int capture(struct server *s, const struct priv_request *q, struct answer *ans)
{
	struct bh_priv_ring ring;
	const char *what;
	int r = rings_capture(q->ifname, &ring, &what);

	if (r)
		return fail(s, r, "%s: %s: %s", q->ifname, what, strerror(-r));
	bh_buf_le32(&ans->rest, ring.block_size);
	bh_buf_le32(&ans->rest, ring.block_count);
	ans->fd = ring.fd;
	return 0;
}

static int nflog(struct server *s, struct answer *ans)
{
	const char *what;
	int r = rings_nflog(&ans->fd, &what);

	return r ? fail(s, r, "%s", what) : 0;
}

static int dump(struct server *s, struct answer *ans)
{
	int r = kernel_dump(&s->kernel, false, &ans->rest);

	return r ? fail(s, r, "%s", s->kernel.why) : 0;
}

static int serve(struct server *s, const struct priv_request *q, struct answer *ans)
{
	int lock = -1;
	/* Reading sockets and dumps changes nothing and needs no lock. */
	if (q->type == PRIV_CAPTURE)
		return capture(s, q, ans);
	if (q->type == PRIV_NFLOG)
		return nflog(s, ans);
	if (q->type == PRIV_DUMP)
		return dump(s, ans);
	int r = state_lock(s->dir, &lock);
	if (r)
		return fail(s, r, "another bulkhead changes this machine's rules right now");
	switch (q->type) {
	case PRIV_APPLY: r = apply(s, q, ans); break;
	case PRIV_CONFIRM: r = confirm(s, ans); break;
	case PRIV_UNDO: r = undo(s, ans); break;
	case PRIV_STATE: r = tell(s, ans); break;
	case PRIV_POLICY: r = policy(s, ans); break;
	default: r = -EBADMSG; break;
	}
	close(lock);
	return r;
}

static const char *refusal(int r)
{
	switch (r) {
	case -EPERM: return "refused: a table may name SMB and QUIC ports and ports from 1024 up";
	case -E2BIG: return "refused: the table is too large";
	case -ENOMEM: return "out of memory";
	default: return "refused: not a request";
	}
}

static int reply(struct server *s, int fd, int r, struct answer *ans)
{
	BH_AUTO_BUF body = { 0 }, frame = { 0 };
	const char *why = r ? s->why : "";

	bh_buf_le32(&body, (uint32_t)-r);
	bh_buf_le32(&body, (uint32_t)strlen(why));
	bh_buf_str(&body, why);
	priv_state_encode(&ans->state, &body);
	bh_buf_add(&body, ans->rest.ptr, r ? 0 : ans->rest.len);
	bh_buf_le32(&frame, (uint32_t)body.len);
	bh_buf_add(&frame, body.ptr, body.len);
	int sent = bh_buf_ok(&frame) ? priv_send(fd, frame.ptr, frame.len, ans->fd) : -ENOMEM;
	if (ans->fd >= 0)
		close(ans->fd);
	bh_buf_reset(&ans->rest);
	return sent;
}

static int one_request(struct server *s, int fd)
{
	BH_AUTO_ARENA a = { 0 };
	struct answer ans = { .fd = -1 };
	struct priv_request q;
	uint8_t head[8];
	int r = priv_receive(fd, head, sizeof head, NULL);

	if (r)
		return r;
	struct bh_cur c = bh_cur_of(bh_span_of(head, sizeof head));
	uint32_t len = bh_cur_le32(&c);
	uint32_t type = bh_cur_le32(&c);
	if (len < 4 || len > PRIV_MAX_REQUEST)
		return -EBADMSG;
	len -= 4;
	uint8_t *body = malloc(len ? len : 1);
	if (!body)
		return -ENOMEM;
	r = priv_receive(fd, body, len, NULL);
	if (!r) {
		s->why[0] = '\0';
		int answer = priv_request_parse(type, bh_span_of(body, len), &a, &q);
		if (answer)
			(void)fail(s, answer, "%s", refusal(answer));
		else
			answer = serve(s, &q, &ans);
		r = reply(s, fd, answer, &ans);
	}
	free(body);
	return r;
}

int server_run(struct server *s, int fd)
{
	for (;;) {
		int r = one_request(s, fd);
		if (r == -EPIPE)
			return 0;
		if (r)
			return r;
	}
}

int server_boot(struct server *s)
{
	BH_AUTO_ARENA a = { 0 };
	BH_AUTO_BUF bytes = { 0 };
	struct saved f;
	struct bh_table t;
	int lock = -1, r = state_lock(s->dir, &lock);

	if (r)
		return fail(s, r, "another bulkhead changes this machine's rules right now");
	/* What was on trial when the machine went down was never confirmed. */
	r = state_forget(s->dir, "trial");
	if (!r)
		r = state_load(s->dir, "confirmed", &bytes, &f);
	if (r == -ENOENT) {
		close(lock);
		return 0;
	}
	if (!r)
		r = bh_table_decode(f.table, &a, &t);
	if (r) {
		close(lock);
		return fail(s, r, "%s/confirmed is damaged: run 'bulkhead apply' again", s->path);
	}
	struct bh_load l = { .table = &t, .mode = f.mode, .generation = f.generation };
	r = commit(s, bh_enforce_load, &l);
	if (!r)
		r = remember_digest(s, false);
	close(lock);
	return r;
}
