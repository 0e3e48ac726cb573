// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/report/requests.h"

static const char *const component_names[COMPONENTS] = {
	[COMPONENT_ACCEPT_WAIT] = "accept_wait",
	[COMPONENT_SOCKET_BUSY] = "socket_busy",
	[COMPONENT_SOCKET_RUN_QUEUE] = "socket_run_queue",
	[COMPONENT_SOCKET_BLOCKED] = "socket_blocked",
	[COMPONENT_ON_CPU] = "on_cpu",
	[COMPONENT_BUSY_WITH_OTHERS] = "busy_with_others",
	[COMPONENT_RUN_QUEUE_WAKEUP] = "run_queue_wakeup",
	[COMPONENT_RUN_QUEUE_PREEMPTED] = "run_queue_preempted",
	[COMPONENT_BLOCKED_FIRST + BLOCKED_FUTEX] = "blocked_futex",
	[COMPONENT_BLOCKED_FIRST + BLOCKED_POLL] = "blocked_poll",
	[COMPONENT_BLOCKED_FIRST + BLOCKED_SOCKET] = "blocked_socket",
	[COMPONENT_BLOCKED_FIRST + BLOCKED_PIPE] = "blocked_pipe",
	[COMPONENT_BLOCKED_FIRST + BLOCKED_DISK] = "blocked_disk",
	[COMPONENT_BLOCKED_FIRST + BLOCKED_SLEEP] = "blocked_sleep",
	[COMPONENT_BLOCKED_FIRST + BLOCKED_FAULT] = "blocked_fault",
	[COMPONENT_BLOCKED_FIRST + BLOCKED_IO_URING] = "blocked_io_uring",
	[COMPONENT_BLOCKED_FIRST + BLOCKED_OTHER] = "blocked_other",
	[COMPONENT_BLOCKED_UPSTREAM] = "blocked_upstream",
	[COMPONENT_RUNTIME_QUEUE] = "runtime_queue",
	[COMPONENT_RESIDUAL] = "residual",
};

static const char *const status_names[STATUSES] = {
	[STATUS_UNKNOWN] = "unknown", [STATUS_1XX] = "1xx", [STATUS_2XX] = "2xx",
	[STATUS_3XX] = "3xx",	      [STATUS_4XX] = "4xx", [STATUS_5XX] = "5xx",
};

static const char *const turn_names[TURN_PROTOCOLS] = {
	[TURN_TLS] = "tls",	      [TURN_HTTP2] = "http2", [TURN_PIPELINED] = "pipelined",
	[TURN_UPGRADED] = "upgraded", [TURN_OTHER] = "other",
};

static const char *const not_counted_names[NOT_COUNTED_KINDS] = {
	[NOT_BEFORE_ATTACH] = "before_attach", [NOT_CLOSED] = "closed", [NOT_FOREIGN] = "foreign",
	[NOT_UPGRADED] = "upgraded",	       [NOT_UNSEEN] = "unseen", [NOT_UNANSWERED] = "unanswered",
};

static const char *name_of(const char *const *names, uint32_t nr, uint32_t value)
{
	return value < nr ? names[value] : "?";
}

const char *report_component_name(uint32_t component)
{
	return name_of(component_names, COMPONENTS, component);
}

const char *report_status_name(uint32_t status)
{
	return name_of(status_names, STATUSES, status);
}

const char *report_turn_name(uint32_t protocol)
{
	return name_of(turn_names, TURN_PROTOCOLS, protocol);
}

const char *report_not_counted_name(uint32_t reason)
{
	return name_of(not_counted_names, NOT_COUNTED_KINDS, reason);
}
