/*
 * heard: the names that machines go by, shares that are there, and how many records of each
 * kind there were, from the sensor until they are in the database.
 *
 * Anybody may claim any name, as often as he likes.  So many are kept of one address, so
 * many of addresses of which nothing else is known, and so many in all; what speaks SMB has
 * room of its own.  What there is no room for is counted.
 */
#pragma once

#include "model/fact.h"
#include "store/store.h"

struct bh_heard; /* owned */

/* seed: random in production; keys the hash against chosen addresses. */
struct bh_heard *bh_heard_new(uint64_t seed);
struct bh_heard *bh_heard_free(struct bh_heard *h);
BH_AUTO_FREE(bh_heard)

/* Any fact that is sane.  -ENOMEM. */
BH_MUST int bh_heard_fact(struct bh_heard *h, const struct bh_fact *f);

/* Whether there is anything that bh_heard_saved was not told of. */
bool bh_heard_news(const struct bh_heard *h);
/* Writes that, in a batch of the store. */
BH_MUST int bh_heard_save(const struct bh_heard *h, struct bh_store *store, uint32_t source);
/* It is in the database; what was not told for a day makes room when room gets scarce. */
void bh_heard_saved(struct bh_heard *h);

/* The kinds of records, as told last; good until the next fact. */
const struct bh_event_count *bh_heard_kinds(const struct bh_heard *h, size_t *ret_n);

/* Names, shares and kinds that there was no room for, as often as they were told. */
uint64_t bh_heard_lost(const struct bh_heard *h);
