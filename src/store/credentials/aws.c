#include "aws.h"

enum { MAX_CONFIG = 1 << 20 };

// The reasons why sources did not serve, for the final error.
typedef struct Tried {
    Arena *mem;
    StrList reasons;
} Tried;

static void tried(Tried *t, const char *source, const char *why) {
    list_push(&t->reasons, t->mem, arena_printf(t->mem, "%s: %s", source, why));
}

static bool from_environment(AwsCredentials *out, const Host *host, Tried *t) {
    *out = (AwsCredentials){.access_key = host_env(host, "AWS_ACCESS_KEY_ID"),
                            .secret_key = host_env(host, "AWS_SECRET_ACCESS_KEY"),
                            .session_token = host_env(host, "AWS_SESSION_TOKEN"),
                            .source = "environment"};
    if (*out->access_key && *out->secret_key)
        return true;
    tried(t, "environment", *out->access_key ? "AWS_SECRET_ACCESS_KEY is not set"
                                             : "AWS_ACCESS_KEY_ID is not set");
    return false;
}

// --- shared files: INI as the AWS tools read it -------------------------------------------------

// Value of `key` in the section, or NULL.
static const char *ini_get(const char *text, const char *section, const char *key, Arena *mem) {
    StrList lines = cstr_split(mem, text, '\n');
    bool inside = false;
    for (size_t i = 0; i < lines.len; i++) {
        const char *line = cstr_trim(mem, lines.items[i]);
        if (*line == '[') {
            size_t len = strcspn(line + 1, "]");
            inside = cstr_eq(cstr_trim(mem, arena_strndup(mem, line + 1, len)), section);
            continue;
        }
        const char *eq = strchr(line, '=');
        if (!inside || !eq || *line == '#' || *line == ';')
            continue;
        if (cstr_eq(cstr_trim(mem, arena_strndup(mem, line, (size_t)(eq - line))), key))
            return cstr_trim(mem, eq + 1);
    }
    return NULL;
}

// The file's text, or NULL if it cannot be read (told to `t` unless it is just absent).
static const char *read_shared(const Host *host, const char *variable, const char *name, Tried *t,
                               Arena *mem) {
    const char *path = host_env(host, variable);
    if (!*path)
        path = arena_printf(mem, "%s/.aws/%s", host_env(host, "HOME"), name);
    Str text;
    AutoErr e = fs_read(&text, path, MAX_CONFIG, mem);
    if (!e)
        return text.ptr;
    tried(t, path, err_code(e) == E_NOT_FOUND ? "no such file" : err_message(e));
    return NULL;
}

static bool keys_of(AwsCredentials *out, const char *text, const char *section, Arena *mem) {
    if (!text)
        return false;
    out->access_key = cstr_or(ini_get(text, section, "aws_access_key_id", mem), "");
    out->secret_key = cstr_or(ini_get(text, section, "aws_secret_access_key", mem), "");
    out->session_token = cstr_or(ini_get(text, section, "aws_session_token", mem), "");
    return *out->access_key && *out->secret_key;
}

static bool from_shared_files(AwsCredentials *out, const Host *host, const char *profile, Tried *t,
                              Arena *mem) {
    const char *name = profile ? profile : cstr_or(host_env(host, "AWS_PROFILE"), "default");
    const char *section = cstr_eq(name, "default") ? name : arena_printf(mem, "profile %s", name);
    const char *credentials = read_shared(host, "AWS_SHARED_CREDENTIALS_FILE", "credentials", t, mem);
    const char *config = read_shared(host, "AWS_CONFIG_FILE", "config", t, mem);
    *out = (AwsCredentials){.source = arena_printf(mem, "profile \"%s\"", name)};
    const char *region = config ? ini_get(config, section, "region", mem) : NULL;
    bool found = keys_of(out, credentials, name, mem) || keys_of(out, config, section, mem);
    out->region = region;
    if (!found && (credentials || config))
        tried(t, out->source, "has no aws_access_key_id with aws_secret_access_key");
    return found;
}

Err *aws_credentials(AwsCredentials *out, const Host *host, const char *profile, bool anonymous,
                     Arena *mem) {
    Tried t = {.mem = mem};
    AwsCredentials shared = {0};
    *out = (AwsCredentials){.anonymous = true, .source = "anonymous"};
    if (anonymous)
        return NULL;
    bool found = false;
    if (profile) {
        found = from_shared_files(out, host, profile, &t, mem);
    } else if (from_environment(out, host, &t)) {
        Tried ignored = {.mem = mem};
        from_shared_files(&shared, host, NULL, &ignored, mem); // for its region
        out->region = shared.region;
        found = true;
    } else {
        found = from_shared_files(out, host, NULL, &t, mem);
    }
    if (!found)
        return err_hint(err_new(E_UNAUTHORIZED, "no AWS credentials (%s)",
                                cstr_join(mem, &t.reasons, "; ")),
                        "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile");
    log_mask(out->secret_key);
    log_mask(out->session_token);
    return NULL;
}

const char *aws_region(const Host *host, const char *url_region, const AwsCredentials *c) {
    const char *const order[] = {url_region, host_env(host, "AWS_REGION"),
                                 host_env(host, "AWS_DEFAULT_REGION"), c->region};
    for (size_t i = 0; i < COUNT_OF(order); i++)
        if (!cstr_empty(order[i]))
            return order[i];
    return NULL;
}
