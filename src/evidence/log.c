#include "evidence/log.h"

#include <stdio.h>
#include <stdlib.h>

#include "evidence/said.h"

enum { PROBLEMS_TOLD = 16 };

const char *const bh_log_kind_names[BH_LOG_KINDS] = {
	[BH_LOG_NONE] = "no log",
	[BH_LOG_EVTX] = "Windows event log",
	[BH_LOG_XML] = "Windows events as XML",
	[BH_LOG_JSON] = "JSON log",
	[BH_LOG_CSV] = "Windows events as CSV",
	[BH_LOG_PFIREWALL] = "Windows Firewall log",
	[BH_LOG_ZEEK] = "Zeek log",
	[BH_LOG_SAMBA] = "Samba log",
};

/* ---- what mappers call ---- */

static void stick(struct bh_log *l, int r)
{
	if (!l->error)
		l->error = r;
}

void bh_log_count(struct bh_log *l, const char *log, struct bh_span what, uint32_t id, bool read)
{
	char name[BH_PROVIDER_TEXT];

	l->counts.records++;
	if (!what.len) {
		bh_kinds_add(l->kinds, bh_span_of(log, strlen(log)), id, read);
		return;
	}
	int n = snprintf(name, sizeof name, "%s%s%.*s", log, log[0] ? " " : "",
		(int)bh_min_size(what.len, sizeof name), (const char *)what.ptr);
	bh_kinds_add(l->kinds, bh_span_of(name, bh_min_size((size_t)n, sizeof name - 1)), id, read);
}

void bh_log_bad(struct bh_log *l, const char *why)
{
	l->counts.unreadable++;
	if (l->problems++ < PROBLEMS_TOLD && !l->error)
		stick(l, l->sink.problem(l->ctx, l->offset, why));
}

/* A fact of it must be one that its reader believes. */
static bool sane(const struct bh_observation *o)
{
	struct bh_fact f = { .magic = BH_FACT_MAGIC, .kind = BH_FACT_LEAF };

	f.leaf_is.who = o->who;
	f.leaf_is.figures.first_seen = f.leaf_is.figures.last_seen = o->when;
	return bh_fact_sane(&f);
}

void bh_log_say(struct bh_log *l, const struct bh_observation *o)
{
	struct bh_observation timed = *o;

	if (l->error)
		return;
	if (!timed.when)
		timed.when = l->now;
	if (sane(&timed))
		stick(l, l->sink.saw(l->ctx, &timed));
	else
		bh_log_bad(l, "a record whose ends are not named, or of two families");
}

void bh_log_name(struct bh_log *l, const struct bh_name_seen *n)
{
	struct bh_fact f = { .magic = BH_FACT_MAGIC, .kind = BH_FACT_NAME, .name = *n };

	if (!l->error && bh_fact_sane(&f))
		stick(l, l->sink.name(l->ctx, n));
}

void bh_log_listed(struct bh_log *l, const struct bh_share_seen *s)
{
	struct bh_fact f = { .magic = BH_FACT_MAGIC, .kind = BH_FACT_SHARE, .share = *s };

	if (l->error)
		return;
	if (bh_fact_sane(&f))
		stick(l, l->sink.share(l->ctx, s));
	else
		bh_log_bad(l, "an event of a share that is not named");
}

struct bh_join *bh_log_join(struct bh_log *l)
{
	if (!l->joined)
		stick(l, bh_join_new(l->options.seed, l->options.sessions, &l->joined));
	return l->joined;
}

struct bh_join *bh_log_zeek(struct bh_log *l)
{
	if (l->options.zeek)
		return l->options.zeek->join;
	if (!l->own_zeek)
		stick(l, bh_zeek_new(l->options.seed, l->options.sessions, &l->own_zeek));
	return l->own_zeek ? l->own_zeek->join : NULL;
}

struct bh_observation bh_log_observe(bh_time when)
{
	struct bh_observation o = { .when = when };

	bh_conversation_init(&o.who);
	return o;
}

void bh_log_share(struct bh_conversation *c, struct bh_span name)
{
	char unc[BH_SHARE_TEXT];

	if (!name.len)
		return;
	int n = snprintf(unc, sizeof unc, "\\\\*\\%.*s", (int)bh_min_size(name.len, sizeof unc),
		(const char *)name.ptr);
	bh_said(c, BH_KNOWN_SHARE, bh_span_of(unc, bh_min_size((size_t)n, sizeof unc - 1)));
}

void bh_log_unc(struct bh_conversation *c, struct bh_span unc)
{
	char text[BH_SHARE_TEXT];
	struct bh_cur at = bh_cur_of(unc);
	unsigned slashes = 0;

	while (bh_cur_left(&at) && at.at[0] == '\\' && slashes < 2) {
		bh_cur_skip(&at, 1);
		slashes++;
	}
	struct bh_span rest = bh_cur_take(&at, bh_cur_left(&at));
	const uint8_t *end = slashes && rest.len ? memchr(rest.ptr, '\\', rest.len) : NULL;
	if (!end) { /* a bare name */
		bh_said(c, BH_KNOWN_SHARE, unc);
		return;
	}
	struct bh_span host = bh_span_of(rest.ptr, (size_t)(end - rest.ptr));
	if (host.len && !bh_event_is(host, "*"))
		bh_said(c, BH_KNOWN_SERVER_NAME, host);
	int n = snprintf(text, sizeof text, "\\\\%.*s", (int)bh_min_size(rest.len, sizeof text),
		(const char *)rest.ptr);
	bh_said(c, BH_KNOWN_SHARE, bh_span_of(text, bh_min_size((size_t)n, sizeof text - 1)));
}

/* ---- Windows events ---- */

bool bh_log_wants_event(struct bh_log *l, struct bh_span provider, uint32_t id)
{
	bool reads = bh_evidence_windows_reads(provider, id);

	l->counts.records++;
	bh_kinds_add(l->kinds, provider, id, reads);
	return reads && !l->error;
}

void bh_log_event(struct bh_log *l, const struct bh_event *e)
{
	struct bh_observation o;
	struct bh_name_seen name;
	struct bh_share_seen share;
	int r = bh_evidence_windows(e, &o), listed = bh_evidence_windows_share(e, &share);

	bh_logons_note(l->logons, e);
	bh_windows_claim(l, e);
	if (r == -ENOMSG)
		bh_windows_logon(l, e);
	if (!r) {
		bh_logons_join(l->logons, e, &o);
		if (e->id != 5168 || o.who.client.family || o.who.workstation[0])
			bh_log_say(l, &o);
	} else if (r == -EBADMSG || listed == -EBADMSG) {
		bh_log_bad(l, "a Windows event that cannot be believed");
	}
	if (!listed)
		bh_log_listed(l, &share);
	if (!bh_evidence_windows_name(e, &name))
		bh_log_name(l, &name);
}

static bool want_event(void *ctx, struct bh_span provider, uint32_t id)
{
	return bh_log_wants_event(ctx, provider, id);
}

static void hear_event(void *ctx, const struct bh_event *e)
{
	bh_log_event(ctx, e);
}

static struct bh_event_sink event_sink(struct bh_log *l)
{
	return (struct bh_event_sink){ .ctx = l, .want = want_event, .event = hear_event };
}

/* ---- EVTX ---- */

static void chunk(struct bh_log *l)
{
	struct bh_event_sink sink = event_sink(l);
	struct bh_evtx_told told = { 0 };
	int r = bh_evtx_chunk(l->evtx, bh_span_of(l->chunk, l->in_chunk), &sink, &told);

	l->offset = l->at - l->in_chunk;
	l->in_chunk = 0;
	if (r == -EBADMSG)
		bh_log_bad(l, "a chunk that is none");
	if (r)
		return;
	if (told.unreadable) {
		bh_log_bad(l, told.suspect ? "a damaged chunk: records in it are lost"
					   : "records that cannot be read");
		l->counts.unreadable += told.unreadable - 1;
	} else if (told.suspect && l->problems++ < PROBLEMS_TOLD && !l->error) {
		stick(l, l->sink.problem(l->ctx, l->offset,
				 "a chunk whose checksum is wrong: what it holds was read"));
	}
}

static void feed_evtx(struct bh_log *l, struct bh_span bytes)
{
	struct bh_cur c = bh_cur_of(bytes);

	if (l->at < BH_EVTX_FIRST) {
		size_t skip = bh_min_size((size_t)(BH_EVTX_FIRST - l->at), bh_cur_left(&c));
		bh_cur_skip(&c, skip);
		l->at += skip;
	}
	while (bh_cur_left(&c) && !l->error) {
		size_t n = bh_min_size(BH_EVTX_CHUNK - l->in_chunk, bh_cur_left(&c));
		struct bh_span s = bh_cur_take(&c, n);
		memcpy(l->chunk + l->in_chunk, s.ptr, n);
		l->in_chunk += n;
		l->at += n;
		if (l->in_chunk == BH_EVTX_CHUNK)
			chunk(l);
	}
}

/* ---- records ---- */

static int record(void *ctx, const struct bh_record *r)
{
	struct bh_log *l = ctx;

	l->offset = r->offset;
	if (!r->bytes.ptr) {
		l->counts.records++;
		bh_log_bad(l, "a record that breaks off, or is longer than 1 MiB");
		return l->error;
	}
	bh_fields_reset(l->fields);
	switch (l->kind) {
	case BH_LOG_JSON: bh_json_record(l, r); break;
	case BH_LOG_CSV: bh_csv_record(l, r->bytes); break;
	case BH_LOG_PFIREWALL: bh_pfirewall_record(l, r->bytes); break;
	case BH_LOG_ZEEK: bh_zeek_record(l, r->bytes); break;
	default: bh_samba_record(l, r->bytes); break;
	}
	return l->error;
}

void bh_columns_reset(struct bh_columns *c)
{
	c->n = c->used = 0;
}

void bh_columns_add(struct bh_columns *c, struct bh_span name)
{
	struct bh_span kept = bh_span_of(c->text + c->used, name.len);

	if (c->n == BH_FIELDS_MAX)
		return;
	if (name.len > sizeof c->text - c->used)
		kept.len = 0;
	if (kept.len)
		memcpy(c->text + c->used, name.ptr, kept.len);
	c->used += kept.len;
	c->name[c->n++] = kept;
}

void bh_columns_field(
	const struct bh_columns *c, size_t i, struct bh_span text, struct bh_fields *f)
{
	if (i < c->n && c->name[i].len)
		bh_fields_add(f, c->name[i], text);
}

/* ---- the door ---- */

/* Windows events need what joins logons to shares; XML may stand within tables too. */
static int make_for_events(struct bh_log *l)
{
	int r = bh_logons_new(l->options.seed, &l->logons);

	return r || l->kind == BH_LOG_EVTX ? r : bh_xml_new(l->options.seed, &l->xml);
}

static int make_for_text(struct bh_log *l)
{
	enum bh_split how = l->kind == BH_LOG_JSON  ? BH_SPLIT_JSON
			    : l->kind == BH_LOG_CSV ? BH_SPLIT_CSV
						    : BH_SPLIT_LINES;

	l->fields = malloc(sizeof *l->fields);
	l->columns = malloc(sizeof *l->columns);
	if (!l->fields || !l->columns)
		return -ENOMEM;
	bh_columns_reset(l->columns);
	return bh_feed_new(how, record, l, &l->feed);
}

static int make(struct bh_log *l)
{
	int r = bh_kinds_new(l->options.seed, &l->kinds);

	if (!r && l->kind <= BH_LOG_CSV) /* those that hold them come first */
		r = make_for_events(l);
	if (r || l->kind == BH_LOG_XML)
		return r;
	if (l->kind != BH_LOG_EVTX)
		return make_for_text(l);
	l->chunk = malloc(BH_EVTX_CHUNK);
	return l->chunk ? bh_evtx_new(&l->evtx) : -ENOMEM;
}

int bh_log_new(enum bh_log_kind kind, const struct bh_log_options *options,
	const struct bh_log_sink *sink, void *ctx, struct bh_log **ret)
{
	if (kind == BH_LOG_NONE || kind >= BH_LOG_KINDS)
		return -EINVAL;
	BH_AUTO(bh_log) l = calloc(1, sizeof *l);
	if (!l)
		return -ENOMEM;
	l->kind = kind;
	l->options = *options;
	l->sink = *sink;
	l->ctx = ctx;
	l->samba.east = options->east;
	if (options->prefix) {
		l->samba.prefix = *options->prefix;
		l->samba.declared = true;
	}
	int r = make(l);
	if (r)
		return r;
	*ret = l;
	l = NULL; /* handed over */
	return 0;
}

struct bh_log *bh_log_free(struct bh_log *l)
{
	if (!l)
		return NULL;
	bh_kinds_free(l->kinds);
	bh_feed_free(l->feed);
	bh_join_free(l->joined);
	bh_logons_free(l->logons);
	bh_zeek_free(l->own_zeek);
	bh_xml_free(l->xml);
	bh_evtx_free(l->evtx);
	free(l->fields);
	free(l->columns);
	free(l->chunk);
	free(l);
	return NULL;
}

int bh_log_feed(struct bh_log *l, struct bh_span bytes)
{
	if (l->error)
		return l->error;
	if (l->kind == BH_LOG_EVTX) {
		feed_evtx(l, bytes);
	} else if (l->kind == BH_LOG_XML) {
		struct bh_event_sink sink = event_sink(l);
		bh_xml_feed(l->xml, bytes, &sink);
		l->at += bytes.len;
	} else {
		stick(l, bh_feed(l->feed, bytes));
	}
	return l->error;
}

int bh_log_tell(struct bh_log *l, bh_time until)
{
	l->until = until;
	bh_windows_waiting(l);
	bh_samba_waiting(l);
	bh_suricata_waiting(l);
	if (l->own_zeek && !l->error)
		bh_zeek_waiting(l, l->own_zeek->join);
	if (!l->error)
		stick(l, bh_kinds_tell(l->kinds, l->sink.events, l->ctx));
	return l->error;
}

void bh_log_clock(struct bh_log *l, bh_time now)
{
	l->options.modified = l->now = now;
}

static void end_xml(struct bh_log *l)
{
	struct bh_xml_told told = bh_xml_end(l->xml);

	l->offset = l->at;
	if (!told.unreadable)
		return;
	bh_log_bad(l, "events that are no XML, or break off");
	l->counts.unreadable += told.unreadable - 1;
}

int bh_log_end(struct bh_log *l)
{
	if (l->error)
		return l->error;
	if (l->kind == BH_LOG_EVTX && l->in_chunk)
		chunk(l);
	else if (l->kind == BH_LOG_XML)
		end_xml(l);
	else if (l->feed)
		stick(l, bh_feed_end(l->feed));
	return l->error ? l->error : bh_log_tell(l, INT64_MAX);
}

struct bh_log_counts bh_log_counted(const struct bh_log *l)
{
	return l->counts;
}
