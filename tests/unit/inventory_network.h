/*
 * A whole small network whose every answer one can say by heart.
 *
 *	dc1   10.0.1.1   domain controller          fs1  10.0.1.2  file and print server
 *	nas   10.0.1.3   a NAS that takes no Kerberos, open to guests
 *	n1,n2 10.0.1.4-5 cluster                    old  10.0.1.6  speaks SMB1 alone
 *	pc1..pc4 10.0.2.1-4 workstations            mfp  10.0.2.9  scans to fs1
 *	admin 10.0.2.5   administers fs1, and pc1   203.0.113.7    somebody on the Internet
 */
#pragma once

#include "inventory_rows.h"

#define NETWORK_ROWS 40

struct network_rows {
	struct bh_row v[NETWORK_ROWS];
	size_t n;
};

static inline struct bh_row *add_row(struct network_rows *w, const char *client, const char *server,
	const char *name, const char *share, const char *user)
{
	struct bh_row *r = &w->v[w->n++];

	*r = row_of(PCAP, client, server, NULL, user);
	if (name)
		put_name(r, name);
	if (share) {
		char unc[128];
		snprintf(unc, sizeof unc, "\\\\%s\\%s", name ? name : server, share);
		put_text(&r->who.share, &r->who.known, BH_KNOWN_SHARE, unc);
		put_share_status(r, 0);
	}
	put_auth(r, user ? BH_AUTH_NTLM : BH_AUTH_KERBEROS, 0);
	r->who.ntlm = user ? BH_NTLM_V2 : BH_NTLM_UNKNOWN;
	r->who.dialect = BH_DIALECT_311;
	r->who.signing_server = BH_SIGNING_REQUIRED;
	r->who.is_signed = 1;
	r->who.encrypted = 0;
	r->who.complete = 1;
	return r;
}

static inline void small_network(struct network_rows *w)
{
	static const char *const pcs[] = { "10.0.2.1", "10.0.2.2", "10.0.2.3", "10.0.2.4" };
	struct bh_row *r;

	w->n = 0;
	for (size_t i = 0; i < 4; i++) {
		add_row(w, pcs[i], "10.0.1.1", "dc1.corp.example", "SYSVOL", NULL);
		r = add_row(w, pcs[i], "10.0.1.1", "dc1.corp.example", "IPC$", NULL);
		r->figures.pipes = 1u << BH_PIPE_NETLOGON | 1u << BH_PIPE_LSARPC;
		r = add_row(w, pcs[i], "10.0.1.2", "fs1.corp.example", "finance", NULL);
		r->figures.connections = 100 * (i + 1);
		add_row(w, pcs[i], "10.0.1.2", "fs1.corp.example", "IPC$", NULL);
	}
	/* pc1 prints, and uses NTLM to a server that it also reaches by Kerberos. */
	r = add_row(w, pcs[0], "10.0.1.2", "fs1", "IPC$", "alice");
	r->figures.pipes = 1u << BH_PIPE_SPOOLSS;
	/* The NAS: guests. */
	for (size_t i = 0; i < 3; i++) {
		r = add_row(w, pcs[i], "10.0.1.3", "nas", "public", "scan");
		r->who.guest = 1;
		r->who.signing_server = BH_SIGNING_ENABLED;
		r->who.is_signed = 0;
		r->figures.connections = 7;
	}
	/* The cluster. */
	r = add_row(w, "10.0.1.4", "10.0.1.5", "n2",
		"db8eb29c-3a6c-4b84-bf59-29a17a7ebc8a-135266304$", NULL);
	r->who.encrypted = 1;
	/* The old one, by NTLMv1. */
	r = add_row(w, pcs[3], "10.0.1.6", "old", "data", "bob");
	r->who.dialect = BH_DIALECT_NT_LM_012;
	r->who.ntlm = BH_NTLM_V1;
	r->who.signing_server = BH_SIGNING_OFF;
	r->who.is_signed = 0;
	r->figures.connections = 3;
	/* The scanner. */
	r = add_row(w, "10.0.2.9", "10.0.1.2", "fs1", "scans", "mfp");
	put_text(&r->who.workstation, &r->who.known, BH_KNOWN_WORKSTATION, "BRN30055C123456");
	r->figures.bytes_to_server = 50000000;
	r->figures.bytes_to_client = 90000;
	/* The administrator. */
	r = add_row(w, "10.0.2.5", "10.0.1.2", "fs1", "IPC$", "root");
	r->figures.pipes = 1u << BH_PIPE_SVCCTL;
	add_row(w, "10.0.2.5", "10.0.2.1", "pc1", "C$", "root");
	/* Somebody at the door: a null session, and a share. */
	r = add_row(w, "203.0.113.7", "10.0.1.3", "198.51.100.1", "public", "");
	r->who.auth = BH_AUTH_ANONYMOUS;
	r->who.ntlm = BH_NTLM_UNKNOWN;
	r->figures.connections = 2;
	/* pc2 tried pc3, which said nothing. */
	r = add_row(w, pcs[1], "10.0.2.3", NULL, NULL, NULL);
	r->who.outcome = BH_SILENT;
	r->who.auth = BH_AUTH_UNKNOWN;
	r->who.known = 0;
	r->who.dialect = BH_DIALECT_UNKNOWN;
	r->who.signing_server = BH_SIGNING_UNKNOWN;
	r->who.is_signed = r->who.encrypted = BH_UNKNOWN;
}
