// s3:// URLs: endpoint, region and parameters.
#include "s3.h"

enum { RETRY_COST = 5, POLICY_ATTEMPTS = 5 };

static Err *set_endpoint(S3Store *s, const char *endpoint, bool insecure, Arena *mem) {
    if (!strstr(endpoint, "://"))
        endpoint = arena_printf(mem, "%s://%s", insecure ? "http" : "https", endpoint);
    Url *u = NULL;
    TRY(url_parse(&u, endpoint, mem));
    if (!cstr_eq(u->scheme, "http") && !cstr_eq(u->scheme, "https"))
        return err_new(E_INVALID, "the endpoint \"%s\" is not an http or https URL",
                       url_redact_stars(mem, endpoint));
    s->explicit_endpoint = true;
    s->scheme = insecure ? "http" : u->scheme;
    s->host = u->host;
    s->base_path = cstr_ends(u->path, "/") ? arena_strndup(mem, u->path, strlen(u->path) - 1)
                                           : u->path;
    return NULL;
}

// The public endpoint of the region.
static void set_aws_endpoint(S3Store *s, Arena *mem) {
    const char *suffix = cstr_starts(s->region, "cn-") ? "amazonaws.com.cn" : "amazonaws.com";
    s->host = arena_printf(mem, "s3%s%s.%s.%s", s->fips ? "-fips" : "",
                           s->dualstack ? ".dualstack" : "", s->region, suffix);
    s->base_path = "";
}

void s3_move(S3Store *s, const char *region) {
    s->region = arena_strdup(s->base.mem, region);
    if (!s->explicit_endpoint)
        set_aws_endpoint(s, s->base.mem);
}

// "when_supported" (the default) or "when_required", in any case.
static Err *read_when(bool *supported, const Url *url, const char *name, Arena *mem) {
    const char *text = cstr_lower(mem, cstr_or(url_param(url, name), "when_supported"));
    *supported = cstr_eq(text, "when_supported");
    return *supported || cstr_eq(text, "when_required")
               ? NULL
               : err_new(E_INVALID,
                         "parameter \"%s\" is \"%s\", neither when_supported nor when_required",
                         name, text);
}

// AWS's retry quota: every repetition costs five; 0 is no quota.
static Err *read_capacity(S3Store *s, const Url *url) {
    const char *text = url_param(url, "rate_limiter_capacity");
    uint64_t n = 0;
    if (!cstr_empty(text) && !cstr_to_u64(text, 1000000, &n))
        return err_new(E_INVALID, "parameter \"rate_limiter_capacity\" is \"%s\", not a number",
                       text);
    if (n > 0 && 1 + n / RETRY_COST < POLICY_ATTEMPTS)
        s->attempts = (int)(1 + n / RETRY_COST);
    return NULL;
}

static Err *read_encryption(S3Store *s, const Url *url) {
    static const char *const types[] = {"AES256", "aws:kms", "aws:kms:dsse"};
    s->kms_key = url_param(url, "kmskeyid");
    s->sse = cstr_or(url_param(url, "ssetype"), cstr_empty(s->kms_key) ? "" : "aws:kms");
    for (size_t i = 0; i < COUNT_OF(types); i++)
        if (!*s->sse || cstr_eq(s->sse, types[i]))
            return NULL;
    return err_hint(err_new(E_INVALID, "parameter \"ssetype\" is \"%s\"", s->sse),
                    "use AES256, aws:kms or aws:kms:dsse");
}

// Buckets go into the path where a host name cannot hold them.
static Err *read_style(S3Store *s, const Url *url, Arena *mem) {
    bool immutable, alias;
    Url *at = NULL;
    TRY(store_param_bool(&immutable, url, "hostname_immutable", false));
    TRY(url_parse(&at, arena_printf(mem, "http://%s", s->host), mem));
    bool dotted = strchr(s->bucket, '.') && cstr_eq(s->scheme, "https");
    bool local = store_host_is_local(url_hostname(mem, at)) || dotted;
    TRY(store_param_bool(&alias, url, "s3ForcePathStyle", local));
    TRY(store_param_bool(&s->path_style, url, "use_path_style", alias));
    s->path_style |= immutable;
    return NULL;
}

static Err *read_params(S3Store *s, const Url *url, const Host *host, Arena *mem) {
    bool insecure;
    TRY(store_param_bool(&s->who.anonymous, url, "anonymous", false));
    TRY(store_param_bool(&insecure, url, "disable_https", false));
    TRY(store_param_bool(&s->fips, url, "fips", false));
    TRY(store_param_bool(&s->dualstack, url, "dualstack", false));
    TRY(read_when(&s->send_checksums, url, "request_checksum_calculation", mem));
    TRY(read_when(&s->check_answers, url, "response_checksum_validation", mem));
    TRY(read_capacity(s, url));
    TRY(read_encryption(s, url));
    const char *profile = url_param(url, "profile"), *role = url_param(url, "role");
    s->who.profile = cstr_empty(profile) ? NULL : profile;
    s->who.role = cstr_empty(role) ? NULL : role;
    s->region = cstr_or(aws_region(host, url_param(url, "region"), s->who.profile, mem),
                        "us-east-1");
    s->who.region = s->region;
    s->scheme = insecure ? "http" : "https";
    const char *endpoint = cstr_or(url_param(url, "endpoint"),
                                   cstr_or(host_env(host, "AWS_ENDPOINT_URL_S3"),
                                           host_env(host, "AWS_ENDPOINT_URL")));
    if (*endpoint)
        TRY(set_endpoint(s, endpoint, insecure, mem));
    else
        set_aws_endpoint(s, mem);
    return read_style(s, url, mem);
}

Err *s3_open(Store **out, const Url *url, Loop *loop, Arena *mem) {
    S3Store *s = NEW(mem, S3Store);
    *out = &s->base;
    s->bucket = url->host;
    s->base.prefix = url->path;
    if (!*s->bucket)
        return err_hint(err_new(E_INVALID, "the bucket is missing"), "write s3://bucket/prefix");
    return read_params(s, url, loop_host(loop), mem);
}
