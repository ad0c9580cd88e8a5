/*
 * expr: one statement of a rule → the nf_tables expressions that nft itself would make of
 * it, so that `nft list` prints it back.
 */
#pragma once

#include <libmnl/libmnl.h>

#include "enforce/shape.h"

void put_be32(struct nlmsghdr *h, uint16_t type, uint32_t v);
void put_be64(struct nlmsghdr *h, uint16_t type, uint64_t v);
void put_value(struct nlmsghdr *h, uint16_t attr, const void *v, size_t len);
/* chain: where NFT_GOTO or NFT_JUMP goes, else NULL. */
void put_verdict(struct nlmsghdr *h, uint16_t attr, int code, const char *chain);
void put_stmt(struct nlmsghdr *h, const struct stmt *s);
