#include "evidence/draft.h"

#include "evidence/when.h"

static const struct {
	uint8_t in;
	const char *element;
	uint8_t place;
} places[] = {
	{ BH_PLACE_ROOT, "Event", BH_PLACE_EVENT },
	{ BH_PLACE_ROOT, "System", BH_PLACE_SYSTEM },
	{ BH_PLACE_ROOT, "EventData", BH_PLACE_DATA },
	{ BH_PLACE_ROOT, "UserData", BH_PLACE_USER },
	{ BH_PLACE_ROOT, "DataItem", BH_PLACE_ROOT }, /* around EventData in Azure's table */
	{ BH_PLACE_EVENT, "System", BH_PLACE_SYSTEM },
	{ BH_PLACE_EVENT, "EventData", BH_PLACE_DATA },
	{ BH_PLACE_EVENT, "UserData", BH_PLACE_USER },
	{ BH_PLACE_SYSTEM, "Provider", BH_PLACE_PROVIDER },
	{ BH_PLACE_SYSTEM, "EventID", BH_PLACE_ID },
	{ BH_PLACE_SYSTEM, "EventRecordID", BH_PLACE_RECORD },
	{ BH_PLACE_SYSTEM, "TimeCreated", BH_PLACE_WHEN },
	{ BH_PLACE_SYSTEM, "Channel", BH_PLACE_CHANNEL },
	{ BH_PLACE_SYSTEM, "Computer", BH_PLACE_COMPUTER },
	{ BH_PLACE_SYSTEM, "Keywords", BH_PLACE_KEYWORDS },
};

uint8_t bh_place_enter(uint8_t place, struct bh_span element)
{
	if (place == BH_PLACE_DATA || place == BH_PLACE_USER || place == BH_PLACE_LEAF)
		return BH_PLACE_LEAF;
	for (size_t i = 0; i < BH_LEN(places); i++) {
		if (places[i].in == place && bh_event_is(element, places[i].element))
			return places[i].place;
	}
	return BH_PLACE_ELSEWHERE;
}

uint8_t bh_place_text(uint8_t place)
{
	switch (place) {
	case BH_PLACE_ID: return BH_FIELD_ID;
	case BH_PLACE_RECORD: return BH_FIELD_RECORD;
	case BH_PLACE_CHANNEL: return BH_FIELD_CHANNEL;
	case BH_PLACE_COMPUTER: return BH_FIELD_COMPUTER;
	case BH_PLACE_KEYWORDS: return BH_FIELD_KEYWORDS;
	case BH_PLACE_DATA:
	case BH_PLACE_LEAF: return BH_FIELD_VALUE;
	default: return BH_FIELD_NONE;
	}
}

uint8_t bh_place_attribute(uint8_t place, struct bh_span name)
{
	if (place == BH_PLACE_PROVIDER && bh_event_is(name, "Name"))
		return BH_FIELD_PROVIDER;
	if (place == BH_PLACE_WHEN && bh_event_is(name, "SystemTime"))
		return BH_FIELD_WHEN;
	return BH_FIELD_NONE;
}

void bh_draft_reset(struct bh_draft *d)
{
	d->event = (struct bh_event){ .values = d->values };
	d->has = 0;
	d->field = BH_FIELD_NONE;
	d->start = d->used = 0;
}

static size_t add_up_to(struct bh_draft *d, struct bh_span s, size_t most)
{
	size_t n = bh_min_size(s.len, bh_min_size(most, sizeof d->text - d->used));

	/* Not within a character: back to where one begins. */
	while (n && n < s.len && (s.ptr[n] & 0xc0) == 0x80)
		n--;
	if (n)
		memcpy(d->text + d->used, s.ptr, n);
	d->used += n;
	return n;
}

static bool begin_value(struct bh_draft *d, struct bh_span name)
{
	if (d->event.n_values == BH_EVENT_VALUES)
		return false;
	const char *at = d->text + d->used;
	size_t n = add_up_to(d, name, BH_DRAFT_NAME);
	d->values[d->event.n_values++] = (struct bh_event_value){ .name = bh_span_of(at, n) };
	return true;
}

bool bh_draft_begin(struct bh_draft *d, uint8_t field, struct bh_span name)
{
	bool wanted = field == BH_FIELD_VALUE ? begin_value(d, name)
					      : field != BH_FIELD_NONE && !bh_draft_has(d, field);

	d->field = wanted ? field : BH_FIELD_NONE;
	d->has |= wanted ? 1u << field : 0;
	d->start = d->used;
	d->full = !wanted;
	return wanted;
}

void bh_draft_add(struct bh_draft *d, struct bh_span utf8)
{
	if (d->full)
		return;
	size_t n = add_up_to(d, utf8, BH_DRAFT_TEXT - (d->used - d->start));
	d->full = n < utf8.len;
}

void bh_draft_end(struct bh_draft *d)
{
	struct bh_span s = bh_span_of(d->text + d->start, d->used - d->start);
	uint64_t v;

	switch (d->field) {
	case BH_FIELD_PROVIDER: d->event.provider = s; break;
	case BH_FIELD_CHANNEL: d->event.channel = s; break;
	case BH_FIELD_COMPUTER: d->event.computer = s; break;
	case BH_FIELD_VALUE: d->values[d->event.n_values - 1].text = s; break;
	case BH_FIELD_WHEN:
		if (bh_when_iso(s, 0, &d->event.when))
			d->has &= ~(1u << BH_FIELD_WHEN);
		break;
	case BH_FIELD_ID:
	case BH_FIELD_RECORD:
	case BH_FIELD_KEYWORDS:
		d->has &= ~(1u << d->field);
		if (!bh_event_number(s, &v))
			bh_draft_number(d, d->field, v);
		break;
	default: break;
	}
	if (d->field == BH_FIELD_WHEN || d->field == BH_FIELD_ID || d->field == BH_FIELD_RECORD ||
		d->field == BH_FIELD_KEYWORDS)
		d->used = d->start; /* the number is enough */
	d->field = BH_FIELD_NONE;
	d->full = true;
}

void bh_draft_drop(struct bh_draft *d)
{
	if (d->event.n_values)
		d->used = (size_t)((const char *)d->values[--d->event.n_values].name.ptr - d->text);
	d->field = BH_FIELD_NONE;
	d->full = true;
}

void bh_draft_number(struct bh_draft *d, uint8_t field, uint64_t v)
{
	if (bh_draft_has(d, field))
		return;
	if (field == BH_FIELD_ID && v <= UINT16_MAX)
		d->event.id = (uint32_t)v;
	else if (field == BH_FIELD_RECORD)
		d->event.record = v;
	else if (field == BH_FIELD_KEYWORDS)
		d->event.keywords = v;
	else
		return;
	d->has |= 1u << field;
}

void bh_draft_when(struct bh_draft *d, bh_time t)
{
	if (bh_draft_has(d, BH_FIELD_WHEN))
		return;
	d->event.when = t;
	d->has |= 1u << BH_FIELD_WHEN;
}
