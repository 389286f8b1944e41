#include "method.h"

#include "print.h"

#define METHOD(name)                                                                               \
    static Err *name(const TmplOptions *o UNUSED, Value *const *args UNUSED, size_t n UNUSED,      \
                     Value **out, Arena *mem)

static Err *want(const Value *v, ValueKind kind, const char *type) {
    if (v && v->kind == kind)
        return NULL;
    return err_new(E_INVALID, "wrong type for value; expected %s; got %s", type, print_type(v));
}

// --- Time.Format ---------------------------------------------------------------------------------

typedef struct Civil {
    int year, month, day, hour, min, sec, weekday;
} Civil;

static Civil civil(Time t, Arena *mem) {
    Time local = t;
    local.sec += t.offset;
    const char *text = time_strftime_utc(mem, local, "%Y %m %d %H %M %S %w");
    Civil c = {1, 1, 1, 0, 0, 0, 1};
    int *fields[] = {&c.year, &c.month, &c.day, &c.hour, &c.min, &c.sec, &c.weekday};
    StrList parts = cstr_split(mem, text, ' ');
    int64_t value;
    for (size_t i = 0; t.set && i < parts.len && i < COUNT_OF(fields); i++)
        if (cstr_to_i64(parts.items[i][0] == '0' && parts.items[i][1] ? parts.items[i] + 1
                                                                      : parts.items[i],
                        &value))
            *fields[i] = (int)value;
    return c;
}

static const char *const months[] = {"January",   "February", "March",    "April",
                                     "May",       "June",     "July",     "August",
                                     "September", "October",  "November", "December"};
static const char *const days[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                   "Thursday", "Friday", "Saturday"};

static void add_zone(Buf *out, Time t, const char *layout) {
    int minutes = (t.offset < 0 ? -t.offset : t.offset) / 60;
    if (*layout == 'Z' && t.offset == 0)
        buf_char(out, 'Z');
    else
        buf_printf(out,
                   strchr(layout, ':')  ? "%c%02d:%02d"
                   : strlen(layout) < 5 ? "%c%02d"
                                        : "%c%02d%02d",
                   t.offset < 0 ? '-' : '+', minutes / 60, minutes % 60);
}

// ".000" keeps zeros, ".999" drops them. Returns how much of the layout it took.
static size_t add_fraction(Buf *out, Time t, const char *layout) {
    size_t len = strspn(layout + 1, layout[1] == '9' ? "9" : "0");
    char text[16];
    snprintf(text, sizeof text, "%09d", (int)t.nsec);
    size_t keep = len < 9 ? len : 9;
    while (layout[1] == '9' && keep && text[keep - 1] == '0')
        keep--;
    if (keep || layout[1] == '0')
        buf_printf(out, "%c%.*s", layout[0], (int)keep, text);
    return len + 1;
}

typedef enum Chunk {
    C_MONTH_LONG,
    C_MONTH,
    C_DAY_LONG,
    C_DAY,
    C_ZONE,
    C_YEAR,
    C_01,
    C_02,
    C_03,
    C_04,
    C_05,
    C_06,
    C_15,
    C_PM,
    C_PM_LOW,
    C_MST,
    C_UNDER_2,
    C_1,
    C_2,
    C_3,
    C_4,
    C_5,
} Chunk;

static const struct Layout {
    const char *text;
    Chunk chunk;
} layouts[] = {
    // Longer ones first.
    {"January", C_MONTH_LONG},
    {"Jan", C_MONTH},
    {"Monday", C_DAY_LONG},
    {"Mon", C_DAY},
    {"MST", C_MST},
    {"Z07:00", C_ZONE},
    {"Z0700", C_ZONE},
    {"-07:00", C_ZONE},
    {"-0700", C_ZONE},
    {"-07", C_ZONE},
    {"2006", C_YEAR},
    {"01", C_01},
    {"02", C_02},
    {"03", C_03},
    {"04", C_04},
    {"05", C_05},
    {"06", C_06},
    {"15", C_15},
    {"PM", C_PM},
    {"pm", C_PM_LOW},
    {"_2", C_UNDER_2},
    {"1", C_1},
    {"2", C_2},
    {"3", C_3},
    {"4", C_4},
    {"5", C_5},
};

static void add_chunk(Buf *out, const struct Layout *l, Time t, const Civil *c) {
    int hour12 = c->hour % 12 ? c->hour % 12 : 12;
    const struct {
        const char *format;
        int value;
    } numbers[] = {
        [C_YEAR] = {"%04d", c->year},     [C_01] = {"%02d", c->month},
        [C_02] = {"%02d", c->day},        [C_03] = {"%02d", hour12},
        [C_04] = {"%02d", c->min},        [C_05] = {"%02d", c->sec},
        [C_06] = {"%02d", c->year % 100}, [C_15] = {"%02d", c->hour},
        [C_UNDER_2] = {"%2d", c->day},    [C_1] = {"%d", c->month},
        [C_2] = {"%d", c->day},           [C_3] = {"%d", hour12},
        [C_4] = {"%d", c->min},           [C_5] = {"%d", c->sec},
    };
    switch (l->chunk) {
    case C_MONTH_LONG:
    case C_MONTH:
        buf_printf(out, "%.*s", l->chunk == C_MONTH ? 3 : 9, months[c->month - 1]);
        break;
    case C_DAY_LONG:
    case C_DAY:
        buf_printf(out, "%.*s", l->chunk == C_DAY ? 3 : 9, days[c->weekday]);
        break;
    case C_ZONE:
        add_zone(out, t, l->text);
        break;
    case C_MST:
        if (t.offset)
            add_zone(out, t, "-0700");
        else
            buf_str(out, "UTC");
        break;
    case C_PM:
        buf_str(out, c->hour < 12 ? "AM" : "PM");
        break;
    case C_PM_LOW:
        buf_str(out, c->hour < 12 ? "am" : "pm");
        break;
    default: {
        int value = numbers[l->chunk].value;
        char text[16];
        snprintf(text, sizeof text, "%04d", value);
        bool two = strstr(numbers[l->chunk].format, "02") != NULL;
        const char *shown = l->chunk == C_YEAR ? text : two ? text + 2 : text + strspn(text, "0");
        if (l->chunk == C_UNDER_2 && value < 10)
            buf_char(out, ' ');
        buf_str(out, *shown ? shown : "0");
    }
    }
}

static void format_time(Buf *out, Time t, const char *layout, Arena *mem) {
    Civil c = civil(t, mem);
    while (*layout) {
        bool fraction =
            (*layout == '.' || *layout == ',') && (layout[1] == '0' || layout[1] == '9');
        if (fraction &&
            !strchr("0123456789", layout[1 + strspn(layout + 1, layout[1] == '9' ? "9" : "0")]))
            fraction = false;
        if (fraction) {
            layout += add_fraction(out, t, layout);
            continue;
        }
        const struct Layout *found = NULL;
        for (size_t i = 0; i < COUNT_OF(layouts) && !found; i++)
            if (cstr_starts(layout, layouts[i].text))
                found = &layouts[i];
        if (found)
            add_chunk(out, found, t, &c);
        else
            buf_char(out, *layout);
        layout += found ? strlen(found->text) : 1;
    }
}

METHOD(time_format) {
    TRY(want(args[1], V_STR, "string"));
    Buf b;
    buf_init(&b, mem, BUF_MAX_TEXT);
    format_time(&b, args[0]->u.time, value_text(args[1]), mem);
    *out = value_bytes(mem, buf_view(&b));
    return NULL;
}

METHOD(own_text) {
    Str text = {"", 0};
    print_own_text(&text, args[0], mem);
    *out = value_bytes(mem, text);
    return NULL;
}

METHOD(time_since) {
    TRY(want(args[1], V_TIME, "time.Time"));
    *out = value_duration(mem, time_sub(args[0]->u.time, args[1]->u.time));
    return NULL;
}
METHOD(time_plus) {
    TRY(want(args[1], V_DURATION, "time.Duration"));
    *out = value_time(mem, time_add(args[0]->u.time, args[1]->u.duration));
    return NULL;
}
METHOD(time_before) {
    TRY(want(args[1], V_TIME, "time.Time"));
    *out = value_bool(mem, time_cmp(args[0]->u.time, args[1]->u.time) < 0);
    return NULL;
}
METHOD(time_after) {
    TRY(want(args[1], V_TIME, "time.Time"));
    *out = value_bool(mem, time_cmp(args[0]->u.time, args[1]->u.time) > 0);
    return NULL;
}
METHOD(time_equal) {
    TRY(want(args[1], V_TIME, "time.Time"));
    *out = value_bool(mem, time_cmp(args[0]->u.time, args[1]->u.time) == 0);
    return NULL;
}
METHOD(time_utc) {
    *out = value_time(mem, args[0]->u.time);
    (*out)->u.time.offset = 0;
    return NULL;
}
METHOD(time_is_zero) {
    *out = value_bool(mem, !args[0]->u.time.set);
    return NULL;
}

static int64_t unix_seconds(Time t) {
    return t.set ? t.sec : -62135596800;
}
METHOD(time_unix) {
    *out = value_int(mem, unix_seconds(args[0]->u.time));
    return NULL;
}
METHOD(time_unix_milli) {
    Time t = args[0]->u.time;
    *out = value_int(mem, unix_seconds(t) * 1000 + t.nsec / 1000000);
    return NULL;
}
METHOD(time_year) {
    *out = value_int(mem, civil(args[0]->u.time, mem).year);
    return NULL;
}
METHOD(time_day) {
    *out = value_int(mem, civil(args[0]->u.time, mem).day);
    return NULL;
}

static Value *real_part(const Value *d, Duration unit, Arena *mem) {
    return value_real(mem, (double)d->u.duration / (double)unit);
}
METHOD(duration_hours) {
    *out = real_part(args[0], DURATION_S * 3600, mem);
    return NULL;
}
METHOD(duration_minutes) {
    *out = real_part(args[0], DURATION_S * 60, mem);
    return NULL;
}
METHOD(duration_seconds) {
    *out = real_part(args[0], DURATION_S, mem);
    return NULL;
}
METHOD(duration_ms) {
    *out = value_int(mem, args[0]->u.duration / DURATION_MS);
    return NULL;
}
METHOD(duration_us) {
    *out = value_int(mem, args[0]->u.duration / 1000);
    return NULL;
}
METHOD(duration_ns) {
    *out = value_int(mem, args[0]->u.duration);
    return NULL;
}

// Counts include the receiver.
static const TmplFunc time_methods[] = {
    {"Format", 2, 2, time_format},
    {"String", 1, 1, own_text},
    {"Sub", 2, 2, time_since},
    {"Add", 2, 2, time_plus},
    {"Before", 2, 2, time_before},
    {"After", 2, 2, time_after},
    {"Equal", 2, 2, time_equal},
    {"UTC", 1, 1, time_utc},
    {"IsZero", 1, 1, time_is_zero},
    {"Unix", 1, 1, time_unix},
    {"UnixMilli", 1, 1, time_unix_milli},
    {"Year", 1, 1, time_year},
    {"Day", 1, 1, time_day},
};
static const TmplFunc duration_methods[] = {
    {"String", 1, 1, own_text},          {"Hours", 1, 1, duration_hours},
    {"Minutes", 1, 1, duration_minutes}, {"Seconds", 1, 1, duration_seconds},
    {"Milliseconds", 1, 1, duration_ms}, {"Microseconds", 1, 1, duration_us},
    {"Nanoseconds", 1, 1, duration_ns},
};

const TmplFunc *method_find(const Value *receiver, const char *name) {
    bool is_time = receiver->kind == V_TIME;
    if (!is_time && receiver->kind != V_DURATION)
        return NULL;
    const TmplFunc *methods = is_time ? time_methods : duration_methods;
    size_t count = is_time ? COUNT_OF(time_methods) : COUNT_OF(duration_methods);
    for (size_t i = 0; i < count; i++)
        if (cstr_eq(methods[i].name, name))
            return &methods[i];
    return NULL;
}
