// formatdate timeadd
#include "eval.h"

typedef struct Civil {
    int64_t year;
    int month, day, weekday, hour, minute, second;
    int offset; // minutes east of UTC
} Civil;

static const char *const months[] = {"January", "February", "March", "April", "May", "June", "July",
                                     "August", "September", "October", "November", "December"};
static const char *const days[] = {"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday",
                                   "Friday", "Saturday"};

static int64_t floor_div(int64_t a, int64_t b) { return a / b - (a % b != 0 && (a < 0) != (b < 0)); }

// Days since the epoch to a date (proleptic Gregorian), as Hinnant's civil_from_days.
static Civil civil_of(Time t) {
    int64_t sec = t.sec + t.offset, day = floor_div(sec, 86400), rest = sec - day * 86400;
    int64_t z = day + 719468, era = floor_div(z, 146097), doe = z - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;
    Civil c = {.day = (int)(doy - (153 * mp + 2) / 5 + 1), .month = (int)(mp < 10 ? mp + 3 : mp - 9)};
    c.year = yoe + era * 400 + (c.month <= 2);
    c.weekday = (int)(((day % 7) + 11) % 7);
    c.hour = (int)(rest / 3600);
    c.minute = (int)(rest % 3600 / 60);
    c.second = (int)(rest % 60);
    c.offset = t.offset / 60;
    return c;
}

static void zone(Buf *b, const Civil *c, size_t len) {
    int m = abs(c->offset);
    char sign = c->offset < 0 ? '-' : '+';
    if (c->offset == 0 && (len == 1 || len == 3)) {
        buf_str(b, len == 1 ? "Z" : "UTC");
        return;
    }
    buf_printf(b, len == 4 || len == 3 ? "%c%02d%02d" : "%c%02d:%02d", sign, m / 60, m % 60);
}

// Writes one token such as "YYYY"; false if there is none of that letter and length.
static bool token(Buf *b, const Civil *c, char letter, size_t len) {
    int h12 = c->hour % 12 == 0 ? 12 : c->hour % 12;
    switch (letter) {
    case 'Y':
        if (len == 4)
            buf_printf(b, "%04lld", (long long)c->year);
        else if (len == 2)
            buf_printf(b, "%02d", (int)(c->year % 100));
        return len == 4 || len == 2;
    case 'M':
        if (len >= 3)
            buf_printf(b, "%.*s", len == 3 ? 3 : 20, months[c->month - 1]);
        else
            buf_printf(b, len == 2 ? "%02d" : "%d", c->month);
        return len <= 4;
    case 'D': buf_printf(b, len == 2 ? "%02d" : "%d", c->day); return len <= 2;
    case 'E': buf_printf(b, "%.*s", len == 3 ? 3 : 20, days[c->weekday]); return len == 3 || len == 4;
    case 'h': buf_printf(b, len == 2 ? "%02d" : "%d", c->hour); return len <= 2;
    case 'H': buf_printf(b, len == 2 ? "%02d" : "%d", h12); return len <= 2;
    case 'A': buf_str(b, c->hour < 12 ? "AM" : "PM"); return len == 2;
    case 'a': buf_str(b, c->hour < 12 ? "am" : "pm"); return len == 2;
    case 'm': buf_printf(b, len == 2 ? "%02d" : "%d", c->minute); return len <= 2;
    case 's': buf_printf(b, len == 2 ? "%02d" : "%d", c->second); return len <= 2;
    case 'Z': zone(b, c, len); return len == 1 || (len >= 3 && len <= 5);
    default: return false;
    }
}

// 'literal' with '' for a quote; the length consumed, 0 if it does not end.
static size_t literal(Buf *b, const char *s) {
    size_t i = 1;
    for (; s[i]; i++) {
        if (s[i] == '\'' && s[i + 1] != '\'')
            return i + 1;
        i += s[i] == '\'';
        buf_char(b, s[i]);
    }
    return 0;
}

static bool letter(char ch) { return (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z'); }

static Err *parse_time(Call *c, size_t i, Time *t) {
    const char *s = arg_text(c, i);
    if (strlen(s) > 10 && (s[10] == 'T') && time_parse_rfc3339(s, t))
        return NULL;
    return arg_error(c, i, "not a valid RFC3339 timestamp: \"%s\"", s);
}

static Err *fn_formatdate(Call *c) {
    const char *s = arg_text(c, 0);
    Time t;
    Buf b;
    TRY(parse_time(c, 1, &t));
    Civil civil = civil_of(t);
    buf_init(&b, c->mem, BUF_MAX_TEXT);
    while (*s) {
        size_t n = 1;
        if (*s == '\'') {
            n = literal(&b, s);
            if (n == 0)
                return arg_error(c, 0, "unterminated literal '");
        } else if (letter(*s)) {
            while (s[n] == *s)
                n++;
            if (!token(&b, &civil, *s, n))
                return arg_error(c, 0, "invalid date format verb \"%.*s\"", (int)n, s);
        } else {
            buf_char(&b, *s);
        }
        s += n;
    }
    c->out = hcl_bytes(c->mem, buf_view(&b));
    return NULL;
}

static Err *fn_timeadd(Call *c) {
    Time t;
    Duration d;
    TRY(parse_time(c, 0, &t));
    if (!duration_parse(arg_text(c, 1), &d))
        return arg_error(c, 1, "time: invalid duration \"%s\"", arg_text(c, 1));
    Time sum = time_add(t, d);
    Civil v = civil_of(sum);
    Buf b;
    buf_init(&b, c->mem, BUF_MAX_TEXT);
    buf_printf(&b, "%04lld-%02d-%02dT%02d:%02d:%02d", (long long)v.year, v.month, v.day, v.hour,
               v.minute, v.second);
    zone(&b, &v, v.offset == 0 ? 1 : 5);
    c->out = hcl_bytes(c->mem, buf_view(&b));
    return NULL;
}

const Function functions_time[] = {
    {.name = "formatdate", .fn = fn_formatdate,
     .params = {{"format", TEXT, false}, {"time", TEXT, false}}},
    {.name = "timeadd", .fn = fn_timeadd,
     .params = {{"timestamp", TEXT, false}, {"duration", TEXT, false}}},
    {0},
};
