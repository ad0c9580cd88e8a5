#include "cli/alert.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

#define JOURNAL "/run/systemd/journal/socket"

const char *const bh_alert_names[] = {
	[BH_ALERT_DRIFT] = "drift",
	[BH_ALERT_HEALED] = "healed",
	[BH_ALERT_NOT_HEALED] = "not-healed",
	[BH_ALERT_FOREIGN] = "foreign-rule",
	[BH_ALERT_SERVER] = "new-server",
	[BH_ALERT_WOULD_BLOCK] = "would-block",
};

/* What `journalctl MESSAGE_ID=` asks for; made up once, never changed. */
static const char *const ids[] = {
	[BH_ALERT_DRIFT] = "5d0a4a0ecb0f4b0f9d0b8f8e6f7d1a01",
	[BH_ALERT_HEALED] = "5d0a4a0ecb0f4b0f9d0b8f8e6f7d1a02",
	[BH_ALERT_NOT_HEALED] = "5d0a4a0ecb0f4b0f9d0b8f8e6f7d1a03",
	[BH_ALERT_FOREIGN] = "5d0a4a0ecb0f4b0f9d0b8f8e6f7d1a04",
	[BH_ALERT_SERVER] = "5d0a4a0ecb0f4b0f9d0b8f8e6f7d1a05",
	[BH_ALERT_WOULD_BLOCK] = "5d0a4a0ecb0f4b0f9d0b8f8e6f7d1a06",
};

static const int priorities[] = {
	[BH_ALERT_DRIFT] = LOG_ALERT,
	[BH_ALERT_HEALED] = LOG_NOTICE,
	[BH_ALERT_NOT_HEALED] = LOG_ALERT,
	[BH_ALERT_FOREIGN] = LOG_WARNING,
	[BH_ALERT_SERVER] = LOG_NOTICE,
	[BH_ALERT_WOULD_BLOCK] = LOG_WARNING,
};

struct bh_alerts {
	int journal; /* -1: there is none */
};

struct bh_alerts *bh_alerts_new(void)
{
	struct bh_alerts *a = calloc(1, sizeof *a);

	if (!a)
		return NULL;
	a->journal = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	openlog("bulkhead", LOG_PID | LOG_NDELAY, LOG_DAEMON);
	return a;
}

struct bh_alerts *bh_alerts_free(struct bh_alerts *a)
{
	if (!a)
		return NULL;
	if (a->journal >= 0)
		close(a->journal);
	closelog();
	free(a);
	return NULL;
}

/* A line of the datagram; a value is one line. */
static void line(struct bh_buf *b, const char *name, const char *value)
{
	size_t at;

	bh_buf_printf(b, "%s=", name);
	at = b->len;
	bh_buf_str(b, value);
	for (; at < b->len; at++) {
		if (b->ptr[at] == '\n')
			b->ptr[at] = ' ';
	}
	bh_buf_str(b, "\n");
}

void bh_alert_journal(enum bh_alert_kind kind, const char *text,
	const struct bh_alert_field *fields, size_t n, struct bh_buf *ret)
{
	const char priority[2] = { (char)('0' + priorities[kind]), '\0' };

	line(ret, "MESSAGE", text);
	line(ret, "MESSAGE_ID", ids[kind]);
	line(ret, "PRIORITY", priority);
	line(ret, "SYSLOG_IDENTIFIER", "bulkhead");
	line(ret, "BULKHEAD_EVENT", bh_alert_names[kind]);
	for (size_t i = 0; i < n; i++) {
		char name[64];
		size_t room = sizeof name - 1, at = sizeof "BULKHEAD_" - 1;
		memcpy(name, "BULKHEAD_", at);
		for (const char *s = fields[i].name; *s && at < room; s++)
			name[at++] = *s;
		name[at] = '\0';
		line(ret, name, fields[i].value);
	}
}

/* The address is told each time: the journal may have been started anew. */
static bool to_journal(const struct bh_alerts *a, const struct bh_buf *b)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX, .sun_path = JOURNAL };

	return a->journal >= 0 && bh_buf_ok(b) &&
	       sendto(a->journal, b->ptr, b->len, MSG_NOSIGNAL, (const struct sockaddr *)&to,
		       sizeof to) == (ssize_t)b->len;
}

void bh_alert(struct bh_alerts *a, enum bh_alert_kind kind, const char *text,
	const struct bh_alert_field *fields, size_t n)
{
	BH_AUTO_BUF b = { 0 };

	if (!a)
		return;
	bh_alert_journal(kind, text, fields, n, &b);
	if (to_journal(a, &b))
		return;
	b.len = 0;
	bh_buf_printf(&b, "%s: %s", bh_alert_names[kind], text);
	for (size_t i = 0; i < n; i++)
		bh_buf_printf(&b, "%s%s=%s", i ? " " : " [", fields[i].name, fields[i].value);
	bh_buf_str(&b, n ? "]" : "");
	syslog(priorities[kind], "%s", bh_buf_text(&b));
}
