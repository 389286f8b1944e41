// Characters: names, spaces, case, grapheme clusters.
//
// Clusters are an approximation of UAX #29 that does for columns and substr(): combining marks,
// emoji modifiers, ZWJ sequences, regional indicator pairs, CRLF.
#include "syntax.h"

typedef struct CodeRange {
    uint32_t first, last;
} CodeRange;

typedef struct CaseRange {
    uint32_t first, last, step;
    int32_t delta;
} CaseRange;

#include "unicode.inc"

static bool in_ranges(const CodeRange *r, size_t count, uint32_t cp) {
    size_t low = 0, high = count;
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (cp < r[mid].first)
            high = mid;
        else if (cp > r[mid].last)
            low = mid + 1;
        else
            return true;
    }
    return false;
}

bool code_is_space(uint32_t cp) {
    return (cp >= 9 && cp <= 13) || cp == ' ' || cp == 0x85 || cp == 0xa0 || cp == 0x1680 ||
           (cp >= 0x2000 && cp <= 0x200a) || cp == 0x2028 || cp == 0x2029 || cp == 0x202f ||
           cp == 0x205f || cp == 0x3000;
}

static bool ascii_letter(uint32_t cp) {
    return (cp >= 'a' && cp <= 'z') || (cp >= 'A' && cp <= 'Z');
}

bool code_starts_name(uint32_t cp) {
    if (cp < 0x80)
        return ascii_letter(cp) || cp == '_';
    return in_ranges(id_start, COUNT_OF(id_start), cp);
}

bool code_continues_name(uint32_t cp) {
    if (cp < 0x80)
        return ascii_letter(cp) || cp == '_' || cp == '-' || (cp >= '0' && cp <= '9');
    return in_ranges(id_start, COUNT_OF(id_start), cp) || in_ranges(id_more, COUNT_OF(id_more), cp);
}

// Runs interleave (alternating upper and lower case), so the search is linear.
static uint32_t map_case(const CaseRange *r, size_t count, uint32_t cp) {
    for (size_t i = 0; i < count; i++)
        if (cp >= r[i].first && cp <= r[i].last && (cp - r[i].first) % r[i].step == 0)
            return (uint32_t)((int32_t)cp + r[i].delta);
    return cp;
}

uint32_t code_lower(uint32_t cp) {
    if (cp < 0x80)
        return cp >= 'A' && cp <= 'Z' ? cp + 32 : cp;
    return map_case(to_lower, COUNT_OF(to_lower), cp);
}

uint32_t code_upper(uint32_t cp) {
    if (cp < 0x80)
        return cp >= 'a' && cp <= 'z' ? cp - 32 : cp;
    return map_case(to_upper, COUNT_OF(to_upper), cp);
}

size_t code_at(const char *s, size_t len, uint32_t *cp) {
    size_t n = utf8_decode(s, len, cp);
    if (n)
        return n;
    *cp = 0xfffd;
    return 1;
}

size_t cluster_len(const char *s, size_t len) {
    uint32_t cp, next;
    size_t n = code_at(s, len, &cp);
    if (cp == '\r' && n < len && s[n] == '\n')
        return n + 1;
    if (cp < 0x20)
        return n;
    bool regional = cp >= 0x1f1e6 && cp <= 0x1f1ff;
    bool glue = false; // after a ZWJ, a pictograph belongs to the cluster
    while (n < len && ((unsigned char)s[n] >= 0x80)) {
        size_t more = code_at(s + n, len - n, &next);
        bool pair = regional && next >= 0x1f1e6 && next <= 0x1f1ff;
        bool pictograph = next >= 0x2190 && (next <= 0x2bff || next >= 0x1f000);
        if (!pair && !(glue && pictograph) && !in_ranges(joined, COUNT_OF(joined), next))
            break;
        regional = false;
        glue = next == 0x200d;
        n += more;
    }
    return n;
}

Str str_trim_space_left(Str s) {
    uint32_t cp;
    while (s.len > 0) {
        size_t n = code_at(s.ptr, s.len, &cp);
        if (!code_is_space(cp))
            break;
        s.ptr += n;
        s.len -= n;
    }
    return s;
}

Str str_trim_space_right(Str s) {
    uint32_t cp;
    while (s.len > 0) {
        size_t at = s.len - 1;
        while (at > 0 && ((unsigned char)s.ptr[at] & 0xc0) == 0x80)
            at--;
        size_t n = code_at(s.ptr + at, s.len - at, &cp);
        if (at + n != s.len || !code_is_space(cp))
            break;
        s.len = at;
    }
    return s;
}
