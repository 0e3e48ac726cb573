// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "servers/response.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define HEAD_BYTES 320 /* all fields at their longest are 250 */

static const char *const reasons[RESPONSE_STATUSES] = {
	"OK",
	"Bad Request",
	"Not Found",
	"Method Not Allowed",
	"Request Timeout",
	"Content Too Large",
	"URI Too Long",
	"Expectation Failed",
	"Request Header Fields Too Large",
	"Internal Server Error",
	"Not Implemented",
	"Bad Gateway",
	"Service Unavailable",
	"Gateway Timeout",
	"HTTP Version Not Supported",
};

const uint16_t response_statuses[RESPONSE_STATUSES] = { 200, 400, 404, 405, 408, 413, 414, 417,
							431, 500, 501, 502, 503, 504, 505 };

unsigned response_index(uint16_t status)
{
	unsigned at = 0;

	while (at < RESPONSE_STATUSES - 1 && response_statuses[at] != status)
		at++;
	return at;
}

const char *response_reason(uint16_t status)
{
	return reasons[response_index(status)];
}

/* The field Date; made once a second by each thread, as RFC 9110 has it, whatever the locale. */
static const char *date_field(void)
{
	static const char days[] = "SunMonTueWedThuFriSat";
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	static __thread time_t made_at_s;
	static __thread char text[80];
	struct timespec now;
	struct tm utc;

	clock_gettime(CLOCK_REALTIME_COARSE, &now);
	if (now.tv_sec == made_at_s)
		return text;
	made_at_s = now.tv_sec;
	gmtime_r(&made_at_s, &utc);
	snprintf(text, sizeof(text), "Date: %.3s, %02d %.3s %04d %02d:%02d:%02d GMT\r\n",
		 days + 3 * utc.tm_wday, utc.tm_mday, months + 3 * utc.tm_mon, utc.tm_year + 1900,
		 utc.tm_hour, utc.tm_min, utc.tm_sec);
	return text;
}

static char *put_number(char *at, size_t number)
{
	char digits[20];
	size_t nr = 0;

	do
		digits[nr++] = (char)('0' + number % 10);
	while (number /= 10);
	while (nr)
		*at++ = digits[--nr];
	return at;
}

/* Piece by piece: one snprintf() of it all takes as long as the rest of a request. */
static char *put_head(char *at, const struct response *r)
{
	at = stpcpy(at, "HTTP/1.1 ");
	at = put_number(at, r->status);
	*at++ = ' ';
	at = stpcpy(at, response_reason(r->status));
	at = stpcpy(at, "\r\n");
	at = stpcpy(at, date_field());
	at = stpcpy(at, "Content-Type: ");
	at = stpcpy(at, r->content_type);
	at = stpcpy(at, "\r\nContent-Length: ");
	at = put_number(at, r->body_bytes);
	if (r->allow) {
		at = stpcpy(at, "\r\nAllow: ");
		at = stpcpy(at, r->allow);
	}
	if (r->close)
		at = stpcpy(at, "\r\nConnection: close");
	else if (r->says_keep_alive)
		at = stpcpy(at, "\r\nConnection: keep-alive");
	return stpcpy(at, "\r\n\r\n");
}

char *response_make(const struct response *r, size_t *bytes)
{
	char *text = malloc(HEAD_BYTES + r->body_bytes);
	char *end;

	if (!text)
		return NULL;
	end = put_head(text, r);
	if (!r->no_body)
		end = mempcpy(end, r->body, r->body_bytes);
	*bytes = (size_t)(end - text);
	return text;
}

char *response_continue(void)
{
	return strdup(RESPONSE_CONTINUE);
}
