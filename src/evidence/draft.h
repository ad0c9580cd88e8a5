/*
 * draft: an event that is being put together from its elements, by EVTX and XML alike.
 *
 * A *place* says where in an event an element stands, and so what its text is.  Texts
 * are UTF-8 and live in the draft; each is cut at a character to BH_DRAFT_TEXT bytes.
 * Inside the room only.
 */
#pragma once

#include "evidence/event.h"

#define BH_DRAFT_TEXT 2048u /* a path has 260, a share's UNC 340 */
#define BH_DRAFT_NAME 128u

/* [MS-EVEN6] 2.2.13 (Event.xsd). */
enum bh_place {
	BH_PLACE_ROOT, /* nothing yet, or an envelope */
	BH_PLACE_EVENT,
	BH_PLACE_SYSTEM,
	BH_PLACE_PROVIDER,
	BH_PLACE_ID,
	BH_PLACE_RECORD,
	BH_PLACE_WHEN,
	BH_PLACE_CHANNEL,
	BH_PLACE_COMPUTER,
	BH_PLACE_KEYWORDS,
	BH_PLACE_DATA, /* EventData */
	BH_PLACE_USER, /* UserData */
	BH_PLACE_LEAF, /* below one of them: carries a value unless it has children */
	BH_PLACE_ELSEWHERE,
};

enum bh_field {
	BH_FIELD_NONE,
	BH_FIELD_PROVIDER,
	BH_FIELD_ID,
	BH_FIELD_RECORD,
	BH_FIELD_WHEN,
	BH_FIELD_CHANNEL,
	BH_FIELD_COMPUTER,
	BH_FIELD_KEYWORDS,
	BH_FIELD_VALUE,
	BH_FIELDS_OF_SYSTEM = BH_FIELD_VALUE,
};

uint8_t bh_place_enter(uint8_t place, struct bh_span element);
/* The field that text at a place is, or that an attribute there is. */
uint8_t bh_place_text(uint8_t place);
uint8_t bh_place_attribute(uint8_t place, struct bh_span name);

struct bh_draft {
	struct bh_event event; /* its values are those below */
	struct bh_event_value values[BH_EVENT_VALUES];
	uint32_t has; /* a bit for each field of System that was begun */
	uint8_t field; /* the text that is being written */
	bool full; /* it has all it may have */
	size_t start, used;
	char text[(BH_FIELDS_OF_SYSTEM + BH_EVENT_VALUES) * BH_DRAFT_TEXT +
		  BH_EVENT_VALUES * BH_DRAFT_NAME];
};

void bh_draft_reset(struct bh_draft *d);

/* A field's text begins; false if it is not wanted: a field of System is told once, of
 * values there are BH_EVENT_VALUES. */
bool bh_draft_begin(struct bh_draft *d, uint8_t field, struct bh_span name);
void bh_draft_add(struct bh_draft *d, struct bh_span utf8);
void bh_draft_end(struct bh_draft *d);
/* The value begun last was none. */
void bh_draft_drop(struct bh_draft *d);

/* A field of System whose number is there as one. */
void bh_draft_number(struct bh_draft *d, uint8_t field, uint64_t v);
void bh_draft_when(struct bh_draft *d, bh_time t);

static inline bool bh_draft_has(const struct bh_draft *d, uint8_t field)
{
	return d->has >> field & 1;
}
