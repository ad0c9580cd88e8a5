/*
 * What was found, in a sentence each.
 */
#include "inventory/findings.h"
#include "model/pipe.h"

/* "fs1 (10.0.1.2)", "10.0.1.2", "fs1". */
static const char *who(const struct bh_addr *addr, const char *name, struct bh_arena *a)
{
	char text[BH_ADDR_TEXT];

	if (!addr->family)
		return name ? name : "a machine without a known address";
	bh_addr_format(addr, text);
	return name ? bh_arena_printf(a, "%s (%s)", name, text) : bh_arena_str(a, text);
}

static const char *client(const struct found *x, struct bh_arena *a)
{
	return who(&x->f->client, x->f->client_name, a);
}

static const char *server(const struct found *x, struct bh_arena *a)
{
	return who(&x->f->server, x->f->server_name, a);
}

static const char *count(uint64_t n, const char *one, const char *many, struct bh_arena *a)
{
	return bh_arena_printf(a, "%llu %s", (unsigned long long)n, n == 1 ? one : many);
}

static const char *clients(const struct found *x, struct bh_arena *a)
{
	return x->f->clients == 1 ? client(x, a) : count(x->f->clients, "client", "clients", a);
}

static const char *times(const struct found *x, struct bh_arena *a)
{
	return count(x->f->connections, "time", "times", a);
}

static const char *smb1(const struct found *x, struct bh_arena *a)
{
	uint8_t dialect = BH_DIALECT_SMB1_OTHER;

	for (size_t i = 0; i < x->n; i++) {
		if (x->rows[i]->who.dialect > dialect)
			dialect = x->rows[i]->who.dialect;
	}
	return bh_arena_printf(a, "%s speaks SMB1%s%s%s with %s", client(x, a),
		dialect == BH_DIALECT_SMB1_OTHER ? "" : " (",
		dialect == BH_DIALECT_SMB1_OTHER ? "" : bh_dialect_names[dialect],
		dialect == BH_DIALECT_SMB1_OTHER ? "" : ")", server(x, a));
}

static const char *offered(const struct found *x, struct bh_arena *a)
{
	return bh_arena_printf(a, "%s still offers SMB1, which %s did not take", client(x, a),
		count(x->f->servers, "server", "servers", a));
}

static const char *guest(const struct found *x, struct bh_arena *a)
{
	return bh_arena_printf(
		a, "%s lets in %s as guest, whatever the password", server(x, a), clients(x, a));
}

static const char *anonymous(const struct found *x, struct bh_arena *a)
{
	uint32_t pipes = 0;
	bool share = false;

	for (size_t i = 0; i < x->n; i++) {
		pipes |= x->rows[i]->figures.pipes;
		share |= bh_share_class(&x->rows[i]->who) > BH_CLASS_IPC;
	}
	return bh_arena_printf(a, "%s gives %s without any name %s", server(x, a), clients(x, a),
		share                       ? "a share"
		: pipes >> BH_PIPE_SAMR & 1 ? "its list of accounts to ask"
		: pipes                     ? "its pipes"
					    : "a session");
}

static const char *share_open(const struct found *x, struct bh_arena *a)
{
	bool guests = false, nobody = false;

	for (size_t i = 0; i < x->n; i++) {
		guests |= x->rows[i]->who.guest == 1;
		nobody |= x->rows[i]->who.auth == BH_AUTH_ANONYMOUS;
	}
	return bh_arena_printf(a, "%s gives %s to %s; %s came in", server(x, a),
		bh_share_name(x->f->share),
		guests && nobody ? "guests and to nobody in particular"
		: guests         ? "guests"
				 : "whoever asks, without a name",
		clients(x, a));
}

static const char *ntlm_v1(const struct found *x, struct bh_arena *a)
{
	return bh_arena_printf(a, "%s logs on to %s by NTLMv1, which is broken in hours",
		client(x, a), server(x, a));
}

static const char *ntlm(const struct found *x, struct bh_arena *a)
{
	const char *name = NULL;

	for (size_t i = 0; i < x->n; i++) {
		const struct bh_talk *c = &x->rows[i]->who;
		if (c->known & BH_KNOWN_SERVER_NAME && c->server_name[0] &&
			(!name || strcmp(c->server_name, name) < 0))
			name = c->server_name;
	}
	return bh_arena_printf(a, "%s logs on to %s by NTLM%s%s, where Kerberos works",
		client(x, a), server(x, a), name ? ", calling it " : "", name ? name : "");
}

static const char *signing(const struct found *x, struct bh_arena *a)
{
	uint64_t bare = 0, known = 0;
	bool off = x->server && x->server->signing == BH_SIGNING_OFF;

	for (size_t i = 0; i < x->n; i++) {
		const struct bh_row *r = x->rows[i];
		known += r->who.is_signed != BH_UNKNOWN ? r->figures.connections : 0;
		bare += r->who.is_signed == 0 && r->who.encrypted != 1 ? r->figures.connections : 0;
	}
	const char *said = bh_arena_printf(
		a, "%s %s", server(x, a), off ? "does not sign" : "signs, but does not require it");
	if (!known || !said)
		return said;
	return bh_arena_printf(a, "%s; %llu of %llu connections were unsigned", said,
		(unsigned long long)bare, (unsigned long long)known);
}

static const char *in_clear(const struct found *x, struct bh_arena *a)
{
	uint64_t bare = 0;

	for (size_t i = 0; i < x->n; i++)
		bare += x->rows[i]->who.is_signed == 0 ? x->rows[i]->figures.connections : 0;
	const char *said = bh_arena_printf(a, "%s serves %s in clear", server(x, a), clients(x, a));
	if (!bare || !said)
		return said;
	return bh_arena_printf(
		a, "%s (%s unsigned)", said, count(bare, "connection", "connections", a));
}

static const char *did(const struct found *x)
{
	enum bh_use best = BH_USE_UNANSWERED;
	bool blocked = true;

	for (size_t i = 0; i < x->n; i++) {
		enum bh_use use = bh_row_use(x->rows[i]);
		best = use < best ? use : best;
		blocked &= x->rows[i]->who.outcome == BH_BLOCKED;
	}
	if (best <= BH_USE_SMB1)
		return "has a session on";
	if (best == BH_USE_DENIED)
		return "was refused by";
	if (best == BH_USE_NO_SESSION)
		return "was answered by";
	return blocked ? "was kept from" : "tried, without an answer,";
}

static const char *lateral(const struct found *x, struct bh_arena *a)
{
	const char *share = x->f->share ? bh_share_name(x->f->share) : NULL;

	return bh_arena_printf(a, "%s, a workstation, %s %s, another%s%s", client(x, a), did(x),
		server(x, a), share ? ", at " : "", share ? share : "");
}

static const char *internet(const struct found *x, struct bh_arena *a)
{
	bool from = bh_addr_public(&x->f->client), to = bh_addr_public(&x->f->server);
	bool quic = true;

	for (size_t i = 0; i < x->n; i++)
		quic &= x->rows[i]->who.transport == BH_TRANSPORT_QUIC443;
	return bh_arena_printf(a, "%s%s %s %s%s%s", client(x, a), from ? ", on the Internet," : "",
		did(x), server(x, a), to ? ", on the Internet" : "", quic ? ", over QUIC" : "");
}

const char *findings_text(const struct found *x, struct bh_arena *a)
{
	static const char *(*const says[BH_FINDINGS])(const struct found *, struct bh_arena *) = {
		[BH_FOUND_SMB1] = smb1,
		[BH_FOUND_SMB1_OFFERED] = offered,
		[BH_FOUND_GUEST] = guest,
		[BH_FOUND_ANONYMOUS] = anonymous,
		[BH_FOUND_NTLM_V1] = ntlm_v1,
		[BH_FOUND_NTLM] = ntlm,
		[BH_FOUND_SIGNING] = signing,
		[BH_FOUND_CLEAR] = in_clear,
		[BH_FOUND_LATERAL] = lateral,
		[BH_FOUND_INTERNET] = internet,
		[BH_FOUND_SHARE_OPEN] = share_open,
	};
	const char *said = says[x->f->kind](x, a);

	if (!said || x->f->kind == BH_FOUND_SIGNING)
		return said;
	return bh_arena_printf(a, "%s, %s", said, times(x, a));
}

const char *findings_text_unused(const struct bh_finding *f, bool answered, struct bh_arena *a)
{
	const char *server = who(&f->server, f->server_name, a);

	if (!answered)
		return bh_arena_printf(
			a, "%s runs the server service, and nobody was seen to use it", server);
	return bh_arena_printf(a, "%s answers, and nobody came to a session in %s", server,
		count(f->connections, "connection", "connections", a));
}

/* "nobody was seen to use old of FS1 (10.0.1.1): C:\old, \"as it was\"" */
const char *findings_text_share(
	const struct bh_finding *f, const struct bh_share_listed *l, struct bh_arena *a)
{
	const char *remark = l->remark ? bh_arena_printf(a, "\"%s\"", l->remark) : NULL;

	return bh_arena_printf(a, "nobody was seen to use %s of %s%s%s%s%s",
		bh_share_name(f->share), who(&f->server, f->server_name, a),
		l->path || remark ? ": " : "", l->path ? l->path : "",
		l->path && remark ? ", " : "", remark ? remark : "");
}
