#include "print.h"

#include <math.h>
#include <stdlib.h>

const char *print_type(const Value *v) {
    static const char *const names[] = {
        [V_NULL] = "<nil>",
        [V_BOOL] = "bool",
        [V_INT] = "int",
        [V_REAL] = "float64",
        [V_STR] = "string",
        [V_LIST] = "[]interface {}",
        [V_MAP] = "map[string]interface {}",
        [V_TIME] = "time.Time",
        [V_DURATION] = "time.Duration",
    };
    if (!v)
        return "<nil>";
    return v->kind == V_MAP && v->struct_name ? v->struct_name : names[v->kind];
}

// Go's Time.String. The name of a zone other than UTC is not known: its offset stands for it.
static char *time_text(Arena *mem, Time t) {
    if (!t.set)
        return arena_strdup(mem, "0001-01-01 00:00:00 +0000 UTC");
    Time local = t;
    local.sec += t.offset;
    const char *date = time_strftime_utc(mem, local, "%Y-%m-%d %H:%M:%S");
    char fraction[16] = "";
    if (t.nsec) {
        snprintf(fraction, sizeof fraction, ".%09d", (int)t.nsec);
        for (size_t i = strlen(fraction); i && fraction[i - 1] == '0'; i--)
            fraction[i - 1] = 0;
    }
    int minutes = abs(t.offset) / 60;
    const char *zone =
        arena_printf(mem, "%c%02d%02d", t.offset < 0 ? '-' : '+', minutes / 60, minutes % 60);
    return arena_printf(mem, "%s%s %s %s", date, fraction, zone, t.offset ? zone : "UTC");
}

bool print_own_text(Str *out, const Value *v, Arena *mem) {
    if (!v)
        return false;
    if (v->kind == V_TIME)
        *out = str_from(time_text(mem, v->u.time));
    else if (v->kind == V_DURATION)
        *out = str_from(duration_text(mem, v->u.duration));
    else if (v->kind == V_MAP && v->text)
        *out = str_from(v->text);
    else
        return false;
    return true;
}

static int exponent_of(const char *scientific) {
    const char *e = strchr(scientific, 'e');
    return e ? (int)strtol(e + 1, NULL, 10) : 0;
}

char *print_real(Arena *mem, double r, char verb, int precision) {
    if (isnan(r))
        return arena_strdup(mem, "NaN");
    if (isinf(r))
        return arena_strdup(mem, r < 0 ? "-Inf" : "+Inf");
    bool upper = verb == 'E' || verb == 'G';
    char kind = (char)(verb | 0x20);
    if (kind != 'g' && precision >= 0)
        return arena_printf(mem, kind == 'e' ? (upper ? "%.*E" : "%.*e") : "%.*f", precision, r);
    if (kind == 'g' && precision >= 0)
        return arena_printf(mem, upper ? "%.*G" : "%.*g", precision ? precision : 1, r);
    char text[40];
    int digits = 0;
    do
        snprintf(text, sizeof text, "%.*e", digits++, r);
    while (digits < 18 && strtod(text, NULL) != r);
    int exponent = exponent_of(text);
    if (kind == 'e' || (kind == 'g' && (exponent < -4 || exponent >= 6)))
        return upper ? cstr_upper(mem, text) : arena_strdup(mem, text);
    int decimals = digits - 1 - exponent;
    return arena_printf(mem, "%.*f", decimals > 0 ? decimals : 0, r);
}

// --- formats -------------------------------------------------------------------------------------

typedef struct Spec {
    bool plus, minus, sharp, space, zero;
    bool fields;          // %+v: names of fields, no signs
    int width, precision; // -1: not given
    uint32_t verb;
    char verb_text[5];
} Spec;

typedef struct Printer {
    Buf *out;
    Spec spec;
    int depth;
    Arena *mem;
} Printer;

enum { MAX_WIDTH = 1000000, MAX_DEPTH = 200 };

static size_t rune_count(Str s) {
    size_t count = 0;
    for (size_t i = 0, n; i < s.len; i += n ? n : 1, count++) {
        uint32_t cp;
        n = utf8_decode(s.ptr + i, s.len - i, &cp);
    }
    return count;
}

static void pad(Printer *p, Str s, bool numeric) {
    const Spec *f = &p->spec;
    size_t len = rune_count(s), want = f->width > 0 ? (size_t)f->width : 0;
    size_t fill = want > len ? want - len : 0;
    bool zeros = f->zero && !f->minus && numeric;
    if (zeros && s.len && (*s.ptr == '-' || *s.ptr == '+')) {
        buf_add(p->out, s.ptr, 1);
        s = str_slice(s.ptr + 1, s.len - 1);
    }
    if (!f->minus)
        buf_repeat(p->out, zeros ? "0" : " ", fill);
    buf_add(p->out, s.ptr, s.len);
    if (f->minus)
        buf_repeat(p->out, " ", fill);
}

static void print_value(Printer *p, const Value *v);

static void bad_verb(Printer *p, const Value *v) {
    buf_printf(p->out, "%%!%s(", p->spec.verb_text);
    if (is_nil(v)) {
        buf_str(p->out, "<nil>");
    } else {
        buf_printf(p->out, "%s=", print_type(v));
        p->spec.verb = 'v';
        print_value(p, v);
    }
    buf_char(p->out, ')');
}

static void print_hex(Printer *p, Str s, bool upper) {
    Buf b;
    buf_init(&b, p->mem, BUF_MAX_TEXT);
    size_t len = p->spec.precision >= 0 && (size_t)p->spec.precision < s.len
                     ? (size_t)p->spec.precision
                     : s.len;
    for (size_t i = 0; i < len; i++) {
        if (p->spec.space && i)
            buf_char(&b, ' ');
        if (p->spec.sharp && (i == 0 || p->spec.space))
            buf_str(&b, upper ? "0X" : "0x");
        buf_printf(&b, upper ? "%02X" : "%02x", (unsigned)(unsigned char)s.ptr[i]);
    }
    pad(p, buf_view(&b), false);
}

static Str cut(Str s, int precision) {
    size_t i = 0;
    for (int runes = 0; runes < precision && i < s.len; runes++) {
        uint32_t cp;
        size_t n = utf8_decode(s.ptr + i, s.len - i, &cp);
        i += n ? n : 1;
    }
    return precision < 0 ? s : str_slice(s.ptr, i);
}

static bool is_plain_raw(Str s) {
    if (!utf8_valid(s.ptr, s.len))
        return false;
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] == '`' || s.ptr[i] == 0x7F ||
            (s.ptr[i] >= 0 && s.ptr[i] < 0x20 && s.ptr[i] != '\t'))
            return false;
    return true;
}

static void print_quoted(Printer *p, Str s) {
    Buf b;
    buf_init(&b, p->mem, BUF_MAX_TEXT);
    s = cut(s, p->spec.precision);
    if (p->spec.sharp && is_plain_raw(s)) {
        buf_char(&b, '`');
        buf_add(&b, s.ptr, s.len);
        buf_char(&b, '`');
    } else {
        tmpl_quote(&b, s);
    }
    pad(p, buf_view(&b), false);
}

static bool print_string(Printer *p, Str s) {
    switch (p->spec.verb) {
    case 'v':
        if (p->spec.sharp) {
            p->spec.sharp = false;
            print_quoted(p, s);
            return true;
        }
        __attribute__((fallthrough));
    case 's':
        pad(p, cut(s, p->spec.precision), false);
        return true;
    case 'q':
        print_quoted(p, s);
        return true;
    case 'x':
    case 'X':
        print_hex(p, s, p->spec.verb == 'X');
        return true;
    default:
        return false;
    }
}

static void print_digits(Printer *p, int64_t i, unsigned base, bool upper, const char *prefix) {
    const char *digits = upper ? "0123456789ABCDEF" : "0123456789abcdef";
    const Spec *f = &p->spec;
    char text[72];
    size_t at = sizeof text;
    uint64_t u = i < 0 ? 0 - (uint64_t)i : (uint64_t)i;
    if (f->precision == 0 && u == 0) {
        pad(p, str_from(""), false);
        return;
    }
    do
        text[--at] = digits[u % base];
    while ((u /= base));
    size_t len = sizeof text - at, least = f->precision > 0 ? (size_t)f->precision : 0;
    const char *sign = i < 0 ? "-" : f->plus ? "+" : f->space ? " " : "";
    if (f->precision < 0 && f->zero && !f->minus && f->width > 0)
        least = (size_t)f->width - strlen(sign); // the prefix is not counted, as in Go
    Buf b;
    buf_init(&b, p->mem, BUF_MAX_TEXT);
    buf_printf(&b, "%s%s", sign, prefix);
    buf_repeat(&b, "0", least > len ? least - len : 0);
    buf_add(&b, text + at, len);
    pad(p, buf_view(&b), false);
}

// %c, %q and %U of a number.
static void print_rune(Printer *p, int64_t i) {
    char utf8[4];
    bool valid = i >= 0 && i <= 0x10FFFF && !(i >= 0xD800 && i < 0xE000);
    size_t n = utf8_put(valid ? (uint32_t)i : 0xFFFD, utf8);
    Str s = str_slice(utf8, n);
    Buf b;
    buf_init(&b, p->mem, BUF_MAX_TEXT);
    if (p->spec.verb == 'c') {
        pad(p, s, false);
        return;
    }
    if (p->spec.verb == 'U') {
        buf_printf(&b, "U+%04llX", (unsigned long long)i);
        if (p->spec.sharp && valid)
            buf_printf(&b, " '%.*s'", (int)n, utf8);
    } else {
        tmpl_quote(&b, s);
        Str body = str_slice(b.ptr + 1, b.len - 2);
        const char *inner = i == '"' ? "\"" : i == '\'' ? "\\'" : str_dup(p->mem, body);
        buf_clear(&b);
        buf_printf(&b, "'%s'", inner);
    }
    pad(p, buf_view(&b), false);
}

static bool print_int(Printer *p, int64_t i) {
    bool sharp = p->spec.sharp;
    switch (p->spec.verb) {
    case 'v':
    case 'd':
        print_digits(p, i, 10, false, "");
        return true;
    case 'b':
        print_digits(p, i, 2, false, sharp ? "0b" : "");
        return true;
    case 'o':
    case 'O':
        print_digits(p, i, 8, false, p->spec.verb == 'O' ? "0o" : sharp ? "0" : "");
        return true;
    case 'x':
        print_digits(p, i, 16, false, sharp ? "0x" : "");
        return true;
    case 'X':
        print_digits(p, i, 16, true, sharp ? "0X" : "");
        return true;
    case 'c':
    case 'q':
    case 'U':
        print_rune(p, i);
        return true;
    default:
        return false;
    }
}

static bool print_float(Printer *p, double r) {
    const Spec *f = &p->spec;
    char verb = f->verb == 'v' ? 'g' : f->verb == 'F' ? 'f' : (char)f->verb;
    if (f->verb > 0x7F || !strchr("vgGeEfF", (int)f->verb))
        return false;
    int precision = f->precision >= 0 || verb == 'g' || verb == 'G' ? f->precision : 6;
    const char *text = print_real(p->mem, r, verb, precision);
    if (*text == '+' && !f->plus)
        text++;
    else if (*text != '-' && *text != '+' && (f->plus || f->space))
        text = arena_printf(p->mem, "%c%s", f->plus ? '+' : ' ', text);
    pad(p, str_from(text), isfinite(r));
    return true;
}

static int compare_keys(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void print_map(Printer *p, const Value *v) {
    StrList keys = {0};
    bool is_struct = v->struct_name;
    for (size_t i = 0; i < v->u.map.len; i++)
        if (!(v->u.map.items[i].flags & M_HIDDEN))
            list_push(&keys, p->mem, v->u.map.items[i].key);
    if (!is_struct && keys.len)
        qsort(keys.items, keys.len, sizeof *keys.items, compare_keys);
    buf_str(p->out, is_struct ? "{" : "map[");
    for (size_t i = 0; i < keys.len; i++) {
        if (i)
            buf_char(p->out, ' ');
        if (!is_struct)
            print_value(p, &(Value){.kind = V_STR, .u.s = str_from(keys.items[i])});
        else if (p->spec.fields)
            buf_str(p->out, keys.items[i]);
        if (!is_struct || p->spec.fields)
            buf_char(p->out, ':');
        print_value(p, value_get(v, keys.items[i]));
    }
    buf_char(p->out, is_struct ? '}' : ']');
}

static void print_list(Printer *p, const Value *v) {
    buf_char(p->out, '[');
    for (size_t i = 0; i < v->u.list.len; i++) {
        if (i)
            buf_char(p->out, ' ');
        print_value(p, v->u.list.items[i]);
    }
    buf_char(p->out, ']');
}

static bool print_known(Printer *p, const Value *v) {
    Str own;
    if (p->spec.verb < 0x80 && strchr("vsxXq", (int)p->spec.verb) &&
        print_own_text(&own, v, p->mem))
        return print_string(p, own);
    switch (v->kind) {
    case V_NULL:
        return false;
    case V_BOOL:
        if (p->spec.verb != 't' && p->spec.verb != 'v')
            return false;
        pad(p, str_from(v->u.b ? "true" : "false"), false);
        return true;
    case V_INT:
        return print_int(p, v->u.i);
    case V_DURATION:
        return print_int(p, v->u.duration);
    case V_REAL:
        return print_float(p, v->u.r);
    case V_STR:
        return print_string(p, v->u.s);
    case V_TIME:
        return false;
    case V_LIST:
        print_list(p, v);
        return true;
    case V_MAP:
        print_map(p, v);
        return true;
    }
    return false;
}

static void print_value(Printer *p, const Value *v) {
    Spec spec = p->spec;
    if (++p->depth > MAX_DEPTH)
        buf_str(p->out, "...");
    else if (p->spec.verb == 'T')
        pad(p, str_from(print_type(v)), false);
    else if (is_nil(v) && (p->spec.verb == 'v' || p->depth > 1))
        pad(p, str_from("<nil>"), false);
    else if (is_nil(v) || !print_known(p, v))
        bad_verb(p, v);
    p->depth--;
    p->spec = spec;
}

void tmpl_print(Buf *out, const Value *v) {
    AutoArena tmp = arena_new(NULL);
    Printer p = {.out = out, .mem = tmp, .spec = {.verb = 'v', .width = -1, .precision = -1}};
    print_value(&p, v);
}

// --- the format string ---------------------------------------------------------------------------

typedef struct Format {
    Str s;
    size_t i; // of the next byte
    Value *const *args;
    size_t count, next;
    bool reordered;
} Format;

static void read_flags(Format *f, Spec *spec) {
    for (; f->i < f->s.len; f->i++) {
        switch (f->s.ptr[f->i]) {
        case '+':
            spec->plus = true;
            break;
        case '-':
            spec->minus = true;
            break;
        case '#':
            spec->sharp = true;
            break;
        case ' ':
            spec->space = true;
            break;
        case '0':
            spec->zero = true;
            break;
        default:
            return;
        }
    }
}

static int read_digits(Format *f) {
    int n = -1;
    for (; f->i < f->s.len && f->s.ptr[f->i] >= '0' && f->s.ptr[f->i] <= '9'; f->i++)
        if (n <= MAX_WIDTH)
            n = (n < 0 ? 0 : n * 10) + (f->s.ptr[f->i] - '0');
    return n > MAX_WIDTH ? -1 : n;
}

// "[n]": the next argument is the n-th. False if it is none.
static bool read_index(Format *f) {
    if (f->i >= f->s.len || f->s.ptr[f->i] != '[')
        return true;
    f->i++;
    f->reordered = true;
    int n = read_digits(f);
    bool closed = f->i < f->s.len && f->s.ptr[f->i] == ']';
    const char *end = memchr(f->s.ptr + f->i, ']', f->s.len - f->i);
    f->i = end ? (size_t)(end - f->s.ptr) + 1 : f->i;
    if (!closed || n < 1 || (size_t)n > f->count)
        return false;
    f->next = (size_t)n - 1;
    return true;
}

// A width or precision: digits, or "*" for the next argument. False if that is no small number.
static bool read_number(Format *f, int *out) {
    if (f->i >= f->s.len || f->s.ptr[f->i] != '*') {
        *out = read_digits(f);
        return true;
    }
    f->i++;
    const Value *v = f->next < f->count ? f->args[f->next] : NULL;
    f->next++;
    if (!v || v->kind != V_INT || v->u.i > MAX_WIDTH || v->u.i < -MAX_WIDTH)
        return false;
    *out = (int)v->u.i;
    return true;
}

static bool read_spec(Format *f, Spec *spec, Buf *out) {
    read_flags(f, spec);
    bool good = read_index(f);
    if (!read_number(f, &spec->width))
        buf_str(out, "%!(BADWIDTH)");
    if (spec->width < -1) {
        spec->width = -spec->width;
        spec->minus = true;
    }
    if (f->i < f->s.len && f->s.ptr[f->i] == '.') {
        f->i++;
        good = read_index(f) && good;
        if (!read_number(f, &spec->precision))
            buf_str(out, "%!(BADPREC)");
        else if (spec->precision < 0)
            spec->precision = 0;
    }
    return read_index(f) && good;
}

static void format_one(Printer *p, Format *f) {
    p->spec = (Spec){.width = -1, .precision = -1};
    bool good = read_spec(f, &p->spec, p->out);
    if (f->i >= f->s.len) {
        buf_str(p->out, "%!(NOVERB)");
        return;
    }
    size_t n = utf8_decode(f->s.ptr + f->i, f->s.len - f->i, &p->spec.verb);
    if (!n) {
        p->spec.verb = 0xFFFD;
        n = 1;
    }
    memcpy(p->spec.verb_text, f->s.ptr + f->i, n);
    f->i += n;
    if (p->spec.verb == 'v' && p->spec.plus) {
        p->spec.fields = true;
        p->spec.plus = false;
    }
    if (p->spec.verb == '%')
        buf_char(p->out, '%');
    else if (!good)
        buf_printf(p->out, "%%!%s(BADINDEX)", p->spec.verb_text);
    else if (f->next >= f->count)
        buf_printf(p->out, "%%!%s(MISSING)", p->spec.verb_text);
    else
        print_value(p, f->args[f->next++]);
}

static void print_extra(Printer *p, const Format *f) {
    p->spec = (Spec){.verb = 'v', .width = -1, .precision = -1};
    buf_str(p->out, "%!(EXTRA ");
    for (size_t i = f->next; i < f->count; i++) {
        if (i > f->next)
            buf_str(p->out, ", ");
        if (is_nil(f->args[i])) {
            buf_str(p->out, "<nil>");
            continue;
        }
        buf_printf(p->out, "%s=", print_type(f->args[i]));
        print_value(p, f->args[i]);
    }
    buf_char(p->out, ')');
}

void print_format(Buf *out, Str format, Value *const *args, size_t n, Arena *mem) {
    Printer p = {.out = out, .mem = mem};
    Format f = {.s = format, .args = args, .count = n};
    while (f.i < format.len) {
        const char *start = format.ptr + f.i;
        const char *percent = memchr(start, '%', format.len - f.i);
        size_t plain = percent ? (size_t)(percent - start) : format.len - f.i;
        buf_add(out, start, plain);
        f.i += plain;
        if (percent) {
            f.i++;
            format_one(&p, &f);
        }
    }
    if (!f.reordered && f.next < n)
        print_extra(&p, &f);
}

void print_args(Buf *out, Value *const *args, size_t n, bool line) {
    for (size_t i = 0; i < n; i++) {
        bool string = args[i] && args[i]->kind == V_STR;
        bool before = i && args[i - 1] && args[i - 1]->kind == V_STR;
        if (i && (line || (!string && !before)))
            buf_char(out, ' ');
        tmpl_print(out, args[i]);
    }
    if (line)
        buf_char(out, '\n');
}
