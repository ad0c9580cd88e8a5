#include "cli/commands.h"

/* clang-format off */
const struct bh_command *const bh_commands[] = {
	&bh_cmd_watch,
	&bh_cmd_read,
	&bh_cmd_show_hosts,
	&bh_cmd_show_conversations,
	&bh_cmd_show_shares,
	&bh_cmd_show_namespaces,
	&bh_cmd_show_findings,
	&bh_cmd_show_surface,
	&bh_cmd_show_diff,
	&bh_cmd_report,
	&bh_cmd_audit_samba,
	&bh_cmd_policy_check,
	&bh_cmd_policy_fmt,
	&bh_cmd_policy_diff,
	&bh_cmd_explain,
	&bh_cmd_suggest,
	&bh_cmd_plan,
	&bh_cmd_verify,
	&bh_cmd_apply,
	&bh_cmd_confirm,
	&bh_cmd_undo,
	&bh_cmd_status,
	NULL,
};
