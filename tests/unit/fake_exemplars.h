/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Made-up slow requests that satisfy every identity. */
#ifndef WHYLATE_TESTS_FAKE_EXEMPLARS_H
#define WHYLATE_TESTS_FAKE_EXEMPLARS_H

#include "tests/unit/fake_report.h"

static inline void fake_segments(struct report_exemplar *e)
{
	uint64_t at_ns = 0;

	while (at_ns < e->latency_ns) {
		struct report_segment *s = &e->segments[e->nr_segments++];

		s->from_ns = at_ns;
		at_ns += e->nr_segments == REPORT_SEGMENTS || !(rand() % 4) ?
				 e->latency_ns - at_ns :
				 1 + fake_bits() % (e->latency_ns - at_ns);
		s->to_ns = at_ns;
		s->activity = (uint32_t)rand() % ACTIVITIES;
		s->cpu = rand() % 3 ? (uint32_t)rand() % 1023 : REPORT_CPU_UNKNOWN;
		s->who_pid = rand() % 2 ? UINT32_MAX : 0;
		if (s->who_pid)
			fake_text(s->who_comm, sizeof(s->who_comm));
	}
}

static inline void fake_exemplars(struct report_exemplars *exemplars)
{
	uint64_t latency_ns = fake_figure();

	for (int i = rand() % (REPORT_EXEMPLARS + 1); i > 0; i--) {
		struct report_exemplar *e = &exemplars->of[exemplars->nr++];

		e->latency_ns = latency_ns;
		e->begun_ns = rand() % 3 ? (int64_t)fake_figure() : -(int64_t)fake_figure();
		e->status = (uint32_t)rand() % STATUSES;
		e->pid = 1;
		e->tid = UINT32_MAX;
		fake_text(e->comm, sizeof(e->comm));
		if (latency_ns % 2)
			snprintf(e->trace_id, sizeof(e->trace_id), "%016llx%016llx",
				 (unsigned long long)latency_ns, ~0ull);
		fake_split(e->components_ns, COMPONENTS, e->latency_ns);
		fake_split(e->blame_ns, BLAME_KINDS, blamed_ns((const __u64 *)e->components_ns));
		fake_segments(e);
		latency_ns = latency_ns / (1 + (uint64_t)(rand() % 3));
	}
}

#endif /* WHYLATE_TESTS_FAKE_EXEMPLARS_H */
