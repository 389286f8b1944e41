#include "flags.h"

Err *csv_record(StrList *out, const char *text, Arena *mem) {
    const char *p = text;
    for (;;) {
        Buf field;
        buf_init(&field, mem, SIZE_MAX);
        if (*p == '"') {
            for (p++; *p && !(*p == '"' && p[1] != '"'); p++) {
                p += *p == '"';
                buf_char(&field, *p);
            }
            if (*p++ != '"' || (*p && *p != ','))
                return err_new(E_USAGE, "malformed list \"%s\": a quote is not closed properly", text);
        } else {
            size_t len = strcspn(p, ",");
            buf_add(&field, p, len);
            p += len;
        }
        list_push(out, mem, field.ptr);
        if (!*p)
            return NULL;
        p++;
    }
}

static const FlagSpec *spec_find(const FlagSpec *const *specs, const char *name) {
    for (size_t i = 0; specs[i]; i++)
        if (cstr_eq(specs[i]->name, name))
            return specs[i];
    return NULL;
}

static const FlagSpec *spec_letter(const FlagSpec *const *specs, char letter) {
    for (size_t i = 0; specs[i]; i++)
        if (specs[i]->letter == letter)
            return specs[i];
    return NULL;
}

static Err *bad_value(const FlagSpec *s, const char *value, const char *why) {
    return err_new(E_USAGE, "invalid argument \"%s\" for \"--%s\" flag: %s", value, s->name, why);
}

static bool is_bool(const char *v) {
    static const char *const words[] = {"true", "false", "1", "0", "t", "f", "T", "F",
                                        "TRUE", "FALSE", "True", "False"};
    for (size_t i = 0; i < COUNT_OF(words); i++)
        if (cstr_eq(v, words[i]))
            return true;
    return false;
}

static Err *check_value(const FlagSpec *s, const char *value, Arena *mem) {
    Duration d;
    uint64_t n;
    switch (s->kind) {
    case FLAG_BOOL:
        return is_bool(value) ? NULL : bad_value(s, value, "neither true nor false");
    case FLAG_DURATION:
        return duration_parse(value, &d) ? NULL : bad_value(s, value, "not a duration such as 10s");
    case FLAG_UINT:
        return cstr_to_u64(value, INT64_MAX, &n) ? NULL : bad_value(s, value, "not a whole number");
    default:
        break;
    }
    if (!s->choices)
        return NULL;
    StrList choices = cstr_split(mem, s->choices, ',');
    return strlist_has(&choices, value)
               ? NULL
               : bad_value(s, value, arena_printf(mem, "must be one of %s", s->choices));
}

static Err *add_value(FlagSet *f, const FlagSpec *s, const char *value) {
    TRY(check_value(s, value, f->mem));
    StrList *list = map_get(&f->values, s->name);
    if (!list) {
        list = NEW(f->mem, StrList);
        map_set(&f->values, s->name, list);
    }
    if (s->kind == FLAG_LIST)
        return csv_record(list, value, f->mem);
    if (s->kind != FLAG_REPEAT)
        list->len = 0;
    list_push(list, f->mem, value);
    return NULL;
}

static Err *missing_value(const char *word) {
    return err_new(E_USAGE, "flag needs an argument: %s", word);
}

static Err *unknown(const FlagSpec *const *specs, const char *name) {
    const char *names[64];
    size_t count = 0;
    for (size_t i = 0; specs[i] && count < COUNT_OF(names); i++)
        if (!(specs[i]->flags & FLAG_HIDDEN))
            names[count++] = specs[i]->name;
    const char *near = cstr_nearest(name, names, count);
    Err *e = err_new(E_USAGE, "unknown flag: --%s", name);
    return near ? err_hint(e, "did you mean --%s?", near) : e;
}

static Err *parse_long(FlagSet *f, char **argv, size_t argc, size_t *i) {
    const char *word = argv[*i] + 2, *eq = strchr(word, '=');
    const char *name = eq ? arena_strndup(f->mem, word, (size_t)(eq - word)) : word;
    const FlagSpec *s = spec_find(f->specs, name);
    if (!s && cstr_eq(name, "help")) {
        f->help = true;
        return NULL;
    }
    if (!s)
        return unknown(f->specs, name);
    if (eq)
        return add_value(f, s, eq + 1);
    if (s->kind == FLAG_BOOL)
        return add_value(f, s, "true");
    if (*i + 1 >= argc)
        return missing_value(argv[*i]);
    return add_value(f, s, argv[++*i]);
}

// "-u v", "-uv", "-u=v", and booleans in a row: "-sl".
static Err *parse_short(FlagSet *f, char **argv, size_t argc, size_t *i) {
    for (const char *p = argv[*i] + 1; *p; p++) {
        const FlagSpec *s = spec_letter(f->specs, *p);
        if (!s && *p == 'h') {
            f->help = true;
            continue;
        }
        if (!s)
            return err_new(E_USAGE, "unknown shorthand flag: '%c' in %s", *p, argv[*i]);
        if (s->kind == FLAG_BOOL && p[1] != '=') {
            TRY(add_value(f, s, "true"));
            continue;
        }
        if (p[1])
            return add_value(f, s, p + 1 + (p[1] == '='));
        if (*i + 1 >= argc)
            return missing_value(argv[*i]);
        return add_value(f, s, argv[++*i]);
    }
    return NULL;
}

// An alias gives its value to the flag that it stands for; the two exclude each other.
static Err *resolve_aliases(FlagSet *f) {
    for (size_t i = 0; f->specs[i]; i++) {
        const FlagSpec *s = f->specs[i];
        if (!s->stands_for || !flag_given(f, s->name))
            continue;
        TRY(flags_exclusive(f, (const char *[]){s->stands_for, s->name}, 2));
        flag_fill_list(f, s->stands_for, map_get(&f->values, s->name));
    }
    return NULL;
}

Err *flags_parse(FlagSet *out, const FlagSpec *const *specs, char **argv, size_t argc, Arena *mem) {
    *out = (FlagSet){.specs = specs, .mem = mem};
    map_init(&out->values, mem);
    for (size_t i = 0; i < argc; i++) {
        if (cstr_eq(argv[i], "--")) {
            for (i++; i < argc; i++)
                list_push(&out->args, mem, argv[i]);
            break;
        }
        if (cstr_starts(argv[i], "--"))
            TRY(parse_long(out, argv, argc, &i));
        else if (argv[i][0] == '-' && argv[i][1])
            TRY(parse_short(out, argv, argc, &i));
        else
            list_push(&out->args, mem, argv[i]);
    }
    return resolve_aliases(out);
}

static const StrList *values_of(const FlagSet *f, const char *name) {
    return map_get(&f->values, name);
}

bool flag_given(const FlagSet *f, const char *name) { return values_of(f, name) != NULL; }

const char *flag_text(const FlagSet *f, const char *name) {
    const StrList *v = values_of(f, name);
    if (v && v->len)
        return list_last(v);
    const FlagSpec *s = spec_find(f->specs, name);
    return s && s->fallback ? s->fallback : "";
}

bool flag_bool(const FlagSet *f, const char *name) {
    const char *v = flag_text(f, name);
    return *v && strchr("tT1", *v);
}

StrList flag_list(const FlagSet *f, const char *name) {
    const StrList *v = values_of(f, name);
    return v ? *v : (StrList){0};
}

uint64_t flag_uint(const FlagSet *f, const char *name) {
    uint64_t n = 0;
    cstr_to_u64(flag_text(f, name), INT64_MAX, &n);
    return n;
}

void flag_fill_list(FlagSet *f, const char *name, const StrList *values) {
    if (!values->len || flag_given(f, name) || !spec_find(f->specs, name))
        return;
    StrList *copy = NEW(f->mem, StrList);
    *copy = *values;
    map_set(&f->values, name, copy);
}

void flag_fill(FlagSet *f, const char *name, const char *value) {
    StrList one = {0};
    if (cstr_empty(value))
        return;
    list_push(&one, f->mem, value);
    flag_fill_list(f, name, &one);
}

Err *flags_check_required(const FlagSet *f) {
    StrList missing = {0};
    for (size_t i = 0; f->specs[i]; i++)
        if ((f->specs[i]->flags & FLAG_REQUIRED) && !*flag_text(f, f->specs[i]->name))
            list_push(&missing, f->mem, arena_printf(f->mem, "\"%s\"", f->specs[i]->name));
    strlist_sort(&missing);
    return missing.len ? err_new(E_USAGE, "required flag(s) %s not set",
                                 cstr_join(f->mem, &missing, ", "))
                       : NULL;
}

Err *flags_exclusive(const FlagSet *f, const char *const *names, size_t count) {
    StrList given = {0}, all = {0};
    for (size_t i = 0; i < count; i++) {
        list_push(&all, f->mem, names[i]);
        if (flag_given(f, names[i]))
            list_push(&given, f->mem, names[i]);
    }
    return given.len > 1
               ? err_new(E_USAGE,
                         "if any flags in the group [%s] are set none of the others can be; [%s] "
                         "were all set",
                         cstr_join(f->mem, &all, " "), cstr_join(f->mem, &given, " "))
               : NULL;
}

void flags_help(Buf *out, const FlagSpec *const *specs) {
    static const char *const kinds[] = {
        [FLAG_STRING] = " string", [FLAG_BOOL] = "",        [FLAG_LIST] = " strings",
        [FLAG_REPEAT] = " string", [FLAG_DURATION] = " duration", [FLAG_UINT] = " uint"};
    for (size_t i = 0; specs[i]; i++) {
        const FlagSpec *s = specs[i];
        if (s->flags & FLAG_HIDDEN)
            continue;
        if (s->letter)
            buf_printf(out, "  -%c, ", s->letter);
        else
            buf_str(out, "      ");
        size_t start = out->len;
        buf_printf(out, "--%s%s", s->name, kinds[s->kind]);
        size_t width = out->len - start;
        buf_repeat(out, " ", width < 28 ? 28 - width : 2);
        buf_str(out, s->help);
        if (s->choices)
            buf_printf(out, " (%s)", s->choices);
        if (s->fallback && *s->fallback)
            buf_printf(out, " (default %s)", s->fallback);
        buf_char(out, '\n');
    }
}
