#include "internal.h"

char *migrate_quote(Arena *mem, const char *text) {
    static const char escapes[] = "\aa\bb\ff\nn\rr\tt\vv\"\"\\\\";
    size_t len = strlen(text);
    Buf b;
    buf_init(&b, mem, SIZE_MAX);
    buf_char(&b, '"');
    for (size_t i = 0; i < len;) {
        uint32_t cp = 0;
        size_t n = utf8_decode(text + i, len - i, &cp);
        const char *escape = NULL;
        for (const char *e = escapes; n == 1 && *e && !escape; e += 2)
            escape = *e == text[i] ? e : NULL;
        if (escape)
            buf_printf(&b, "\\%c", escape[1]);
        else if (n == 0 || cp < ' ' || cp == 0x7f)
            buf_printf(&b, "\\x%02x", (unsigned char)text[i]);
        else if ((cp >= 0x80 && cp <= 0xa0) || cp == 0xad || cp == 0x2028 || cp == 0x2029 ||
                 cp == 0xfeff)
            buf_printf(&b, "\\u%04x", (unsigned)cp);
        else
            buf_add(&b, text + i, n);
        i += n ? n : 1;
    }
    buf_char(&b, '"');
    return b.ptr;
}

// A database URL need not be one by the book ("sqlite://file:x?mode=memory").
static Url *lenient_url(const char *text, Arena *mem) {
    Url *u = NULL;
    Err *e = url_parse(&u, text, mem);
    if (!e)
        return u;
    err_free(e);
    const char *colon = strstr(text, "://"), *mark = strchr(text, '?');
    const char *host = colon ? colon + 3 : text;
    u = NEW(mem, Url);
    u->scheme = colon ? arena_strndup(mem, text, (size_t)(colon - text)) : "";
    u->raw_query = mark ? mark + 1 : "";
    u->host = mark && mark > host ? arena_strndup(mem, host, (size_t)(mark - host))
                                  : arena_strdup(mem, host);
    u->opaque = u->path = u->raw_path = u->fragment = "";
    return u;
}

Value *migrate_url_value(Arena *mem, const char *url, const char *schema) {
    if (cstr_empty(url))
        return value_null(mem);
    const Url *u = lenient_url(url, mem);
    Value *v = value_struct(mem, "sqlclient.URL");
    v->text = url_redact(mem, url);
    value_set_str(v, mem, "Scheme", u->scheme, 0);
    value_set_str(v, mem, "Opaque", u->opaque, 0);
    value_set(v, mem, "User", u->has_user ? value_struct(mem, "url.Userinfo") : value_null(mem), 0);
    value_set_str(v, mem, "Host", u->host, 0);
    value_set_str(v, mem, "Path", u->path, 0);
    value_set_str(v, mem, "RawPath", u->raw_path, 0);
    value_set_bool(v, mem, "OmitHost", false, 0);
    value_set_bool(v, mem, "ForceQuery", u->force_query, 0);
    value_set_str(v, mem, "RawQuery", u->raw_query, 0);
    value_set_str(v, mem, "Fragment", u->fragment, 0);
    value_set_str(v, mem, "RawFragment", "", 0);
    value_set_str(v, mem, "Schema", schema, 0);
    value_set_str(v, mem, "Redacted", v->text, M_HIDDEN);
    return v;
}

static void set_env_keys(Value *map, Arena *mem, Db *db, const char *url, const char *dir_url) {
    value_set_str(map, mem, "Driver", db_driver_name(db), M_OMIT_EMPTY);
    value_set(map, mem, "URL", migrate_url_value(mem, url, db_schema(db)), M_OMIT_EMPTY);
    value_set_str(map, mem, "Dir", dir_url ? url_redact(mem, dir_url) : "", M_OMIT_EMPTY);
}

void set_env(Value *map, Arena *mem, Db *db, const char *url, const char *dir_url, bool nested) {
    Value *env = value_struct(mem, "cmdlog.Env");
    set_env_keys(env, mem, db, url, dir_url);
    if (!nested)
        set_env_keys(map, mem, db, url, dir_url);
    value_set(map, mem, "Env", env, nested ? 0 : M_HIDDEN);
}

Value *migrate_file_value(Arena *mem, const MigrateFile *file) {
    Value *v = value_struct(mem, "cmdlog.File");
    value_set_str(v, mem, "Name", file->name, M_OMIT_EMPTY);
    value_set_str(v, mem, "Version", file->version, M_OMIT_EMPTY);
    value_set_str(v, mem, "Description", file->description, M_OMIT_EMPTY);
    value_set(v, mem, "Content", value_bytes(mem, file->content), M_HIDDEN);
    value_set_bool(v, mem, "IsCheckpoint", file->checkpoint, M_HIDDEN);
    return v;
}

Value *files_value(Arena *mem, const FileRefs *files) {
    Value *list = value_list(mem);
    for (size_t i = 0; i < files->len; i++)
        value_push(list, mem, migrate_file_value(mem, files->items[i]));
    return list;
}

Err *check_other_schema(const DbState *state, const char *revisions_schema, const char **notice,
                        Arena *mem) {
    if (!state->other_schema || !cstr_empty(revisions_schema))
        return NULL;
    if (notice)
        *notice = arena_printf(
            mem,
            "We couldn't find a revision table in the connected schema but found one in the schema "
            "'%s' and cannot determine the desired behavior.\n\n"
            "As a safety guard, we require you to specify whether to use the existing\n"
            "table in '%s' or create a new one in the connected schema by providing the\n"
            "'--revisions-schema' flag or deleting the '%s' schema if it is unused.\n",
            state->other_schema, state->other_schema, state->other_schema);
    return err_new(E_SILENT, "two places for the revisions table");
}
