// password_from: passwords that are looked up for every connection.
#include "token.h"

enum { MAX_PASSWORD = 64 << 10, COMMAND_MS = 60000 };

#define KEY "password_from"

typedef struct Lookup {
    const ProjectDbAccess *access;
    const char *argument; // what is behind the ":", "" if nothing
    const char *url;      // without password_from
    Arena *mem;
} Lookup;

// --- sources ------------------------------------------------------------------------------------

// Line ends at the end are the editor's or the program's, not the password's.
static Err *take_text(const char **out, Str text, Arena *mem) {
    size_t len = text.len;
    while (len > 0 && (text.ptr[len - 1] == '\n' || text.ptr[len - 1] == '\r'))
        len--;
    char *password = arena_strndup(mem, text.ptr, len);
    log_mask(password);
    *out = password;
    if (len == 0)
        return err_new(E_INVALID, "the password is empty");
    return strlen(password) == len ? NULL : err_new(E_INVALID, "the password holds a NUL byte");
}

static Err *from_file(const char **out, const Lookup *l) {
    Str text = {0};
    const char *path = l->argument + (cstr_starts(l->argument, "//") ? 2 : 0);
    TRY(fs_read(&text, path, MAX_PASSWORD, l->mem));
    return take_text(out, text, l->mem);
}

static Err *from_command(const char **out, const Lookup *l) {
    StrList argv = {0};
    ProcessResult done = {0};
    const char *const words[] = {"/bin/sh", "-c", l->argument};
    for (size_t i = 0; i < COUNT_OF(words); i++)
        list_push(&argv, l->mem, words[i]);
    TRY(process_run(&done, l->access->loop,
                    &(ProcessSpec){.argv = &argv, .limit_ms = COMMAND_MS, .out_max = MAX_PASSWORD,
                                   .cancel = l->access->cancel}, l->mem));
    Err *e = take_text(out, done.out, l->mem);
    if (done.status == 0)
        return e;
    err_free(e);
    const char *said = log_redact(l->mem, cstr_trim(l->mem, str_dup(l->mem, done.err)));
    return err_hint(err_new(E_UNAUTHORIZED, "the command ended with status %d%s%.500s",
                            done.status, *said ? ": " : "", said),
                    "run it by hand to see why");
}

// "db.c0ffee.eu-west-1.rds.amazonaws.com" tells; of other names the configuration does.
static const char *region_of(const char *host, Arena *mem) {
    const char *tail = strstr(host, ".rds.amazonaws.com");
    const char *head = tail ? memrchr(host, '.', (size_t)(tail - host)) : NULL;
    return head ? arena_strndup(mem, head + 1, (size_t)(tail - head - 1)) : "";
}

static Err *from_rds(const char **out, const Lookup *l) {
    Url *u = NULL;
    TRY(url_parse(&u, l->url, l->mem));
    const char *host = url_hostname(l->mem, u);
    int port = url_port(u), standard = cstr_starts(u->scheme, "postgres") ? 5432 : 3306;
    if (!*host || !*u->user)
        return err_new(E_INVALID, "the URL needs a user and a host");
    const RdsLogin login = {
        .endpoint = arena_printf(l->mem, "%s:%d", host, port > 0 ? port : standard),
        .user = u->user,
        .region = cstr_or(l->argument, region_of(host, l->mem)),
    };
    return token_mint(out, &login, l->access->loop, l->mem);
}

static Err *from_cloudsql(const char **out, const Lookup *l) {
    return token_mint(out, NULL, l->access->loop, l->mem);
}

typedef enum Argument { NO_ARGUMENT, MAY_HAVE_ONE, NEEDS_ONE } Argument;

static const struct {
    const char *name;
    Argument argument;
    Err *(*read)(const char **out, const Lookup *l);
} sources[] = {
    {"file", NEEDS_ONE, from_file},
    {"command", NEEDS_ONE, from_command},
    {"aws_rds", MAY_HAVE_ONE, from_rds},
    {"gcp_cloudsql", NO_ARGUMENT, from_cloudsql},
};

// --- URLs ---------------------------------------------------------------------------------------

static Err *has_password(void) {
    return err_hint(err_new(E_INVALID, "the URL has a password of its own"),
                    "leave it out: scheme://USER@HOST");
}

// `url` with that password behind its user, in the place of one that is there.
static Err *with_password(const char **out, const char *url, const char *password, bool replace,
                          Arena *mem) {
    const char *scheme_end = strstr(url, "://");
    const char *authority = scheme_end ? scheme_end + 3 : "";
    size_t len = strcspn(authority, "/?#");
    const char *at = memrchr(authority, '@', len);
    const char *colon = at ? memchr(authority, ':', (size_t)(at - authority)) : NULL;
    if (!at || at == authority || colon == authority)
        return err_hint(err_new(E_INVALID, "the URL names no user whose password it could be"),
                        "write scheme://USER@HOST:PORT/NAME?" KEY "=...");
    if (colon && !replace)
        return has_password();
    *out = arena_printf(mem, "%.*s:%s%s", (int)((colon ? colon : at) - url), url,
                        url_encode(mem, password, false), at);
    return NULL;
}

// Takes password_from out of a URL; *value is "" if there is none.
static Err *take_key(const char **value, const char **rest, const char *url, Arena *mem) {
    const char *query = strchr(url, '?');
    *value = "";
    *rest = url;
    if (!query)
        return NULL;
    size_t len = strcspn(query, "#"), found = 0;
    StrList parts = cstr_split(mem, arena_strndup(mem, query + 1, len - 1), '&'), kept = {0};
    for (size_t i = 0; i < parts.len; i++) {
        const char *part = parts.items[i];
        if (!cstr_starts(part, KEY "=") && !cstr_eq(part, KEY)) {
            list_push(&kept, mem, part);
            continue;
        }
        part += strlen(KEY) + (part[strlen(KEY)] == '=');
        *value = url_decode(mem, part, strlen(part), true);
        if (cstr_empty(*value) || found++)
            return err_new(E_INVALID, KEY " %s", found > 1 ? "is given twice"
                                                 : *value  ? "is empty"
                                                           : "has a bad percent-encoding");
    }
    if (found)
        *rest = arena_printf(mem, "%.*s%s%s%s", (int)(query - url), url, kept.len ? "?" : "",
                             cstr_join(mem, &kept, "&"), query + len);
    return NULL;
}

// What was written is not shown: somebody may have put the password itself there.
static Err *unknown_source(void) {
    return err_new(E_INVALID, KEY " must be file:PATH, command:TEXT, aws_rds, aws_rds:REGION or "
                              "gcp_cloudsql");
}

static Err *look_up(const char **out, const char *value, Lookup *l) {
    size_t len = strcspn(value, ":");
    const char *name = arena_strndup(l->mem, value, len), *password = NULL;
    l->argument = value[len] ? value + len + 1 : "";
    for (size_t i = 0; i < COUNT_OF(sources); i++) {
        Argument wants = sources[i].argument;
        if (!cstr_eq(sources[i].name, name))
            continue;
        if ((wants == NEEDS_ONE && !*l->argument) || (wants == NO_ARGUMENT && value[len]))
            return unknown_source();
        // A command line may hold what is nobody's business.
        const char *shown = cstr_eq(name, "command") ? name : value;
        Err *e = with_password(out, l->url, "", false, l->mem); // before anything is asked
        if (!e)
            e = sources[i].read(&password, l);
        return e ? err_wrap(e, KEY "=%s", shown)
                 : with_password(out, l->url, password, false, l->mem);
    }
    return unknown_source();
}

Err *project_db_url(const char **out, const ProjectDbAccess *a, const char *url, Arena *mem) {
    const char *value = "", *token = NULL;
    Lookup l = {.access = a, .mem = mem};
    *out = url;
    if (!strstr(url, "://"))
        return NULL;
    TRY(take_key(&value, &l.url, url, mem));
    if (*value)
        return look_up(out, value, &l);
    const char *password = a->project && a->project->tokens->len ? url_password(url, mem) : "";
    if (!*password)
        return NULL;
    Err *e = token_fresh(&token, a->project, password, a->loop);
    if (e)
        return err_wrap(e, "making the database token anew");
    return token ? with_password(out, url, token, true, mem) : NULL;
}
