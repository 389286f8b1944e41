// The chain, and what keeps its result.
#include "aws_chain.h"

struct AwsProvider {
    Loop *loop;
    Arena *mem;
    AwsIdentity who;
    AwsCredentials current;
    bool have;
    bool fetching;
    unsigned rounds;  // of fetching
    int64_t asked_ms; // when the last one ended
    Err *failure;     // of the last one
};

enum { ASK_AGAIN_MS = 60000 };

// --- simple sources -----------------------------------------------------------------------------

Err *aws_keys(AwsCredentials *out, AwsChain *c, const char *access_key, const char *secret_key,
              const char *session_token, const char *source) {
    log_mask(secret_key);
    log_mask(session_token);
    if (cstr_empty(access_key) || cstr_empty(secret_key))
        return err_new(E_UNAUTHORIZED, "%s has no %s", source,
                       cstr_empty(access_key) ? "access key" : "secret key");
    *out = (AwsCredentials){.access_key = arena_strdup(c->mem, access_key),
                            .secret_key = arena_strdup(c->mem, secret_key),
                            .session_token = arena_strdup(c->mem, cstr_or(session_token, "")),
                            .source = arena_strdup(c->mem, source)};
    return NULL;
}

Err *aws_keys_json(AwsCredentials *out, AwsChain *c, const Value *v, const char *token,
                   const char *source) {
    TRY(aws_keys(out, c, value_get_text(v, "AccessKeyId"), value_get_text(v, "SecretAccessKey"),
                 value_get_text(v, token), source));
    const char *ends = value_get_text(v, "Expiration");
    if (*ends && !time_parse_rfc3339(ends, &out->expires))
        return err_new(E_UNAUTHORIZED, "%s: \"%.40s\" is no time of expiration", source, ends);
    return NULL;
}

Err *aws_from_environment(bool *found, AwsCredentials *out, AwsChain *c) {
    const char *access = host_env(c->host, "AWS_ACCESS_KEY_ID");
    const char *secret = host_env(c->host, "AWS_SECRET_ACCESS_KEY");
    log_mask(secret);
    *found = *access && *secret;
    if (*found)
        return aws_keys(out, c, access, secret, host_env(c->host, "AWS_SESSION_TOKEN"),
                        "environment");
    tried(c->tried, "environment", "%s is not set",
          *access ? "AWS_SECRET_ACCESS_KEY" : "AWS_ACCESS_KEY_ID");
    return NULL;
}

Err *aws_from_web_identity(bool *found, AwsCredentials *out, AwsChain *c) {
    const char *file = host_env(c->host, "AWS_WEB_IDENTITY_TOKEN_FILE");
    const char *role = cstr_or(host_env(c->host, "AWS_ROLE_ARN"), c->who->role);
    *found = *file && !cstr_empty(role);
    if (!*found) {
        tried(c->tried, "web identity", "%s is not set",
              *file ? "AWS_ROLE_ARN" : "AWS_WEB_IDENTITY_TOKEN_FILE");
        return NULL;
    }
    const char *token = NULL;
    TRY(aws_read_token(&token, file, c->mem));
    return aws_assume_role(out, c, &(AssumeRole){.role = role, .web_token = token,
                                                 .region = c->who->region,
                                                 .source = "web identity"});
}

Err *aws_from_oidc(bool *found, AwsCredentials *out, AwsChain *c) {
    static const OidcUse use = {"sts.amazonaws.com", "ATLAS_AWS_ID_TOKEN"};
    const char *token = NULL, *platform = NULL;
    if (cstr_empty(c->who->role))
        return NULL;
    Err *e = oidc_token(&token, &platform, c->loop, &use, c->mem);
    *found = err_code(e) != E_NOT_FOUND;
    if (!*found) {
        tried(c->tried, "OIDC", "%s", err_text(e));
        err_free(e);
        return NULL;
    }
    TRY(e);
    return aws_assume_role(out, c,
                           &(AssumeRole){.role = c->who->role,
                                         .web_token = token,
                                         .region = c->who->region,
                                         .source = arena_printf(c->mem, "OIDC of %s", platform)});
}

// --- the chain ----------------------------------------------------------------------------------

typedef struct Source {
    const char *name;
    AwsSource *get;
    bool is_role; // what it gives is the identity's role already
} Source;

static const Source sources[] = {
    {"environment", aws_from_environment, false}, {"web identity", aws_from_web_identity, false},
    {"OIDC", aws_from_oidc, true},                {"shared files", aws_from_profile, false},
    {"container", aws_from_container, false},     {"instance metadata", aws_from_instance, false},
};
static const Source profile_alone[] = {{"shared files", aws_from_profile, false}};

static const char hint[] = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile, or give "
                           "the URL a role and the job an OIDC token";

static Err *source_failed(Err *e, const Source *s, AwsChain *c) {
    ErrCode code = err_code(e);
    tried(c->tried, s->name, "%s", err_text(e));
    Err *all = tried_error(c->tried, "AWS", cstr_or(err_hint_text(e), hint));
    err_free(e);
    return code == E_UNREACHABLE || code == E_TIMEOUT ? err_set_code(all, code) : all;
}

// On top of what was found.
static Err *assume_identity_role(AwsCredentials *out, const Source *s, AwsChain *c) {
    const char *role = c->who->role;
    bool is_web_role = s->get == aws_from_web_identity &&
                       cstr_eq(cstr_or(host_env(c->host, "AWS_ROLE_ARN"), role), role);
    if (cstr_empty(role) || s->is_role || is_web_role)
        return NULL;
    AwsCredentials by = *out;
    Err *e = aws_assume_role(out, c, &(AssumeRole){.role = role, .by = &by,
                                                   .region = c->who->region,
                                                   .source = by.source});
    return e ? source_failed(e, s, c) : NULL;
}

static Err *run_chain(AwsCredentials *out, AwsChain *c) {
    *out = (AwsCredentials){.anonymous = true, .source = "anonymous"};
    if (c->who->anonymous)
        return NULL;
    bool alone = c->who->profile != NULL;
    const Source *from = alone ? profile_alone : sources;
    size_t count = alone ? COUNT_OF(profile_alone) : COUNT_OF(sources);
    for (size_t i = 0; i < count; i++) {
        bool found = false;
        Err *e = from[i].get(&found, out, c);
        if (e)
            return source_failed(e, &from[i], c);
        if (found)
            return assume_identity_role(out, &from[i], c);
    }
    return tried_error(c->tried, "AWS", hint);
}

// --- the provider -------------------------------------------------------------------------------

static void release(void *provider) { err_free(((AwsProvider *)provider)->failure); }

static const char *copied(const char *s, Arena *mem) { return s ? arena_strdup(mem, s) : NULL; }

AwsProvider *aws_provider(Loop *loop, const AwsIdentity *who) {
    Map *kept = loop_kept(loop);
    AutoArena tmp = arena_new(NULL);
    const char *name = arena_printf(tmp, "aws %d\n%s\n%s\n%s", who->anonymous,
                                    cstr_or(who->profile, ""), cstr_or(who->role, ""),
                                    cstr_or(who->region, ""));
    AwsProvider *p = map_get(kept, name);
    if (p)
        return p;
    p = NEW(kept->mem, AwsProvider);
    *p = (AwsProvider){.loop = loop, .mem = kept->mem};
    p->who = (AwsIdentity){.anonymous = who->anonymous,
                           .profile = copied(who->profile, p->mem),
                           .role = copied(who->role, p->mem),
                           .region = copied(who->region, p->mem)};
    arena_on_free(p->mem, release, p);
    map_set(kept, name, p);
    return p;
}

static bool idle(const void *arg) { return !((const AwsProvider *)arg)->fetching; }

static bool is_valid(const AwsProvider *p) {
    Time ends = p->current.expires;
    return p->have && (!ends.set || time_cmp(ends, host_now(loop_host(p->loop))) > 0);
}

// Credentials that come with less than five minutes, or cannot be renewed, serve for a while.
static bool is_fresh(const AwsProvider *p) {
    const Host *host = loop_host(p->loop);
    bool asked_just_now = host_monotonic_ms(host) - p->asked_ms < ASK_AGAIN_MS;
    return p->have && (credentials_are_fresh(p->current.expires, host) ||
                       (asked_just_now && is_valid(p)));
}

static void keep(AwsProvider *p, const AwsCredentials *c) {
    p->current = *c;
    p->current.access_key = copied(c->access_key, p->mem);
    p->current.secret_key = copied(c->secret_key, p->mem);
    p->current.session_token = copied(c->session_token, p->mem);
    p->current.source = copied(c->source, p->mem);
    p->have = true;
}

static void fetch(AwsProvider *p) {
    AutoArena tmp = arena_new(NULL);
    Tried why = {.mem = tmp};
    AwsChain c = {.loop = p->loop, .host = loop_host(p->loop), .who = &p->who, .tried = &why,
                  .mem = tmp};
    AwsCredentials fresh = {0};
    p->fetching = true;
    Err *failure = run_chain(&fresh, &c);
    p->fetching = false;
    p->rounds++;
    p->asked_ms = host_monotonic_ms(c.host);
    err_free(p->failure);
    p->failure = failure;
    log_debug("AWS credentials: %s", failure ? err_text(failure) : fresh.source);
    if (!failure)
        keep(p, &fresh);
}

Err *aws_credentials(AwsCredentials *out, AwsProvider *p) {
    unsigned before = p->rounds;
    while (p->fetching)
        if (!loop_wait(p->loop, idle, p, -1))
            return err_new(E_TIMEOUT, "waiting for AWS credentials was cancelled");
    // Who waited for a failure shares it; a time-out may be the other task's own.
    bool failed = p->rounds != before && p->failure && err_code(p->failure) != E_TIMEOUT;
    if (!failed && !is_fresh(p))
        fetch(p);
    if (p->failure && !is_valid(p))
        return err_copy(p->failure);
    *out = p->current;
    return NULL;
}

void aws_credentials_expired(AwsProvider *p, const AwsCredentials *used) {
    if (p->have && cstr_eq(p->current.access_key, used->access_key) &&
        cstr_eq(p->current.session_token, used->session_token))
        p->have = false;
}
