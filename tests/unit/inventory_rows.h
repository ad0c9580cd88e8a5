/*
 * Rows for tests, written as people would say them.
 */
#pragma once

#include <stdio.h>

#include "inventory/inventory.h"
#include "model/pipe.h"
#include "texts.h"

/* Sources by kind: 1 and 2 are captures, and so on. */
enum { PCAP = 1, PCAP2, ZEEK, SAMBA, SAMBA2, EVTX, EVTX2, FIREWALL, ZEEK_LOG, SOURCES };

static const uint8_t source_kinds[SOURCES] = {
	[0] = BH_KIND_OTHER,
	[PCAP] = BH_KIND_CAPTURE,
	[PCAP2] = BH_KIND_CAPTURE,
	[ZEEK] = BH_KIND_ZEEK,
	[SAMBA] = BH_KIND_SAMBA,
	[SAMBA2] = BH_KIND_SAMBA,
	[EVTX] = BH_KIND_WINDOWS,
	[EVTX2] = BH_KIND_WINDOWS,
	[FIREWALL] = BH_KIND_FIREWALL,
	[ZEEK_LOG] = BH_KIND_ZEEK_LOG,
};

static const uint32_t source_ids[SOURCES] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 };

#define DAY    (86400 * BH_SECOND)
/* 2026-03-02T09:00:00Z, a Monday */
#define MONDAY (1772442000 * BH_SECOND)

static inline void put_text(const char **to, uint8_t *known, uint8_t bit, const char *text)
{
	if (!text)
		return;
	*to = kept(text);
	*known |= bit;
}

/* who: "10.0.0.1", or a name; NULL is not known. */
static inline void put_end(struct bh_talk *c, bool server, const char *who)
{
	struct bh_addr *to = server ? &c->server : &c->client;

	if (!who || !bh_addr_parse(who, strlen(who), to))
		return;
	if (server)
		put_text(&c->server_name, &c->known, BH_KNOWN_SERVER_NAME, who);
	else
		put_text(&c->workstation, &c->known, BH_KNOWN_WORKSTATION, who);
}

/* Answered on 445 by one source, five times within a minute of Monday morning. */
static inline struct bh_row row_of(uint32_t source, const char *client, const char *server,
	const char *share, const char *user)
{
	struct bh_row r = { 0 };

	bh_talk_init(&r.who);
	put_end(&r.who, false, client);
	put_end(&r.who, true, server);
	r.who.port = 445;
	r.who.outcome = BH_ANSWERED;
	put_text(&r.who.share, &r.who.known, BH_KNOWN_SHARE, share);
	put_text(&r.who.user, &r.who.known, BH_KNOWN_USER, user);
	r.figures.connections = 5;
	r.figures.first_seen = MONDAY;
	r.figures.last_seen = MONDAY + 60 * BH_SECOND;
	r.sources = &source_ids[source];
	r.n_sources = 1;
	return r;
}

static inline void put_name(struct bh_row *r, const char *name)
{
	put_text(&r->who.server_name, &r->who.known, BH_KNOWN_SERVER_NAME, name);
}

static inline void put_domain(struct bh_row *r, const char *domain)
{
	put_text(&r->who.domain, &r->who.known, BH_KNOWN_DOMAIN, domain);
}

static inline void put_auth(struct bh_row *r, uint8_t auth, uint32_t status)
{
	r->who.auth = auth;
	r->who.auth_status = status;
	r->who.known |= BH_KNOWN_AUTH_STATUS;
}

static inline void put_share_status(struct bh_row *r, uint32_t status)
{
	r->who.share_status = status;
	r->who.known |= BH_KNOWN_SHARE_STATUS;
}
