#include "cli/rules.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define ASK_SECONDS 60 /* how often the kernel's number is asked, whatever was told */
#define HIT_SECONDS 30 /* how often the counters are looked at, for `status` to say when */
#define DATAGRAM    (64u << 10)

struct bh_rules {
	const struct bh_cli *cli;
	struct bh_priv *priv;
	struct bh_alerts *alerts;
	int fd;
	struct bh_changes changes;
	struct bh_drift drift;
	struct bh_priv_state state; /* when it was last looked at */
	bh_time ask_at, hits_at;
	struct bh_arena arena; /* the sentences' */
	const char *const *foreign;
	size_t n_foreign;
	uint8_t *buf; /* DATAGRAM */
};

static bh_time monotonic(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * BH_SECOND + t.tv_nsec;
}

/* ---- who ---- */

/* The process and who started it, where it is still there. */
static void format_suspect(const struct bh_change *c, struct bh_buf *b)
{
	if (!c->pid && !c->process[0]) {
		bh_buf_str(b, "a process that the kernel does not name");
		return;
	}
	bh_buf_printf(b, "%s (process %u%s%s)", c->process[0] ? c->process : "?", c->pid,
		c->by[0] ? ", " : "", c->by);
}

/* Those who touched our table, or others'; nobody: we were not told, or it was long ago. */
static void format_suspects(const struct bh_drift *d, bool ours, struct bh_buf *b)
{
	size_t n = 0;

	for (size_t i = 0; i < d->n_suspects; i++) {
		const struct bh_change *c = &d->suspects[i];
		bool priv = !strcmp(c->process, "bulkhead-priv"), again = false;
		for (size_t k = 0; k < i; k++)
			again = again ||
				(d->suspects[k].pid == c->pid && d->suspects[k].ours == c->ours);
		if (!(ours ? c->ours : c->others) || priv || again)
			continue;
		bh_buf_str(b, n++ ? ", " : "");
		format_suspect(c, b);
	}
	if (!n)
		bh_buf_str(b, d->lost ? "somebody among more changes than could be told apart"
				      : "somebody, before this was watched");
}

static const struct bh_change *first_suspect(const struct bh_drift *d, bool ours)
{
	for (size_t i = 0; i < d->n_suspects; i++) {
		const struct bh_change *c = &d->suspects[i];
		if ((ours ? c->ours : c->others) && strcmp(c->process, "bulkhead-priv") != 0)
			return c;
	}
	return NULL;
}

/* ---- telling ---- */

static void tell(struct bh_rules *r, const char *event, const struct bh_change *who,
	const char *fmt, ...) BH_PRINTF(4, 5);

static void tell(
	struct bh_rules *r, const char *event, const struct bh_change *who, const char *fmt, ...)
{
	char text[1024], when[32] = "";
	time_t t = time(NULL);
	struct tm tm;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	if (r->cli->json) {
		if (gmtime_r(&t, &tm))
			strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", &tm);
		json_t *o = json_pack("{s:s, s:s, s:s, s:o, s:s?, s:I, s:b}", "event", event,
			"time", when, "text", text, "pid",
			who && who->pid ? json_integer(who->pid) : json_null(), "process",
			who && who->process[0] ? who->process : NULL, "generation",
			(json_int_t)r->state.generation, "changed_outside",
			r->state.changed_outside);
		if (o)
			json_dumpf(o, stdout, JSON_COMPACT | JSON_PRESERVE_ORDER);
		json_decref(o);
		putchar('\n');
	} else {
		if (localtime_r(&t, &tm))
			strftime(when, sizeof when, "%H:%M:%S", &tm);
		printf("%s  %s\n", when, text);
	}
	fflush(stdout);
}

static void alert(
	struct bh_rules *r, enum bh_alert_kind kind, const struct bh_change *who, const char *text)
{
	char pid[16], generation[16];
	struct bh_alert_field v[4];
	size_t n = 0;

	snprintf(generation, sizeof generation, "%u", r->state.generation);
	v[n++] = (struct bh_alert_field){ "GENERATION", generation };
	if (who && who->pid) {
		snprintf(pid, sizeof pid, "%u", who->pid);
		v[n++] = (struct bh_alert_field){ "PID", pid };
	}
	if (who && who->process[0])
		v[n++] = (struct bh_alert_field){ "PROCESS", who->process };
	if (who && who->tables[0])
		v[n++] = (struct bh_alert_field){ "TABLES", who->tables };
	bh_alert(r->alerts, kind, text, v, n);
}

static const char *mode_name(enum bh_mode m)
{
	return m == BH_AUDIT ? "audit" : "enforcing";
}

void bh_rules_format(const struct bh_rules *r, struct bh_buf *b)
{
	const struct bh_priv_state *s = &r->state;

	if (s->trial && s->lease_left)
		bh_buf_printf(b, "generation %u (%s) is on trial for %u s", s->trial,
			mode_name(s->trial_mode), s->lease_left);
	else if (s->generation)
		bh_buf_printf(b, "generation %u decides (%s)", s->generation, mode_name(s->mode));
	else
		bh_buf_str(b, "nothing of ours is loaded");
}

/* ---- our table ---- */

static void tell_news(struct bh_rules *r, unsigned news)
{
	const struct bh_priv_state *s = &r->state;
	const struct bh_change *who = first_suspect(&r->drift, true);
	BH_AUTO_BUF b = { 0 };
	BH_AUTO_BUF by = { 0 };

	format_suspects(&r->drift, true, &by);
	if (news & (BH_NEWS_DRIFT | BH_NEWS_AGAIN)) {
		bh_buf_printf(&b, "the table was changed from outside%s by %s: %s",
			news & BH_NEWS_AGAIN ? " again" : "", bh_buf_text(&by), s->changed);
		tell(r, "drift", who, "%s", bh_buf_text(&b));
		alert(r, BH_ALERT_DRIFT, who, bh_buf_text(&b));
		return;
	}
	if (news & BH_NEWS_RIGHT)
		tell(r, "right", who, "the table is again what was loaded");
	if (news & BH_NEWS_LAPSED)
		tell(r, "lapsed", NULL,
			"the trial of generation %u was not confirmed and has undone itself",
			s->lapsed);
	if (news & BH_NEWS_GONE)
		tell(r, "undone", NULL,
			"'bulkhead undo' took our rules away: nothing is blocked any more");
	if (news & BH_NEWS_LOADED) {
		bh_rules_format(r, &b);
		tell(r, "loaded", NULL, "%s", bh_buf_text(&b));
	}
}

static void on_change(void *ctx, const struct bh_change *change)
{
	struct bh_rules *r = ctx;
	struct bh_change c = *change;

	bh_keeper_who(&c);
	bh_drift_told(&r->drift, &c, monotonic());
}

static void read_changes(struct bh_rules *r)
{
	for (;;) {
		ssize_t n = recv(r->fd, r->buf, DATAGRAM, MSG_DONTWAIT | MSG_TRUNC);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == ENOBUFS) {
			r->changes = (struct bh_changes){ 0 };
			bh_drift_lost(&r->drift, monotonic());
			continue;
		}
		if (n < 0)
			return;
		if ((size_t)n > DATAGRAM)
			bh_drift_lost(&r->drift, monotonic());
		bh_changes_read(&r->changes, bh_span_of(r->buf, bh_min_size((size_t)n, DATAGRAM)),
			on_change, r);
	}
}

/* -EPIPE: nobody answers any more; another failure passes, and is tried again. */
static int look(struct bh_rules *r, unsigned *news)
{
	struct bh_priv_state s;
	const char *why = "";
	bh_time began = monotonic();
	int err = bh_priv_state(r->priv, &s, &why);

	if (err == -EPIPE)
		return err;
	if (err) {
		r->drift.ours.not_before = monotonic() + BH_SECOND;
		return 0;
	}
	/* Who did what was just seen is told by now. */
	read_changes(r);
	r->state = s;
	*news = bh_drift_looked(&r->drift, &s, began, monotonic());
	return 0;
}

/* ---- others' rules ---- */

static void tell_foreign(struct bh_rules *r, const char *const *v, size_t n)
{
	const struct bh_change *who = first_suspect(&r->drift, false);
	BH_AUTO_BUF by = { 0 };

	format_suspects(&r->drift, false, &by);
	for (size_t i = 0; i < n; i++) {
		BH_AUTO_BUF b = { 0 };
		if (bh_foreign_known(v[i], r->foreign, r->n_foreign))
			continue;
		bh_buf_printf(&b, "%s (by %s)", v[i], bh_buf_text(&by));
		tell(r, "foreign-rule", who, "%s", bh_buf_text(&b));
		alert(r, BH_ALERT_FOREIGN, who, bh_buf_text(&b));
	}
	for (size_t i = 0; i < r->n_foreign; i++) {
		if (!bh_foreign_known(r->foreign[i], v, n))
			tell(r, "foreign-rule-gone", who, "no longer: %s", r->foreign[i]);
	}
}

static int look_around(struct bh_rules *r, bool say)
{
	struct bh_arena a = { 0 };
	const char *const *v = NULL;
	const char *why = "";
	size_t n = 0;
	bh_time began = monotonic();
	int err = bh_keeper_foreign(r->priv, &a, &v, &n, &why);

	if (!err && say)
		tell_foreign(r, v, n);
	if (err) {
		bh_arena_reset(&a);
	} else {
		bh_arena_reset(&r->arena);
		r->arena = a;
		r->foreign = v;
		r->n_foreign = n;
	}
	bh_drift_looked_around(&r->drift, began, monotonic());
	bh_drift_done_around(&r->drift);
	return err == -EPIPE ? err : 0;
}

/* ---- healing ---- */

static int heal(struct bh_rules *r)
{
	struct bh_priv_state s;
	const char *why = "";
	bh_time began = monotonic();
	int err = bh_priv_heal(r->priv, &s, &why);

	if (err == -EPIPE)
		return err;
	bool calm = bh_drift_healed(&r->drift, err, monotonic());
	if (err == -EBUSY)
		return 0;
	if (err) {
		tell(r, "not-healed", NULL, "the table cannot be put right: %s", why);
		alert(r, BH_ALERT_NOT_HEALED, NULL, why);
		return 0;
	}
	read_changes(r);
	r->state = s;
	(void)bh_drift_looked(&r->drift, &s, began, monotonic());
	bh_drift_done(&r->drift);
	tell(r, "healed", NULL,
		"healed: generation %u, as it was confirmed, replaces what was edited",
		s.generation);
	alert(r, BH_ALERT_HEALED, NULL, "the table was put right");
	if (!calm) {
		tell(r, "not-healed", NULL,
			"somebody undoes this again and again: the next time it is put right only after a minute");
		alert(r, BH_ALERT_NOT_HEALED, NULL,
			"somebody changes the table again and again after it was put right");
	}
	return 0;
}

/* ---- all of it ---- */

static int begin(struct bh_rules *r)
{
	const char *why = "";

	r->buf = malloc(DATAGRAM);
	if (!r->buf)
		return bh_cli_fail(r->cli, BH_EXIT_SYSTEM, "out of memory");
	/* First listen, then look: what happens between is told. */
	int err = bh_priv_changes(r->priv, &r->fd, &why);
	if (!err)
		err = bh_priv_state(r->priv, &r->state, &why);
	if (err)
		return bh_cli_fail(r->cli, BH_EXIT_SYSTEM, "%s", why);
	read_changes(r);
	unsigned news = bh_drift_looked(&r->drift, &r->state, monotonic(), monotonic());
	if (look_around(r, false))
		return bh_cli_fail(r->cli, BH_EXIT_SYSTEM, "bulkhead-priv has ended");
	tell_news(r, news);
	bh_drift_done(&r->drift);
	r->ask_at = monotonic() + ASK_SECONDS * BH_SECOND;
	return 0;
}

int bh_rules_open(const struct bh_cli *cli, struct bh_priv *priv, bool heals,
	struct bh_alerts *alerts, struct bh_rules **ret)
{
	struct bh_rules *r = calloc(1, sizeof *r);

	if (!r)
		return bh_cli_fail(cli, BH_EXIT_SYSTEM, "out of memory");
	*r = (struct bh_rules){ .cli = cli, .priv = priv, .alerts = alerts, .fd = -1 };
	r->drift.heals = heals;
	int err = begin(r);
	if (err)
		bh_rules_free(r);
	else
		*ret = r;
	return err;
}

struct bh_rules *bh_rules_free(struct bh_rules *r)
{
	if (!r)
		return NULL;
	if (r->fd >= 0)
		close(r->fd);
	bh_arena_reset(&r->arena);
	free(r->buf);
	free(r);
	return NULL;
}

int bh_rules_fd(const struct bh_rules *r)
{
	return r->fd;
}

int bh_rules_wait(const struct bh_rules *r)
{
	bh_time now = monotonic();
	int due = bh_drift_wait(&r->drift, now);
	bh_time next = r->ask_at < r->hits_at ? r->ask_at : r->hits_at;
	int ask = next > now ? (int)((next - now) / (BH_SECOND / 1000)) + 1 : 0;

	return due < 0 || ask < due ? ask : due;
}

/* Whatever was told or not: is the kernel where we think it is? */
static int ask_generation(struct bh_rules *r)
{
	const char *why = "";
	uint32_t generation = 0;
	int err = bh_priv_generation(r->priv, &generation, &why);

	r->ask_at = monotonic() + ASK_SECONDS * BH_SECOND;
	if (err)
		return err;
	read_changes(r);
	/* What came since it was asked is told as well; only less than asked was lost. */
	if ((int32_t)(generation - r->drift.told) > 0)
		bh_drift_lost(&r->drift, monotonic());
	return 0;
}

/* bulkhead-priv keeps what it saw. */
static int look_at_hits(struct bh_rules *r)
{
	BH_AUTO_ARENA a = { 0 };
	const struct bh_priv_hit *v = NULL;
	const char *why = "";
	size_t n = 0;

	r->hits_at = monotonic() + HIT_SECONDS * BH_SECOND;
	return r->state.loaded ? bh_priv_hits(r->priv, &a, &v, &n, &why) : 0;
}

int bh_rules_step(struct bh_rules *r)
{
	unsigned news = 0;
	int err = 0;

	read_changes(r);
	if (monotonic() >= r->ask_at)
		err = ask_generation(r);
	if (!err && monotonic() >= r->hits_at)
		err = look_at_hits(r) == -EPIPE ? -EPIPE : 0;
	if (!err && bh_drift_others_due(&r->drift, monotonic()))
		err = look_around(r, true);
	if (!err && bh_drift_ours_due(&r->drift, monotonic())) {
		err = look(r, &news);
		tell_news(r, news);
		bh_drift_done(&r->drift);
	}
	if (!err && bh_drift_heal_due(&r->drift, monotonic()))
		err = heal(r);
	return err == -EPIPE ? err : 0;
}
