// The Security Token Service: roles in exchange for keys or for an OIDC token.
#include "atlas/crypt.h"
#include "aws_chain.h"

enum { MAX_TOKEN = 64 << 10 };

Err *aws_read_token(const char **out, const char *path, Arena *mem) {
    Str text = {0};
    TRY(fs_read(&text, path, MAX_TOKEN, mem));
    *out = cstr_trim(mem, text.ptr);
    log_mask(*out);
    return **out ? NULL : err_new(E_UNAUTHORIZED, "%s is empty", path);
}

// Named by the environment or Amazon's own: never what an atlas.hcl says.
static Err *sts_url(Url **out, const char *region, AwsChain *c) {
    static const char *const amazon[] = {".amazonaws.com", ".amazonaws.com.cn", NULL};
    const char *named = cstr_or(host_env(c->host, "AWS_ENDPOINT_URL_STS"),
                                host_env(c->host, "AWS_ENDPOINT_URL"));
    const char *suffix = cstr_starts(region, "cn-") ? ".cn" : "";
    const char *url = *named ? named
                             : arena_printf(c->mem, "https://sts.%s.amazonaws.com%s", region, suffix);
    TRY(endpoint_check(url, amazon, *named != 0, c->mem));
    return url_parse(out, url, c->mem);
}

static const char *form(const AssumeRole *a, AwsChain *c) {
    const char *named = cstr_or(a->session_name, host_env(c->host, "AWS_ROLE_SESSION_NAME"));
    const SigV4Param fields[] = {
        {"Action", a->by ? "AssumeRole" : "AssumeRoleWithWebIdentity"},
        {"Version", "2011-06-15"},
        {"RoleArn", a->role},
        {"RoleSessionName", cstr_or(named, "atlas-action")},
        {"ExternalId", a->external_id},
        {"DurationSeconds", a->duration},
        {"WebIdentityToken", a->web_token},
    };
    Buf b;
    buf_init(&b, c->mem, BUF_MAX_TEXT);
    for (size_t i = 0; i < COUNT_OF(fields); i++)
        if (!cstr_empty(fields[i].value))
            buf_printf(&b, "%s%s=%s", b.len ? "&" : "", fields[i].name,
                       url_encode(c->mem, fields[i].value, false));
    return b.ptr;
}

static void sign(TokenCall *call, const AssumeRole *a, const Url *at, AwsChain *c) {
    const SigV4Param content_type = {"content-type", call->content_type};
    const char *hash = sha256_hex(c->mem, str_from(call->form));
    SigV4Result r = sigv4_sign(&(SigV4){.access_key = a->by->access_key,
                                        .secret_key = a->by->secret_key,
                                        .session_token = a->by->session_token,
                                        .region = a->region,
                                        .service = "sts",
                                        .now = host_now(c->host),
                                        .method = "POST",
                                        .host = at->host,
                                        .path = cstr_or(at->path, "/"),
                                        .headers = &content_type,
                                        .header_count = 1,
                                        .payload_hash = hash},
                               c->mem);
    const HttpHeader headers[] = {{"authorization", r.authorization},
                                  {"x-amz-date", r.amz_date},
                                  {"x-amz-content-sha256", hash},
                                  {"x-amz-security-token", a->by->session_token}};
    for (size_t i = 0; i < COUNT_OF(headers); i++)
        if (!cstr_empty(headers[i].value))
            list_push(&call->headers, c->mem, headers[i]);
}

static const Xml *find(const Xml *x, const char *name) {
    for (; x; x = x->next) {
        const Xml *inside = cstr_eq(x->name, name) ? x : find(x->first, name);
        if (inside)
            return inside;
    }
    return NULL;
}

static Err *refusal(int status, const Xml *answer, const char *host, AwsChain *c) {
    const Xml *error = answer ? find(answer, "Error") : NULL;
    ErrCode code = status >= 500 || status == 429 || status == 408 ? E_UNREACHABLE : E_UNAUTHORIZED;
    if (!error)
        return err_new(code, "%s: HTTP %d", host, status);
    const char *said = cstr_trim(c->mem, xml_child_text(error, "Message"));
    return err_new(code, "%s: HTTP %d %s%s%s", host, status, xml_child_text(error, "Code"),
                   *said ? ": " : "", log_redact(c->mem, said));
}

static Err *read_answer(AwsCredentials *out, int status, Str text, const Url *at,
                        const AssumeRole *a, AwsChain *c) {
    Xml *answer = NULL;
    AutoErr malformed = xml_parse(&answer, text, "answer", c->mem);
    if (status != 200)
        return refusal(status, malformed ? NULL : answer, at->host, c);
    const Xml *keys = malformed ? NULL : find(answer, "Credentials");
    if (!keys)
        return err_new(E_UNREACHABLE, "%s: the answer holds no credentials", at->host);
    TRY(aws_keys(out, c, xml_child_text(keys, "AccessKeyId"),
                 xml_child_text(keys, "SecretAccessKey"), xml_child_text(keys, "SessionToken"),
                 arena_printf(c->mem, "role %s by %s", a->role, a->source)));
    const char *ends = xml_child_text(keys, "Expiration");
    if (!time_parse_rfc3339(ends, &out->expires))
        return err_new(E_UNREACHABLE, "%s: \"%.40s\" is no time of expiration", at->host, ends);
    return NULL;
}

static Err *assume(AwsCredentials *out, AwsChain *c, const AssumeRole *a) {
    Url *at = NULL;
    TRY(sts_url(&at, a->region, c));
    TokenCall call = {.method = "POST",
                      .url = arena_printf(c->mem, "%s://%s%s", at->scheme, at->host,
                                          cstr_or(at->path, "/")),
                      .form = form(a, c),
                      .content_type = "application/x-www-form-urlencoded"};
    if (a->by)
        sign(&call, a, at, c);
    int status = 0;
    Str text = {0};
    TRY(token_call(&status, &text, c->loop, &call, c->mem));
    return read_answer(out, status, text, at, a, c);
}

Err *aws_assume_role(AwsCredentials *out, AwsChain *c, const AssumeRole *a) {
    AssumeRole full = *a;
    full.region = cstr_or(a->region, "us-east-1");
    Err *e = assume(out, c, &full);
    return e ? err_wrap(e, "assuming the role %s", a->role) : NULL;
}
