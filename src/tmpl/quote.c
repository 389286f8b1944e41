// Go's string literals.
#include "print.h"

// What strconv.IsPrint takes; by ranges, as the C library's answer depends on a locale.
bool rune_prints(uint32_t cp) {
    static const uint32_t unprintable[][2] = {
        {0x00, 0x1F},     {0x7F, 0xA0},       {0xAD, 0xAD},        {0x600, 0x605},
        {0x61C, 0x61C},   {0x6DD, 0x6DD},     {0x70F, 0x70F},      {0x1680, 0x1680},
        {0x180E, 0x180E}, {0x2000, 0x200F},   {0x2028, 0x202F},    {0x205F, 0x206F},
        {0x3000, 0x3000}, {0xD800, 0xF8FF},   {0xFEFF, 0xFEFF},    {0xFFF0, 0xFFFB},
        {0xFFFE, 0xFFFF}, {0xE0000, 0xE00FF}, {0xF0000, 0x10FFFF},
    };
    for (size_t i = 0; i < COUNT_OF(unprintable); i++)
        if (cp >= unprintable[i][0] && cp <= unprintable[i][1])
            return false;
    return true;
}

void tmpl_quote(Buf *out, Str s) {
    static const char named[] = "\a\b\f\n\r\t\v\\\"", letters[] = "abfnrtv\\\"";
    buf_char(out, '"');
    for (size_t i = 0, n; i < s.len; i += n) {
        uint32_t cp = 0;
        n = utf8_decode(s.ptr + i, s.len - i, &cp);
        const char *name = n && cp && cp < 0x80 ? strchr(named, (int)cp) : NULL;
        if (!n) {
            buf_printf(out, "\\x%02x", (unsigned)(unsigned char)s.ptr[i]);
            n = 1;
        } else if (name) {
            buf_printf(out, "\\%c", letters[name - named]);
        } else if (rune_prints(cp)) {
            buf_add(out, s.ptr + i, n);
        } else if (cp < 0x80) {
            buf_printf(out, "\\x%02x", (unsigned)cp);
        } else {
            buf_printf(out, cp > 0xFFFF ? "\\U%08x" : "\\u%04x", (unsigned)cp);
        }
    }
    buf_char(out, '"');
}

static int hex_digit(char c) {
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : 99;
}

// Reads `count` digits of `base`; false if there are fewer.
static bool digits(Str s, size_t *i, size_t count, int base, uint32_t *out) {
    *out = 0;
    if (s.len - *i < count)
        return false;
    for (size_t end = *i + count; *i < end; (*i)++) {
        int d = hex_digit(s.ptr[*i]);
        if (d >= base)
            return false;
        *out = *out * (uint32_t)base + (uint32_t)d;
    }
    return true;
}

// The escape behind a backslash; s.ptr[*i] is its letter.
static bool unescape(Buf *out, Str s, size_t *i, char quote) {
    static const char letters[] = "abfnrtv\\", named[] = "\a\b\f\n\r\t\v\\";
    char c = s.ptr[*i], utf8[4];
    uint32_t cp;
    const char *letter = c ? strchr(letters, c) : NULL;
    if (letter || c == quote) {
        buf_char(out, letter ? named[letter - letters] : quote);
        (*i)++;
        return true;
    }
    bool octal = c >= '0' && c <= '7';
    size_t count = octal ? 3 : c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
    *i += !octal;
    if (!count || !digits(s, i, count, octal ? 8 : 16, &cp))
        return false;
    if (count <= 3) {
        buf_char(out, (char)cp);
        return cp <= 0xFF;
    }
    if (cp > 0x10FFFF || (cp >= 0xD800 && cp < 0xE000))
        return false;
    buf_add(out, utf8, utf8_put(cp, utf8));
    return true;
}

static bool unquote_raw(Str *out, Str body, Arena *mem) {
    Buf b;
    buf_init(&b, mem, SIZE_MAX);
    for (size_t i = 0; i < body.len; i++) {
        if (body.ptr[i] == '`')
            return false;
        if (body.ptr[i] != '\r')
            buf_char(&b, body.ptr[i]);
    }
    *out = buf_view(&b);
    return true;
}

bool tmpl_unquote(Str *out, Str s, Arena *mem) {
    if (s.len < 2 || !s.ptr[0] || !strchr("\"'`", s.ptr[0]) || s.ptr[0] != s.ptr[s.len - 1])
        return false;
    char quote = s.ptr[0];
    Str body = str_slice(s.ptr + 1, s.len - 2);
    if (quote == '`')
        return unquote_raw(out, body, mem);
    Buf b;
    buf_init(&b, mem, SIZE_MAX);
    size_t i = 0, count = 0;
    for (; i < body.len; count++) {
        char c = body.ptr[i];
        uint32_t cp;
        size_t n = utf8_decode(body.ptr + i, body.len - i, &cp);
        if (c == quote || c == '\n' || (c == '\\' && i + 1 == body.len))
            return false;
        if (c == '\\') {
            i++;
            if (!unescape(&b, body, &i, quote))
                return false;
            continue;
        }
        buf_add(&b, body.ptr + i, n ? n : 1);
        i += n ? n : 1;
    }
    *out = buf_view(&b);
    return quote == '"' || count == 1;
}
