// Login, logout, whoami: grant-cache.md section 2.
#include "atlas/grant.h"
#include "atlas/ops.h"

static CloudConfig *config_for(const Ops *o, const char *token, Arena *mem) {
    const ProjectCloud *cloud = o->project ? &o->project->cloud : NULL;
    CloudConfig *c = NEW(mem, CloudConfig);
    const char *url = cstr_or(cloud ? cloud->url : NULL, host_env(o->host, "ATLAS_CLOUD_URL"));
    *c = (CloudConfig){.url = cstr_or(url, CLOUD_DEFAULT_URL), .token = token, .project = "default"};
    log_mask(token);
    return c;
}

// The end of a token that is a JWT; others do not tell.
static bool token_end(Time *out, const char *token, Arena *mem) {
    StrList parts = cstr_split(mem, token, '.');
    Str payload;
    Value *v = NULL;
    if (parts.len != 3 || !base64url_decode(&payload, parts.items[1], mem))
        return false;
    AutoErr e = json_parse(&v, payload, NULL, mem);
    int64_t end = e ? 0 : value_get_int(v, "exp");
    *out = (Time){.sec = end, .set = true};
    return end > 0;
}

static Value *identity_value(const CloudIdentity *who, const CloudConfig *c, Arena *mem) {
    Value *v = value_struct(mem, "Identity");
    Time end;
    value_set_str(v, mem, "Org", who->org, 0);
    value_set_str(v, mem, "User", who->user, 0);
    value_set_str(v, mem, "URL", c->url, 0);
    if (token_end(&end, c->token, mem))
        value_set_str(v, mem, "TokenExpires", time_rfc3339ms(mem, end), 0);
    if (who->has_grant)
        value_set_str(v, mem, "GrantExpires", time_rfc3339ms(mem, who->grant_end), 0);
    value_set_bool(v, mem, "Offline", who->offline, M_OMIT_EMPTY);
    return v;
}

Err *ops_login(Value **report, const Ops *o, const OpsLoginParams *p, Arena *mem) {
    CloudIdentity who;
    const char *token = cstr_trim(mem, p->token);
    if (!*token)
        return err_hint(err_new(E_USAGE, "there is no token"),
                        "give it by --token, --token-file, standard input (--token -) or ATLAS_TOKEN");
    CloudConfig *c = config_for(o, token, mem);
    Err *e = cloud_identify(&who, c, o->loop, mem);
    if (e)
        return err_wrap(e, "login");
    if (!cstr_empty(p->org) && !cstr_eq(p->org, who.org))
        return err_new(E_DENIED, "the token belongs to the organisation \"%s\", not to \"%s\"", who.org,
                       p->org);
    if (!p->grant_only)
        TRY(grant_token_write(token, c->url, o->host, mem));
    if (p->grant_only && !who.has_grant)
        return err_hint(err_new(E_IO, "the grant could not be kept"),
                        "set HOME or ATLAS_HOME to a directory that can be written");
    *report = identity_value(&who, c, mem);
    return NULL;
}

Err *ops_whoami(Value **report, const Ops *o, Arena *mem) {
    CloudIdentity who;
    const CloudConfig *c = ops_cloud(o, mem);
    if (!c)
        return err_hint(err_new(E_LOGIN, "command requires 'atlas login'"),
                        "atlas login --token -, or set ATLAS_TOKEN");
    TRY(cloud_identify(&who, c, o->loop, mem));
    *report = identity_value(&who, c, mem);
    return NULL;
}

Err *ops_logout(bool *was, const Ops *o, Arena *mem) {
    const char *token, *url;
    TRY(grant_token_read(&token, &url, o->host, mem));
    const char *given = host_env(o->host, "ATLAS_TOKEN");
    *was = *token != 0;
    if (*token)
        TRY(grant_remove(token, o->host, mem));
    if (*given)
        TRY(grant_remove(given, o->host, mem));
    return grant_token_remove(o->host, mem);
}
