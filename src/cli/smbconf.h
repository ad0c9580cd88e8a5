/*
 * smbconf: the text of smb.conf, as people write it and as testparm and `net conf list`
 * print it.
 *
 * Pure: text in, values out.  What Samba would make of it is asked here (which value
 * holds, where a share has it from), never whether it is right: that is testparm's part.
 */
#pragma once

#include "base/cur.h"
#include "base/diag.h"

#define BH_SMBCONF_BYTES    (8u << 20) /* a text may be so long */
#define BH_SMBCONF_SECTIONS 10000u
#define BH_SMBCONF_LINES    200000u /* in all sections */

struct bh_smbconf_line {
	struct bh_smbconf_line *next;
	const char *name; /* "vfsobjects": lower case, without white space; Samba compares so */
	const char *written; /* "VFS Objects" */
	const char *value; /* as written, trimmed, lines that go on joined */
	unsigned place; /* counts lines and first heads of sections in the order of reading */
};

struct bh_smbconf_section {
	struct bh_smbconf_section *next;
	const char *name; /* as written */
	unsigned place; /* of its first head */
	struct bh_smbconf_line *first, *last;
};

/* Told of each `include`, so that what it names is read in its place (bh_smbconf_read on
 * the same value); 0, or what ends the reading. */
typedef int (*bh_smbconf_include_fn)(void *ctx, const char *path);

struct bh_smbconf {
	struct bh_arena *arena; /* set by whoever makes one; all memory is its */
	bh_smbconf_include_fn include; /* NULL: none is read */
	void *ctx;
	struct bh_smbconf_section global;
	struct bh_smbconf_section *first, *last; /* the others, in order */
	struct bh_smbconf_section *now; /* where the next line belongs; NULL: global */
	unsigned places, sections;
	bool printed; /* testparm printed it: each share's own lines alone differ from [global] */
};

/* Reads one text into *c, after what is there: a section that comes again goes on.  0;
 * -EBADMSG after a diag in d that says where; -E2BIG past a limit, -ENOMEM, or what
 * c->include returned. */
BH_MUST int bh_smbconf_read(
	struct bh_smbconf *c, const char *file, struct bh_span text, struct bh_diags *d);

/* NULL: not there.  Names of sections are alike in any case. */
const struct bh_smbconf_section *bh_smbconf_find(const struct bh_smbconf *c, const char *name);

/* The last value that a section itself has of one of the names, NULL-terminated; NULL:
 * none. */
const char *bh_smbconf_own(const struct bh_smbconf_section *s, const char *const names[]);

/* What holds for a share: its own value, else that of the share it copies, else what
 * [global] said before the share began.  NULL: Samba's default. */
const char *bh_smbconf_of(
	const struct bh_smbconf *c, const struct bh_smbconf_section *s, const char *const names[]);

/* A share's options of modules ("fruit:metadata"), those of the share it copies before its
 * own; the later of two holds.  fn is called for each. */
typedef void (*bh_smbconf_line_fn)(void *ctx, const struct bh_smbconf_line *l);
void bh_smbconf_options(const struct bh_smbconf *c, const struct bh_smbconf_section *s,
	bh_smbconf_line_fn fn, void *ctx);

/* "yes", "true", "1" and "on" are true, NULL is `otherwise`. */
bool bh_smbconf_bool(const char *value, bool otherwise);

/* The items of a list, quotes taken off; at most BH_SMBCONF_ITEMS. */
#define BH_SMBCONF_ITEMS 256u
struct bh_smbconf_list {
	const char *v[BH_SMBCONF_ITEMS];
	size_t n;
	bool cut; /* there were more */
};
void bh_smbconf_list(const char *value, struct bh_arena *a, struct bh_smbconf_list *ret);
/* As Samba reads it back; items with separators are quoted. */
const char *bh_smbconf_list_text(const struct bh_smbconf_list *l, struct bh_arena *a);
