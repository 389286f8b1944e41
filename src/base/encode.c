// Hex and base64.
#include "atlas/base/str.h"

static const char standard[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char url_safe[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

char *hex_encode(Arena *mem, const void *data, size_t len) {
    const unsigned char *p = data;
    char *out = arena_alloc(mem, 2 * len + 1);
    for (size_t i = 0; i < len; i++) {
        out[2 * i] = "0123456789abcdef"[p[i] >> 4];
        out[2 * i + 1] = "0123456789abcdef"[p[i] & 15];
    }
    return out;
}

static int hex_digit(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool hex_decode(Str *out, const char *text, Arena *mem) {
    size_t len = strlen(text);
    char *bytes = arena_alloc(mem, len / 2 + 1);
    for (size_t i = 0; i + 1 < len; i += 2) {
        int high = hex_digit(text[i]), low = hex_digit(text[i + 1]);
        if (high < 0 || low < 0)
            return false;
        bytes[i / 2] = (char)(high << 4 | low);
    }
    *out = (Str){bytes, len / 2};
    return len % 2 == 0;
}

static char *encode(Arena *mem, const void *data, size_t len, const char *alphabet, bool pad) {
    const unsigned char *p = data;
    char *out = arena_alloc(mem, (len + 2) / 3 * 4 + 1);
    size_t n = 0, i = 0;
    for (; i + 3 <= len; i += 3, n += 4) {
        unsigned v = (unsigned)p[i] << 16 | (unsigned)p[i + 1] << 8 | p[i + 2];
        out[n] = alphabet[v >> 18];
        out[n + 1] = alphabet[v >> 12 & 63];
        out[n + 2] = alphabet[v >> 6 & 63];
        out[n + 3] = alphabet[v & 63];
    }
    if (i < len) { // one or two bytes are left
        unsigned v = (unsigned)p[i] << 16;
        if (i + 1 < len)
            v |= (unsigned)p[i + 1] << 8;
        size_t chars = len - i + 1;
        for (size_t k = 0; k < 4; k++) {
            if (k < chars)
                out[n++] = alphabet[v >> (18 - 6 * k) & 63];
            else if (pad)
                out[n++] = '=';
        }
    }
    return out;
}

char *base64_encode(Arena *mem, const void *data, size_t len) {
    return encode(mem, data, len, standard, true);
}

char *base64url_encode(Arena *mem, const void *data, size_t len) {
    return encode(mem, data, len, url_safe, false);
}

static bool decode(Str *out, const char *text, size_t chars, const char *alphabet, Arena *mem) {
    unsigned char digit[256];
    memset(digit, 255, sizeof digit);
    for (unsigned i = 0; i < 64; i++)
        digit[(unsigned char)alphabet[i]] = (unsigned char)i;
    char *bytes = arena_alloc(mem, chars / 4 * 3 + 4);
    size_t n = 0;
    unsigned v = 0, bits = 0;
    for (size_t i = 0; i < chars; i++) {
        unsigned d = digit[(unsigned char)text[i]];
        if (d == 255)
            return false;
        v = (v << 6 | d) & 0xFFFFFF;
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            bytes[n++] = (char)(v >> bits & 255);
        }
    }
    *out = (Str){bytes, n};
    return chars % 4 != 1 && (v & ((1u << bits) - 1)) == 0;
}

bool base64_decode(Str *out, const char *text, Arena *mem) {
    size_t len = strlen(text);
    if (len % 4)
        return false;
    size_t pad = len && text[len - 1] == '=' ? (text[len - 2] == '=' ? 2 : 1) : 0;
    return decode(out, text, len - pad, standard, mem);
}

bool base64url_decode(Str *out, const char *text, Arena *mem) {
    return decode(out, text, strlen(text), url_safe, mem);
}
