// Which data sources there are, and what they take.
#include "data.h"

typedef struct Kind {
    const char *name;
    const char *args; // separated by one space, required ones with "!"
    DataRead *read;   // NULL: needs the schema model
} Kind;

static const Kind kinds[] = {
    {"sql", "url! query! args", data_sql},
    {"external", "program! working_dir", data_external},
    {"runtimevar", "url!", data_runtimevar},
    {"template_dir", "path! vars", data_template_dir},
    {"remote_dir", "name! tag", data_remote_dir},
    {"aws_rds_token", "endpoint! username! region profile", data_rds_token},
    {"gcp_cloudsql_token", "", data_cloudsql_token},
    {"hcl_schema", "", NULL},
    {"external_schema", "", NULL},
    {"composite_schema", "", NULL},
    {"remote_schema", "", NULL},
};

typedef struct Source { // what HclDataSource.ctx points to
    const Kind *kind;
    Data *data;
} Source;

enum { MAX_ARGS = 8 };

// --- arguments ----------------------------------------------------------------------------------

typedef struct Args {
    const char *names[MAX_ARGS];
    bool required[MAX_ARGS];
    size_t count;
} Args;

static Args args_of(const Kind *kind, Arena *mem) {
    StrList words = cstr_split(mem, kind->args, ' ');
    Args a = {0};
    for (size_t i = 0; *kind->args && i < words.len; i++) {
        size_t len = strcspn(words.items[i], "!");
        a.required[a.count] = words.items[i][len] == '!';
        a.names[a.count++] = arena_strndup(mem, words.items[i], len);
    }
    return a;
}

static bool is_known(const Args *a, const char *name) {
    for (size_t i = 0; i < a->count; i++)
        if (cstr_eq(a->names[i], name))
            return true;
    return false;
}

static Err *unknown(const Args *a, const HclAttr *attr) {
    const char *near = cstr_nearest(attr->name, a->names, a->count);
    return hcl_error(&attr->name_range,
                     "Unsupported argument; An argument named \"%s\" is not expected here.%s%s%s",
                     attr->name, near ? " Did you mean \"" : "", near ? near : "",
                     near ? "\"?" : "");
}

static Err *check_args(const HclResource *r, const Kind *kind, Arena *mem) {
    Args a = args_of(kind, mem);
    const HclBody *body = r->block->body;
    for (size_t i = 0; i < body->attrs.len; i++)
        if (!is_known(&a, body->attrs.items[i]->name))
            return unknown(&a, body->attrs.items[i]);
    if (body->blocks.len > 0)
        return hcl_error(&body->blocks.items[0]->type_range,
                         "Unsupported block type; Blocks of type \"%s\" are not expected here.",
                         body->blocks.items[0]->type);
    for (size_t i = 0; i < a.count; i++)
        if (a.required[i] && !hcl_resource_get(r, a.names[i]))
            return hcl_error(&r->block->range,
                             "Missing required argument; The argument \"%s\" is required, but no "
                             "definition was found.", a.names[i]);
    return NULL;
}

// --- reading ------------------------------------------------------------------------------------

static Err *needs_engine(const HclResource *r, const char *kind) {
    return err_hint(hcl_error(&r->block->label_ranges.items[0],
                              "%s needs the declarative engine, which this version does not have",
                              kind),
                    "versioned migrations can use template_dir and remote_dir");
}

static Err *read_source(const HclValue **out, const HclResource *r, void *ctx, Arena *mem) {
    const Source *s = ctx;
    if (!s->kind->read)
        return needs_engine(r, s->kind->name);
    TRY(check_args(r, s->kind, mem));
    return s->kind->read(out, r, s->data, mem);
}

const HclDataSource *data_sources(size_t *count, Data *d, Arena *mem) {
    HclDataSource *list = NEW_ARRAY(mem, HclDataSource, COUNT_OF(kinds));
    Source *sources = NEW_ARRAY(mem, Source, COUNT_OF(kinds));
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        sources[i] = (Source){&kinds[i], d};
        list[i] = (HclDataSource){.kind = kinds[i].name, .read = read_source, .ctx = &sources[i]};
    }
    *count = COUNT_OF(kinds);
    return list;
}

// --- shared -------------------------------------------------------------------------------------

const HclValue *data_url(const char *url, Arena *mem) {
    HclFields f = {0};
    hcl_field(&f, mem, "url", hcl_string(mem, url));
    return hcl_object(mem, &f);
}

Err *data_wrong(const HclResource *r, const char *attr, const char *fmt, ...) {
    AutoArena tmp = arena_new(NULL);
    HclRange at = hcl_resource_range(r, attr);
    va_list ap;
    va_start(ap, fmt);
    const char *text = arena_vprintf(tmp, fmt, ap);
    va_end(ap);
    return hcl_error(&at, "%s", text);
}

// The directory is opened as any other: registry first, then the copies.
Err *data_remote_dir(const HclValue **out, const HclResource *r, Data *d, Arena *mem) {
    const char *name = "", *tag = "";
    (void)d;
    TRY(read_text(&name, r, "name"));
    TRY(read_text(&tag, r, "tag"));
    if (!*name || strpbrk(name, "?#"))
        return data_wrong(r, "name", "\"%s\" is no name of a repository", name);
    *out = data_url(*tag ? arena_printf(mem, "atlas://%s?tag=%s", name, url_encode(mem, tag, false))
                         : arena_printf(mem, "atlas://%s", name),
                    mem);
    return NULL;
}
