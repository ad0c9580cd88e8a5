#include "priv/act.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "priv/check.h"
#include "priv/hits.h"
#include "priv/sessions.h"
#include "priv/standing.h"

#define MS       1000000u
#define SECOND   1000000000u
#define SLACK_MS 2000u /* between writing a deadline down and the kernel's own timer */

/* What one request sees: kernel and files, read under the lock. */
struct sight {
	struct house *h;
	struct bh_arena *a;
	struct standing now;
	struct record rec;
	struct why *w;
	char changed[160]; /* how the table was edited; "" */
	char told[160]; /* how it had been, before this request mended it */
};

#ifdef BH_FAULT_POINTS
void act_fault(const char *place)
{
	const char *at = getenv("BULKHEAD_DIE_AT");
	struct ucred peer;
	socklen_t len = sizeof peer;

	if (!at || strcmp(at, place) != 0)
		return;
	if (getsockopt(3, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 && peer.pid > 1)
		kill(peer.pid, SIGKILL);
	kill(getpid(), SIGKILL);
}
#endif

static uint64_t monotonic(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * SECOND + (uint64_t)t.tv_nsec;
}

/* ---- looking ---- */

static const char *lease_changes(const struct sight *s)
{
	const struct standing *k = &s->now;
	const struct record *r = &s->rec;
	const uint64_t slack = (uint64_t)SLACK_MS * MS;
	uint64_t now = monotonic();

	if (k->lease_odd)
		return "the trial's lease was edited: it would not lapse as promised";
	if (!r->trial || !r->lease || r->pending || k->trial.number != r->trial)
		return "";
	if (k->live == 1)
		return "half of the trial's lease was taken away";
	if (!k->live && now + slack < r->deadline)
		return "the trial's lease was taken away before its time";
	if (k->live && now > r->deadline + slack)
		return "the trial's lease was prolonged";
	return "";
}

/* In which way the table is not what was loaded. */
static void find_changes(struct sight *s)
{
	const struct standing *k = &s->now;
	const struct record *r = &s->rec;
	bool ours = r->there && r->expected, settled = !r->pending;
	const char *what = lease_changes(s);

	if (r->changed)
		what = "it was edited from outside since it was loaded";
	if (settled && ours && !k->table)
		what = "it was taken away from outside";
	else if (settled && !ours && k->table)
		what = "there is no record that bulkhead-priv loaded it";
	else if (settled && ours && r->digested &&
		 memcmp(k->digest, r->digest, sizeof k->digest) != 0)
		what = "its chains, rules or sets are not what was loaded";
	snprintf(s->changed, sizeof s->changed, "%s", what);
}

static int read_kernel(struct sight *s)
{
	BH_AUTO_BUF dump = { 0 };
	int err = kernel_dump(&s->h->kernel, true, &dump, s->w);

	if (!err) {
		err = standing_read(bh_span_of(dump.ptr, dump.len), s->a, &s->now);
		if (err)
			why_say(s->w, err, "out of memory");
	}
	return err;
}

static int look(struct sight *s)
{
	int err = files_read_record(&s->h->files, &s->rec, s->w);

	if (!err)
		err = read_kernel(s);
	if (!err)
		find_changes(s);
	return err;
}

/* What stands now is what should stand: remember what it looks like. */
static int settle(struct sight *s)
{
	int err = read_kernel(s);

	if (err)
		return err;
	s->rec.there = true;
	s->rec.pending = PENDING_NONE;
	s->rec.expected = s->now.table;
	s->rec.digested = s->now.table;
	/* From now on the kernel's own timer is the deadline. */
	if (s->now.live && s->rec.trial)
		s->rec.deadline = monotonic() + (uint64_t)s->now.left_ms * MS;
	memcpy(s->rec.digest, s->now.digest, sizeof s->rec.digest);
	if (s->now.highest > s->rec.generation)
		s->rec.generation = s->now.highest;
	act_fault("looked");
	err = files_write_record(&s->h->files, &s->rec, s->w);
	if (!err)
		find_changes(s);
	return err;
}

/* Written down before the transaction that it announces. */
static int announce(struct sight *s, enum pending what)
{
	s->rec.there = true;
	s->rec.pending = what;
	return files_write_record(&s->h->files, &s->rec, s->w);
}

/* ---- taking a generation away ---- */

static int stale_names(struct sight *s, uint32_t generation, struct bh_load *l)
{
	const char **chains = bh_arena_array(s->a, s->now.n_chains, sizeof *chains);
	const char **sets = bh_arena_array(s->a, s->now.n_sets, sizeof *sets);

	if (!bh_arena_ok(s->a))
		return why_say(s->w, -ENOMEM, "out of memory");
	for (size_t i = 0; i < s->now.n_chains; i++) {
		if (bh_enforce_owns(s->now.chains[i], generation))
			chains[l->n_stale_chains++] = s->now.chains[i];
	}
	for (size_t i = 0; i < s->now.n_sets; i++) {
		if (bh_enforce_owns(s->now.sets[i], generation))
			sets[l->n_stale_sets++] = s->now.sets[i];
	}
	l->stale_chains = chains;
	l->stale_sets = sets;
	return 0;
}

static struct bh_load load_of(const struct sight *s)
{
	return (struct bh_load){ .generation = s->now.trial.number,
		.generation_hooks = s->now.trial.hooks,
		.former = s->now.settled.number,
		.former_hooks = s->now.settled.hooks };
}

/* Back to the former in one transaction. */
static int end_trial(struct sight *s)
{
	struct bh_load l = load_of(s);
	bool changed = s->changed[0] != '\0';
	int err = stale_names(s, s->now.trial.number, &l);

	s->rec.changed = changed;
	if (!err)
		err = announce(s, PENDING_END);
	act_fault("end-announced");
	if (!err)
		err = kernel_transact(&s->h->kernel, bh_enforce_undo, &l, s->w);
	if (err)
		return err;
	act_fault("trial-ended");
	files_drop_trial(&s->h->files);
	s->rec.trial = 0;
	s->rec.changed = changed && l.former;
	return settle(s);
}

/* Did somebody who was killed get as far as storing it? */
static bool is_stored(const struct sight *s)
{
	BH_AUTO_BUF bytes = { 0 };
	struct bundle b;

	return files_read_bundle(&s->h->files, false, &bytes, &b) == 0 &&
	       b.generation == s->rec.trial;
}

/* The trial's table is the confirmed one: in the kernel already, now on disk. */
static int promote(struct sight *s)
{
	int err = files_promote_trial(&s->h->files, s->w);

	act_fault("stored");
	if (err && !(err == -ENOENT && is_stored(s)))
		return err;
	s->rec.trial = s->rec.lapsed = 0;
	s->rec.changed = false;
	return settle(s);
}

/* Whoever announced a transaction was killed: finish what the kernel took, forget what
 * it did not. */
static int finish(struct sight *s)
{
	struct record *r = &s->rec;
	bool trying = r->trial && s->now.trial.number == r->trial;

	switch (r->pending) {
	case PENDING_LOAD:
	case PENDING_CONFIRM:
		if (r->trial && s->now.settled.number == r->trial)
			return promote(s);
		if (trying && r->pending == PENDING_LOAD) {
			r->changed = r->changed && s->now.settled.number;
			return settle(s);
		}
		break;
	case PENDING_UNDO:
		if (!s->now.table) {
			int err = files_drop_confirmed(&s->h->files, s->w);
			r->trial = r->lapsed = 0;
			return err ? err : settle(s);
		}
		break;
	case PENDING_END:
	case PENDING_NONE: break;
	}
	if (!trying && r->trial) {
		/* A load that never reached the kernel, or a trial that was ended. */
		files_drop_trial(&s->h->files);
		r->trial = 0;
		r->changed = r->changed && (s->now.settled.number || r->pending != PENDING_END);
		return settle(s);
	}
	r->pending = PENDING_NONE;
	find_changes(s);
	return files_write_record(&s->h->files, r, s->w);
}

/* What a lapsed trial, or a bulkhead-priv that was killed, has left behind. */
static int tidy(struct sight *s)
{
	struct record *r = &s->rec;

	if (s->now.trial.number && !s->now.live) {
		r->lapsed = s->now.trial.number;
		return end_trial(s);
	}
	if (r->pending)
		return finish(s);
	if (r->trial && s->now.trial.number != r->trial) {
		/* Nobody of ours took it away. */
		files_drop_trial(&s->h->files);
		r->trial = 0;
		r->changed = true;
		find_changes(s);
		return files_write_record(&s->h->files, r, s->w);
	}
	return 0;
}

static void fill_state(const struct sight *s, struct bh_priv_state *ret)
{
	const struct standing *k = &s->now;
	struct bh_priv_state st = { .loaded = k->table,
		.stored = files_has_confirmed(&s->h->files),
		.persistent = s->h->files.machine,
		.kernel_generation = k->kernel_generation,
		.generation = k->settled.number,
		.trial = k->trial.number,
		.lapsed = s->rec.lapsed,
		.lease_left = k->live ? (k->left_ms + 999) / 1000 : 0,
		.mode = k->settled.mode,
		.trial_mode = k->trial.mode,
		.changed_outside = s->changed[0] != '\0' };
	unsigned hooks = k->live ? k->trial.hooks : k->settled.hooks;

	st.gateway = hooks == BH_HOOK_BIT(BH_FWD);
	st.n_counters = k->n_counters;
	memcpy(st.counters, k->counters, sizeof st.counters);
	memcpy(st.hash, k->settled.hash, BH_HASH);
	memcpy(st.trial_hash, k->trial.hash, BH_HASH);
	memcpy(st.changed, s->changed[0] ? s->changed : s->told, sizeof st.changed);
	*ret = st;
}

/* ---- requests ---- */

typedef int (*step)(struct sight *s, const struct bh_request *r);

static int run(struct house *h, step what, const struct bh_request *r, struct bh_priv_state *ret,
	struct why *w)
{
	BH_AUTO_ARENA a = { 0 };
	struct sight s = { .h = h, .a = &a, .w = w };
	int err = files_lock(&h->files, w);

	if (err)
		return err;
	err = look(&s);
	if (!err)
		err = tidy(&s);
	if (!err && what)
		err = what(&s, r);
	if (!err)
		fill_state(&s, ret);
	files_unlock(&h->files);
	return err;
}

int act_state(struct house *h, struct bh_priv_state *ret, struct why *w)
{
	return run(h, NULL, NULL, ret, w);
}

static struct bundle bundle_of(const struct bh_request *r, uint32_t generation)
{
	return (struct bundle){ .mode = r->mode,
		.gateway = r->table.gateway,
		.generation = generation,
		.table = r->table_bytes,
		.text = r->text };
}

/* The new table is on disk and announced; the kernel takes it, or all is forgotten. */
static int send_table(struct sight *s, const struct bh_load *l)
{
	int err = kernel_transact(&s->h->kernel, bh_enforce_load, l, s->w);

	if (!err)
		return 0;
	struct why ignored;
	files_drop_trial(&s->h->files);
	s->rec.trial = 0;
	s->rec.pending = PENDING_NONE;
	(void)!files_write_record(&s->h->files, &s->rec, &ignored);
	return err;
}

static int put_in_force(struct sight *s, const struct bh_request *r)
{
	uint32_t most = s->now.highest > s->rec.generation ? s->now.highest : s->rec.generation;
	const char *bad = bh_check_table(&r->table);
	bool changed = s->changed[0] != '\0';

	if (bad)
		return why_say(s->w, -EINVAL, "%s", bad);
	if (most == UINT32_MAX)
		return why_say(s->w, -EOVERFLOW,
			"no generation number is left: 'bulkhead undo' "
			"first");
	/* For good: the table is replaced whole, so that nothing of whatever stood there
	 * stays.  On trial: the former must stay, to fall back on. */
	struct bh_load l = { .table = &r->table,
		.mode = r->mode,
		.generation = most + 1,
		.former = r->lease ? s->now.settled.number : 0,
		.former_hooks = r->lease ? s->now.settled.hooks : 0,
		.lease = r->lease };
	struct bundle b = bundle_of(r, l.generation);
	int err = files_write_trial(&s->h->files, &b, s->w);
	act_fault("trial-written");
	if (err)
		return err;
	s->rec.generation = s->rec.trial = l.generation;
	s->rec.lapsed = 0;
	s->rec.lease = l.lease;
	s->rec.deadline = monotonic() + (uint64_t)l.lease * SECOND;
	s->rec.changed = changed; /* until the kernel has taken this */
	err = announce(s, PENDING_LOAD);
	act_fault("deadline-written");
	if (!err)
		err = send_table(s, &l);
	act_fault("committed");
	if (err)
		return err;
	s->rec.changed = changed && l.former;
	s->h->tried = l.lease != 0;
	err = l.lease ? settle(s) : promote(s);
	act_fault("settled");
	return err;
}

static int apply(struct sight *s, const struct bh_request *r)
{
	uint32_t kept;

	act_fault("asked");
	if (s->now.trial.number)
		return why_say(s->w, -EBUSY,
			"generation %u is on trial, %u seconds left: 'bulkhead confirm' it or "
			"'bulkhead undo' it first",
			s->now.trial.number, (s->now.left_ms + 999) / 1000);
	/* Before the rules stand: what is not known then is taken for new. */
	int err = r->mode == BH_KEEP ? sessions_keep(&r->table, &kept, s->w) : 0;
	return err ? err : put_in_force(s, r);
}

int act_apply(struct house *h, const struct bh_request *r, struct bh_priv_state *ret, struct why *w)
{
	return run(h, apply, r, ret, w);
}

/* What was applied, whole, in place of a table that somebody has edited. */
static int replace_edited(struct sight *s, uint32_t generation)
{
	BH_AUTO_BUF bytes = { 0 };
	struct bh_table t;
	struct bundle b;
	int err = files_read_bundle(&s->h->files, true, &bytes, &b);

	if (!err)
		err = bh_table_decode(b.table, s->a, &t);
	if (err || b.generation != generation)
		return why_say(s->w, -ESTALE,
			"the table was edited from outside and what was applied is lost: "
			"'bulkhead undo', then apply again");
	struct bh_load l = { .table = &t, .mode = b.mode, .generation = generation };
	return kernel_transact(&s->h->kernel, bh_enforce_load, &l, s->w);
}

static int may_confirm(struct sight *s)
{
	if (s->now.trial.number)
		return 0;
	if (s->rec.lapsed)
		return why_say(s->w, -ETIME,
			"the trial of generation %u has lapsed and %s again: 'bulkhead apply' it "
			"once more",
			s->rec.lapsed,
			s->now.settled.number ? "the former rules decide" : "nothing is blocked");
	return why_say(s->w, -ESRCH, "nothing is on trial, so there is nothing to confirm");
}

static int confirm(struct sight *s, const struct bh_request *r)
{
	struct bh_load l = load_of(s);
	char changed[sizeof s->changed];
	int err = may_confirm(s);

	(void)r;
	memcpy(changed, s->changed, sizeof changed);
	act_fault("confirm-asked");
	if (!err && l.former)
		err = stale_names(s, l.former, &l);
	if (!err)
		err = announce(s, PENDING_CONFIRM);
	act_fault("confirm-announced");
	if (!err)
		err = changed[0] ? replace_edited(s, l.generation)
				 : kernel_transact(&s->h->kernel, bh_enforce_confirm, &l, s->w);
	act_fault("confirmed");
	if (!err)
		err = promote(s);
	/* Told once: it was edited, and is no longer. */
	memcpy(s->told, changed, sizeof changed);
	act_fault("settled");
	return err;
}

int act_confirm(struct house *h, struct bh_priv_state *ret, struct why *w)
{
	return run(h, confirm, NULL, ret, w);
}

static int undo(struct sight *s, const struct bh_request *r)
{
	struct bh_load l = { 0 };

	(void)r;
	if (s->now.trial.number) {
		s->rec.lapsed = 0;
		return end_trial(s);
	}
	if (!s->now.table && !files_has_confirmed(&s->h->files))
		return why_say(s->w, -ESRCH, "nothing is loaded, so there is nothing to undo");
	act_fault("undo-asked");
	int err = announce(s, PENDING_UNDO);
	act_fault("undo-announced");
	if (!err && s->now.table)
		err = kernel_transact(&s->h->kernel, bh_enforce_undo, &l, s->w);
	act_fault("taken-away");
	if (!err)
		err = files_drop_confirmed(&s->h->files, s->w);
	act_fault("forgotten");
	if (err)
		return err;
	files_drop_trial(&s->h->files);
	s->rec.trial = s->rec.lapsed = 0;
	s->rec.changed = false;
	return settle(s);
}

int act_undo(struct house *h, struct bh_priv_state *ret, struct why *w)
{
	return run(h, undo, NULL, ret, w);
}

/* ---- what was confirmed, once more ---- */

/* For good, and whole: nothing of whatever stands there stays.  -ENOENT: none is kept. */
static int confirmed_again(struct sight *s)
{
	BH_AUTO_BUF bytes = { 0 };
	struct bundle b;
	struct bh_request again = { .ask = BH_ASK_APPLY };
	int err = files_read_bundle(&s->h->files, false, &bytes, &b);

	if (err == -ENOENT)
		return err;
	if (!err)
		err = bh_table_decode(b.table, s->a, &again.table);
	if (err)
		return why_say(s->w, err == -ENOENT ? -EBADMSG : err,
			"%s/confirmed cannot be believed (%s): apply the policy "
			"again",
			s->h->files.keep, strerror(-err));
	again.mode = b.mode;
	again.table_bytes = b.table;
	again.text = b.text;
	return put_in_force(s, &again);
}

static int load(struct sight *s, const struct bh_request *r)
{
	int err = s->now.table ? 0 : confirmed_again(s);

	(void)r;
	return err == -ENOENT ? 0 : err;
}

static int heal(struct sight *s, const struct bh_request *r)
{
	char changed[sizeof s->changed];

	(void)r;
	if (!s->changed[0])
		return 0;
	/* A trial ends by itself; but not one whose lease was edited. */
	if (s->now.trial.number && s->now.live && !lease_changes(s)[0])
		return why_say(s->w, -EBUSY,
			"generation %u is on trial: what was edited goes when that ends, in %u "
			"seconds, or when it is confirmed",
			s->now.trial.number, (s->now.left_ms + 999) / 1000);
	memcpy(changed, s->changed, sizeof changed);
	act_fault("heal-asked");
	int err = confirmed_again(s);
	if (err == -ENOENT && s->now.trial.number)
		err = end_trial(s);
	else if (err == -ENOENT)
		why_say(s->w, err,
			"nothing that was confirmed is kept: 'bulkhead apply' the policy again");
	memcpy(s->told, changed, sizeof changed);
	return err;
}

int act_heal(struct house *h, struct bh_priv_state *ret, struct why *w)
{
	return run(h, heal, NULL, ret, w);
}

/* ---- at boot ---- */

int act_load(struct house *h, bool *ret_loaded, struct why *w)
{
	struct bh_priv_state st = { 0 };
	int err = run(h, load, NULL, &st, w);

	if (!err)
		*ret_loaded = st.loaded;
	return err;
}

/* ---- small questions ---- */

int act_policy(struct house *h, struct bh_buf *ret, struct why *w)
{
	BH_AUTO_BUF bytes = { 0 };
	struct bh_priv_state st;
	struct bundle b;
	int err = act_state(h, &st, w);

	if (err)
		return err;
	if (!st.loaded)
		return why_say(w, -ENOENT, "nothing is loaded: name a policy with -p FILE");
	err = files_read_bundle(&h->files, st.trial != 0, &bytes, &b);
	if (err)
		return why_say(w, -ENOENT,
			"the policy of what is loaded was not kept: name it with "
			"-p FILE");
	bh_buf_add(ret, b.text.ptr, b.text.len);
	return bh_buf_ok(ret) ? 0 : why_say(w, -ENOMEM, "out of memory");
}

int act_cut(struct house *h, struct bh_buf *ret, struct why *w)
{
	BH_AUTO_ARENA a = { 0 };
	BH_AUTO_BUF bytes = { 0 };
	struct bh_priv_state st;
	struct bundle b;
	struct bh_table t;
	uint32_t n = 0;
	int err = act_state(h, &st, w);

	if (err)
		return err;
	bool trial = st.trial && st.lease_left;
	enum bh_mode mode = trial ? st.trial_mode : st.mode;
	if (!st.loaded || mode == BH_AUDIT)
		return why_say(w, -EINVAL, "nothing that blocks is loaded: nothing is cut");
	err = files_read_bundle(&h->files, trial, &bytes, &b);
	if (!err)
		err = bh_table_decode(b.table, &a, &t);
	if (err)
		return why_say(w, err, "what was loaded was not kept: apply the policy again");
	err = sessions_cut(&t, &n, w);
	bh_buf_le32(ret, n);
	return err;
}

static int look_at_hits(struct house *h, struct bh_arena *a, struct hits *ret, struct why *w)
{
	BH_AUTO_BUF dump = { 0 };
	BH_AUTO_BUF kept = { 0 };
	struct hits before = { 0 };
	struct why ignored;
	struct timespec t;
	int err = kernel_dump_rules(&h->kernel, &dump, w);

	if (err)
		return err;
	if (hits_read(bh_span_of(dump.ptr, dump.len), a, ret))
		return why_say(w, -ENOMEM, "out of memory");
	clock_gettime(CLOCK_REALTIME, &t);
	ret->looked = (int64_t)t.tv_sec * SECOND + t.tv_nsec;
	/* What cannot be read back or kept makes the answer less exact, not wrong. */
	if (files_read_hits(&h->files, &kept) == 0 &&
		hits_parse(bh_span_of(kept.ptr, kept.len), a, &before))
		before = (struct hits){ 0 };
	hits_since(ret, &before);
	(void)!files_write_hits(&h->files, ret, &ignored);
	return 0;
}

int act_hits(struct house *h, struct bh_buf *ret, struct why *w)
{
	BH_AUTO_ARENA a = { 0 };
	struct hits now = { 0 };
	int err = files_lock(&h->files, w);

	if (err)
		return err;
	err = look_at_hits(h, &a, &now, w);
	files_unlock(&h->files);
	for (size_t i = 0; i < now.n && !err; i++)
		bh_wire_put_hit(ret, &now.v[i].is);
	if (!err && !bh_buf_ok(ret))
		err = why_say(w, -ENOMEM, "out of memory");
	return err;
}

uint64_t act_trial_left(struct house *h)
{
	struct why ignored;
	struct record r;
	uint64_t now = monotonic();

	if (files_read_record(&h->files, &r, &ignored) || !r.trial || !r.lease)
		return 0;
	return r.deadline > now ? (r.deadline - now) / MS + 1 : 1;
}
