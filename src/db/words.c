#include "words.h"

const char *words_skip(const char *p, const char *end) {
    while (p < end) {
        const char *from = p;
        while (p < end && (strchr(" \t\r\n\f\v;", *p) && *p))
            p++;
        if (end - p >= 2 && p[0] == '-' && p[1] == '-') {
            const char *nl = memchr(p, '\n', (size_t)(end - p));
            p = nl ? nl + 1 : end;
        } else if (end - p >= 2 && p[0] == '/' && p[1] == '*') {
            const char *close = memmem(p + 2, (size_t)(end - p) - 2, "*/", 2);
            p = close ? close + 2 : end;
        }
        if (p == from)
            break;
    }
    return p;
}

const char *words_next(const char **p, const char *end, char out[16]) {
    size_t len = 0;
    *p = words_skip(*p, end);
    for (; *p < end; (*p)++) {
        char c = **p;
        c = c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
        if (c < 'A' || c > 'Z')
            break;
        if (len < 15)
            out[len++] = c;
    }
    out[len] = 0;
    return out;
}
