/*
 * pfirewall.log of Windows Firewall: W3C extended log format, "#Fields:" names what
 * stands in a line.
 *
 *   2026-01-31 12:00:00 DROP TCP 10.0.0.5 10.0.0.9 51514 445 52 S 123 0 64240 - - - RECEIVE
 *
 * Times are local and name no zone ("#Time Format: Local"): they are UTC but for what the
 * options say.  ALLOW says that the firewall let a connection pass, not that anybody
 * answered; what was dropped was blocked, and is a connection only if it begins one.
 */
#include "evidence/log.h"
#include "evidence/said.h"
#include "evidence/when.h"

enum { LEAST_FIELDS = 8 }; /* up to dst-port */

static struct bh_span word(struct bh_cur *c)
{
	size_t n = 0;

	while (bh_cur_left(c) && (c->at[0] == ' ' || c->at[0] == '\t'))
		bh_cur_skip(c, 1);
	while (n < bh_cur_left(c) && c->at[n] != ' ' && c->at[n] != '\t')
		n++;
	return bh_cur_take(c, n);
}

/* Logs whose head was rotated away have the fields of version 1.5. */
static void default_columns(struct bh_columns *c)
{
	static const char *const names[] = { "date", "time", "action", "protocol", "src-ip",
		"dst-ip", "src-port", "dst-port", "size", "tcpflags", "tcpsyn", "tcpack", "tcpwin",
		"icmptype", "icmpcode", "info", "path", "pid" };

	for (size_t i = 0; i < BH_LEN(names); i++)
		bh_columns_add(c, bh_span_of(names[i], strlen(names[i])));
}

static void directive(struct bh_log *l, struct bh_span line)
{
	struct bh_cur c = bh_cur_of(line);

	if (!bh_event_like(word(&c), "#Fields:"))
		return;
	bh_columns_reset(l->columns);
	for (struct bh_span name = word(&c); name.len; name = word(&c))
		bh_columns_add(l->columns, name);
}

static bh_time when_of(const struct bh_log *l, const struct bh_fields *f)
{
	struct bh_span date = bh_fields_get(f, "date"), time = bh_fields_get(f, "time");
	char text[48];
	bh_time t;

	if (!date.len || !time.len || date.len + time.len + 1 > sizeof text)
		return 0;
	memcpy(text, date.ptr, date.len);
	text[date.len] = ' ';
	memcpy(text + date.len + 1, time.ptr, time.len);
	return bh_when_iso(bh_span_of(text, date.len + time.len + 1), l->options.east, &t) ? 0 : t;
}

/* Which end is the server: the one whose port is SMB's. */
static int ends(const struct bh_fields *f, struct bh_conversation *c, bool *from_server)
{
	struct bh_addr src, dst;
	uint16_t sport, dport;

	if (bh_said_addr(bh_fields_get(f, "src-ip"), &src) ||
		bh_said_addr(bh_fields_get(f, "dst-ip"), &dst) ||
		bh_said_port(bh_fields_get(f, "src-port"), &sport) ||
		bh_said_port(bh_fields_get(f, "dst-port"), &dport))
		return -EBADMSG;
	*from_server = !bh_said_smb_port(dport);
	c->client = *from_server ? dst : src;
	c->server = *from_server ? src : dst;
	c->port = *from_server ? sport : dport;
	c->transport = bh_said_transport(c->port);
	return bh_said_smb_port(c->port) ? 0 : -ENOMSG;
}

static bool allows(struct bh_span action)
{
	return bh_event_is(action, "ALLOW") || bh_event_is(action, "OPEN") ||
	       bh_event_is(action, "OPEN-INBOUND");
}

static bool has_letter(struct bh_span s, char ch)
{
	return s.len && memchr(s.ptr, ch, s.len);
}

static void packet(struct bh_log *l, const struct bh_fields *f, struct bh_span action)
{
	struct bh_observation o = bh_log_observe(when_of(l, f));
	struct bh_span flags = bh_fields_get(f, "tcpflags");
	bool from_server;
	int r = ends(f, &o.who, &from_server);

	if (r == -EBADMSG || !o.when)
		bh_log_bad(l, "a line of pfirewall.log without times, addresses or ports");
	if (r || !o.when)
		return;
	o.who.outcome = allows(action) ? BH_OUTCOME_UNKNOWN : BH_BLOCKED;
	bool begins = !flags.len || (has_letter(flags, 'S') && !has_letter(flags, 'A'));
	o.connections = begins && !from_server;
	bh_log_say(l, &o);
}

void bh_pfirewall_record(struct bh_log *l, struct bh_span line)
{
	struct bh_cur c = bh_cur_of(line);
	size_t i = 0;

	if (line.ptr[0] == '#') {
		directive(l, line);
		return;
	}
	if (!l->columns->n)
		default_columns(l->columns);
	for (struct bh_span s = word(&c); s.len; s = word(&c), i++)
		bh_columns_field(
			l->columns, i, bh_event_is(s, "-") ? (struct bh_span){ 0 } : s, l->fields);
	if (!i)
		return;
	struct bh_span action = bh_fields_get(l->fields, "action");
	bool ours = allows(action) || bh_event_is(action, "DROP");
	bh_log_count(l, "pfirewall", action, 0, ours);
	if (i < LEAST_FIELDS)
		bh_log_bad(l, "a line of pfirewall.log that breaks off");
	else if (ours && bh_event_like(bh_fields_get(l->fields, "protocol"), "TCP"))
		packet(l, l->fields, action);
}

/* Without its head: a time, what was done, to what. */
bool bh_pfirewall_is(struct bh_span line)
{
	struct bh_cur c = bh_cur_of(line);
	bh_time t;

	struct bh_span both = bh_cur_take(&c, bh_min_size(19, bh_cur_left(&c)));
	if (bh_when_iso(both, 0, &t))
		return false;
	struct bh_span action = word(&c);
	struct bh_span protocol = word(&c);
	return (allows(action) || bh_event_is(action, "DROP")) && protocol.len && protocol.len < 8;
}
