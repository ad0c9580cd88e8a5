/*
 * Samba's text log and syslog: lines of auth_json_audit and of vfs_full_audit among
 * others, with whatever stands before them.
 *
 *   [2026/01/31 12:00:00.123456,  3] ../../auth/auth_log.c:647(log_authentication_event…)
 *     {"timestamp": "2026-01-31T12:00:00.123456+0100", "type": "Authentication", …}
 *     alice|10.0.0.5|ws1|Public|connect|ok|Public
 *   Jan 31 12:00:00 fs1 smbd_audit[812]: alice|10.0.0.5|connect|ok|Public
 *   <13>1 2026-01-31T12:00:00.1Z fs1 smbd_audit 812 - - alice|10.0.0.5|connect|ok|Public
 *
 * A line without a time has that of the latest one above.  Header lines and RFC 3164 are
 * local times; how far they are ahead of UTC is known once a JSON line says it.
 */
#include "evidence/log.h"
#include "evidence/said.h"
#include "evidence/when.h"

#define MARK "smbd_audit"

static struct bh_span rest(struct bh_cur *c)
{
	return bh_cur_take(c, bh_cur_left(c));
}

static uint8_t peek(const struct bh_cur *c)
{
	return bh_cur_left(c) ? c->at[0] : 0;
}

static struct bh_span word(struct bh_cur *c)
{
	size_t n = 0;

	while (peek(c) == ' ' || peek(c) == '\t')
		bh_cur_skip(c, 1);
	while (n < bh_cur_left(c) && c->at[n] != ' ' && c->at[n] != '\t')
		n++;
	return bh_cur_take(c, n);
}

static const uint8_t *find(struct bh_span s, const char *text)
{
	return s.len ? memmem(s.ptr, s.len, text, strlen(text)) : NULL;
}

/* ---- header lines ---- */

/* "[2026/01/31 12:00:00.123456,  3]", or "…, pid=1, effective(0, 0), …]" */
static bool header(struct bh_span line, int32_t east, bh_time *ret)
{
	struct bh_cur c = bh_cur_of(line);
	size_t n = 0;

	if (peek(&c) != '[')
		return false;
	bh_cur_skip(&c, 1);
	while (n < bh_cur_left(&c) && c.at[n] != ',' && c.at[n] != ']')
		n++;
	return n >= 19 && !bh_when_iso(bh_cur_take(&c, n), east, ret);
}

/* ---- what syslog puts before a message ---- */

static void priority(struct bh_cur *c)
{
	struct bh_cur look = *c;

	if (peek(&look) != '<')
		return;
	bh_cur_skip(&look, 1);
	while (peek(&look) >= '0' && peek(&look) <= '9')
		bh_cur_skip(&look, 1);
	if (bh_cur_u8(&look) == '>')
		*c = look;
}

/* "CET": of a journal written for people, which is in the writer's own zone. */
static void skip_zone(struct bh_cur *c)
{
	struct bh_cur look = *c;
	struct bh_span s = word(&look);

	for (size_t i = 0; i < s.len; i++) {
		if (s.ptr[i] < 'A' || s.ptr[i] > 'Z')
			return;
	}
	*c = look;
}

/* "2026-01-31T12:00:00Z", "2026-01-31 12:00:00", "1769860800.5": false if it is none. */
static bool plain_time(struct bh_cur *c, int32_t east, bh_time *ret)
{
	while (peek(c) == ' ')
		bh_cur_skip(c, 1);
	struct bh_cur both = *c, one = *c;
	struct bh_span date = word(&one);
	struct bh_cur after = one;
	struct bh_span clock = word(&after);
	if (!bh_when_iso(date, east, ret) || !bh_when_epoch(date, ret)) {
		*c = one;
		return true;
	}
	if (!clock.len)
		return false;
	struct bh_span whole = bh_cur_take(&both, bh_cur_left(&both) - bh_cur_left(&after));
	if (bh_when_iso(whole, east, ret))
		return false;
	*c = after;
	return true;
}

/* The time at the front; the cursor stands behind it if there is one. */
static bh_time front_time(const struct bh_log *l, struct bh_cur *c)
{
	struct bh_cur look = *c;
	bh_time t = 0;

	struct bh_span old = bh_cur_take(&look, bh_min_size(15, bh_cur_left(&look)));
	int r = bh_when_syslog(old, l->samba.east, l->options.modified, &t);
	if (!r || r == -ENOENT) {
		*c = look;
		return r ? 0 : t;
	}
	if (plain_time(c, l->samba.east, &t))
		return t;
	look = *c;
	(void)word(&look); /* "Sat" */
	if (!plain_time(&look, l->samba.east, &t))
		return 0;
	skip_zone(&look);
	*c = look;
	return t;
}

/* RFC 5424 6: "<13>1 TIME HOST APP PROCID MSGID SD MSG" */
static bool modern(struct bh_span line, struct bh_span *ret, bh_time *when, struct bh_span *host)
{
	struct bh_cur c = bh_cur_of(line);

	priority(&c);
	if (bh_cur_offset(&c) == 0 || !bh_event_is(word(&c), "1"))
		return false;
	struct bh_span time = word(&c);
	*host = word(&c);
	(void)word(&c); /* the program, its process, the message's kind */
	(void)word(&c);
	(void)word(&c);
	if (bh_when_iso(time, 0, when))
		return false;
	if (peek(&c) == ' ')
		bh_cur_skip(&c, 1);
	if (peek(&c) == '[') { /* structured data: nothing of ours holds a ']' */
		const uint8_t *end = find(bh_span_of(c.at, bh_cur_left(&c)), "] ");
		bh_cur_skip(&c, end ? (size_t)(end - c.at) + 1 : bh_cur_left(&c));
	} else {
		(void)word(&c);
	}
	*ret = rest(&c);
	return true;
}

/* Behind "smbd_audit[812]: ", and what stood before it. */
static bool marked(struct bh_log *l, struct bh_span line, struct bh_span *ret, bh_time *when,
	struct bh_span *host)
{
	const uint8_t *mark = find(line, MARK);
	struct bh_cur c = bh_cur_of(line);

	if (!mark)
		return false;
	struct bh_cur front = bh_cur_of(bh_cur_take(&c, (size_t)(mark - line.ptr)));
	bh_cur_skip(&c, strlen(MARK));
	while (bh_cur_left(&c) && peek(&c) != ':' && peek(&c) != '|')
		bh_cur_skip(&c, 1);
	if (peek(&c) != ':')
		return false;
	bh_cur_skip(&c, 1);
	*ret = rest(&c);
	priority(&front);
	bh_time t = front_time(l, &front);
	if (t)
		*when = t;
	*host = bh_cur_offset(&front) ? word(&front) : (struct bh_span){ 0 };
	return true;
}

/* ---- lines ---- */

/* Where a JSON text begins: auth_log.c writes the time first. */
static struct bh_span json_of(struct bh_span line)
{
	struct bh_cur c = bh_cur_of(line);
	const uint8_t *at = find(line, "{\"timestamp\"");

	if (!at)
		at = find(line, "{ \"timestamp\"");
	if (!at)
		return (struct bh_span){ 0 };
	bh_cur_skip(&c, (size_t)(at - line.ptr));
	return rest(&c);
}

bool bh_samba_json(const struct bh_fields *f)
{
	struct bh_span type = bh_fields_get(f, "type");

	return bh_fields_has(f, "timestamp") && type.len &&
	       (bh_fields_has(f, "Authentication.serviceDescription") ||
		       bh_fields_has(f, "Authentication.status") ||
		       bh_fields_has(f, "Authorization.serviceDescription") ||
		       bh_fields_has(f, "Authorization.authType"));
}

static void json(struct bh_log *l, struct bh_span text)
{
	l->fields->n = 0; /* of what the text may have stood in */
	if (bh_json_fields(text, "", l->fields)) {
		l->counts.records++;
		bh_log_bad(l, "a line of auth_json_audit that is no JSON, or breaks off");
	} else if (bh_samba_json(l->fields)) {
		bh_samba_auth(l, l->fields);
	} else {
		bh_log_count(l, "samba", bh_fields_get(l->fields, "type"), 0, false);
	}
}

void bh_samba_message(struct bh_log *l, struct bh_span text, bh_time when, struct bh_span host)
{
	struct bh_span j = json_of(text);

	if (when)
		l->samba.header = when;
	if (j.ptr)
		json(l, j);
	else if (bh_samba_audit_is(text))
		bh_samba_audit(l, text, l->samba.header, host);
}

void bh_samba_record(struct bh_log *l, struct bh_span line)
{
	struct bh_span text, host = { 0 }, j;
	bh_time when = l->samba.header;

	if (header(line, l->samba.east, &when)) {
		l->samba.header = when;
		return;
	}
	j = json_of(line);
	if (j.ptr) {
		json(l, j);
		return;
	}
	if (find(line, MARK) &&
		(modern(line, &text, &when, &host) || marked(l, line, &text, &when, &host)))
		bh_samba_audit(l, text, when, host);
	else if (bh_samba_audit_is(line))
		bh_samba_audit(l, line, when, host);
	/* What else smbd and others log is no record. */
}

bool bh_samba_is(struct bh_span line)
{
	struct bh_span j = json_of(line);
	bh_time when;

	if (header(line, 0, &when) || bh_samba_audit_is(line))
		return true;
	if (j.ptr)
		return find(j, "\"Authentication\"") || find(j, "\"Authorization\"");
	return find(line, MARK) && find(line, "|");
}
