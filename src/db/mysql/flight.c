// What became of a statement that was running when its connection was lost, asked of the catalog.
// Statements on one object are done or not; the lock of the next run is only obtained after the
// statement has ended.
#include "mysql.h"

typedef enum Verdict {
    SILENT,  // the catalog cannot tell, but doing it again is fine
    UNKNOWN, // ... and nobody knows
    DONE,
    NOT_DONE,
} Verdict;

typedef struct Flight {
    Maria *m;
    MariaLexer lexer;
    MariaToken token; // the current one
    Arena *mem;
} Flight;

// --- reading -------------------------------------------------------------------------------------

static void advance(Flight *f) {
    f->token = maria_token(&f->lexer);
}

static bool accept(Flight *f, const char *word) {
    if (!maria_is(&f->token, word))
        return false;
    advance(f);
    return true;
}

static bool accept_symbol(Flight *f, char c) {
    if (!maria_is_symbol(&f->token, c))
        return false;
    advance(f);
    return true;
}

static bool at_end(const Flight *f) {
    return f->token.kind == MARIA_END || maria_is_symbol(&f->token, ';');
}

static bool accept_if_exists(Flight *f) {
    if (!accept(f, "IF"))
        return false;
    accept(f, "NOT");
    accept(f, "EXISTS");
    return true;
}

static char *read_name(Flight *f) {
    if (f->token.kind != MARIA_WORD && f->token.kind != MARIA_NAME)
        return NULL;
    char *name = maria_name(&f->token, f->mem);
    advance(f);
    return name;
}

// An object as SQL literals: its schema (DATABASE() if it has none) and its name.
typedef struct Object {
    const char *schema, *name;
} Object;

static bool read_object(Flight *f, Object *out) {
    char *name = read_name(f);
    *out = (Object){.schema = "DATABASE()"};
    if (!name)
        return false;
    if (accept_symbol(f, '.')) {
        out->schema = maria_quote(f->mem, name);
        name = read_name(f);
    }
    out->name = name ? maria_quote(f->mem, name) : NULL;
    return name != NULL;
}

// --- asking --------------------------------------------------------------------------------------

static Err *ask(Flight *f, const char *from_where, bool *exists) {
    MariaResults r = {0};
    TRY(maria_packet(f->m,
                     arena_printf(f->mem, "SELECT COUNT(*) FROM information_schema.%s", from_where),
                     &r, f->mem));
    *exists = r.len > 0 && !cstr_eq(db_cell(&r.items[0], 0, 0), "0");
    return NULL;
}

// Where kinds of objects are listed.
typedef struct Kind {
    const char *word, *table, *schema, *name, *more;
} Kind;

static const Kind kinds[] = {
    {"TABLE", "TABLES", "TABLE_SCHEMA", "TABLE_NAME", ""},
    {"SEQUENCE", "TABLES", "TABLE_SCHEMA", "TABLE_NAME", ""},
    {"VIEW", "VIEWS", "TABLE_SCHEMA", "TABLE_NAME", ""},
    {"TRIGGER", "TRIGGERS", "TRIGGER_SCHEMA", "TRIGGER_NAME", ""},
    {"PROCEDURE", "ROUTINES", "ROUTINE_SCHEMA", "ROUTINE_NAME", " AND ROUTINE_TYPE = 'PROCEDURE'"},
    {"FUNCTION", "ROUTINES", "ROUTINE_SCHEMA", "ROUTINE_NAME", " AND ROUTINE_TYPE = 'FUNCTION'"},
    {"EVENT", "EVENTS", "EVENT_SCHEMA", "EVENT_NAME", ""},
    {"DATABASE", "SCHEMATA", NULL, "SCHEMA_NAME", ""},
    {"SCHEMA", "SCHEMATA", NULL, "SCHEMA_NAME", ""},
    {"INDEX", NULL, NULL, NULL, ""},
};

static const Kind *accept_kind(Flight *f) {
    for (size_t i = 0; i < COUNT_OF(kinds); i++)
        if (accept(f, kinds[i].word))
            return &kinds[i];
    return NULL;
}

static Err *object_exists(Flight *f, const Kind *kind, const Object *o, bool *exists) {
    const char *schema =
        kind->schema ? arena_printf(f->mem, "%s = %s AND ", kind->schema, o->schema) : "";
    return ask(f,
               arena_printf(f->mem, "%s WHERE %s%s = %s%s", kind->table, schema, kind->name,
                            o->name, kind->more),
               exists);
}

static Err *table_exists(Flight *f, const Object *o, bool *exists) {
    return object_exists(f, &kinds[0], o, exists);
}

// A part of a table: from `table` where `column` is `name`.
static Err *part_exists(Flight *f, const char *table, const char *column, const Object *of,
                        const char *name, bool *exists) {
    return ask(f,
               arena_printf(f->mem, "%s WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s AND %s = %s",
                            table, of->schema, of->name, column, name),
               exists);
}

static Verdict verdict(bool exists, bool wanted) {
    return exists == wanted ? DONE : NOT_DONE;
}

// --- CREATE, DROP, RENAME ------------------------------------------------------------------------

static Err *index_flight(Flight *f, bool wanted, Verdict *out) {
    Object table;
    char *name = read_name(f);
    while (!at_end(f) && !maria_is(&f->token, "ON"))
        advance(f);
    if (!name || !accept(f, "ON") || !read_object(f, &table))
        return NULL;
    bool exists = false;
    TRY(part_exists(f, "STATISTICS", "INDEX_NAME", &table, maria_quote(f->mem, name), &exists));
    *out = verdict(exists, wanted);
    return NULL;
}

static Err *create_flight(Flight *f, Verdict *out) {
    const Kind *kind = NULL;
    Object o;
    if (maria_is(&f->token, "OR") || maria_is(&f->token, "TEMPORARY")) {
        *out = SILENT;
        return NULL;
    }
    // DEFINER = x, ALGORITHM = x, UNIQUE ... stand in front of the kind.
    for (int i = 0; !kind && i < 24 && !at_end(f); i++) {
        kind = accept_kind(f);
        if (!kind)
            advance(f);
    }
    if (!kind)
        return NULL;
    if (accept_if_exists(f)) {
        *out = SILENT;
        return NULL;
    }
    if (!kind->table)
        return index_flight(f, true, out);
    if (!read_object(f, &o) || maria_is(&f->token, "SONAME"))
        return NULL;
    bool exists = false;
    TRY(object_exists(f, kind, &o, &exists));
    *out = verdict(exists, true);
    return NULL;
}

static Err *drop_flight(Flight *f, Verdict *out) {
    size_t gone = 0, left = 0;
    bool temporary = accept(f, "TEMPORARY");
    const Kind *kind = accept_kind(f);
    if (!kind)
        return NULL;
    if (accept_if_exists(f) || temporary) {
        *out = temporary ? DONE : SILENT;
        return NULL;
    }
    if (!kind->table)
        return index_flight(f, false, out);
    do {
        Object o;
        bool exists = false;
        if (!read_object(f, &o))
            return NULL;
        TRY(object_exists(f, kind, &o, &exists));
        left += exists;
        gone += !exists;
    } while (accept_symbol(f, ','));
    if (gone == 0 || left == 0)
        *out = gone > 0 ? DONE : NOT_DONE;
    return NULL;
}

static Err *moved(Flight *f, const Object *from, const Object *to, Verdict *out) {
    bool before = false, after = false;
    TRY(table_exists(f, from, &before));
    TRY(table_exists(f, to, &after));
    if (before != after)
        *out = after ? DONE : NOT_DONE;
    return NULL;
}

static Err *rename_flight(Flight *f, Verdict *out) {
    Object from, to;
    if (!accept(f, "TABLE") && !accept(f, "TABLES"))
        return NULL;
    if (accept_if_exists(f) || !read_object(f, &from) || !accept(f, "TO") || !read_object(f, &to) ||
        !at_end(f))
        return NULL;
    return moved(f, &from, &to, out);
}

// --- ALTER TABLE ---------------------------------------------------------------------------------

// What a clause leaves behind: something there, or not there any more.
typedef struct Trace {
    const char *table, *column, *name; // of the catalog; NULL: nothing to see
    bool wanted;
} Trace;

#define COLUMN "COLUMNS", "COLUMN_NAME"
#define INDEX "STATISTICS", "INDEX_NAME"
#define CONSTRAINT "TABLE_CONSTRAINTS", "CONSTRAINT_NAME"

typedef LIST(Trace) Traces;

typedef struct Alter {
    Flight *f;
    Object table, moved_to;
    Traces traces;
    bool unknown; // a clause that cannot be told and must not be repeated
} Alter;

static void add_trace(Alter *a, const char *table, const char *column, const char *name,
                      bool wanted) {
    Trace t = {table, column, name ? maria_quote(a->f->mem, name) : NULL, wanted};
    if (name)
        list_push(&a->traces, a->f->mem, t);
    else
        a->unknown = true;
}

static bool accept_index_word(Flight *f) {
    return accept(f, "INDEX") || accept(f, "KEY");
}

// [name], behind which comes a list of columns.
static char *optional_name(Flight *f) {
    if (maria_is_symbol(&f->token, '(') || maria_is(&f->token, "USING"))
        return NULL;
    return read_name(f);
}

static void add_index(Alter *a) {
    Flight *f = a->f;
    (void)accept_index_word(f);
    add_trace(a, INDEX, accept_if_exists(f) ? NULL : optional_name(f), true);
}

static bool accept_any(Flight *f, const char *const *words, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (accept(f, words[i]))
            return true;
    return false;
}

// Behind ADD [CONSTRAINT [name]].
static bool add_constraint(Alter *a, const char *name) {
    Flight *f = a->f;
    if (accept(f, "PRIMARY")) {
        add_trace(a, INDEX, "PRIMARY", true);
    } else if (accept(f, "FOREIGN")) {
        (void)accept(f, "KEY");
        char *own = accept_if_exists(f) ? NULL : optional_name(f);
        add_trace(a, CONSTRAINT, name ? name : own, true);
    } else if (accept(f, "CHECK")) {
        add_trace(a, CONSTRAINT, name, true);
    } else if (maria_is(&f->token, "UNIQUE")) {
        advance(f);
        (void)accept_index_word(f);
        char *own = optional_name(f);
        add_trace(a, INDEX, own ? own : name, true);
    } else {
        return false;
    }
    return true;
}

static void skip_to_comma(Flight *f) {
    for (int depth = 0; !at_end(f); advance(f)) {
        if (depth == 0 && (maria_is_symbol(&f->token, ',') || maria_is_symbol(&f->token, ')')))
            return;
        depth += maria_is_symbol(&f->token, '(');
        depth -= maria_is_symbol(&f->token, ')');
    }
}

static void add_columns(Alter *a) {
    Flight *f = a->f;
    (void)accept(f, "COLUMN");
    if (accept_if_exists(f))
        return; // may be repeated
    bool list = accept_symbol(f, '(');
    do {
        add_trace(a, COLUMN, read_name(f), true);
        if (list)
            skip_to_comma(f);
    } while (list && accept_symbol(f, ','));
    (void)(list && accept_symbol(f, ')'));
}

static void add_clause(Alter *a) {
    static const char *const kinds_of_index[] = {"FULLTEXT", "SPATIAL"};
    static const char *const partitions[] = {"PARTITION", "PERIOD", "SYSTEM"};
    Flight *f = a->f;
    if (maria_is(&f->token, "INDEX") || maria_is(&f->token, "KEY") ||
        accept_any(f, kinds_of_index, COUNT_OF(kinds_of_index))) {
        add_index(a);
    } else if (accept_any(f, partitions, COUNT_OF(partitions))) {
        a->unknown = true;
    } else if (accept(f, "CONSTRAINT")) {
        bool named = !maria_is(&f->token, "PRIMARY") && !maria_is(&f->token, "UNIQUE") &&
                     !maria_is(&f->token, "FOREIGN") && !maria_is(&f->token, "CHECK");
        bool repeatable = named && accept_if_exists(f);
        char *name = named ? read_name(f) : NULL;
        if (!repeatable && !add_constraint(a, name))
            a->unknown = true;
    } else if (!add_constraint(a, NULL)) {
        add_columns(a);
    }
}

static void drop_clause(Alter *a) {
    static const char *const constraints[] = {"CONSTRAINT", "CHECK"};
    Flight *f = a->f;
    if (accept(f, "PRIMARY")) {
        add_trace(a, INDEX, "PRIMARY", false);
    } else if (accept(f, "PARTITION") || accept(f, "PERIOD") || accept(f, "SYSTEM")) {
        a->unknown = true;
    } else if (accept_index_word(f)) {
        if (!accept_if_exists(f))
            add_trace(a, INDEX, read_name(f), false);
    } else if (accept(f, "FOREIGN") || accept_any(f, constraints, COUNT_OF(constraints))) {
        (void)accept(f, "KEY");
        if (!accept_if_exists(f))
            add_trace(a, CONSTRAINT, read_name(f), false);
    } else {
        (void)accept(f, "COLUMN");
        if (!accept_if_exists(f))
            add_trace(a, COLUMN, read_name(f), false);
    }
}

static void rename_clause(Alter *a) {
    Flight *f = a->f;
    bool column = accept(f, "COLUMN"), index = !column && accept_index_word(f);
    if (!column && !index) {
        if (!accept(f, "TO"))
            (void)accept(f, "AS");
        a->unknown = a->unknown || !read_object(f, &a->moved_to);
        return;
    }
    bool repeatable = accept_if_exists(f);
    char *old = read_name(f);
    char *name = accept(f, "TO") ? read_name(f) : NULL;
    const char *table = column ? "COLUMNS" : "STATISTICS";
    const char *field = column ? "COLUMN_NAME" : "INDEX_NAME";
    if (repeatable)
        return;
    add_trace(a, table, field, old, false);
    add_trace(a, table, field, name, true);
}

static void change_clause(Alter *a) {
    Flight *f = a->f;
    (void)accept(f, "COLUMN");
    bool repeatable = accept_if_exists(f);
    char *old = read_name(f), *name = read_name(f);
    if (repeatable || (old && name && strcasecmp(old, name) == 0))
        return;
    add_trace(a, COLUMN, old, false);
    add_trace(a, COLUMN, name, true);
}

static void read_clause(Alter *a) {
    static const char *const uncertain[] = {"EXCHANGE", "REORGANIZE", "COALESCE", "PARTITION",
                                            "REMOVE",   "DISCARD",    "IMPORT",   "CONVERT"};
    Flight *f = a->f;
    if (accept(f, "ADD"))
        add_clause(a);
    else if (accept(f, "DROP"))
        drop_clause(a);
    else if (accept(f, "RENAME"))
        rename_clause(a);
    else if (accept(f, "CHANGE"))
        change_clause(a);
    else if (maria_is(&f->token, "CONVERT")) {
        advance(f);
        a->unknown = a->unknown || !maria_is(&f->token, "TO"); // CONVERT PARTITION
    } else if (accept_any(f, uncertain, COUNT_OF(uncertain)))
        a->unknown = true;
}

// DROP x, ADD x in one statement: x is there before and after.
static bool is_ambiguous(const Traces *traces, const Trace *t) {
    for (size_t i = 0; i < traces->len; i++) {
        const Trace *other = &traces->items[i];
        if (other != t && cstr_eq(other->table, t->table) && strcasecmp(other->name, t->name) == 0)
            return true;
    }
    return false;
}

// A statement on one table takes place as a whole: traces that disagree tell nothing.
static Err *judge(Alter *a, Verdict *out) {
    Verdict found = SILENT;
    if (a->moved_to.name) {
        *out = UNKNOWN;
        return moved(a->f, &a->table, &a->moved_to, out);
    }
    for (size_t i = 0; i < a->traces.len; i++) {
        const Trace *t = &a->traces.items[i];
        bool exists = false;
        if (is_ambiguous(&a->traces, t))
            continue;
        TRY(part_exists(a->f, t->table, t->column, &a->table, t->name, &exists));
        Verdict v = verdict(exists, t->wanted);
        found = found == SILENT || found == v ? v : UNKNOWN;
    }
    if (found == SILENT && (a->unknown || a->traces.len > 0))
        found = UNKNOWN;
    *out = found;
    return NULL;
}

static Err *alter_flight(Flight *f, Verdict *out) {
    static const char *const noise[] = {"ONLINE", "OFFLINE", "IGNORE"};
    static const char *const settled[] = {"DATABASE", "SCHEMA",    "VIEW", "PROCEDURE",
                                          "FUNCTION", "ALGORITHM", "USER", "SEQUENCE"};
    Alter a = {.f = f};
    (void)accept_any(f, noise, COUNT_OF(noise));
    if (accept_any(f, settled, COUNT_OF(settled))) {
        *out = SILENT;
        return NULL;
    }
    if (!accept(f, "TABLE"))
        return NULL;
    (void)accept_if_exists(f);
    if (!read_object(f, &a.table))
        return NULL;
    do {
        read_clause(&a);
        skip_to_comma(f);
    } while (accept_symbol(f, ','));
    if (!at_end(f))
        return NULL;
    return judge(&a, out);
}

// --- the statement -------------------------------------------------------------------------------

static Err *statement_flight(Flight *f, Verdict *out) {
    static const char *const repeatable[] = {
        "TRUNCATE", "ANALYZE", "OPTIMIZE", "REPAIR", "CHECK", "FLUSH",
        "GRANT",    "REVOKE",  "SET",      "USE",    "LOCK",  "UNLOCK",
        "BEGIN",    "START",   "ROLLBACK", "SELECT", "SHOW",  "RESET"};
    if (accept(f, "CREATE"))
        return create_flight(f, out);
    if (accept(f, "DROP"))
        return drop_flight(f, out);
    if (accept(f, "RENAME"))
        return rename_flight(f, out);
    if (accept(f, "ALTER"))
        return alter_flight(f, out);
    if (accept(f, "COMMIT"))
        *out = DONE; // its mark was written in the same transaction
    else if (accept_any(f, repeatable, COUNT_OF(repeatable)))
        *out = SILENT;
    return NULL;
}

// Several commands in one text: some may be done. The body of a routine has a ';' as well, but no
// statements on the schema; and before the first one, a BEGIN.
static bool is_chunk(const Flight *f) {
    static const char *const schema[] = {"CREATE", "ALTER", "DROP", "RENAME", "TRUNCATE", "GRANT"};
    MariaLexer l = f->lexer;
    bool block = false, behind = false;
    for (MariaToken t = f->token; t.kind != MARIA_END; t = maria_token(&l)) {
        block = block || maria_is(&t, "BEGIN");
        for (size_t i = 0; behind && i < COUNT_OF(schema); i++)
            if (maria_is(&t, schema[i]))
                return true;
        if (behind && !block && !maria_is_symbol(&t, ';'))
            return true;
        behind = maria_is_symbol(&t, ';');
    }
    return false;
}

Err *maria_flight(Db *db, Str sql, DbFlight *out, const char **note, Arena *mem) {
    static const DbFlight meaning[] = {[SILENT] = DB_FLIGHT_REPEAT,
                                       [UNKNOWN] = DB_FLIGHT_UNKNOWN,
                                       [DONE] = DB_FLIGHT_DONE,
                                       [NOT_DONE] = DB_FLIGHT_REPEAT};
    AutoArena tmp = arena_new(NULL);
    Flight f = {.m = maria_of(db), .lexer = {.p = sql.ptr, .end = sql.ptr + sql.len}, .mem = tmp};
    Verdict v = UNKNOWN;
    (void)note;
    (void)mem;
    advance(&f);
    if (!is_chunk(&f))
        TRY(statement_flight(&f, &v));
    *out = meaning[v];
    return NULL;
}
