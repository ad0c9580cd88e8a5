/*
 * xml: how the two halves of the XML reader know each other.  Inside the room only.
 */
#pragma once

#include <expat.h>

#include "evidence/draft.h"
#include "evidence/evidence.h"

/* An event holds 64 KiB; as XML, with binary values in hexadecimal and a rendered text
 * beside it, several times that. */
#define XML_MAX_EVENT (512u * 1024)
#define XML_DEPTH     32u

struct xml_frame {
	uint8_t place;
	bool open; /* its text is being written to the draft */
};

enum xml_encoding { XML_NOT_YET, XML_UTF8, XML_UTF16LE, XML_UTF16BE };

struct bh_xml {
	XML_Parser parser;
	uint64_t seed;
	/* xml.c: the event that is being parsed */
	bool bad;
	unsigned depth;
	struct xml_frame stack[XML_DEPTH + 1]; /* the first is what stands around */
	struct bh_draft draft;
	uint8_t clean[XML_MAX_EVENT];
	/* xml_feed.c: where in the stream we are */
	struct bh_xml_told told;
	uint8_t encoding; /* enum xml_encoding */
	uint8_t n_first; /* bytes that the encoding may be told from */
	uint8_t first[3];
	bool half; /* of a UTF-16 unit: `low` */
	uint8_t low;
	uint16_t high; /* half of a pair; 0: none */
	bool inside; /* an event's text is being gathered */
	uint8_t start, end; /* how much of "<Event" and of "</Event" came last */
	size_t len;
	uint8_t text[XML_MAX_EVENT];
};
