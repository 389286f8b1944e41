// One signed request to a service of AWS.
#include "atlas/crypt.h"
#include "aws_chain.h"

enum { MAX_HEADERS = 8 };

Err *aws_service_url(Url **out, const AwsService *s, const Host *host, Arena *mem) {
    static const char *const amazon[] = {".amazonaws.com", ".amazonaws.com.cn", NULL};
    const char *named = cstr_or(host_env(host, s->variable), host_env(host, "AWS_ENDPOINT_URL"));
    const char *suffix = cstr_starts(s->region, "cn-") ? ".cn" : "";
    const char *url = *named ? named
                             : arena_printf(mem, "https://%s.%s.amazonaws.com%s", s->name,
                                            s->region, suffix);
    TRY(endpoint_check(url, amazon, *named != 0, mem));
    return url_parse(out, url, mem);
}

void aws_sign_call(TokenCall *call, const AwsService *s, const Url *at, const AwsCredentials *by,
                   const Host *host, Arena *mem) {
    SigV4Param headers[MAX_HEADERS] = {{"content-type", call->content_type}};
    size_t count = 1;
    for (size_t i = 0; i < call->headers.len && count < MAX_HEADERS; i++)
        headers[count++] =
            (SigV4Param){call->headers.items[i].name, call->headers.items[i].value};
    const char *hash = sha256_hex(mem, str_from(call->form));
    SigV4Result r = sigv4_sign(&(SigV4){.access_key = by->access_key,
                                        .secret_key = by->secret_key,
                                        .session_token = by->session_token,
                                        .region = s->region,
                                        .service = s->name,
                                        .now = host_now(host),
                                        .method = "POST",
                                        .host = at->host,
                                        .path = cstr_or(at->path, "/"),
                                        .headers = headers,
                                        .header_count = count,
                                        .payload_hash = hash},
                               mem);
    const HttpHeader added[] = {{"authorization", r.authorization},
                                {"x-amz-date", r.amz_date},
                                {"x-amz-content-sha256", hash},
                                {"x-amz-security-token", by->session_token}};
    for (size_t i = 0; i < COUNT_OF(added); i++)
        if (!cstr_empty(added[i].value))
            list_push(&call->headers, mem, added[i]);
}
