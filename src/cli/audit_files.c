/*
 * The files of the change.  smb.conf gets one line at its end, which includes a file of
 * ours: sections that come again there go on where they ended, so that nothing of the
 * administrator's own text is touched, and taking the line away leaves what was there.
 */
#include <time.h>

#include "cli/audit.h"

#define UNITS "/etc/systemd/system"
#define NAME  "bulkhead-audit"

/* Behind two line ends: smb.conf may have none at its end, or a backslash. */
#define INCLUDE "include = "

/* As systemd.time(7) reads it, too. */
static void add_date(struct bh_buf *b, bh_time t)
{
	time_t seconds = (time_t)(t / BH_SECOND);
	char text[64] = "";
	struct tm tm;

	if (gmtime_r(&seconds, &tm))
		strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S UTC", &tm);
	bh_buf_str(b, text);
}

/* As one word of the shell. */
static void quote(struct bh_buf *b, const char *s)
{
	bh_buf_u8(b, '\'');
	for (; *s; s++) {
		if (*s == '\'')
			bh_buf_str(b, "'\\''");
		else
			bh_buf_u8(b, (uint8_t)*s);
	}
	bh_buf_u8(b, '\'');
}

/* As a basic regular expression; paths here hold nothing else that means something. */
static void quote_dots(struct bh_buf *b, const char *s)
{
	for (; *s; s++) {
		if (*s == '.')
			bh_buf_u8(b, '\\');
		bh_buf_u8(b, (uint8_t)*s);
	}
}

static void add_assignment(struct bh_buf *b, const char *name, const char *value)
{
	bh_buf_printf(b, "%s=", name);
	quote(b, value);
	bh_buf_u8(b, '\n');
}

/* ---- what smb.conf includes ---- */

static void conf_text(const struct bh_audit *p, struct bh_buf *b)
{
	const char *section = "";

	bh_buf_str(b, "# Has Samba tell who uses it, for bulkhead.  Ends ");
	add_date(b, p->until);
	bh_buf_printf(b, ", or by 'sh %s/" NAME "-end'.\n", p->folder);
	for (const struct bh_audit_set *s = p->sets; s; s = s->next) {
		if (s->registry)
			continue;
		if (strcmp(section, s->section))
			bh_buf_printf(b, "\n[%s]\n", s->section);
		section = s->section;
		/* A backslash at its end would go on in the next line. */
		size_t n = strlen(s->value);
		bool goes_on = n && s->value[n - 1] == '\\';
		bh_buf_printf(b, "\t%s = %s%s\n", s->name, s->value, goes_on ? " " : "");
	}
}

/* ---- the registry ---- */

static void net_conf(struct bh_buf *b, const char *verb, const struct bh_audit_set *s,
	const char *value, const char *otherwise)
{
	bh_buf_printf(b, "net -s \"$conf\" conf %s ", verb);
	quote(b, s->section);
	bh_buf_u8(b, ' ');
	quote(b, s->name);
	if (value) {
		bh_buf_u8(b, ' ');
		quote(b, value);
	}
	bh_buf_printf(b, " || %s\n", otherwise);
}

/* ---- the beginning ---- */

static void begin_head(const struct bh_audit *p, struct bh_buf *b)
{
	bh_buf_str(b, "#!/bin/sh\n"
		      "# Has Samba on this server tell who uses it, until ");
	add_date(b, p->until);
	bh_buf_str(b, ".\n"
		      "#   sh " NAME "-begin [--no-timer]\n"
		      "set -eu\n"
		      "PATH=$PATH:/usr/sbin:/sbin:/usr/bin:/bin\n");
	add_assignment(b, "conf", p->conf);
	add_assignment(b, "folder", p->folder);
	add_assignment(b, "units", UNITS);
	bh_buf_str(b, "here=$(dirname \"$0\")\n"
		      "end=$folder/" NAME "-end\n"
		      "say() { echo \"" NAME "-begin: $*\" >&2; }\n"
		      "stop() { say \"$*\"; exit 1; }\n"
		      "undo() { sh \"$end\"; stop \"$*; nothing is changed\"; }\n"
		      "\n"
		      "[ \"$(id -u)\" = 0 ] || stop 'this needs root'\n"
		      "[ ! -e \"$end\" ] || stop \"an audit runs already: 'sh $end' ends it\"\n");
	bh_buf_printf(b,
		"[ \"$(date +%%s)\" -lt %lld ] || stop 'its end has passed: make it anew'\n",
		(long long)(p->until / BH_SECOND));
	if (!p->sha256)
		return;
	bh_buf_printf(b,
		"was=$(testparm -s \"$conf\" 2>/dev/null | sha256sum)\n"
		"[ \"${was%%%% *}\" = %s ] ||\n"
		"\tstop 'this is not the configuration that the plan was made for: make it anew'\n",
		p->sha256);
}

/* vfs.c, smbd_vfs_init: a module that cannot be loaded keeps every client out. */
static void begin_module(struct bh_buf *b)
{
	bh_buf_str(b,
		"# Without the module Samba would refuse every client.\n"
		"build=$(smbd -b)\n"
		"found=$(echo \"$build\" | sed -n 's/^ *\\(MODULESDIR\\|LIBDIR\\): *//p' |\n"
		"\twhile read -r d; do ls \"$d/vfs/full_audit.so\" 2>/dev/null || true; done)\n"
		"[ -n \"$found\" ] || echo \"$build\" | sed '1,/^Builtin modules/d' | grep -qw "
		"vfs_full_audit ||\n"
		"\tstop 'the module full_audit is missing: install it (Debian: "
		"samba-vfs-modules)'\n");
}

static void begin_timer(const struct bh_audit *p, struct bh_buf *b)
{
	bh_buf_str(b, "# What ends it comes first.\n"
		      "if [ \"${1-}\" != --no-timer ] && [ ! -d /run/systemd/system ]; then\n"
		      "\tstop \"no systemd here that could end it: begin with --no-timer, and have "
		      "'sh $end' run on ");
	add_date(b, p->until);
	bh_buf_str(b, "\"\n"
		      "fi\n"
		      "install -m 755 \"$here/" NAME "-end\" \"$end\"\n"
		      "if [ \"${1-}\" != --no-timer ]; then\n"
		      "\tinstall -m 644 \"$here/" NAME "-end.service\" \"$here/" NAME
		      "-end.timer\" \"$units\" &&\n"
		      "\t\tsystemctl daemon-reload && systemctl -q enable --now " NAME
		      "-end.timer || undo 'the timer cannot be set'\n"
		      "fi\n");
}

/* Each line with its section, but for those that are meant to change: in any order, since
 * testparm prints options of modules in the order of their coming. */
static void begin_include(struct bh_buf *b)
{
	bh_buf_str(b,
		"install -m 644 \"$here/" NAME ".conf\" \"$folder/" NAME ".conf\" ||\n"
		"\tundo \"$folder cannot be written\"\n"
		"line=\"" INCLUDE "$folder/" NAME ".conf\"\n"
		"ours='vfs objects =\\|full_audit:\\|max log size =\\|logging =\\|include ='\n"
		"rest() {\n"
		"\ttestparm -s \"$1\" 2>/dev/null | grep -v \"$ours\" |\n"
		"\t\tawk '/^\\[/ { s = $0 } { print s $0 }' | LC_ALL=C sort\n"
		"}\n"
		"trial=$(mktemp)\n"
		"trap 'rm -f \"$trial\"' EXIT\n"
		"{ cat \"$conf\" && printf '\\n\\n%s\\n' \"$line\"; } >\"$trial\"\n"
		"testparm -s \"$conf\" >/dev/null 2>&1 || undo 'testparm refuses smb.conf as it "
		"is'\n"
		"[ \"$(rest \"$conf\")\" = \"$(rest \"$trial\")\" ] || undo 'it would change more "
		"than it is meant to: make it anew'\n"
		"printf '\\n\\n%s\\n' \"$line\" >>\"$conf\" || undo \"$conf cannot be written\"\n");
}

static void begin_text(const struct bh_audit *p, struct bh_buf *b)
{
	begin_head(p, b);
	begin_module(b);
	begin_timer(p, b);
	if (p->any_text)
		begin_include(b);
	for (const struct bh_audit_set *s = p->sets; s; s = s->next) {
		if (s->registry)
			net_conf(b, "setparm", s, s->value, "undo 'the registry refuses it'");
	}
	bh_buf_str(b,
		"smbcontrol -s \"$conf\" all reload-config ||\n"
		"\tsay 'smbd could not be told; it looks at its configuration by itself before "
		"long'\n");
}

/* ---- the end ---- */

/* With -z the file is one line to sed: ours goes with the line ends before it, and only
 * if somebody wrote behind it one of them stays. */
static void end_include(const struct bh_audit *p, struct bh_buf *b)
{
	BH_AUTO_BUF line = { 0 };

	bh_buf_str(&line, "\\n\\n" INCLUDE);
	quote_dots(&line, p->folder);
	bh_buf_str(&line, "/" NAME "\\.conf\\n");
	bh_buf_printf(b, "sed -i -z --follow-symlinks -e 's|%s$||' -e 's|%s|\\n|' \"$conf\"\n",
		bh_buf_text(&line), bh_buf_text(&line));
	bh_buf_str(b, "rm -f \"$folder/" NAME ".conf\"\n");
}

static void end_text(const struct bh_audit *p, struct bh_buf *b)
{
	bh_buf_str(b, "#!/bin/sh\n"
		      "# Ends what " NAME "-begin began, and leaves nothing of it but the log.\n"
		      "set -eu\n"
		      "PATH=$PATH:/usr/sbin:/sbin:/usr/bin:/bin\n");
	add_assignment(b, "conf", p->conf);
	add_assignment(b, "folder", p->folder);
	add_assignment(b, "units", UNITS);
	if (p->any_text)
		end_include(p, b);
	for (const struct bh_audit_set *s = p->sets; s; s = s->next) {
		if (s->registry)
			net_conf(b, s->old ? "setparm" : "delparm", s, s->old, "true");
	}
	bh_buf_str(b, "smbcontrol -s \"$conf\" all reload-config || true\n"
		      "if [ -e \"$units/" NAME "-end.timer\" ]; then\n"
		      "\tsystemctl -q disable --now " NAME "-end.timer || true\n"
		      "\trm -f \"$units/" NAME "-end.timer\" \"$units/" NAME "-end.service\"\n"
		      "\tsystemctl daemon-reload || true\n"
		      "fi\n"
		      "rm -f \"$folder/" NAME "-end\"\n");
}

/* systemd.timer(5): Persistent makes up for an end that the machine slept through. */
static void timer_text(const struct bh_audit *p, struct bh_buf *b)
{
	bh_buf_printf(b,
		"[Unit]\n"
		"Description=End of the %lld days in which Samba tells who uses it\n\n"
		"[Timer]\n"
		"OnCalendar=",
		(long long)p->days);
	add_date(b, p->until);
	bh_buf_str(b, "\n"
		      "Persistent=true\n\n"
		      "[Install]\n"
		      "WantedBy=timers.target\n");
}

static void service_text(const struct bh_audit *p, struct bh_buf *b)
{
	bh_buf_printf(b,
		"[Unit]\n"
		"Description=Samba no longer tells who uses it\n\n"
		"[Service]\n"
		"Type=oneshot\n"
		"ExecStart=/bin/sh %s/" NAME "-end\n",
		p->folder);
}

/* ---- all of them ---- */

size_t bh_audit_files(
	const struct bh_audit *p, struct bh_arena *a, struct bh_audit_file ret[BH_AUDIT_FILES])
{
	static const struct {
		const char *name, *folder; /* folder "": smb.conf's, NULL: it stays */
		unsigned mode;
		void (*text)(const struct bh_audit *p, struct bh_buf *b);
	} all[] = {
		{ NAME ".conf", "", 0644, conf_text },
		{ NAME "-begin", NULL, 0755, begin_text },
		{ NAME "-end", "", 0755, end_text },
		{ NAME "-end.timer", UNITS, 0644, timer_text },
		{ NAME "-end.service", UNITS, 0644, service_text },
	};
	size_t n = 0;

	static_assert(BH_LEN(all) == BH_AUDIT_FILES, "one each");
	for (size_t i = p->any_text ? 0 : 1; i < BH_LEN(all); i++) {
		BH_AUTO_BUF b = { 0 };
		const char *folder = all[i].folder;
		all[i].text(p, &b);
		if (!bh_buf_ok(&b))
			a->failed = true;
		ret[n].name = all[i].name;
		ret[n].mode = all[i].mode;
		ret[n].goes_to = folder ? bh_arena_printf(a, "%s/%s", *folder ? folder : p->folder,
						  all[i].name)
					: NULL;
		ret[n++].text = bh_arena_str(a, bh_buf_text(&b));
	}
	return n;
}
