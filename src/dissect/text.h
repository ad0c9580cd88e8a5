/*
 * text: what strings on the wire become: UTF-8 without control characters, since it
 * will be shown on terminals and pages.  Inside the room only.
 */
#pragma once

#include "base/base.h"

/* Cut at a character so that it and its NUL fit into size bytes. */
void bh_text_utf16(struct bh_span wire, char *ret, size_t size);

/* An 8-bit code page nobody names: what is no ASCII becomes U+FFFD. */
void bh_text_oem(struct bh_span wire, char *ret, size_t size);

/* UTF-8 that may be none: what is not becomes U+FFFD, byte by byte. */
void bh_text_utf8(struct bh_span wire, char *ret, size_t size);
