#include "atlas/base/str.h"

#include <ctype.h>
#include <stdlib.h>

#include "atlas/base/buf.h"

bool str_eq(Str a, Str b) { return a.len == b.len && (a.len == 0 || !memcmp(a.ptr, b.ptr, a.len)); }
char *str_dup(Arena *mem, Str s) { return arena_strndup(mem, s.ptr, s.len); }

bool cstr_eq(const char *a, const char *b) { return a && b ? strcmp(a, b) == 0 : a == b; }
bool cstr_empty(const char *s) { return !s || !*s; }
bool cstr_starts(const char *s, const char *prefix) {
    return strncmp(s, prefix, strlen(prefix)) == 0;
}
bool cstr_ends(const char *s, const char *suffix) {
    size_t n = strlen(s), m = strlen(suffix);
    return n >= m && memcmp(s + n - m, suffix, m) == 0;
}
const char *cstr_or(const char *s, const char *fallback) { return cstr_empty(s) ? fallback : s; }

static bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

char *cstr_trim(Arena *mem, const char *s) {
    while (is_space(*s))
        s++;
    size_t n = strlen(s);
    while (n && is_space(s[n - 1]))
        n--;
    return arena_strndup(mem, s, n);
}

static char ascii_lower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c; }
static char ascii_upper(char c) { return c >= 'a' && c <= 'z' ? (char)(c - 32) : c; }

static char *mapped(Arena *mem, const char *s, char (*fn)(char)) {
    char *out = arena_strdup(mem, s);
    for (char *p = out; *p; p++)
        *p = fn(*p);
    return out;
}

char *cstr_lower(Arena *mem, const char *s) { return mapped(mem, s, ascii_lower); }
char *cstr_upper(Arena *mem, const char *s) { return mapped(mem, s, ascii_upper); }

char *cstr_replace(Arena *mem, const char *s, const char *from, const char *to) {
    size_t from_len = strlen(from);
    Buf out;
    buf_init(&out, mem, SIZE_MAX);
    for (const char *hit; (hit = strstr(s, from)); s = hit + from_len) {
        buf_add(&out, s, (size_t)(hit - s));
        buf_str(&out, to);
    }
    buf_str(&out, s);
    return out.ptr;
}

StrList cstr_split(Arena *mem, const char *s, char sep) {
    StrList parts = {0};
    for (;;) {
        const char *end = strchr(s, sep);
        size_t len = end ? (size_t)(end - s) : strlen(s);
        list_push(&parts, mem, arena_strndup(mem, s, len));
        if (!end)
            return parts;
        s = end + 1;
    }
}

char *cstr_join(Arena *mem, const StrList *parts, const char *sep) {
    Buf out;
    buf_init(&out, mem, SIZE_MAX);
    for (size_t i = 0; i < parts->len; i++) {
        if (i)
            buf_str(&out, sep);
        buf_str(&out, parts->items[i]);
    }
    return out.ptr;
}

bool strlist_has(const StrList *list, const char *s) {
    for (size_t i = 0; i < list->len; i++)
        if (cstr_eq(list->items[i], s))
            return true;
    return false;
}

static int compare_text(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

void strlist_sort(StrList *list) {
    if (list->len > 1)
        qsort(list->items, list->len, sizeof *list->items, compare_text);
}

bool cstr_to_u64(const char *s, uint64_t max, uint64_t *out) {
    if (!*s)
        return false;
    uint64_t n = 0;
    for (; *s; s++) {
        if (*s < '0' || *s > '9')
            return false;
        unsigned digit = (unsigned)(*s - '0');
        if (n > (max - digit) / 10 && (n > max / 10 || n * 10 > max - digit))
            return false;
        n = n * 10 + digit;
    }
    *out = n;
    return true;
}

bool cstr_to_i64(const char *s, int64_t *out) {
    bool negative = *s == '-';
    uint64_t n;
    if (!cstr_to_u64(s + negative, (uint64_t)INT64_MAX + negative, &n))
        return false;
    *out = negative ? -(int64_t)(n - (n > 0)) - (n > 0) : (int64_t)n;
    return true;
}

int cstr_distance(const char *a, const char *b, int cap) {
    enum { LIMIT = 64 };
    size_t n = strlen(a), m = strlen(b);
    if (n > LIMIT || m > LIMIT)
        return cap + 1;
    int row[LIMIT + 1];
    for (size_t j = 0; j <= m; j++)
        row[j] = (int)j;
    for (size_t i = 1; i <= n; i++) {
        int diagonal = row[0];
        row[0] = (int)i;
        for (size_t j = 1; j <= m; j++) {
            int best = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            if (row[j] + 1 < best)
                best = row[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            row[j] = best;
        }
    }
    return row[m] > cap ? cap + 1 : row[m];
}

const char *cstr_nearest(const char *s, const char *const *names, size_t count) {
    int best = (strlen(s) > 8 ? 3 : 2) + 1;
    const char *nearest = NULL;
    for (size_t i = 0; i < count; i++) {
        int d = cstr_distance(s, names[i], best - 1);
        if (d < best && (size_t)d < strlen(s)) {
            best = d;
            nearest = names[i];
        }
    }
    return nearest;
}

size_t utf8_decode(const char *s, size_t len, uint32_t *out) {
    if (len == 0)
        return 0;
    const unsigned char *p = (const unsigned char *)s;
    if (p[0] < 0x80) {
        *out = p[0];
        return 1;
    }
    size_t n = p[0] >= 0xF0 ? 4 : p[0] >= 0xE0 ? 3 : 2;
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    if (p[0] < 0xC2 || p[0] > 0xF4 || len < n)
        return 0;
    uint32_t cp = p[0] & (0xFFu >> (n + 1));
    for (size_t i = 1; i < n; i++) {
        if ((p[i] & 0xC0) != 0x80)
            return 0;
        cp = cp << 6 | (p[i] & 0x3F);
    }
    if (cp < least[n] || cp > 0x10FFFF || (cp >= 0xD800 && cp < 0xE000))
        return 0;
    *out = cp;
    return n;
}

size_t utf8_put(uint32_t cp, char out[4]) {
    if (cp < 0x80) {
        out[0] = (char)cp;
        return 1;
    }
    size_t n = cp < 0x800 ? 2 : cp < 0x10000 ? 3 : 4;
    for (size_t i = n - 1; i > 0; i--) {
        out[i] = (char)(0x80 | (cp & 0x3F));
        cp >>= 6;
    }
    static const unsigned char lead[] = {0, 0, 0xC0, 0xE0, 0xF0};
    out[0] = (char)(lead[n] | cp);
    return n;
}

bool utf8_valid(const char *s, size_t len) {
    uint32_t cp;
    for (size_t i = 0, n; i < len; i += n)
        if (!(n = utf8_decode(s + i, len - i, &cp)))
            return false;
    return true;
}
