// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Ordinary least squares of y (a request's on-CPU time) on x (its switches), by rows of about equal x:
 *
 *	slope = Sxy / Sxx,   Sxx = sum (x - mean x)^2,   Sxy = sum (x - mean x) (y - mean y)
 *
 * Requests that are switched more vary more, so the textbook's standard error, which wants the same variance
 * everywhere, would be too small.  White's is used (Econometrica 48, 1980), with the factor n / (n - 2) of
 * MacKinnon and White (Journal of Econometrics 29, 1985: HC1):
 *
 *	variance of the slope = n / (n - 2) * sum (x - mean x)^2 residual^2 / Sxx^2
 *
 * Of a row, the residuals' squares sum to those within the row and the row's own distance from the line.
 */
#include "user/analysis/slope.h"

#include <math.h>

#include "bpf/switches.h"
#include "user/analysis/difference.h"

/* One row with requests: how many, their means, and their squared distances from the mean of y. */
struct point {
	double count, x, y, within;
};

struct points {
	struct point of[SWITCH_ROWS];
	size_t nr;
	double count, most, mean_x, mean_y;
};

static double square(double value)
{
	return value * value;
}

/* What a later send of a request took out of another window's row may leave less than nothing. */
static void add_row(struct points *points, const struct switch_row *row)
{
	double count = (double)at_least_0(row->count), on_cpu_ns = (double)at_least_0(row->on_cpu_ns);
	double squares = ldexp((double)(int64_t)row->squares_high, SWITCHES_SQUARE_BITS) +
			 (double)(int64_t)row->squares_low;
	struct point *point = &points->of[points->nr];

	if (count < 1)
		return;
	*point = (struct point){ .count = count,
				 .x = (double)at_least_0(row->switches) / count,
				 .y = on_cpu_ns / count,
				 .within = fmax(0, squares - on_cpu_ns * on_cpu_ns / count) };
	points->nr++;
	points->count += count;
	points->most = fmax(points->most, count);
	points->mean_x += count * point->x;
	points->mean_y += count * point->y;
}

/*
 * How many standard errors to each side hold 95 % of Student's distribution: the first two terms of its
 * expansion in 1 / degrees (Abramowitz and Stegun, 26.7.5), right to 0.03 % from 98 degrees on.
 */
static double student_95(double degrees)
{
	const double normal = 1.959964;

	return normal + (normal * normal * normal + normal) / (4 * degrees);
}

static int64_t whole_ns(double ns)
{
	const double most = (double)(1ull << 62);

	return (int64_t)llround(fmax(-most, fmin(most, ns)));
}

static bool fit(const struct points *points, double *slope, double *error)
{
	double sxx = 0, sxy = 0, scatter = 0;

	for (size_t i = 0; i < points->nr; i++) {
		const struct point *p = &points->of[i];

		sxx += p->count * square(p->x - points->mean_x);
		sxy += p->count * (p->x - points->mean_x) * (p->y - points->mean_y);
	}
	if (sxx <= 0)
		return false;
	*slope = sxy / sxx;
	for (size_t i = 0; i < points->nr; i++) {
		const struct point *p = &points->of[i];
		double off = p->y - points->mean_y - *slope * (p->x - points->mean_x);

		scatter += square(p->x - points->mean_x) * (p->within + p->count * square(off));
	}
	*error = sqrt(points->count / (points->count - 2) * scatter) / sxx;
	return isfinite(*slope) && isfinite(*error);
}

void slope_fit(const struct switch_table *table, struct report_slope *out)
{
	struct points points = {};
	double slope, half;

	*out = (struct report_slope){};
	for (uint32_t i = 0; i < SWITCH_ROWS; i++)
		add_row(&points, &table->rows[i]);
	if (points.count < SLOPE_LEAST_REQUESTS || points.count - points.most < SLOPE_LEAST_SPREAD)
		return;
	points.mean_x /= points.count;
	points.mean_y /= points.count;
	if (!fit(&points, &slope, &half))
		return;
	half *= student_95(points.count - 2);
	out->known = true;
	out->count = (uint64_t)points.count;
	out->ns = whole_ns(slope);
	out->low_ns = whole_ns(slope - half);
	out->high_ns = whole_ns(slope + half);
}
