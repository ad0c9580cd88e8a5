/* pseudonym: one text ⇄ its pseudonym.  Pure.  The room's own. */
#pragma once

#include "store/store.h"

/* "" stays "". */
void pseudonym_hide(struct bh_pseudonyms *p, const char *text, char ret[BH_NAME_TEXT]);
/* False when the text is no pseudonym of this key; *ret is untouched then. */
bool pseudonym_reveal(const struct bh_pseudonyms *p, const char *text, char ret[BH_NAME_TEXT]);
/* 32 bytes; -ENOMEM. */
#define PSEUDONYM_KEY 32
BH_MUST int pseudonym_new(const uint8_t key[PSEUDONYM_KEY], struct bh_pseudonyms **ret);
