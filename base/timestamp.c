#include "base/timestamp.h"

#include "base/util.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define DAY_MS INT64_C(86400000)

struct unit {
	const char *name;
	int64_t scale;
};

static const struct unit spans[] = {
	{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}, {"w", 7 * DAY_MS},
};

static const struct unit sizes[] = {
	{"", 1},          {"B", 1},         {"KiB", 1 << 10},
	{"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", INT64_C(1) << 40},
};

/* Decimal digits at `*at`; false when there are none or the number passes `max`. */
static bool digits(const char **at, uint64_t max, uint64_t *ret)
{
	const char *p = *at;
	uint64_t value = 0;

	for (; *p >= '0' && *p <= '9'; p++) {
		uint64_t digit = (uint64_t)(*p - '0');

		if (value > (max - digit) / 10)
			return false;
		value = value * 10 + digit;
	}
	if (p == *at)
		return false;
	*at = p;
	*ret = value;
	return true;
}

static enum err scaled(const char *text, const struct unit *units, size_t count, uint64_t max,
                       uint64_t *ret)
{
	uint64_t value;

	if (*text < '0' || *text > '9')
		return ERR_FORMAT;
	if (!digits(&text, max, &value))
		return ERR_RANGE;
	for (size_t i = 0; i < count; i++) {
		uint64_t scale = (uint64_t)units[i].scale;

		if (strcmp(text, units[i].name) != 0)
			continue;
		if (value > max / scale)
			return ERR_RANGE;
		*ret = value * scale;
		return ERR_OK;
	}
	return ERR_FORMAT;
}

enum err duration_parse(const char *text, int64_t *ret_ms)
{
	uint64_t ms;
	enum err err = scaled(text, spans, ARRAY_LEN(spans), 365243 * (uint64_t)DAY_MS, &ms);

	if (err == ERR_OK)
		*ret_ms = (int64_t)ms;
	return err;
}

enum err size_parse(const char *text, uint64_t *ret_octets)
{
	return scaled(text, sizes, ARRAY_LEN(sizes), INT64_MAX, ret_octets);
}

enum err number_parse(const char *text, uint64_t max, uint64_t *ret)
{
	static const struct unit one[] = {{"", 1}};

	return scaled(text, one, 1, max, ret);
}

/* Days since 1970 of a proleptic Gregorian date; years begin in March so that leap days end them.
 */
static int64_t days_of(int64_t year, int64_t month, int64_t day)
{
	int64_t y = month <= 2 ? year - 1 : year;
	int64_t era = y / 400, of_era = y - era * 400;
	int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static void date_of(int64_t days, int64_t *ret_year, int64_t *ret_month, int64_t *ret_day)
{
	int64_t z = days + 719468;
	int64_t era = (z >= 0 ? z : z - 146096) / 146097, of_era = z - era * 146097;
	int64_t y = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	int64_t of_year = of_era - (365 * y + y / 4 - y / 100);
	int64_t m = (5 * of_year + 2) / 153;

	*ret_day = of_year - (153 * m + 2) / 5 + 1;
	*ret_month = m < 10 ? m + 3 : m - 9;
	*ret_year = y + era * 400 + (*ret_month <= 2 ? 1 : 0);
}

static bool date_exists(int64_t year, int64_t month, int64_t day)
{
	int64_t y, m, d;

	date_of(days_of(year, month, day), &y, &m, &d);
	return y == year && m == month && d == day;
}

/* Exactly `width` digits, then `after` (not read when NUL). */
static bool field(const char **at, int width, char after, int64_t *ret)
{
	int64_t value = 0;

	for (int i = 0; i < width; i++) {
		char c = **at;

		if (c < '0' || c > '9')
			return false;
		value = value * 10 + (c - '0');
		++*at;
	}
	if (after != '\0' && *(*at)++ != after)
		return false;
	*ret = value;
	return true;
}

/* ".943" and longer; digits after the third are dropped. */
static int64_t fraction(const char **at)
{
	int64_t ms = 0, scale = 100;

	if (**at != '.')
		return 0;
	for (++*at; **at >= '0' && **at <= '9'; ++*at) {
		ms += (**at - '0') * scale;
		scale /= 10;
	}
	return ms;
}

/* "Z", "+01:00" or nothing (UTC); false when it is none of these to the end of the text. */
static bool offset(const char *at, int64_t *ret_ms)
{
	int64_t hours, minutes;
	char sign = *at;

	*ret_ms = 0;
	if (strcmp(at, "") == 0 || strcmp(at, "Z") == 0 || strcmp(at, "z") == 0)
		return true;
	if (sign != '+' && sign != '-')
		return false;
	at++;
	if (!field(&at, 2, ':', &hours) || !field(&at, 2, '\0', &minutes) || *at != '\0')
		return false;
	*ret_ms = (hours * 60 + minutes) * 60000 * (sign == '+' ? 1 : -1);
	return hours < 24 && minutes < 60;
}

static enum err parse_rfc3339(const char *at, int64_t *ret_ms)
{
	int64_t year, month, day, hour = 0, minute = 0, second = 0, ms = 0, east_ms = 0;

	if (!field(&at, 4, '-', &year) || !field(&at, 2, '-', &month) || !field(&at, 2, '\0', &day))
		return ERR_FORMAT;
	if (*at != '\0') {
		if (*at != 'T' && *at != 't' && *at != ' ')
			return ERR_FORMAT;
		at++;
		if (!field(&at, 2, ':', &hour) || !field(&at, 2, '\0', &minute))
			return ERR_FORMAT;
		if (*at == ':') {
			at++;
			if (!field(&at, 2, '\0', &second))
				return ERR_FORMAT;
			ms = fraction(&at);
		}
		if (!offset(at, &east_ms))
			return ERR_FORMAT;
	}
	if (year < 1970 || !date_exists(year, month, day) || hour > 23 || minute > 59 ||
	    second > 60)
		return ERR_RANGE;
	*ret_ms = days_of(year, month, day) * DAY_MS + ((hour * 60 + minute) * 60 + second) * 1000 +
	          ms - east_ms;
	return ERR_OK;
}

enum err timestamp_parse(const char *text, struct wall now, int64_t *ret_ms)
{
	uint64_t seconds;
	int64_t ago_ms;
	enum err err;

	if (strcmp(text, "now") == 0) {
		*ret_ms = now.ms;
		return ERR_OK;
	}
	if (text[0] == '-') {
		err = duration_parse(text + 1, &ago_ms);
		if (err == ERR_OK)
			*ret_ms = now.ms - ago_ms;
		return err;
	}
	if (text[0] != '@')
		return parse_rfc3339(text, ret_ms);
	text++;
	if (!digits(&text, 253402300799, &seconds))
		return *text >= '0' && *text <= '9' ? ERR_RANGE : ERR_FORMAT;
	ago_ms = fraction(&text);
	if (*text != '\0')
		return ERR_FORMAT;
	*ret_ms = (int64_t)seconds * 1000 + ago_ms;
	return ERR_OK;
}

const char *timestamp_print(int64_t ms, char room[TIMESTAMP_TEXT_MAX])
{
	int64_t days, of_day, year, month, day;

	/* What RFC 3339 cannot write is shown at its bounds. */
	ms = MAX(ms, INT64_C(-62167219200000));
	ms = MIN(ms, INT64_C(253402300799999));
	days = (ms >= 0 ? ms : ms - (DAY_MS - 1)) / DAY_MS;
	of_day = ms - days * DAY_MS;
	date_of(days, &year, &month, &day);
	snprintf(room, TIMESTAMP_TEXT_MAX, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", (int)year,
	         (int)month, (int)day, (int)(of_day / 3600000), (int)(of_day / 60000 % 60),
	         (int)(of_day / 1000 % 60), (int)(of_day % 1000));
	return room;
}

const char *duration_print(int64_t ms, char room[DURATION_TEXT_MAX])
{
	static const struct {
		int64_t scale, lesser;
		const char *name, *lesser_name;
	} rows[] = {
		{86400000, 3600000, "d", "h"},
		{3600000, 60000, "h", "m"},
		{60000, 1000, "m", "s"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (ms < rows[i].scale)
			continue;
		snprintf(room, DURATION_TEXT_MAX, "%lld%s %lld%s", (long long)(ms / rows[i].scale),
		         rows[i].name, (long long)(ms % rows[i].scale / rows[i].lesser),
		         rows[i].lesser_name);
		return room;
	}
	snprintf(room, DURATION_TEXT_MAX, "%lld.%03llds", (long long)(ms / 1000),
	         (long long)(ms % 1000));
	return room;
}
