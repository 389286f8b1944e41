// Profiles of the shared credentials and config files.
#include "aws_chain.h"

enum { MAX_FILE = 1 << 20, MAX_CHAIN = 10 };

typedef struct Files {
    Map *credentials, *config; // NULL: no such file
} Files;

// --- reading ------------------------------------------------------------------------------------

// "profile  'x y'" -> "profile x y".
static const char *section_name(const char *inside, Arena *mem) {
    const char *text = cstr_trim(mem, inside);
    size_t word = strcspn(text, " \t");
    if (!text[word])
        return text;
    char *rest = cstr_trim(mem, text + word);
    size_t len = strlen(rest);
    if (len >= 2 && (*rest == '"' || *rest == '\'') && rest[len - 1] == *rest)
        rest = arena_strndup(mem, rest + 1, len - 2);
    return arena_printf(mem, "%.*s %s", (int)word, text, rest);
}

static const char *without_comment(const char *value, Arena *mem) {
    for (const char *p = value; *p; p++)
        if ((*p == ' ' || *p == '\t') && (p[1] == '#' || p[1] == ';'))
            return cstr_trim(mem, arena_strndup(mem, value, (size_t)(p - value)));
    return value;
}

static Map *section_of(Map *all, const char *name) {
    Map *section = map_get(all, name);
    if (!section)
        map_set(all, name, section = map_new(all->mem));
    return section;
}

// One line that is neither empty, comment nor indented.
static Err *ini_line(Map **section, Map *all, const char *line, Arena *mem) {
    const char *eq = strchr(line, '='), *close = strchr(line, ']');
    if (*line == '[') {
        if (!close)
            return err_new(E_SYNTAX, "the section has no \"]\"");
        const char *inside = arena_strndup(mem, line + 1, (size_t)(close - line - 1));
        *section = section_of(all, section_name(inside, mem));
        return NULL;
    }
    if (!eq)
        return err_new(E_SYNTAX, "neither a section nor \"key = value\"");
    if (!*section)
        return err_new(E_SYNTAX, "a value before the first section");
    const char *key = cstr_trim(mem, arena_strndup(mem, line, (size_t)(eq - line)));
    map_set(*section, cstr_lower(mem, key),
            arena_strdup(mem, without_comment(cstr_trim(mem, eq + 1), mem)));
    return NULL;
}

Err *ini_parse(Map **out, Str text, const char *file, Arena *mem) {
    StrList lines = cstr_split(mem, str_dup(mem, text), '\n');
    Map *section = NULL;
    *out = map_new(mem);
    for (size_t i = 0; i < lines.len; i++) {
        const char *raw = lines.items[i], *line = cstr_trim(mem, raw);
        bool nested = *raw == ' ' || *raw == '\t';
        if (!*line || *line == '#' || *line == ';' || nested)
            continue;
        Err *e = ini_line(&section, *out, line, mem);
        if (e)
            return err_at(e, file, (int)i + 1, 1);
    }
    return NULL;
}

static const char *file_path(const Host *host, const char *variable, const char *name, Arena *mem) {
    const char *path = host_env(host, variable), *home = host_env(host, "HOME");
    if (!*path)
        return arena_printf(mem, "%s/.aws/%s", home, name);
    return cstr_starts(path, "~/") ? arena_printf(mem, "%s%s", home, path + 1) : path;
}

static Err *read_file(Map **out, const Host *host, const char *variable, const char *name,
                      Arena *mem) {
    const char *path = file_path(host, variable, name, mem);
    Str text = {0};
    *out = NULL;
    Err *e = fs_read(&text, path, MAX_FILE, mem);
    if (err_code(e) == E_NOT_FOUND) {
        err_free(e);
        return NULL;
    }
    TRY(e);
    return ini_parse(out, text, path, mem);
}

static Err *read_files(Files *out, const Host *host, Arena *mem) {
    TRY(read_file(&out->credentials, host, "AWS_SHARED_CREDENTIALS_FILE", "credentials", mem));
    return read_file(&out->config, host, "AWS_CONFIG_FILE", "config", mem);
}

static const Map *in_config(const Files *f, const char *profile, Arena *mem) {
    const Map *section =
        f->config ? map_get(f->config, arena_printf(mem, "profile %s", profile)) : NULL;
    return !section && f->config && cstr_eq(profile, "default") ? map_get(f->config, profile)
                                                                : section;
}

static bool has_profile(const Files *f, const char *profile, Arena *mem) {
    return (f->credentials && map_has(f->credentials, profile)) || in_config(f, profile, mem);
}

// The credentials file wins; "" if neither says.
static const char *setting(const Files *f, const char *profile, const char *key, Arena *mem) {
    const Map *first = f->credentials ? map_get(f->credentials, profile) : NULL;
    const Map *second = in_config(f, profile, mem);
    const char *value = first ? map_get(first, key) : NULL;
    return cstr_or(value, second ? cstr_or(map_get(second, key), "") : "");
}

const char *aws_region(const Host *host, const char *url_region, const char *profile, Arena *mem) {
    Files files = {0};
    const char *name = cstr_or(profile, cstr_or(host_env(host, "AWS_PROFILE"), "default"));
    const char *const order[] = {url_region, host_env(host, "AWS_REGION"),
                                 host_env(host, "AWS_DEFAULT_REGION")};
    for (size_t i = 0; i < COUNT_OF(order); i++)
        if (!cstr_empty(order[i]))
            return order[i];
    err_free(read_files(&files, host, mem)); // the first request tells what is wrong with them
    const char *region = setting(&files, name, "region", mem);
    return *region ? region : NULL;
}

// --- resolving ----------------------------------------------------------------------------------

typedef struct Resolve {
    AwsChain *chain;
    const Files *files;
    StrList visited;
} Resolve;

static const char *get(const Resolve *r, const char *profile, const char *key) {
    return setting(r->files, profile, key, r->chain->mem);
}

static bool has_static_keys(const Resolve *r, const char *profile) {
    return *get(r, profile, "aws_access_key_id") && *get(r, profile, "aws_secret_access_key");
}

static Err *static_keys(AwsCredentials *out, Resolve *r, const char *profile) {
    return aws_keys(out, r->chain, get(r, profile, "aws_access_key_id"),
                    get(r, profile, "aws_secret_access_key"), get(r, profile, "aws_session_token"),
                    arena_printf(r->chain->mem, "profile \"%s\"", profile));
}

static Err *from_process(AwsCredentials *out, Resolve *r, const char *profile) {
    AwsChain *c = r->chain;
    Str text = {0};
    Value *v = NULL;
    TRY(process_output(&text, c->loop, get(r, profile, "credential_process"), c->mem));
    AutoErr malformed = json_parse(&v, text, NULL, c->mem);
    if (malformed || value_get_int(v, "Version") != 1)
        return err_new(E_UNAUTHORIZED,
                       "credential_process did not print a JSON object with \"Version\": 1");
    return aws_keys_json(out, c, v, "SessionToken",
                         arena_printf(c->mem, "credential_process of profile \"%s\"", profile));
}

static Err *from_credential_source(AwsCredentials *out, Resolve *r, const char *name) {
    static const struct {
        const char *name;
        AwsSource *get;
    } table[] = {{"Environment", aws_from_environment},
                 {"Ec2InstanceMetadata", aws_from_instance},
                 {"EcsContainer", aws_from_container}};
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        if (!cstr_eq(table[i].name, name))
            continue;
        Tried why = {.mem = r->chain->mem};
        AwsChain c = *r->chain;
        c.tried = &why;
        bool found = false;
        TRY(table[i].get(&found, out, &c));
        return found ? NULL : err_new(E_UNAUTHORIZED, "credential_source: %s",
                                      cstr_join(c.mem, &why.reasons, "; "));
    }
    return err_hint(err_new(E_CONFIG, "credential_source is \"%s\"", name),
                    "use Environment, Ec2InstanceMetadata or EcsContainer");
}

static Err *resolve(AwsCredentials *out, Resolve *r, const char *profile);

static Err *role_base(AwsCredentials *out, Resolve *r, const char *profile) {
    const char *source = get(r, profile, "source_profile");
    if (*source && cstr_eq(source, profile) && has_static_keys(r, profile))
        return static_keys(out, r, profile); // a profile may be its own source
    if (*source)
        return resolve(out, r, source);
    const char *named = get(r, profile, "credential_source");
    if (*named)
        return from_credential_source(out, r, named);
    return err_hint(err_new(E_CONFIG, "role_arn has no source"),
                    "add source_profile, credential_source or web_identity_token_file");
}

static Err *from_role(AwsCredentials *out, Resolve *r, const char *profile) {
    AwsChain *c = r->chain;
    AwsCredentials base = {0};
    if (*get(r, profile, "mfa_serial"))
        return err_new(E_UNSUPPORTED, "mfa_serial needs a person and is not supported");
    AssumeRole a = {.role = get(r, profile, "role_arn"),
                    .session_name = get(r, profile, "role_session_name"),
                    .external_id = get(r, profile, "external_id"),
                    .duration = get(r, profile, "duration_seconds"),
                    .region = cstr_or(get(r, profile, "region"), c->who->region),
                    .source = arena_printf(c->mem, "profile \"%s\"", profile)};
    const char *file = get(r, profile, "web_identity_token_file");
    if (*file) {
        TRY(aws_read_token(&a.web_token, file, c->mem));
    } else {
        TRY(role_base(&base, r, profile));
        a.by = &base;
    }
    return aws_assume_role(out, c, &a);
}

static Err *resolve_here(AwsCredentials *out, Resolve *r, const char *profile) {
    if (!has_profile(r->files, profile, r->chain->mem))
        return err_hint(err_new(E_UNAUTHORIZED, "it is in no file"),
                        "look at ~/.aws/config, ~/.aws/credentials, AWS_CONFIG_FILE and "
                        "AWS_SHARED_CREDENTIALS_FILE");
    if (*get(r, profile, "role_arn"))
        return from_role(out, r, profile);
    if (has_static_keys(r, profile))
        return static_keys(out, r, profile);
    if (*get(r, profile, "credential_process"))
        return from_process(out, r, profile);
    if (*get(r, profile, "sso_session") || *get(r, profile, "sso_start_url"))
        return err_hint(err_new(E_UNSUPPORTED, "single sign-on is not supported"),
                        "use credential_process = aws configure export-credentials");
    return err_new(E_UNAUTHORIZED, "it has no aws_access_key_id with aws_secret_access_key");
}

static Err *resolve(AwsCredentials *out, Resolve *r, const char *profile) {
    Arena *mem = r->chain->mem;
    bool cycle = strlist_has(&r->visited, profile);
    list_push(&r->visited, mem, profile);
    if (cycle || r->visited.len > MAX_CHAIN)
        return err_new(E_CONFIG, "source_profile goes round in circles: %s",
                       cstr_join(mem, &r->visited, " -> "));
    Err *e = resolve_here(out, r, profile);
    return e ? err_wrap(e, "profile \"%s\"", profile) : NULL;
}

Err *aws_from_profile(bool *found, AwsCredentials *out, AwsChain *c) {
    const char *named = cstr_or(c->who->profile, host_env(c->host, "AWS_PROFILE"));
    const char *name = cstr_or(named, "default");
    Files files = {0};
    *found = true;
    TRY(read_files(&files, c->host, c->mem));
    Resolve r = {.chain = c, .files = &files};
    if (*named || (has_profile(&files, name, c->mem) &&
                   (has_static_keys(&r, name) || *get(&r, name, "role_arn") ||
                    *get(&r, name, "credential_process"))))
        return resolve(out, &r, name);
    *found = false;
    tried(c->tried, "profile \"default\"", "%s",
          has_profile(&files, name, c->mem) ? "has no keys" : "is in no file");
    return NULL;
}
