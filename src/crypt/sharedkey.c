// Azure Storage's Shared Key, after "Authorize with Shared Key" of its REST reference: string to
// sign, canonical headers, canonical resource, header.
#include <stdlib.h>

#include "atlas/crypt.h"

static int by_name(const void *a, const void *b) {
    const SigV4Param *x = a, *y = b;
    int order = strcmp(x->name, y->name);
    return order ? order : strcmp(x->value, y->value);
}

static const char *header(const SharedKey *s, const char *name) {
    for (size_t i = 0; i < s->header_count; i++)
        if (cstr_eq(s->headers[i].name, name))
            return s->headers[i].value;
    return "";
}

static void add_headers(Buf *out, const SharedKey *s, Arena *mem) {
    SigV4Param *own = NEW_ARRAY(mem, SigV4Param, s->header_count + 1);
    size_t n = 0;
    for (size_t i = 0; i < s->header_count; i++)
        if (cstr_starts(s->headers[i].name, "x-ms-"))
            own[n++] = (SigV4Param){s->headers[i].name, cstr_trim(mem, s->headers[i].value)};
    qsort(own, n, sizeof *own, by_name);
    for (size_t i = 0; i < n; i++)
        buf_printf(out, "%s:%s\n", own[i].name, own[i].value);
}

// Several values of one name are sorted and joined.
static void add_resource(Buf *out, const SharedKey *s, Arena *mem) {
    buf_printf(out, "/%s%s", s->account, s->path);
    SigV4Param *query = NEW_ARRAY(mem, SigV4Param, s->query_count + 1);
    for (size_t i = 0; i < s->query_count; i++)
        query[i] = (SigV4Param){cstr_lower(mem, s->query[i].name), s->query[i].value};
    qsort(query, s->query_count, sizeof *query, by_name);
    for (size_t i = 0; i < s->query_count; i++) {
        bool again = i && cstr_eq(query[i].name, query[i - 1].name);
        if (again)
            buf_printf(out, ",%s", query[i].value);
        else
            buf_printf(out, "\n%s:%s", query[i].name, query[i].value);
    }
}

SharedKeyResult sharedkey_sign(const SharedKey *s, Arena *mem) {
    // NULL is the place of the length; the date is empty as x-ms-date stands for it.
    static const char *const order[] = {"content-encoding",
                                        "content-language",
                                        NULL,
                                        "content-md5",
                                        "content-type",
                                        "",
                                        "if-modified-since",
                                        "if-match",
                                        "if-none-match",
                                        "if-unmodified-since",
                                        "range"};
    Buf text;
    buf_init(&text, mem, SIZE_MAX);
    buf_printf(&text, "%s\n", s->method);
    for (size_t i = 0; i < COUNT_OF(order); i++) {
        if (!order[i] && s->body_size)
            buf_printf(&text, "%lld", (long long)s->body_size);
        else if (order[i])
            buf_str(&text, header(s, order[i]));
        buf_char(&text, '\n');
    }
    add_headers(&text, s, mem);
    add_resource(&text, s, mem);
    Digest mac = hmac_sha256(s->key, buf_view(&text));
    const char *signature = base64_encode(mem, mac.bytes, sizeof mac.bytes);
    return (SharedKeyResult){.authorization =
                                 arena_printf(mem, "SharedKey %s:%s", s->account, signature),
                             .string_to_sign = text.ptr};
}
