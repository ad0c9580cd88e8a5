/*
 * Windows events as shippers and tables export them: the same event under other names.
 *
 *   winlogbeat 7 and later   winlog.event_id, winlog.event_data.IpAddress, @timestamp
 *   winlogbeat to 6          event_id, event_data.IpAddress, computer_name
 *   Promtail                 event_id, computer, event_data in XML
 *   evtx_dump, Logstash      Event.System.EventID, Event.EventData.IpAddress
 *   Velociraptor             System.EventID.Value, EventData.IpAddress
 *   Wazuh                    data.win.system.eventID, data.win.eventdata.ipAddress
 *   NXLog                    EventID, Hostname, SourceName, and the values beside them
 *   Azure Monitor            SecurityEvent: EventID, Computer, values beside them, more of
 *                            them in EventData as XML; Event: Source, EventLog, EventData or
 *                            ParameterXml; WindowsEvent: Provider, EventData as JSON
 *   EvtxECmd                 EventId, Computer, Payload in JSON
 */
#include <stdio.h>

#include "evidence/log.h"
#include "evidence/said.h"
#include "evidence/when.h"

enum { NAMES = 6 };

struct form {
	const char *id;
	const char *provider[NAMES];
	const char *channel[NAMES];
	const char *computer[NAMES];
	const char *when[NAMES];
	const char *record[NAMES];
	const char *keywords[NAMES]; /* or how an audit went, in words */
	const char *data[NAMES]; /* where values are: a prefix of their names */
	bool flat; /* and beside the others */
};

static const struct form forms[] = {
	{ .id = "winlog.event_id",
		.provider = { "winlog.provider_name" },
		.channel = { "winlog.channel" },
		.computer = { "winlog.computer_name", "host.name" },
		.when = { "@timestamp" },
		.record = { "winlog.record_id" },
		.keywords = { "winlog.keywords" },
		.data = { "winlog.event_data.", "winlog.user_data." } },
	{ .id = "Event.System.EventID",
		.provider = { "Event.System.Provider.#attributes.Name",
			"Event.System.Provider_attributes.Name", "Event.System.Provider.@Name",
			"Event.System.Provider.Name", "Event.System.Provider" },
		.channel = { "Event.System.Channel" },
		.computer = { "Event.System.Computer" },
		.when = { "Event.System.TimeCreated.#attributes.SystemTime",
			"Event.System.TimeCreated_attributes.SystemTime",
			"Event.System.TimeCreated.@SystemTime",
			"Event.System.TimeCreated.SystemTime", "Event.System.TimeCreated" },
		.record = { "Event.System.EventRecordID" },
		.keywords = { "Event.System.Keywords" },
		.data = { "Event.EventData.", "Event.UserData." } },
	{ .id = "System.EventID.Value",
		.provider = { "System.Provider.Name" },
		.channel = { "System.Channel" },
		.computer = { "System.Computer" },
		.when = { "System.TimeCreated.SystemTime" },
		.record = { "System.EventRecordID" },
		.keywords = { "System.Keywords" },
		.data = { "EventData.", "UserData." } },
	{ .id = "data.win.system.eventID",
		.provider = { "data.win.system.providerName" },
		.channel = { "data.win.system.channel" },
		.computer = { "data.win.system.computer" },
		.when = { "data.win.system.systemTime" },
		.record = { "data.win.system.eventRecordID" },
		.keywords = { "data.win.system.keywords", "data.win.system.severityValue" },
		.data = { "data.win.eventdata." } },
	{ .id = "win.system.eventID",
		.provider = { "win.system.providerName" },
		.channel = { "win.system.channel" },
		.computer = { "win.system.computer" },
		.when = { "win.system.systemTime" },
		.record = { "win.system.eventRecordID" },
		.keywords = { "win.system.keywords", "win.system.severityValue" },
		.data = { "win.eventdata." } },
	{ .id = "event_id",
		.provider = { "source_name", "provider_name", "source" },
		.channel = { "log_name", "channel" },
		.computer = { "computer_name", "computer" },
		.when = { "@timestamp", "timeCreated", "timestamp" },
		.record = { "record_number", "record_id", "event_record_id", "eventRecordID" },
		.keywords = { "keywords" },
		.data = { "event_data.", "user_data." } },
	{ .id = "EventID",
		.provider = { "SourceName", "EventSourceName", "ProviderName", "Provider",
			"Source" },
		.channel = { "Channel", "EventLog", "LogName" },
		.computer = { "Computer", "Hostname", "MachineName" },
		.when = { "TimeGenerated", "TimeGenerated [UTC]", "TimeGenerated [Local Time]",
			"EventTime", "TimeCreated", "EventReceivedTime" },
		.record = { "RecordNumber", "EventRecordId", "EventRecordID" },
		.keywords = { "EventType", "Keywords" },
		.data = { "EventData.", "UserData." },
		.flat = true },
	{ .id = "EventId",
		.provider = { "Provider", "SourceName", "ProviderName" },
		.channel = { "Channel" },
		.computer = { "Computer", "MachineName" },
		.when = { "TimeCreated", "TimeGenerated", "EventTime" },
		.record = { "EventRecordId", "RecordNumber" },
		.keywords = { "Keywords" },
		.data = { "Payload.EventData.", "Payload.UserData.", "EventData." },
		.flat = true },
};

bool bh_exported_id(struct bh_span name)
{
	for (size_t i = 0; i < BH_LEN(forms); i++) {
		if (bh_event_is(name, forms[i].id))
			return true;
	}
	return false;
}

/* ---- fields that hold fields ---- */

static struct bh_span drop(struct bh_span s, size_t n)
{
	struct bh_cur c = bh_cur_of(s);

	bh_cur_skip(&c, n);
	return bh_cur_take(&c, bh_cur_left(&c));
}

static bool begins(struct bh_span s, const char *text)
{
	size_t n = strlen(text);

	return s.len >= n && !memcmp(s.ptr, text, n);
}

/* Elasticsearch puts an event below _source. */
static void unwrap(struct bh_fields *f)
{
	for (size_t i = 0; i < f->n; i++) {
		if (begins(f->v[i].name, "_source."))
			f->v[i].name = drop(f->v[i].name, strlen("_source."));
	}
}

/* The first character that is no blank. */
static uint8_t first(struct bh_span s)
{
	struct bh_cur c = bh_cur_of(s);
	uint8_t ch = ' ';

	while (bh_cur_left(&c) && ch <= ' ')
		ch = bh_cur_u8(&c);
	return ch;
}

/* What bh_xml reads dies with its next event: it is kept. */
static void add_xml(struct bh_log *l, struct bh_fields *f, struct bh_span text)
{
	struct bh_event e;

	if (bh_xml_event(l->xml, text, &e))
		return;
	for (size_t i = 0; i < e.n_values; i++) {
		struct bh_span name = bh_fields_keep(f, e.values[i].name);
		struct bh_span value = bh_fields_keep(f, e.values[i].text);
		if (name.ptr && value.ptr)
			bh_fields_add(f, name, value);
	}
}

static void expand(struct bh_log *l, struct bh_fields *f, const char *name)
{
	struct bh_span text = bh_fields_get(f, name);
	size_t n = f->n;
	char prefix[32];

	if (!text.len)
		return;
	uint8_t ch = first(text);
	if (ch == '<') {
		add_xml(l, f, text);
		return;
	}
	snprintf(prefix, sizeof prefix, "%s.", name);
	if (ch == '{' && bh_json_fields(text, prefix, f))
		f->n = n; /* not JSON after all */
}

/* ---- values ---- */

struct values {
	struct bh_event_value v[BH_EVENT_VALUES];
	size_t n;
};

static void add(struct values *to, struct bh_span name, struct bh_span text)
{
	if (to->n < BH_LEN(to->v) && name.len && text.ptr)
		to->v[to->n++] = (struct bh_event_value){ .name = name, .text = text };
}

/* What follows the last dot. */
static struct bh_span last_part(struct bh_span name)
{
	size_t at = name.len;

	while (at > 0 && name.ptr[at - 1] != '.')
		at--;
	return drop(name, at);
}

static bool ends(struct bh_span s, const char *text)
{
	size_t n = strlen(text);

	return s.len >= n && !memcmp(s.ptr + s.len - n, text, n);
}

/* {"Data":[{"@Name":"IpAddress","#text":"10.0.0.1"}, …]}: a name, then its text, unless
 * that is empty and left out. */
static bool names_next(struct bh_span name)
{
	return ends(name, "Data.@Name") || ends(name, "Data.#attributes.Name");
}

/* Wazuh writes values' names with a small letter at their front. */
static struct bh_span capital(struct bh_fields *f, struct bh_span name)
{
	if (!name.len || name.ptr[0] < 'a' || name.ptr[0] > 'z')
		return name;
	char ch = (char)(name.ptr[0] - 0x20);
	struct bh_span front = bh_fields_keep(f, bh_span_of(&ch, 1));
	struct bh_span back = bh_fields_keep(f, drop(name, 1));
	return front.ptr && back.ptr ? bh_span_of(front.ptr, name.len) : name;
}

static void values_below(struct bh_fields *f, const char *prefix, bool small, struct values *to)
{
	for (size_t i = 0; i < f->n; i++) {
		struct bh_span name = f->v[i].name;
		if (!begins(name, prefix))
			continue;
		if (names_next(name)) {
			bool said = i + 1 < f->n && ends(f->v[i + 1].name, "Data.#text");
			add(to, f->v[i].text, said ? f->v[i + 1].text : bh_span_of("", 0));
			i += said;
			continue;
		}
		name = last_part(name);
		if (begins(name, "#") || begins(name, "@"))
			continue;
		add(to, small ? capital(f, name) : name, f->v[i].text);
	}
}

static void values_beside(const struct bh_fields *f, size_t from, size_t end, struct values *to)
{
	for (size_t i = from; i < end; i++) {
		struct bh_span name = f->v[i].name;
		/* A row of Azure Monitor has an empty text for each column of other events. */
		if (f->v[i].text.len && !memchr(name.ptr, '.', name.len))
			add(to, name, f->v[i].text);
	}
}

/* ---- the event ---- */

static struct bh_span any(const struct bh_fields *f, const char *const names[NAMES])
{
	struct bh_span s = { 0 };

	for (size_t i = 0; !s.len && i < NAMES && names[i]; i++)
		s = bh_fields_get(f, names[i]);
	return s;
}

static struct bh_span id_text(const struct bh_fields *f, const char *name)
{
	struct bh_span s = bh_fields_get(f, name);

	if (!s.ptr && !strcmp(name, "Event.System.EventID"))
		s = bh_fields_get(f, "Event.System.EventID.#text");
	return s;
}

static const struct form *form_of(const struct bh_fields *f, struct bh_span *ret_id)
{
	for (size_t i = 0; i < BH_LEN(forms); i++) {
		*ret_id = id_text(f, forms[i].id);
		if (ret_id->ptr)
			return &forms[i];
	}
	return NULL;
}

/* Azure's SecurityEvent has but events of the Security log, and does not repeat that in
 * every export. */
static struct bh_span provider_of(const struct bh_fields *f, const struct form *form)
{
	struct bh_span s = any(f, form->provider);
	static const char auditing[] = "Microsoft-Windows-Security-Auditing";
	bool security = bh_event_is(any(f, form->channel), "Security") ||
			bh_event_is(bh_fields_get(f, "Type"), "SecurityEvent") ||
			bh_fields_has(f, "Activity");

	if (!s.len && security)
		s = bh_span_of(auditing, strlen(auditing));
	return s;
}

/* A time without a zone is UTC, but for NXLog's, and Azure's where it says so. */
static bh_time when_of(const struct bh_log *l, const struct bh_fields *f, const struct form *form)
{
	struct bh_span s = any(f, form->when);
	bool local = form->flat &&
		     (bh_fields_has(f, "EventTime") || bh_fields_has(f, "EventReceivedTime") ||
			     bh_fields_has(f, "TimeGenerated [Local Time]"));
	bh_time t;

	return s.len && !bh_when(s, local ? l->options.east : 0, &t) ? t : 0;
}

static bool holds(struct bh_span s, const char *text)
{
	return s.len && memmem(s.ptr, s.len, text, strlen(text));
}

/* "0x8020000000000000", "-9214364837600034816", "Audit Success", "AUDIT_FAILURE" */
static uint64_t keywords_of(const struct bh_fields *f, const struct form *form)
{
	struct bh_span s = any(f, form->keywords);
	uint64_t v = 0;

	if (!bh_event_number(s, &v))
		return v;
	if (begins(s, "-") && !bh_event_number(drop(s, 1), &v))
		return -v;
	return holds(s, "ailure") || holds(s, "FAILURE")   ? BH_EVENT_FAILURE
	       : holds(s, "uccess") || holds(s, "SUCCESS") ? BH_EVENT_SUCCESS
							   : 0;
}

static void gather(
	struct bh_log *l, struct bh_fields *f, const struct form *form, struct values *to)
{
	static const char *const nested[] = { "EventData", "ParameterXml", "Payload",
		"event_data" };
	bool small = strstr(form->id, "win.") != NULL;
	size_t beside = f->n;

	for (size_t i = 0; i < BH_LEN(nested); i++)
		expand(l, f, nested[i]);
	values_beside(f, beside, f->n, to);
	for (size_t i = 0; i < NAMES && form->data[i]; i++)
		values_below(f, form->data[i], small, to);
	if (form->flat)
		values_beside(f, 0, beside, to);
}

int bh_exported_event(struct bh_log *l, struct bh_fields *f)
{
	struct values values = { .n = 0 };
	struct bh_span text;
	uint64_t id;

	unwrap(f);
	const struct form *form = form_of(f, &text);
	if (!form)
		return -ENOMSG;
	struct bh_event e = { .provider = provider_of(f, form), .channel = any(f, form->channel) };
	if (bh_event_number(text, &id) || id > UINT32_MAX) {
		bh_log_count(l, "", e.provider, 0, false);
		bh_log_bad(l, "an event whose number is none");
		return 0;
	}
	e.id = (uint32_t)id;
	if (!bh_log_wants_event(l, e.provider, e.id))
		return 0;
	e.computer = any(f, form->computer);
	e.keywords = keywords_of(f, form);
	e.when = when_of(l, f, form);
	if (bh_event_number(any(f, form->record), &e.record))
		e.record = 0;
	gather(l, f, form, &values);
	e.values = values.v;
	e.n_values = values.n;
	bh_log_event(l, &e);
	return 0;
}
