/*
 * windows: how the parts that read Windows events know each other.  Inside the room only.
 */
#pragma once

#include "evidence/evidence.h"
#include "evidence/said.h"

/* A value's text; ptr NULL for what Windows writes when there is none: nothing, "-",
 * "(NULL)", "N/A". */
struct bh_span windows_get(const struct bh_event *e, const char *name);

/* An observation of that event: nothing known but when, tcp/445 until something else is
 * said. */
struct bh_observation windows_begin(const struct bh_event *e);

/* A text that names a machine: "\\FS1", "10.0.0.9", "[fd00::9]"; an address if it is one,
 * else a name.  False if there is none. */
bool windows_end(struct bh_conversation *c, bool server, struct bh_span text);

/* One end cannot be IPv4 and the other IPv6. */
bool windows_ends_fit(const struct bh_conversation *c);

/* A SOCKADDR in hexadecimal, with dashes between the bytes or without ([MS-DTYP] has no
 * name for it; winsock2.h): false if it is none, or of no address.  *ret_port may be 0. */
bool windows_sockaddr(struct bh_span hex, struct bh_addr *ret, uint16_t *ret_port);

/* What an account's SID says of how it came in: S-1-5-7 is ANONYMOUS LOGON, a relative id
 * of 501 Guest ([MS-DTYP] 2.4.2.4).  Without a SID the user's name has to do. */
void windows_account(
	struct bh_conversation *c, struct bh_span sid, struct bh_span user, struct bh_span domain);

/* AuthenticationPackageName and LmPackageName of 4624; not of an anonymous one, which is
 * NTLM V1 in every log and no use of it. */
void windows_mechanism(struct bh_conversation *c, const struct bh_event *e);

bool windows_network_logon(const struct bh_event *e);

/* By provider. */
BH_MUST int windows_security(const struct bh_event *e, struct bh_observation *ret);
BH_MUST int windows_smb_server(const struct bh_event *e, struct bh_observation *ret);
BH_MUST int windows_smb_client(const struct bh_event *e, struct bh_observation *ret);
BH_MUST int windows_ntlm(const struct bh_event *e, struct bh_observation *ret);
/* Whom an NTLM event says to have logged on where, by SMB or not. */
BH_MUST int windows_ntlm_logon(const struct bh_event *e, struct bh_observation *ret);
