#include "facts.h"

static bool is_set(const Value *v) {
    return v && v->kind != V_NULL;
}

const Value *file_error(const Value *file) {
    const Value *e = value_get(file, "Error");
    return is_set(e) ? e : NULL;
}

bool checks_failed(const Value *file) {
    const Value *checks = value_get(file, "Checks");
    for (size_t i = 0; i < list_len(file, "Checks"); i++)
        if (is_set(value_get(value_at(checks, i), "Error")))
            return true;
    return false;
}

size_t list_len(const Value *map, const char *key) {
    const Value *v = value_get(map, key);
    return v && v->kind == V_LIST ? v->u.list.len : 0;
}

const char *plural(size_t n) {
    return n == 1 ? "" : "s";
}

static Time time_of(const Value *v, const char *key) {
    const Value *t = value_get(v, key);
    Time parsed = {0};
    if (t && t->kind == V_TIME)
        return t->u.time;
    if (t && t->kind == V_STR && !time_parse_rfc3339(value_text(t), &parsed))
        parsed = (Time){0};
    return parsed;
}

char *elapsed_text(const Value *v, Arena *mem) {
    Time start = time_of(v, "Start"), end = time_of(v, "End");
    return duration_text(mem, start.set && end.set ? time_sub(end, start) : 0);
}

// A group that passes as "one of" may hold failed statements: they count as passed.
static void add_checks(ApplyFacts *f, const Value *group) {
    const Value *stmts = value_get(group, "Stmts");
    bool bad = is_set(value_get(group, "Error"));
    size_t before = f->checks_bad;
    for (size_t i = 0; i < list_len(group, "Stmts"); i++) {
        bool failed = bad && *value_get_text(value_at(stmts, i), "Error");
        f->checks_bad += failed;
        f->checks_ok += !failed;
    }
    if (bad && f->checks_bad == before)
        f->checks_bad++;
}

ApplyFacts apply_facts(const Value *report) {
    ApplyFacts f = {0};
    const Value *files = value_get(report, "Applied");
    for (size_t i = 0; i < list_len(report, "Applied"); i++) {
        const Value *file = value_at(files, i), *checks = value_get(file, "Checks");
        const Value *error = file_error(file);
        bool refused = checks_failed(file);
        size_t stmts = list_len(file, "Applied");
        bool stmt_bad = error && !refused && *value_get_text(error, "Stmt") && stmts;
        f.files_bad += error || refused;
        f.files_ok += !error && !refused;
        f.stmts_bad += stmt_bad;
        f.stmts_ok += refused ? 0 : stmts - stmt_bad;
        for (size_t k = 0; k < list_len(file, "Checks"); k++)
            add_checks(&f, value_at(checks, k));
    }
    return f;
}
