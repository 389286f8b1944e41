#include "atlas/platform.h"

#include <ctype.h>
#include <unistd.h>

#include "atlas/base/fs.h"
#include "driver.h"

enum { SUMMARY_MAX = 1 << 20 }; // GitHub's, per step

static void write_stdout(void *ctx, const char *data, size_t len) {
    (void)ctx;
    // A closed standard output cannot be told to anybody.
    err_free(fs_write_all(STDOUT_FILENO, data, len));
}

static bool wants_colour(const Host *host, const PlatformDriver *d, bool tty) {
    if (d->force_colour)
        return true;
    return tty && !host->env(host, "NO_COLOR") && !cstr_eq(host_env(host, "TERM"), "dumb");
}

Platform *platform_open(const Host *host, PlatformIo io, Arena *mem) {
    const PlatformDriver *const *d = platform_drivers;
    while (d[1] && !(*d)->detect(host))
        d++;
    if (!io.write) {
        io.write = write_stdout;
        io.tty = isatty(STDOUT_FILENO);
    }
    Platform *p = NEW(mem, Platform);
    *p = (Platform){.driver = *d, .host = host, .io = io};
    p->colour = wants_colour(host, *d, io.tty);
    return p;
}

const char *platform_name(const Platform *p) {
    return p->driver->name;
}
const char *platform_trigger_type(const Platform *p) {
    return p->driver->trigger_type;
}
bool platform_has_colour(const Platform *p) {
    return p->colour;
}

void platform_put(Platform *p, const char *text) {
    p->io.write(p->io.ctx, text, strlen(text));
}

char *platform_printable(Arena *mem, const char *text) {
    char *out = arena_strdup(mem, cstr_replace(mem, text, "\r\n", "\n"));
    for (char *s = out; *s; s++)
        if (((unsigned char)*s < 0x20 && *s != '\n' && *s != '\t') || *s == 0x7F)
            *s = '?';
    return out;
}

char *platform_mangle(Arena *mem, const char *name) {
    char *out = cstr_upper(mem, name);
    for (char *s = out; *s; s++)
        if (strchr(" -/", *s))
            *s = '_';
    return out;
}

char *platform_marker(const Host *host, Str text, Arena *mem) {
    char *marker;
    do {
        unsigned char random[16];
        host_random(host, random, sizeof random);
        marker = hex_encode(mem, random, sizeof random);
    } while (text.len && memmem(text.ptr, text.len, marker, strlen(marker)));
    return marker;
}

const char *platform_token(Platform *p, const char *variable, const char *hint, Arena *mem) {
    const char *token = cstr_trim(mem, host_env(p->host, variable));
    if (*token)
        log_mask(token);
    else if (!p->token_warned)
        log_warn("%s is not set, the action may not have all the permissions%s", variable, hint);
    p->token_warned = p->token_warned || !*token;
    return token;
}

// --- inputs --------------------------------------------------------------------------------------

static char *input_variable(const Platform *p, const char *name, Arena *mem) {
    if (p->driver->input_variable)
        return p->driver->input_variable(mem, name);
    return arena_printf(mem, "%s%s", p->driver->input_prefix, platform_mangle(mem, name));
}

char *platform_input(const Platform *p, const char *name, Arena *mem) {
    const char *raw = host_env(p->host, input_variable(p, name, mem));
    char *value = cstr_trim(mem, raw);
    if (p->driver->input_value)
        value = p->driver->input_value(p->host, name, value, mem);
    return value;
}

StrList platform_unknown_inputs(const Platform *p, const char *const *known, size_t count,
                                Arena *mem) {
    StrList found = {0};
    StrList set = host_env_names(p->host, p->driver->input_prefix, mem);
    strlist_sort(&set);
    for (size_t i = 0; i < set.len; i++) {
        bool is_known = false;
        for (size_t k = 0; k < count && !is_known; k++)
            is_known = cstr_eq(set.items[i], input_variable(p, known[k], mem));
        if (is_known || !*cstr_trim(mem, host_env(p->host, set.items[i])))
            continue;
        const char *rest = cstr_lower(mem, set.items[i] + strlen(p->driver->input_prefix));
        const char *name = cstr_replace(mem, cstr_replace(mem, rest, "_", "-"), " ", "-");
        const char *near = cstr_nearest(name, known, count);
        list_push(&found, mem,
                  near ? arena_printf(mem, "unknown input \"%s\" is ignored; did you mean \"%s\"?",
                                      name, near)
                       : arena_printf(mem, "unknown input \"%s\" is ignored", name));
    }
    return found;
}

// --- messages ------------------------------------------------------------------------------------

// "file:line: title: message", coloured by level: the style of platforms without annotations.
static void plain_message(Platform *p, const PlatformAnnotation *at, const char *message) {
    AutoArena tmp = arena_new(NULL);
    const char *code = at->level == LOG_ERROR  ? "\x1b[31m"
                       : at->level == LOG_WARN ? "\x1b[33m"
                                               : "\x1b[36m";
    const char *file = at->file ? platform_printable(tmp, at->file) : NULL;
    const char *place = !file      ? ""
                        : at->line ? arena_printf(tmp, "%s:%d: ", file, at->line)
                                   : arena_printf(tmp, "%s: ", file);
    const char *title =
        at->title ? arena_printf(tmp, "%s: ", platform_printable(tmp, at->title)) : "";
    platform_put(p, arena_printf(tmp, "%s%s%s%s%s\n", p->colour ? code : "", place, title,
                                 platform_printable(tmp, message), p->colour ? "\x1b[0m" : ""));
}

void platform_annotate(Platform *p, PlatformAnnotation at, const char *message) {
    AutoArena tmp = arena_new(NULL);
    (p->driver->message ? p->driver->message : plain_message)(p, &at, log_redact(tmp, message));
}

static void sink_write(void *ctx, LogLevel level, const char *message) {
    Platform *p = ctx;
    PlatformAnnotation at = {.level = level};
    (p->driver->message ? p->driver->message : plain_message)(p, &at, message);
}

static void sink_mask(void *ctx, const char *secret) {
    Platform *p = ctx;
    p->driver->mask(p, secret);
}

LogSink platform_log_sink(Platform *p) {
    return (LogSink){sink_write, p->driver->mask ? sink_mask : NULL, p};
}

void platform_untrusted(Platform *p, const char *text) {
    AutoArena tmp = arena_new(NULL);
    const char *safe = platform_printable(tmp, log_redact(tmp, text));
    size_t len = strlen(safe);
    if (!len)
        return;
    if (safe[len - 1] != '\n')
        safe = arena_printf(tmp, "%s\n", safe);
    if (p->driver->untrusted)
        p->driver->untrusted(p, safe);
    else
        platform_put(p, safe);
}

bool platform_has_summary(const Platform *p) {
    const char *variable = p->driver->summary_variable;
    return variable && *host_env(p->host, variable);
}

void platform_summary(Platform *p, const char *markdown) {
    if (!platform_has_summary(p))
        return;
    AutoArena tmp = arena_new(NULL);
    const char *path = host_env(p->host, p->driver->summary_variable);
    const char *text = arena_printf(tmp, "%s\n", log_redact(tmp, markdown));
    if (strlen(text) > SUMMARY_MAX) {
        log_notice("the job summary is over 1 MiB and was left out");
        return;
    }
    AutoErr e = fs_append(path, str_from(text), 0644);
    if (e)
        log_warn("failed to write the job summary: %s", err_text(e));
}

// --- outputs and context -------------------------------------------------------------------------

Err *platform_set_output(Platform *p, const char *action, const char *name, Str value) {
    return p->driver->set_output(p, action, name, value);
}

Err *platform_export(Platform *p, const char *name, Str value) {
    return p->driver->export_variable ? p->driver->export_variable(p, name, value) : NULL;
}

char *platform_output_variable(Arena *mem, const char *action, const char *name) {
    return arena_printf(mem, "ATLAS_OUTPUT_%s_%s", platform_mangle(mem, action),
                        platform_mangle(mem, name));
}

Err *platform_context(Platform *p, PlatformContext **out, Arena *mem) {
    PlatformContext *c = *out = NEW(mem, PlatformContext);
    *c = (PlatformContext){
        .repo = "",
        .repo_url = "",
        .branch = "",
        .commit = "",
        .actor_name = "",
        .actor_id = "",
        .default_branch = "",
        .scm_type = "",
        .scm_token = "",
        .scm_api = "",
        .scm_project = "",
        .rerun_command = "",
    };
    return p->driver->context(p, c, mem);
}

Value *platform_run_context(const PlatformContext *c, const char *path, Arena *mem) {
    const struct {
        const char *key, *value;
    } fields[] = {
        {"repo", c->repo},
        {"path", path},
        {"branch", c->branch},
        {"commit", c->commit},
        {"url", c->pr ? c->pr->url : c->repo_url},
        {"username", c->actor_name},
        {"userID", c->actor_id},
        {"scmType", c->scm_type},
    };
    Value *v = value_map(mem);
    for (size_t i = 0; i < COUNT_OF(fields); i++)
        value_set_str(v, mem, fields[i].key, fields[i].value, M_OMIT_EMPTY);
    return v;
}

Value *platform_deploy_context(const Platform *p, Arena *mem) {
    Value *v = value_map(mem);
    value_set_str(v, mem, "triggerType", p->driver->trigger_type, M_OMIT_EMPTY);
    value_set_str(v, mem, "triggerVersion", ATLAS_VERSION, M_OMIT_EMPTY);
    return v;
}
