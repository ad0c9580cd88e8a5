#include <stdlib.h>
#include <strings.h>

#include "plan/warn.h"

/*
 * What hosts are, and what therefore they cannot do: devices that only write, that speak
 * nothing but SMB1, that will never prove who they are.
 */

/* A device that scans to a folder: as much as a picture, and hardly anything back. */
#define WRITTEN     (64u << 10)
#define TIMES_READ  10u
#define FEW_SERVERS 3u

struct device {
	uint64_t written, read, connections;
	uint32_t servers; /* distinct per port */
	uint32_t cut; /* of these, pairs that would be stopped */
	bool smb1, others; /* dialects it was seen with, as a client */
	bool kerberos, user; /* it logged on with Kerberos; as somebody */
	bh_time last;
};

struct devices {
	struct warner *w;
	struct bh_arena own; /* for the while */
	struct device *v; /* by host */
	uint8_t *path; /* by pair: enum path, of those that work; else OFF_PATH */
	bool *secure; /* by pair: stopped for want of a proven identity */
	bool *blocked; /* by pair: stopped by a block */
	uint32_t *peers, *scratch; /* room for the servers of one client */
	uint32_t *first, *pair; /* a client's pairs are pair[first[h]] … pair[first[h + 1]] */
};

static int index_clients(struct devices *d)
{
	const struct pairs *p = &d->w->s->pairs;
	size_t hosts = d->w->s->known.n;
	uint32_t *at = bh_arena_array(&d->own, hosts + 2, sizeof *at);

	d->first = bh_arena_array(&d->own, hosts + 2, sizeof *d->first);
	d->pair = bh_arena_array(&d->own, p->n + 1, sizeof *d->pair);
	if (!at || !d->first || !d->pair)
		return -ENOMEM;
	for (size_t i = 0; i < p->n; i++) {
		if (!p->v[i].loopback)
			d->first[p->v[i].client + 1]++;
	}
	for (size_t h = 0; h < hosts; h++)
		d->first[h + 1] += d->first[h];
	memcpy(at, d->first, (hosts + 1) * sizeof *at);
	for (size_t i = 0; i < p->n; i++) {
		if (!p->v[i].loopback)
			d->pair[at[p->v[i].client]++] = (uint32_t)i;
	}
	return 0;
}

static void note_row(struct device *d, const struct bh_row *row)
{
	d->written += row->figures.bytes_to_server;
	d->read += row->figures.bytes_to_client;
	d->connections += row->figures.connections;
	d->smb1 |= bh_dialect_smb1(row->who.dialect);
	d->others |= row->who.dialect && !bh_dialect_smb1(row->who.dialect);
	d->kerberos |= row->who.auth == BH_AUTH_KERBEROS;
	d->user |= row->who.known & BH_KNOWN_USER && row->who.user[0] && row->who.guest != 1;
	d->last = row->figures.last_seen > d->last ? row->figures.last_seen : d->last;
}

static int look(struct devices *d)
{
	struct bh_scene *s = d->w->s;

	d->v = bh_arena_array(&d->own, s->known.n + 1, sizeof *d->v);
	d->path = bh_arena_array(&d->own, s->pairs.n + 1, sizeof *d->path);
	d->secure = bh_arena_array(&d->own, s->pairs.n + 1, sizeof *d->secure);
	d->blocked = bh_arena_array(&d->own, s->pairs.n + 1, sizeof *d->blocked);
	d->peers = bh_arena_array(&d->own, s->pairs.n + 1, sizeof *d->peers);
	d->scratch = bh_arena_array(&d->own, s->pairs.n + 1, sizeof *d->scratch);
	if (!bh_arena_ok(&d->own) || index_clients(d))
		return -ENOMEM;
	for (size_t i = 0; i < s->pairs.n; i++) {
		const struct pair *p = &s->pairs.v[i];
		struct verdict v = { 0 };
		if (p->loopback || scene_use(p) > BH_USE_SMB1)
			continue;
		d->path[i] = (uint8_t)scene_ask(s, p, &v);
		d->secure[i] = d->path[i] == STOPS && v.is.verdict == BH_SECURE;
		d->blocked[i] = d->path[i] == STOPS && v.reason.why == BH_WHY_BLOCKED;
		struct device *one = &d->v[p->client];
		one->servers++;
		one->cut += d->path[i] == STOPS;
		for (size_t k = 0; k < p->n; k++) {
			if (bh_row_use(p->rows[k]) <= BH_USE_SMB1)
				note_row(one, p->rows[k]);
		}
	}
	return 0;
}

/* The servers of a client whose pairs are of that kind; how many went into v. */
static size_t peers_of(const struct devices *d, uint32_t client,
	bool (*wanted)(const struct devices *, size_t), uint32_t *v)
{
	size_t n = 0;

	for (uint32_t i = d->first[client]; i < d->first[client + 1]; i++) {
		uint32_t server = d->w->s->pairs.v[d->pair[i]].server;
		if (wanted(d, d->pair[i]) && (!n || v[n - 1] != server))
			v[n++] = server;
	}
	return n;
}

static bool stops(const struct devices *d, size_t i)
{
	return d->path[i] == STOPS;
}

static bool goes_on(const struct devices *d, size_t i)
{
	return d->path[i] == GOES_ON;
}

static bool must_prove(const struct devices *d, size_t i)
{
	return d->secure[i];
}

static bool only_writes(const struct devices *d, uint32_t host)
{
	const struct device *one = &d->v[host];

	return !d->w->s->known.v[host].served && one->written >= WRITTEN &&
	       one->written / TIMES_READ >= one->read && one->servers <= FEW_SERVERS;
}

static bool only_smb1(const struct device *one)
{
	return one->smb1 && !one->others;
}

static void add_last(bh_time last, struct bh_buf *b)
{
	if (!last)
		return;
	bh_buf_str(b, ", last ");
	bh_time_format(last - last % BH_SECOND, b);
}

static struct bh_warning about(struct devices *d, enum bh_warning_kind kind, uint32_t host,
	const uint32_t *peers, size_t n)
{
	return (struct bh_warning){ .kind = kind,
		.host = d->w->s->known.v[host].addr,
		.name = d->w->names[host],
		.peers = warn_addrs(d->w, peers, n),
		.n_peers = n };
}

static const char *allow(struct devices *d, const struct bh_warning *one)
{
	BH_AUTO_BUF b = { 0 };
	char text[BH_ADDR_TEXT];

	bh_buf_printf(&b, "allow smb from %s to ", bh_addr_format(&one->host, text));
	bh_addrset_format(&one->peers, ", ", &b);
	return warn_keep(d->w, &b);
}

static bool is_blocked(const struct devices *d, size_t i)
{
	return d->blocked[i];
}

/* ---- one client --------------------------------------------------------------------------- */

static void warn_scanner(struct devices *d, uint32_t host, const uint32_t *peers, size_t n)
{
	struct bh_warning one = about(d, BH_WARN_SCANNER, host, peers, n);
	const struct device *dev = &d->v[host];
	BH_AUTO_BUF text = { 0 }, seen = { 0 };

	warn_host(d->w, host, &text);
	bh_buf_str(&text, " only writes, as a scanner or copier does that scans to a folder, and "
			  "would be cut off from ");
	warn_count(&text, n, "server");
	bh_buf_printf(&seen, "%llu bytes written, %llu read%s, ", (unsigned long long)dev->written,
		(unsigned long long)dev->read, only_smb1(dev) ? ", by SMB1 alone" : "");
	warn_count(&seen, dev->connections, "connection");
	add_last(dev->last, &seen);
	one.text = warn_keep(d->w, &text);
	one.evidence = warn_keep(d->w, &seen);
	if (peers_of(d, host, is_blocked, d->scratch))
		one.advice = "a block stands against it: leave it out of that block";
	else
		one.fix = allow(d, &one);
	warn_add(d->w, &one);
}

static void warn_smb1(struct devices *d, uint32_t host, const uint32_t *peers, size_t n)
{
	struct bh_warning one = about(d, BH_WARN_SMB1, host, peers, n);
	BH_AUTO_BUF text = { 0 }, seen = { 0 };

	warn_host(d->w, host, &text);
	bh_buf_str(&text, " speaks SMB1 alone and stays allowed to reach ");
	warn_count(&text, n, "server");
	bh_buf_str(&text, ": nothing of it is signed safely or encrypted, and its servers must go "
			  "on offering SMB1");
	warn_count(&seen, d->v[host].connections, "connection");
	add_last(d->v[host].last, &seen);
	bh_buf_str(&seen, ", none of them by SMB2 or later");
	one.text = warn_keep(d->w, &text);
	one.evidence = warn_keep(d->w, &seen);
	one.advice = "replace it, or give it one server of its own that nobody else uses";
	warn_add(d->w, &one);
}

/* Whoever prints or scans, speaks SMB1 or never showed a Kerberos ticket is in no domain:
 * it has no identity that IPsec would take. */
static void warn_ipsec(struct devices *d, uint32_t host, const uint32_t *peers, size_t n)
{
	struct bh_warning one = about(d, BH_WARN_IPSEC, host, peers, n);
	const struct device *dev = &d->v[host];
	BH_AUTO_BUF text = { 0 }, seen = { 0 };

	warn_host(d->w, host, &text);
	bh_buf_str(&text, " must prove an identity by IPsec to reach ");
	warn_count(&text, n, "server");
	bh_buf_str(&text, ", and it is no machine that could");
	warn_count(&seen, dev->connections, "connection");
	bh_buf_str(&seen, only_smb1(dev)         ? ", by SMB1 alone"
			  : only_writes(d, host) ? ", which only write"
						 : ", never with a Kerberos ticket");
	add_last(dev->last, &seen);
	one.text = warn_keep(d->w, &text);
	one.evidence = warn_keep(d->w, &seen);
	one.fix = bh_arena_printf(d->w->a, "%s even in clear", allow(d, &one));
	warn_add(d->w, &one);
}

static void warn_device(struct devices *d, uint32_t host)
{
	uint32_t *peers = d->peers;
	const struct device *dev = &d->v[host];
	size_t n;

	if (!dev->connections)
		return;
	if (dev->cut && only_writes(d, host)) {
		n = peers_of(d, host, stops, peers);
		warn_scanner(d, host, peers, n);
	}
	if (only_smb1(dev) && dev->cut < dev->servers) {
		n = peers_of(d, host, goes_on, peers);
		if (n)
			warn_smb1(d, host, peers, n);
	}
	if (dev->cut && (only_smb1(dev) || only_writes(d, host) || (dev->user && !dev->kerberos))) {
		n = peers_of(d, host, must_prove, peers);
		if (n)
			warn_ipsec(d, host, peers, n);
	}
}

void warn_hosts(struct warner *w)
{
	struct devices d = { .w = w };

	if (look(&d)) {
		w->a->failed = true;
	} else {
		for (uint32_t h = 0; h < w->s->known.n; h++)
			warn_device(&d, h);
	}
	bh_arena_reset(&d.own);
}
