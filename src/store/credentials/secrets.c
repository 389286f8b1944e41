// Database tokens and secrets of AWS and Google Cloud.
#include "atlas/crypt.h"
#include "atlas/store.h"

#include "aws_chain.h"
#include "gcp.h"
#include "gcp_grant.h"

enum { RDS_TOKEN_S = 900 };

#define SCOPE_CONFIG "https://www.googleapis.com/auth/cloudruntimeconfig"
#define EMPTY_SHA256 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

// --- AWS ----------------------------------------------------------------------------------------

static Err *aws_identity(AwsCredentials *out, const char **region, const char *profile, Loop *loop,
                         Arena *mem) {
    const char *named = cstr_empty(profile) ? NULL : profile;
    *region = aws_region(loop_host(loop), *region, named, mem);
    if (!*region)
        return err_hint(err_new(E_CONFIG, "no AWS region is known"),
                        "give the region, or set AWS_REGION");
    return aws_credentials(out, aws_provider(loop, &(AwsIdentity){.profile = named,
                                                                  .region = *region}));
}

Err *store_rds_token(const char **out, const RdsLogin *login, Loop *loop, Arena *mem) {
    AwsCredentials by = {0};
    const char *region = login->region;
    TRY(aws_identity(&by, &region, login->profile, loop, mem));
    const SigV4Param query[] = {{"Action", "connect"}, {"DBUser", login->user}};
    const char *signed_query = sigv4_presign(&(SigV4){.access_key = by.access_key,
                                                      .secret_key = by.secret_key,
                                                      .session_token = by.session_token,
                                                      .region = region,
                                                      .service = "rds-db",
                                                      .now = host_now(loop_host(loop)),
                                                      .method = "GET",
                                                      .host = login->endpoint,
                                                      .path = "/",
                                                      .query = query,
                                                      .query_count = COUNT_OF(query),
                                                      .payload_hash = EMPTY_SHA256},
                                             RDS_TOKEN_S, mem);
    *out = arena_printf(mem, "%s/?%s", login->endpoint, signed_query);
    log_mask(*out);
    return NULL;
}

typedef struct AwsSecretApi {
    const char *service, *variable, *target; // of the X-Amz-Target header
    const char *name_member;                 // of the request
} AwsSecretApi;

static const AwsSecretApi aws_apis[] = {
    [SECRET_AWS_PARAMETER] = {"ssm", "AWS_ENDPOINT_URL_SSM", "AmazonSSM.GetParameter", "Name"},
    [SECRET_AWS_SECRET] = {"secretsmanager", "AWS_ENDPOINT_URL_SECRETS_MANAGER",
                           "secretsmanager.GetSecretValue", "SecretId"},
};

static Err *decode(Str *out, const char *text, Arena *mem) {
    return base64_decode(out, text, mem) ? NULL
                                         : err_new(E_UNREACHABLE, "the answer is not in base64");
}

static Err *read_aws_answer(Str *out, SecretKind kind, const Value *answer, Arena *mem) {
    const Value *binary = value_get(answer, "SecretBinary");
    if (kind == SECRET_AWS_SECRET && binary)
        return decode(out, value_text(binary), mem);
    const Value *v = kind == SECRET_AWS_SECRET
                         ? value_get(answer, "SecretString")
                         : value_get(value_get(answer, "Parameter"), "Value");
    if (!v || v->kind != V_STR)
        return err_new(E_UNREACHABLE, "the answer holds no value");
    *out = v->u.s;
    return NULL;
}

static Err *aws_secret(Str *out, const SecretRef *ref, Loop *loop, Arena *mem) {
    const AwsSecretApi *api = &aws_apis[ref->kind];
    const Host *host = loop_host(loop);
    AwsCredentials by = {0};
    AwsService service = {api->service, api->variable, ref->region};
    Url *at = NULL;
    Value *body = value_map(mem), *answer = NULL;
    TRY(aws_identity(&by, &service.region, ref->profile, loop, mem));
    TRY(aws_service_url(&at, &service, host, mem));
    value_set_str(body, mem, api->name_member, ref->name, 0);
    if (ref->kind == SECRET_AWS_PARAMETER)
        value_set_bool(body, mem, "WithDecryption", true, 0);
    TokenCall call = {.method = "POST",
                      .url = arena_printf(mem, "%s://%s%s", at->scheme, at->host,
                                          cstr_or(at->path, "/")),
                      .form = json_text(mem, body, JSON_PLAIN),
                      .content_type = "application/x-amz-json-1.1"};
    list_push(&call.headers, mem, (HttpHeader){"x-amz-target", api->target});
    aws_sign_call(&call, &service, at, &by, host, mem);
    TRY(token_call_json(&answer, loop, &call, mem));
    return read_aws_answer(out, ref->kind, answer, mem);
}

// --- Google Cloud -------------------------------------------------------------------------------

Err *store_gcp_token(const char **out, const char *scope, Loop *loop, Arena *mem) {
    Map *kept = loop_kept(loop);
    const char *name = arena_printf(mem, "gcp %s", scope);
    GcpCredentials *c = map_get(kept, name);
    if (!c) {
        const GcpParams p = {.universe = "googleapis.com",
                             .scope = arena_strdup(kept->mem, scope)};
        c = gcp_credentials_new(&p, loop, kept->mem);
        map_set(kept, name, c);
    }
    const char *token = NULL;
    TRY(gcp_token(&token, c));
    *out = arena_strdup(mem, token); // never NULL: sources without a token are of stores
    return NULL;
}

typedef struct GcpSecretApi {
    const char *base, *variable; // as gcloud names it
    const char *version, *verb, *scope;
} GcpSecretApi;

static const GcpSecretApi gcp_apis[] = {
    [SECRET_GCP_SECRET] = {"https://secretmanager.googleapis.com/",
                           "CLOUDSDK_API_ENDPOINT_OVERRIDES_SECRETMANAGER", "v1",
                           "/versions/latest:access", GCP_SCOPE_CLOUD},
    [SECRET_GCP_CONFIG] = {"https://runtimeconfig.googleapis.com/",
                           "CLOUDSDK_API_ENDPOINT_OVERRIDES_RUNTIMECONFIG", "v1beta1", "",
                           SCOPE_CONFIG},
};

static Err *read_gcp_answer(Str *out, SecretKind kind, const Value *answer, Arena *mem) {
    if (kind == SECRET_GCP_SECRET)
        return decode(out, value_get_text(value_get(answer, "payload"), "data"), mem);
    const Value *text = value_get(answer, "text");
    if (!text)
        return decode(out, value_get_text(answer, "value"), mem);
    *out = str_from(value_text(text));
    return NULL;
}

static Err *gcp_secret(Str *out, const SecretRef *ref, Loop *loop, Arena *mem) {
    static const char *const google[] = {".googleapis.com", NULL};
    const GcpSecretApi *api = &gcp_apis[ref->kind];
    const char *named = host_env(loop_host(loop), api->variable), *token = NULL;
    const char *base = cstr_or(named, api->base);
    Value *answer = NULL;
    TRY(endpoint_check(base, google, *named != 0, mem));
    TRY(store_gcp_token(&token, api->scope, loop, mem));
    TokenCall call = {.method = "GET",
                      .url = arena_printf(mem, "%s%s%s/%s%s", base, cstr_ends(base, "/") ? "" : "/",
                                          api->version, url_encode(mem, ref->name, true),
                                          api->verb)};
    const char *bearer = arena_printf(mem, "Bearer %s", token);
    list_push(&call.headers, mem, (HttpHeader){"authorization", bearer});
    TRY(token_call_json(&answer, loop, &call, mem));
    return read_gcp_answer(out, ref->kind, answer, mem);
}

Err *store_secret(Str *out, const SecretRef *ref, Loop *loop, Arena *mem) {
    bool aws = ref->kind == SECRET_AWS_PARAMETER || ref->kind == SECRET_AWS_SECRET;
    return aws ? aws_secret(out, ref, loop, mem) : gcp_secret(out, ref, loop, mem);
}
