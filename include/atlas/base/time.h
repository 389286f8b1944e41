// Points in time, durations, and their Go and RFC 3339 spellings.
#ifndef ATLAS_BASE_TIME_H
#define ATLAS_BASE_TIME_H

#include <stdbool.h>
#include <stdint.h>

#include "atlas/base/arena.h"

// A point in time with the UTC offset it is shown in. The zero Time is Go's zero time.
typedef struct Time {
    int64_t sec;    // since the epoch
    int32_t nsec;   // 0..999999999
    int32_t offset; // seconds east of UTC
    bool set;       // false: the zero time, year 1
} Time;

typedef int64_t Duration; // nanoseconds
#define DURATION_MS ((Duration)1000000)
#define DURATION_S ((Duration)1000000000)

Duration time_sub(Time a, Time b);
Time time_add(Time t, Duration d);
int time_cmp(Time a, Time b);
// Go's RFC3339Nano: "2024-05-01T10:00:00.12+02:00", "Z" for UTC, "0001-01-01T00:00:00Z" if unset.
char *time_rfc3339nano(Arena *mem, Time t);
// UTC with exactly three fraction digits and "Z".
char *time_rfc3339ms(Arena *mem, Time t);
// UTC by strftime(3) format (fixed "C" locale).
char *time_strftime_utc(Arena *mem, Time t, const char *format);
// RFC 3339 with optional fraction; also with a space for the T, as databases write it.
bool time_parse_rfc3339(const char *text, Time *out);
// "Sun, 06 Nov 1994 08:49:37 GMT" (HTTP).
bool time_parse_http(const char *text, Time *out);
int64_t time_from_civil(int64_t year, int month, int day, int hour, int min, int sec); // UTC

// Go's duration text: "1.5ms", "300µs", "1h0m0.5s", "0s".
char *duration_text(Arena *mem, Duration d);
// Go's time.ParseDuration: "1m30s", "300ms", "-1.5h", "0"; false if malformed or out of range.
bool duration_parse(const char *text, Duration *out);

#endif
