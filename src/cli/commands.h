/* Every subcommand, in the order of --help; ends with NULL. */
#pragma once

#include "cli/cli.h"

extern const struct bh_command *const bh_commands[];
extern const struct bh_command bh_cmd_policy_check;
extern const struct bh_command bh_cmd_policy_fmt;
extern const struct bh_command bh_cmd_policy_diff;
extern const struct bh_command bh_cmd_explain;

extern const struct bh_command bh_cmd_read;
extern const struct bh_command bh_cmd_show_conversations;
extern const struct bh_command bh_cmd_report;
extern const struct bh_command bh_cmd_show_diff;
extern const struct bh_command bh_cmd_show_findings;
extern const struct bh_command bh_cmd_show_hosts;
extern const struct bh_command bh_cmd_show_shares;
extern const struct bh_command bh_cmd_show_namespaces;
extern const struct bh_command bh_cmd_show_surface;
extern const struct bh_command bh_cmd_watch;
extern const struct bh_command bh_cmd_audit_samba;
extern const struct bh_command bh_cmd_plan;
extern const struct bh_command bh_cmd_suggest;
extern const struct bh_command bh_cmd_tags_diff;
extern const struct bh_command bh_cmd_tags_update;
extern const struct bh_command bh_cmd_verify;
extern const struct bh_command bh_cmd_apply;
extern const struct bh_command bh_cmd_confirm;
extern const struct bh_command bh_cmd_undo;
extern const struct bh_command bh_cmd_status;
