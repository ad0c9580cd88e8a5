#include "cli/said.h"

#include <time.h>

#include "plan/plan.h"

#define CELL 200 /* characters of a text from the wire */

/* Bytes of the first n characters of UTF-8. */
static size_t bytes_of(const char *s, unsigned n)
{
	size_t i = 0;

	while (s[i] && n) {
		for (i++; (s[i] & 0xc0) == 0x80;)
			i++;
		n--;
	}
	return i;
}

void bh_said_broken(const char *text, unsigned width, struct bh_buf *b)
{
	for (;;) {
		size_t most = bytes_of(text, width), end = most;
		if (!text[most]) {
			bh_buf_str(b, text);
			return;
		}
		while (end && text[end] != ' ')
			end--;
		bool word = end;
		if (!word)
			end = most;
		bh_buf_add(b, text, end);
		bh_buf_str(b, "\n");
		text += end + word;
	}
}

bh_time bh_said_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return t.tv_sec * BH_SECOND + t.tv_nsec;
}

/* [MS-ERREF] 2.3.1: what a logon or a share is refused with in practice. */
static const struct {
	uint32_t code;
	const char *name;
} statuses[] = {
	{ 0xc000000d, "INVALID_PARAMETER" },
	{ 0xc0000016, "MORE_PROCESSING_REQUIRED" },
	{ 0xc0000022, "ACCESS_DENIED" },
	{ 0xc0000064, "NO_SUCH_USER" },
	{ 0xc000006a, "WRONG_PASSWORD" },
	{ 0xc000006d, "LOGON_FAILURE" },
	{ 0xc000006e, "ACCOUNT_RESTRICTION" },
	{ 0xc000006f, "INVALID_LOGON_HOURS" },
	{ 0xc0000071, "PASSWORD_EXPIRED" },
	{ 0xc0000072, "ACCOUNT_DISABLED" },
	{ 0xc00000bb, "NOT_SUPPORTED" },
	{ 0xc00000c9, "NETWORK_NAME_DELETED" },
	{ 0xc00000ca, "NETWORK_ACCESS_DENIED" },
	{ 0xc00000cc, "BAD_NETWORK_NAME" },
	{ 0xc000015b, "LOGON_TYPE_NOT_GRANTED" },
	{ 0xc0000193, "ACCOUNT_EXPIRED" },
	{ 0xc0000203, "USER_SESSION_DELETED" },
	{ 0xc0000224, "PASSWORD_MUST_CHANGE" },
	{ 0xc0000234, "ACCOUNT_LOCKED_OUT" },
};

static void failed(const char *what, uint32_t status, bool brief, struct bh_buf *b)
{
	if (brief) {
		bh_buf_str(b, what);
		return;
	}
	for (size_t i = 0; i < BH_LEN(statuses); i++) {
		if (statuses[i].code == status) {
			bh_buf_printf(b, "%s (%s)", what, statuses[i].name);
			return;
		}
	}
	bh_buf_printf(b, "%s (0x%08x)", what, status);
}

void bh_said_outcome(const struct bh_talk *c, bool brief, struct bh_buf *b)
{
	bool auth = c->known & BH_KNOWN_AUTH_STATUS, share = c->known & BH_KNOWN_SHARE_STATUS;

	switch (c->outcome) {
	case BH_REFUSED: bh_buf_str(b, "refused"); return;
	case BH_SILENT: bh_buf_str(b, "no answer"); return;
	case BH_WOULD_BLOCK: bh_buf_str(b, "would block"); return;
	case BH_BLOCKED: bh_buf_str(b, "blocked"); return;
	default: break;
	}
	if (auth && c->auth_status)
		failed("logon failed", c->auth_status, brief, b);
	else if (share && c->share_status)
		failed("share denied", c->share_status, brief, b);
	else if (share || auth)
		bh_buf_str(b, "ok");
	else if (c->outcome == BH_ANSWERED)
		bh_buf_str(b, c->encrypted == 1 ? "ok" : "answered");
	else
		bh_buf_str(b, "-");
}

const char *bh_said_safety(const struct bh_talk *c)
{
	if (c->encrypted == 1)
		return "encrypted";
	if (c->transport == BH_TRANSPORT_QUIC443) /* RFC 9001 4.2: no QUIC without it */
		return "TLS 1.3";
	if (c->is_signed == 1)
		return "signed";
	if (c->is_signed == 0)
		return c->encrypted == 0 ? "in clear, unsigned" : "unsigned";
	return "-";
}

void bh_said_user(const struct bh_talk *c, bool whole, struct bh_buf *b)
{
	if (c->auth == BH_AUTH_ANONYMOUS) {
		bh_buf_str(b, "anonymous");
	} else if (c->user[0]) {
		if (whole && c->domain[0]) {
			bh_plan_remark(b, c->domain, CELL);
			bh_buf_str(b, "\\");
		}
		bh_plan_remark(b, c->user, CELL);
	} else {
		/* The client's name is encrypted within a Kerberos ticket. */
		bh_buf_str(b, c->auth == BH_AUTH_KERBEROS ? "kerberos" : "-");
	}
	if (c->guest == 1)
		bh_buf_str(b, " (guest)");
}

/* What is done inside, only its ends can see; a log of theirs may have told. */
static bool is_opaque(const struct bh_talk *c)
{
	return c->transport == BH_TRANSPORT_QUIC443 || c->transport == BH_TRANSPORT_RDMA5445;
}

void bh_said_share(const struct bh_talk *c, bool whole, struct bh_buf *b)
{
	const char *last = strrchr(c->share, '\\');

	if (c->share[0]) {
		bh_plan_remark(b, whole || !last ? c->share : last + 1, CELL);
	} else if (is_opaque(c) && whole && c->server_name[0]) {
		bh_buf_str(b, "\\\\");
		bh_plan_remark(b, c->server_name, CELL);
		bh_buf_str(b, "\\(not visible)");
	} else if (is_opaque(c)) {
		bh_buf_str(b, "(not visible)");
	} else {
		bh_buf_str(b, c->port ? "-" : "(logon)");
	}
}

void bh_said_client(const struct bh_talk *c, struct bh_buf *b)
{
	char text[BH_ADDR_TEXT];

	if (!c->client.family && c->workstation[0])
		bh_plan_remark(b, c->workstation, CELL);
	else
		bh_buf_str(b, bh_addr_format(&c->client, text));
}

void bh_said_server(const struct bh_talk *c, struct bh_buf *b)
{
	char text[BH_ADDR_TEXT];

	bh_addr_format(&c->server, text);
	if (!c->server.family && c->server_name[0]) {
		bh_plan_remark(b, c->server_name, CELL);
		if (c->port && c->port != 445)
			bh_buf_printf(b, ":%u", c->port);
	} else if (!c->port || c->port == 445) /* logons tell none */
		bh_buf_str(b, text);
	else
		bh_buf_printf(b, c->server.family == BH_V6 ? "[%s]:%u" : "%s:%u", text, c->port);
}

const char *bh_said_dialect(uint8_t dialect)
{
	return dialect < BH_DIALECTS && bh_dialect_names[dialect] ? bh_dialect_names[dialect] : "-";
}

void bh_said_bytes(uint64_t n, struct bh_buf *b)
{
	static const char *const units[] = { "B", "kB", "MB", "GB", "TB", "PB", "EB" };
	double v = (double)n;
	size_t u = 0;

	for (; v >= 999.5 && u + 1 < BH_LEN(units); u++)
		v /= 1000;
	bh_buf_printf(b, u && v < 99.95 ? "%.1f %s" : "%.0f %s", v, units[u]);
}

static void thousands(uint64_t n, struct bh_buf *b)
{
	if (n >= 1000) {
		thousands(n / 1000, b);
		bh_buf_printf(b, ",%03u", (unsigned)(n % 1000));
	} else {
		bh_buf_printf(b, "%u", (unsigned)n);
	}
}

void bh_said_count(uint64_t n, const char *one, const char *many, struct bh_buf *b)
{
	thousands(n, b);
	bh_buf_printf(b, " %s", n == 1 ? one : many);
}

static void one_reason(
	uint64_t n, const char *one, const char *many, const char *more, struct bh_buf *b)
{
	if (!n)
		return;
	if (b->len)
		bh_buf_str(b, ", ");
	bh_said_count(n, one, many, b);
	bh_buf_str(b, more);
}

void bh_said_not_followed(const struct bh_tally *t, struct bh_buf *ret)
{
	BH_AUTO_BUF b = { 0 };
	BH_AUTO_BUF bytes = { 0 };

	bh_said_count(t->gap_bytes, "byte", "bytes", &bytes);
	one_reason(t->kernel_drops, "packet dropped by the kernel", "packets dropped by the kernel",
		"", &b);
	one_reason(t->gaps, "gap", "gaps", " in streams (", &b);
	if (t->gaps)
		bh_buf_printf(&b, "%s)", bh_buf_text(&bytes));
	one_reason(t->truncated_packets, "packet cut short by the capture",
		"packets cut short by the capture", "", &b);
	one_reason(t->fragments, "IP fragment", "IP fragments", "", &b);
	one_reason(t->malformed, "malformed message", "malformed messages", "", &b);
	one_reason(
		t->unknown_frames, "frame of an unknown kind", "frames of an unknown kind", "", &b);
	one_reason(t->evicted, "connection, session, share or name given up for lack of room",
		"connections, sessions, shares or names given up for lack of room", "", &b);
	one_reason(t->unreadable, "record that could not be read", "records that could not be read",
		"", &b);
	one_reason(t->log_lost, "overrun of the audit log", "overruns of the audit log", "", &b);
	bh_buf_add(ret, bh_buf_text(&b), b.len);
}

void bh_said_age(bh_time t, bh_time now, struct bh_buf *b)
{
	int64_t s = now > t ? (now - t) / BH_SECOND : 0;

	if (s < 60)
		bh_buf_printf(b, "%llds", (long long)s);
	else if (s < 3600)
		bh_buf_printf(b, "%lldm", (long long)s / 60);
	else if (s < 2 * 86400)
		bh_buf_printf(b, "%lldh", (long long)s / 3600);
	else
		bh_buf_printf(b, "%lldd", (long long)s / 86400);
}
