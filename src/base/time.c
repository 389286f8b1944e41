#include "atlas/base/time.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "atlas/base/buf.h"

Duration time_sub(Time a, Time b) {
    return (a.sec - b.sec) * DURATION_S + (a.nsec - b.nsec);
}

Time time_add(Time t, Duration d) {
    int64_t nsec = t.nsec + d % DURATION_S;
    t.sec += d / DURATION_S + (nsec < 0 ? -1 : nsec / DURATION_S);
    t.nsec = (int32_t)((nsec + DURATION_S) % DURATION_S);
    return t;
}

int time_cmp(Time a, Time b) {
    if (a.sec != b.sec)
        return a.sec < b.sec ? -1 : 1;
    return (a.nsec > b.nsec) - (a.nsec < b.nsec);
}

// Days since the epoch of a civil date (proleptic Gregorian).
static int64_t days_from_civil(int64_t y, int m, int d) {
    y -= m <= 2;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t yoe = y - era * 400;
    int64_t doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
    int64_t doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    return era * 146097 + doe - 719468;
}

int64_t time_from_civil(int64_t year, int month, int day, int hour, int min, int sec) {
    return days_from_civil(year, month, day) * 86400 + hour * 3600 + min * 60 + sec;
}

static struct tm civil(Time t, int32_t offset) {
    time_t sec = (time_t)(t.sec + offset);
    struct tm tm = {0};
    gmtime_r(&sec, &tm);
    return tm;
}

char *time_strftime_utc(Arena *mem, Time t, const char *format) {
    char text[128];
    struct tm tm = civil(t, 0);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    size_t n = strftime(text, sizeof text, format, &tm);
#pragma GCC diagnostic pop
    return arena_strndup(mem, text, n);
}

char *time_rfc3339ms(Arena *mem, Time t) {
    return arena_printf(mem, "%s.%03dZ", time_strftime_utc(mem, t, "%Y-%m-%dT%H:%M:%S"),
                        t.nsec / 1000000);
}

char *time_rfc3339nano(Arena *mem, Time t) {
    if (!t.set)
        return arena_strdup(mem, "0001-01-01T00:00:00Z");
    struct tm tm = civil(t, t.offset);
    Buf out;
    buf_init(&out, mem, 128);
    buf_printf(&out, "%04d-%02d-%02dT%02d:%02d:%02d", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
               tm.tm_hour, tm.tm_min, tm.tm_sec);
    if (t.nsec) {
        buf_printf(&out, ".%09d", t.nsec);
        while (out.ptr[out.len - 1] == '0')
            out.ptr[--out.len] = 0;
    }
    if (t.offset == 0)
        buf_char(&out, 'Z');
    else
        buf_printf(&out, "%c%02d:%02d", t.offset < 0 ? '-' : '+', abs(t.offset) / 3600,
                   abs(t.offset) / 60 % 60);
    return out.ptr;
}

// Reads exactly `digits` decimal digits within [0, max].
static bool scan_number(const char **p, int digits, int max, int *out) {
    int n = 0;
    for (int i = 0; i < digits; i++, (*p)++) {
        if (**p < '0' || **p > '9')
            return false;
        n = n * 10 + (**p - '0');
    }
    *out = n;
    return n <= max;
}

static bool scan_char(const char **p, char c) { return **p == c && (*p)++; }

static bool scan_fraction(const char **p, int32_t *nsec) {
    *nsec = 0;
    if (**p != '.' && **p != ',')
        return true;
    (*p)++;
    int32_t unit = 100000000;
    if (**p < '0' || **p > '9')
        return false;
    for (; **p >= '0' && **p <= '9'; (*p)++, unit /= 10)
        *nsec += (**p - '0') * unit;
    return true;
}

static bool scan_offset(const char **p, int32_t *offset) {
    *offset = 0;
    if (**p == 'Z' || **p == 'z')
        return (*p)++ != NULL;
    int sign = **p == '-' ? -1 : 1, hours, minutes = 0;
    if (**p != '+' && **p != '-')
        return false;
    (*p)++;
    if (!scan_number(p, 2, 23, &hours))
        return false;
    if (**p && (scan_char(p, ':'), !scan_number(p, 2, 59, &minutes)))
        return false;
    *offset = sign * (hours * 3600 + minutes * 60);
    return true;
}

bool time_parse_rfc3339(const char *text, Time *out) {
    const char *p = text;
    int year, month, day, hour, min, sec;
    *out = (Time){.set = true};
    if (!scan_number(&p, 4, 9999, &year) || !scan_char(&p, '-') || !scan_number(&p, 2, 12, &month) ||
        !scan_char(&p, '-') || !scan_number(&p, 2, 31, &day))
        return false;
    if (!scan_char(&p, 'T') && !scan_char(&p, 't') && !scan_char(&p, ' '))
        return false;
    if (!scan_number(&p, 2, 23, &hour) || !scan_char(&p, ':') || !scan_number(&p, 2, 59, &min) ||
        !scan_char(&p, ':') || !scan_number(&p, 2, 60, &sec) || !scan_fraction(&p, &out->nsec))
        return false;
    if (!scan_offset(&p, &out->offset) || *p || month == 0 || day == 0)
        return false;
    out->sec = time_from_civil(year, month, day, hour, min, sec) - out->offset;
    out->set = !(year == 1 && month == 1 && day == 1 && hour == 0 && min == 0 && sec == 0);
    return true;
}

bool time_parse_http(const char *text, Time *out) {
    struct tm tm = {0};
    const char *end = strptime(text, "%a, %d %b %Y %H:%M:%S GMT", &tm);
    if (!end || *end)
        return false;
    *out = (Time){.sec = time_from_civil(tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
                                         tm.tm_min, tm.tm_sec),
                  .set = true};
    return true;
}

// "digits.fraction" without trailing zeros; value in units of 10^-places.
static void add_fraction(Buf *out, uint64_t value, int places) {
    uint64_t unit = 1;
    for (int i = 0; i < places; i++)
        unit *= 10;
    buf_printf(out, "%llu", (unsigned long long)(value / unit));
    if (value % unit == 0)
        return;
    buf_printf(out, ".%0*llu", places, (unsigned long long)(value % unit));
    while (out->ptr[out->len - 1] == '0')
        out->ptr[--out->len] = 0;
}

char *duration_text(Arena *mem, Duration d) {
    Buf out;
    buf_init(&out, mem, 64);
    uint64_t n = d < 0 ? -(uint64_t)d : (uint64_t)d;
    if (n == 0)
        return arena_strdup(mem, "0s");
    if (d < 0)
        buf_char(&out, '-');
    if (n < 1000) {
        buf_printf(&out, "%lluns", (unsigned long long)n);
    } else if (n < 1000000) {
        add_fraction(&out, n, 3);
        buf_str(&out, "µs");
    } else if (n < 1000000000) {
        add_fraction(&out, n, 6);
        buf_str(&out, "ms");
    } else {
        uint64_t minutes = n / 60000000000u;
        if (minutes >= 60)
            buf_printf(&out, "%lluh", (unsigned long long)(minutes / 60));
        if (minutes > 0)
            buf_printf(&out, "%llum", (unsigned long long)(minutes % 60));
        add_fraction(&out, n % 60000000000u, 9);
        buf_char(&out, 's');
    }
    return out.ptr;
}

static const struct {
    const char *name;
    double scale;
} units[] = {{"ns", 1},   {"us", 1e3},       {"µs", 1e3}, {"μs", 1e3},
             {"ms", 1e6}, {"s", 1e9}, {"m", 6e10},   {"h", 3.6e12}};

static const char *scan_unit(const char *p, double *scale) {
    size_t len = strcspn(p, "0123456789.");
    for (size_t i = 0; i < COUNT_OF(units); i++)
        if (strlen(units[i].name) == len && memcmp(units[i].name, p, len) == 0) {
            *scale = units[i].scale;
            return p + len;
        }
    return NULL;
}

bool duration_parse(const char *text, Duration *out) {
    const char *p = text;
    int sign = *p == '-' ? -1 : 1;
    if (*p == '-' || *p == '+')
        p++;
    *out = 0;
    if (strcmp(p, "0") == 0)
        return true;
    long double sum = 0;
    do {
        const char *start = p;
        long double whole = 0, part = 0, unit = 1;
        for (; *p >= '0' && *p <= '9'; p++)
            whole = whole * 10 + (*p - '0');
        if (*p == '.')
            for (p++; *p >= '0' && *p <= '9'; p++)
                part += (*p - '0') * (unit /= 10);
        double scale = 0;
        if (p == start || (p == start + 1 && *start == '.') || !(p = scan_unit(p, &scale)))
            return false;
        sum += (whole + part) * scale;
    } while (*p);
    if (sum > 9.2e18L)
        return false;
    *out = sign * (Duration)(sum + 0.5L * (sum > 0 && sum < 1e15L));
    return true;
}
