// Credentials of the machine: the container's endpoint, the instance's metadata service.
#include "aws_chain.h"

enum { MAX_TOKEN_FILE = 64 << 10 };

static void call_header(TokenCall *call, AwsChain *c, const char *name, const char *value) {
    list_push(&call->headers, c->mem, (HttpHeader){name, value});
}

// --- containers ---------------------------------------------------------------------------------

// The agents' addresses on ECS and EKS, this machine, or anybody over https.
static Err *check_container(const char *url, Arena *mem) {
    static const char *const agents[] = {"169.254.170.2", "169.254.170.23", "fd00:ec2::23"};
    Url *u = NULL;
    TRY(url_parse(&u, url, mem));
    const char *host = url_hostname(mem, u);
    for (size_t i = 0; i < COUNT_OF(agents); i++)
        if (cstr_eq(host, agents[i]) && cstr_eq(u->scheme, "http"))
            return NULL;
    return endpoint_check(url, NULL, true, mem);
}

static Err *container_token(const char **out, AwsChain *c) {
    const char *file = host_env(c->host, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
    *out = host_env(c->host, "AWS_CONTAINER_AUTHORIZATION_TOKEN");
    log_mask(*out);
    if (*file)
        TRY(aws_read_token(out, file, c->mem));
    return strpbrk(*out, "\r\n") ? err_new(E_INVALID, "the authorization token has several lines")
                                 : NULL;
}

Err *aws_from_container(bool *found, AwsCredentials *out, AwsChain *c) {
    const char *relative = host_env(c->host, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
    const char *full = host_env(c->host, "AWS_CONTAINER_CREDENTIALS_FULL_URI");
    *found = *relative || *full;
    if (!*found) {
        tried(c->tried, "container", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI and "
                                     "AWS_CONTAINER_CREDENTIALS_FULL_URI are not set");
        return NULL;
    }
    const char *url = *relative ? arena_printf(c->mem, "http://169.254.170.2%s", relative) : full;
    TRY(check_container(url, c->mem));
    const char *token = "";
    TRY(container_token(&token, c));
    TokenCall call = {.method = "GET", .url = url, .metadata = true};
    call_header(&call, c, "accept", "application/json");
    if (*token)
        call_header(&call, c, "authorization", token);
    Value *answer = NULL;
    TRY(token_call_json(&answer, c->loop, &call, c->mem));
    return aws_keys_json(out, c, answer, "Token", "container");
}

// --- instances ----------------------------------------------------------------------------------

static const char *instance_endpoint(AwsChain *c) {
    const char *named = host_env(c->host, "AWS_EC2_METADATA_SERVICE_ENDPOINT");
    const char *mode = host_env(c->host, "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE");
    if (!*named)
        return cstr_eq(cstr_lower(c->mem, mode), "ipv6") ? "http://[fd00:ec2::254]"
                                                         : "http://169.254.169.254";
    size_t len = strlen(named);
    return arena_strndup(c->mem, named, named[len - 1] == '/' ? len - 1 : len);
}

static Err *instance_get(const char **out, AwsChain *c, TokenCall *call, const char *path) {
    int status = 0;
    Str text = {0};
    call->url = arena_printf(c->mem, "%s/latest/%s", instance_endpoint(c), path);
    call->metadata = true;
    TRY(token_call(&status, &text, c->loop, call, c->mem));
    *out = cstr_trim(c->mem, str_dup(c->mem, text));
    return status == 200 ? NULL : err_new(E_UNREACHABLE, "%s: HTTP %d", call->url, status);
}

static Err *instance_token(const char **out, AwsChain *c) {
    TokenCall call = {.method = "PUT", .form = ""};
    call_header(&call, c, "x-aws-ec2-metadata-token-ttl-seconds", "21600");
    TRY(instance_get(out, c, &call, "api/token"));
    log_mask(*out);
    return **out && !strpbrk(*out, "\r\n") ? NULL : err_new(E_UNREACHABLE, "no session token");
}

static Err *instance_keys(AwsCredentials *out, AwsChain *c) {
    static const char path[] = "meta-data/iam/security-credentials/";
    const char *token = NULL, *role = NULL, *text = NULL;
    TRY(instance_token(&token, c));
    TokenCall call = {.method = "GET"};
    call_header(&call, c, "x-aws-ec2-metadata-token", token);
    TRY(instance_get(&role, c, &call, path));
    role = arena_strndup(c->mem, role, strcspn(role, "\r\n"));
    TRY(instance_get(&text, c, &call, arena_printf(c->mem, "%s%s", path,
                                                   url_encode(c->mem, role, false))));
    Value *v = NULL;
    AutoErr malformed = json_parse(&v, str_from(text), NULL, c->mem);
    if (malformed || !cstr_eq(cstr_or(value_get_text(v, "Code"), "Success"), "Success"))
        return err_new(E_UNREACHABLE, "the role %s has no credentials: %.200s", role,
                       malformed ? "not JSON" : value_get_text(v, "Code"));
    return aws_keys_json(out, c, v, "Token", arena_printf(c->mem, "instance role %s", role));
}

// Most machines have no such service: that it does not answer is no failure.
Err *aws_from_instance(bool *found, AwsCredentials *out, AwsChain *c) {
    if (cstr_eq(cstr_lower(c->mem, host_env(c->host, "AWS_EC2_METADATA_DISABLED")), "true")) {
        tried(c->tried, "instance metadata", "AWS_EC2_METADATA_DISABLED is set");
        return NULL;
    }
    AutoErr e = instance_keys(out, c);
    *found = e == NULL;
    if (e)
        tried(c->tried, "instance metadata", "%s", err_text(e));
    return NULL;
}
