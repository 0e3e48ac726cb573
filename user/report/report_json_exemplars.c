// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The slowest requests of a report to JSON, and back. */
#include "user/report/json_writer.h"
#include "user/report/report_json_parts.h"

static json_t *segment_json(const struct report_segment *segment)
{
	json_t *object = json_object();

	writer_text(object, "component", report_activity_name(segment->activity));
	writer_u64(object, "from_ns", segment->from_ns);
	writer_u64(object, "to_ns", segment->to_ns);
	writer_optional_u64(object, "cpu", segment->cpu != REPORT_CPU_UNKNOWN, segment->cpu);
	writer_u64(object, "who_pid", segment->who_pid);
	writer_text(object, "who_comm", segment->who_comm);
	return object;
}

static json_t *exemplar_json(const struct report_exemplar *exemplar)
{
	json_t *object = json_object(), *segments = json_array();

	for (size_t i = 0; i < exemplar->nr_segments; i++)
		writer_append(segments, segment_json(&exemplar->segments[i]));
	writer_u64(object, "latency_ns", exemplar->latency_ns);
	writer_set(object, "begun_ns", json_integer(exemplar->begun_ns));
	writer_text(object, "status", report_status_name(exemplar->status));
	writer_u64(object, "pid", exemplar->pid);
	writer_u64(object, "tid", exemplar->tid);
	writer_text(object, "comm", exemplar->comm);
	writer_text(object, "trace_id", exemplar->trace_id);
	writer_map(object, "components_ns", exemplar->components_ns, COMPONENTS, report_component_name,
		   false);
	writer_map(object, "blame_ns", exemplar->blame_ns, BLAME_KINDS, report_blame_kind_name, false);
	writer_set(object, "segments", segments);
	return object;
}

json_t *report_json_exemplars(const struct report_exemplars *exemplars)
{
	json_t *array = json_array();

	for (size_t i = 0; i < exemplars->nr; i++)
		writer_append(array, exemplar_json(&exemplars->of[i]));
	return array;
}

static void read_segment(struct reader *reader, json_t *object, struct report_segment *segment)
{
	uint64_t cpu = REPORT_CPU_UNKNOWN;

	segment->activity = reader_name(reader, object, "component", ACTIVITIES, report_activity_name);
	segment->from_ns = reader_u64(reader, object, "from_ns");
	segment->to_ns = reader_u64(reader, object, "to_ns");
	if (reader_optional_u64(reader, object, "cpu", &cpu) && cpu >= REPORT_CPU_UNKNOWN)
		reader_refuse(reader, object, "cpu", "is too large");
	segment->cpu = (uint32_t)cpu;
	segment->who_pid = reader_u32(reader, object, "who_pid");
	reader_text(reader, object, "who_comm", segment->who_comm, sizeof(segment->who_comm));
}

static void read_trace_id(struct reader *reader, json_t *object, struct report_exemplar *exemplar)
{
	reader_text(reader, object, "trace_id", exemplar->trace_id, sizeof(exemplar->trace_id));
	if (*exemplar->trace_id && !report_is_trace_id(exemplar->trace_id))
		reader_refuse(reader, object, "trace_id", "is no trace id");
}

static void read_exemplar(struct reader *reader, json_t *object, struct report_exemplar *exemplar)
{
	json_t *segments = reader_array(reader, object, "segments"), *one;
	size_t i;

	exemplar->latency_ns = reader_u64(reader, object, "latency_ns");
	exemplar->begun_ns = reader_signed(reader, object, "begun_ns");
	exemplar->status = reader_name(reader, object, "status", STATUSES, report_status_name);
	exemplar->pid = reader_u32(reader, object, "pid");
	exemplar->tid = reader_u32(reader, object, "tid");
	reader_text(reader, object, "comm", exemplar->comm, sizeof(exemplar->comm));
	read_trace_id(reader, object, exemplar);
	reader_map(reader, object, "components_ns", exemplar->components_ns, COMPONENTS,
		   report_component_name, false);
	reader_map(reader, object, "blame_ns", exemplar->blame_ns, BLAME_KINDS, report_blame_kind_name,
		   false);
	if (json_array_size(segments) > REPORT_SEGMENTS)
		reader_refuse(reader, object, "segments", "has too many entries");
	json_array_foreach(segments, i, one)
	{
		if (i >= REPORT_SEGMENTS)
			break;
		read_segment(reader, one, &exemplar->segments[exemplar->nr_segments++]);
	}
}

void report_json_read_exemplars(struct reader *reader, json_t *root, struct report_exemplars *exemplars)
{
	json_t *array, *one;
	size_t i;

	/* Reports of an agent that knew of none lack them. */
	if (!json_object_get(root, "exemplars"))
		return;
	array = reader_array(reader, root, "exemplars");
	if (json_array_size(array) > REPORT_EXEMPLARS)
		reader_refuse(reader, root, "exemplars", "has too many entries");
	json_array_foreach(array, i, one)
	{
		if (i >= REPORT_EXEMPLARS)
			break;
		read_exemplar(reader, one, &exemplars->of[exemplars->nr++]);
	}
}
