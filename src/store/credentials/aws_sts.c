// The Security Token Service: roles in exchange for keys or for an OIDC token.
#include "aws_chain.h"

enum { MAX_TOKEN = 64 << 10 };

Err *aws_read_token(const char **out, const char *path, Arena *mem) {
    Str text = {0};
    TRY(fs_read(&text, path, MAX_TOKEN, mem));
    *out = cstr_trim(mem, text.ptr);
    log_mask(*out);
    return **out ? NULL : err_new(E_UNAUTHORIZED, "%s is empty", path);
}

static const char *form(const AssumeRole *a, AwsChain *c) {
    const char *named = cstr_or(a->session_name, host_env(c->host, "AWS_ROLE_SESSION_NAME"));
    const HttpHeader fields[] = {
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
    const AwsService sts = {"sts", "AWS_ENDPOINT_URL_STS", a->region};
    TRY(aws_service_url(&at, &sts, c->host, c->mem));
    TokenCall call = {.method = "POST",
                      .url = arena_printf(c->mem, "%s://%s%s", at->scheme, at->host,
                                          cstr_or(at->path, "/")),
                      .form = form(a, c),
                      .content_type = "application/x-www-form-urlencoded"};
    if (a->by)
        aws_sign_call(&call, &sts, at, a->by, c->host, c->mem);
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
