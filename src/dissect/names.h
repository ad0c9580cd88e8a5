/*
 * names: what the three protocols share that tell names: the form of RFC 1035 4, and a
 * place to put what was told.  Inside the room only.
 */
#pragma once

#include "dissect/dissect.h"

/* No name of RFC 1035 2.3.4 has more labels, and none of ours is pointed to more often. */
enum { DNS_MAX_LABELS = 128, DNS_MAX_JUMPS = 16, DNS_MAX_NAME = 255 };

/* Entries of one message that are walked through. */
enum { DNS_MAX_ENTRIES = 256 };

/* RFC 1035 4.1.1, RFC 1002 4.2.1.1 */
struct dns_header {
	uint16_t flags, questions, answers, authorities, additionals;
};

/* A name as it is on the wire, pointers followed; borrowed. */
struct dns_name {
	struct bh_span label[DNS_MAX_LABELS];
	unsigned n;
};

struct dns_record {
	struct dns_name owner;
	struct bh_cur data; /* stands before its data; offsets count from the message's start */
	size_t end; /* the offset behind its data */
	uint32_t ttl;
	uint16_t type, class, len;
};

struct dns_header dns_header(struct bh_cur *c);
void dns_name(struct bh_cur *c, struct dns_name *ret);
void dns_questions(struct bh_cur *c, unsigned n);
void dns_record(struct bh_cur *c, struct dns_record *ret);

/* Refuses a record whose data was not read up to its end, or beyond. */
void dns_record_done(struct bh_cur *c, const struct dns_record *r);

/* What was told so far. */
struct told {
	struct bh_name_seen *v; /* BH_NAMES of them */
	size_t n;
};

/* A host's own address and a name, or nothing happens.  What was told of both already
 * gets these roles too. */
void tell_name(struct told *t, const struct bh_name_seen *seen);

/* Each reads a whole datagram; false: refused. */
bool read_netbios_names(struct bh_cur *c, const struct bh_addr *src, struct told *t);
bool read_netbios_datagram(struct bh_cur *c, struct told *t);
bool read_llmnr(struct bh_cur *c, struct told *t);
bool read_mdns(struct bh_cur *c, const struct bh_addr *src, struct told *t);

/* NetBIOS, RFC 1001 14: a name of 15 characters and what it is for. */
struct netbios_name {
	char text[BH_NAME_TEXT];
	uint8_t suffix;
};

/* [MS-NBTE] 2.2.1 has the unique ones; the others are what every Windows and Samba does. */
enum {
	NETBIOS_WORKSTATION = 0x00,
	NETBIOS_DOMAIN_MASTER = 0x1b,
	NETBIOS_CONTROLLERS = 0x1c,
	NETBIOS_MASTER = 0x1d,
	NETBIOS_ELECTIONS = 0x1e,
	NETBIOS_SERVER = 0x20,
};

/* False: no NetBIOS name. */
bool netbios_decode(const struct dns_name *n, struct netbios_name *ret);
bool netbios_read(struct bh_span bytes16, struct netbios_name *ret);

/* Tells what a host says by having this name; most suffixes say nothing. */
void tell_netbios(
	struct told *t, const struct bh_addr *addr, const struct netbios_name *n, bool group);
