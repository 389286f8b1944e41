// AWS Signature Version 4, after the AWS General Reference: canonical request, string to sign,
// signing key, header. Each step is a function of its own.
#include <stdlib.h>

#include "atlas/crypt.h"

static Str digest_str(const Digest *d) { return str_slice((const char *)d->bytes, SHA256_SIZE); }

static int by_name_then_value(const void *a, const void *b) {
    const SigV4Param *x = a, *y = b;
    int order = strcmp(x->name, y->name);
    return order ? order : strcmp(x->value, y->value);
}

static SigV4Param *sorted(const SigV4Param *params, size_t count, Arena *mem) {
    SigV4Param *copy = NEW_ARRAY(mem, SigV4Param, count + 1);
    for (size_t i = 0; i < count; i++)
        copy[i] = params[i];
    qsort(copy, count, sizeof *copy, by_name_then_value);
    return copy;
}

// Names are sorted after encoding, as the reference demands.
static char *canonical_query(const SigV4 *s, Arena *mem) {
    SigV4Param *encoded = NEW_ARRAY(mem, SigV4Param, s->query_count + 1);
    for (size_t i = 0; i < s->query_count; i++)
        encoded[i] = (SigV4Param){url_encode(mem, s->query[i].name, false),
                                  url_encode(mem, s->query[i].value, false)};
    encoded = sorted(encoded, s->query_count, mem);
    Buf out;
    buf_init(&out, mem, SIZE_MAX);
    for (size_t i = 0; i < s->query_count; i++)
        buf_printf(&out, "%s%s=%s", i ? "&" : "", encoded[i].name, encoded[i].value);
    return out.ptr;
}

// All headers to sign: the caller's, host and the x-amz ones.
static SigV4Param *signed_headers(const SigV4 *s, const char *date, size_t *count, Arena *mem) {
    SigV4Param *all = NEW_ARRAY(mem, SigV4Param, s->header_count + 4);
    size_t n = 0;
    for (size_t i = 0; i < s->header_count; i++)
        all[n++] = (SigV4Param){s->headers[i].name, cstr_trim(mem, s->headers[i].value)};
    all[n++] = (SigV4Param){"host", s->host};
    all[n++] = (SigV4Param){"x-amz-content-sha256", s->payload_hash};
    all[n++] = (SigV4Param){"x-amz-date", date};
    if (!cstr_empty(s->session_token))
        all[n++] = (SigV4Param){"x-amz-security-token", s->session_token};
    *count = n;
    return sorted(all, n, mem);
}

static Digest signing_key(const SigV4 *s, const char *day, Arena *mem) {
    Digest key = hmac_sha256(str_from(arena_printf(mem, "AWS4%s", s->secret_key)), str_from(day));
    const char *const steps[] = {s->region, s->service, "aws4_request"};
    for (size_t i = 0; i < COUNT_OF(steps); i++)
        key = hmac_sha256(digest_str(&key), str_from(steps[i]));
    return key;
}

static const char *scope_of(const SigV4 *s, const char *date, Arena *mem) {
    return arena_printf(mem, "%.8s/%s/%s/aws4_request", date, s->region, s->service);
}

// The hex signature of a canonical request.
static const char *signature_of(const SigV4 *s, const char *date, const char *request, Arena *mem) {
    const char *to_sign =
        arena_printf(mem, "AWS4-HMAC-SHA256\n%s\n%s\n%s", date, scope_of(s, date, mem),
                     sha256_hex(mem, str_from(request)));
    Digest key = signing_key(s, arena_strndup(mem, date, 8), mem);
    Digest signature = hmac_sha256(digest_str(&key), str_from(to_sign));
    return hex_encode(mem, signature.bytes, sizeof signature.bytes);
}

static const char *amz_date(const SigV4 *s, Arena *mem) {
    return time_strftime_utc(mem, s->now, "%Y%m%dT%H%M%SZ");
}

SigV4Result sigv4_sign(const SigV4 *s, Arena *mem) {
    const char *date = amz_date(s, mem);
    size_t count = 0;
    const SigV4Param *headers = signed_headers(s, date, &count, mem);
    Buf names, lines;
    buf_init(&names, mem, SIZE_MAX);
    buf_init(&lines, mem, SIZE_MAX);
    for (size_t i = 0; i < count; i++) {
        buf_printf(&names, "%s%s", i ? ";" : "", headers[i].name);
        buf_printf(&lines, "%s:%s\n", headers[i].name, headers[i].value);
    }
    const char *request = arena_printf(mem, "%s\n%s\n%s\n%s\n%s\n%s", s->method, s->path,
                                       canonical_query(s, mem), lines.ptr, names.ptr,
                                       s->payload_hash);
    return (SigV4Result){
        .authorization = arena_printf(
            mem, "AWS4-HMAC-SHA256 Credential=%s/%s, SignedHeaders=%s, Signature=%s",
            s->access_key, scope_of(s, date, mem), names.ptr, signature_of(s, date, request, mem)),
        .amz_date = date,
        .canonical_request = request,
    };
}

const char *sigv4_presign(const SigV4 *s, int seconds, Arena *mem) {
    const char *date = amz_date(s, mem);
    const SigV4Param own[] = {
        {"X-Amz-Algorithm", "AWS4-HMAC-SHA256"},
        {"X-Amz-Credential", arena_printf(mem, "%s/%s", s->access_key, scope_of(s, date, mem))},
        {"X-Amz-Date", date},
        {"X-Amz-Expires", arena_printf(mem, "%d", seconds)},
        {"X-Amz-SignedHeaders", "host"},
        {"X-Amz-Security-Token", s->session_token},
    };
    size_t own_count = COUNT_OF(own) - (cstr_empty(s->session_token) ? 1 : 0);
    SigV4Param *all = NEW_ARRAY(mem, SigV4Param, s->query_count + own_count);
    for (size_t i = 0; i < s->query_count; i++)
        all[i] = s->query[i];
    for (size_t i = 0; i < own_count; i++)
        all[s->query_count + i] = own[i];
    SigV4 full = *s;
    full.query = all;
    full.query_count += own_count;
    const char *query = canonical_query(&full, mem);
    const char *request = arena_printf(mem, "%s\n%s\n%s\nhost:%s\n\nhost\n%s", s->method, s->path,
                                       query, s->host, s->payload_hash);
    return arena_printf(mem, "%s&X-Amz-Signature=%s", query, signature_of(s, date, request, mem));
}
