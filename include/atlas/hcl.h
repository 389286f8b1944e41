// HCL: text to syntax tree, expressions to values, documents to resources.
//
// Everything lives in the arena given; values are immutable and may be shared. An error's text is
// `FILE:LINE,COL-COL: Summary; Detail` (columns count grapheme clusters from 1, the end column is
// exclusive; a range over several lines is L1,C1-L2,C2), with `, and N-1 other diagnostic(s)`
// behind if there are N. Its code is E_CONFIG. Source: spec/config-language.md sections 1, 2, 4.
#ifndef ATLAS_HCL_H
#define ATLAS_HCL_H

#include <stdbool.h>
#include <stdint.h>

#include "atlas/base/err.h"
#include "atlas/base/host.h"
#include "atlas/base/list.h"
#include "atlas/base/map.h"
#include "atlas/base/str.h"
#include "atlas/base/value.h"

// --- positions ----------------------------------------------------------------------------------

typedef struct HclPos {
    size_t byte; // offset from 0
    int line, column;
} HclPos;

typedef struct HclRange {
    const char *file; // NULL: no range
    HclPos start, end;
} HclRange;

// "FILE:LINE,COL-COL".
char *hcl_range_text(Arena *mem, const HclRange *range);
// E_CONFIG "FILE:LINE,COL-COL: <message>".
Err *hcl_error(const HclRange *range, const char *fmt, ...) PRINTF(2, 3) RETURNS_NONNULL MUST_USE;
// The same position in front of an error from elsewhere; the code stays.
Err *hcl_locate(Err *e, const HclRange *range) RETURNS_NONNULL MUST_USE;

// --- types and values ---------------------------------------------------------------------------

typedef enum HclKind {
    HCL_DYNAMIC, // the type of a bare null
    HCL_STRING,
    HCL_NUMBER,
    HCL_BOOL,
    HCL_LIST,
    HCL_SET,
    HCL_MAP,
    HCL_TUPLE,
    HCL_OBJECT,
    HCL_CAPSULE,
} HclKind;

typedef struct HclType HclType;
struct HclType {
    HclKind kind;
    const HclType *elem;   // list, set, map
    const HclType **items; // tuple, object: `len` of them
    const char **names;    // object: names of the items, sorted bytewise
    size_t len;
    const char *capsule;   // name of a capsule type
};

typedef struct HclNumber HclNumber;     // a 512-bit binary float
typedef struct HclResource HclResource; // below

// What an expression such as `table.users` gives: a pointer to a block.
typedef struct HclRef {
    const char *label_address; // "$table.users.$column.id", by labels
    const char *address;       // the same by final names; set once the document is evaluated
    HclResource *target;       // set likewise; NULL: the block was dropped
} HclRef;

typedef struct HclValue HclValue;
struct HclValue {
    const HclType *type;
    bool null;
    unsigned depth; // nesting
    size_t weight;  // number of nodes in the tree (a string: one per 16 bytes)
    HclRef *ref;    // an object that stands for a block, or a capsule hcl_type_ref
    union {
        bool b;
        const HclNumber *n;
        Str s; // NUL-terminated
        struct {
            const HclValue **items; // map, object: in order of keys
            const char **keys;      // map, object only
            size_t len;
        } seq;
        const void *capsule; // a `const char *` for hcl_type_sql
    } u;
};

extern const HclType hcl_type_dynamic, hcl_type_string, hcl_type_number, hcl_type_bool;
extern const HclType hcl_type_ref; // block reference; see HclValue.ref
extern const HclType hcl_type_sql; // sql("...")
extern const HclType hcl_type_word; // a type with its arguments, made by HclWords

const HclType *hcl_type_of(Arena *mem, HclKind collection, const HclType *elem);
bool hcl_type_equal(const HclType *a, const HclType *b);
char *hcl_type_name(Arena *mem, const HclType *t); // "list of string", "object", "dynamic"

const HclValue *hcl_null(Arena *mem, const HclType *type); // type NULL: dynamic
const HclValue *hcl_bool(Arena *mem, bool b);
const HclValue *hcl_string(Arena *mem, const char *s);
const HclValue *hcl_bytes(Arena *mem, Str s);
const HclValue *hcl_int(Arena *mem, int64_t i);
const HclValue *hcl_real(Arena *mem, double d); // not finite: null
const HclValue *hcl_tuple(Arena *mem, const HclValue *const *items, size_t len);
// Elements must be of type `elem`; a set is sorted and freed of doubles here.
const HclValue *hcl_list(Arena *mem, const HclType *elem, const HclValue *const *items, size_t len);
const HclValue *hcl_set(Arena *mem, const HclType *elem, const HclValue *const *items, size_t len);
const HclValue *hcl_capsule(Arena *mem, const HclType *type, const void *data);

// Builds objects and maps: of doubled keys the last one stays.
typedef struct HclFields {
    LIST(const char *) keys;
    LIST(const HclValue *) items;
} HclFields;
void hcl_field(HclFields *f, Arena *mem, const char *key, const HclValue *v);
const HclValue *hcl_object(Arena *mem, const HclFields *f);
const HclValue *hcl_map(Arena *mem, const HclType *elem, const HclFields *f);

bool hcl_is(const HclValue *v, HclKind kind); // of that type and not null
const HclValue *hcl_get(const HclValue *v, const char *key); // map or object; NULL if absent
const char *hcl_text(const HclValue *v); // of a string; "" otherwise
bool hcl_equal(const HclValue *a, const HclValue *b); // types count
// E_INVALID with upstream's reason: "a number is required", "string required".
Err *hcl_convert(const HclValue **out, const HclValue *v, const HclType *want, Arena *mem) MUST_USE;

// Plain decimal, shortest that reads back to the same number.
char *hcl_number_text(Arena *mem, const HclNumber *n);
bool hcl_number_int(const HclNumber *n, int64_t *out); // false if not whole or out of range
double hcl_number_real(const HclNumber *n);

// Value trees and back: integers when whole; capsules as their text.
Value *hcl_to_value(Arena *mem, const HclValue *v);
const HclValue *hcl_from_value(Arena *mem, const Value *v);

// --- syntax -------------------------------------------------------------------------------------

typedef struct HclExpr HclExpr;
typedef struct HclBody HclBody;

typedef struct HclAttr {
    const char *name;
    HclRange name_range, range;
    const HclExpr *expr;
} HclAttr;

typedef struct HclBlock {
    const char *type;
    HclRange type_range;
    StrList labels;
    LIST(HclRange) label_ranges;
    HclRange range; // type to last label
    HclRange open_range, close_range;
    HclBody *body;
} HclBlock;

struct HclBody {
    LIST(HclAttr *) attrs;   // in source order
    LIST(HclBlock *) blocks; // in source order
    HclRange range;
};

typedef struct HclFile {
    const char *name;
    Str source;
    HclBody *body;
} HclFile;

// `name` is the path as the user wrote it; `source` must outlive the tree.
Err *hcl_parse(HclFile **out, const char *name, Str source, Arena *mem) MUST_USE;
// One expression and nothing else.
Err *hcl_parse_expr(const HclExpr **out, const char *name, Str source, Arena *mem) MUST_USE;

HclRange hcl_expr_range(const HclExpr *x);
const HclAttr *hcl_body_attr(const HclBody *b, const char *name); // NULL if absent
// The attribute's text if it is a plain string without interpolation, else NULL.
const char *hcl_expr_literal(const HclExpr *x);
// The name if the expression is a bare identifier, else NULL.
const char *hcl_expr_word(const HclExpr *x);

// A variable reference: root and the steps that follow (NULL where a step is no plain name).
typedef struct HclPath {
    const char *names[4];
    size_t len; // at most 4; the rest is not shown
    HclRange range;
} HclPath;
// Calls `fn` for each reference to a variable that the expression does not bind itself.
void hcl_expr_paths(const HclExpr *x, void (*fn)(void *ctx, const HclPath *path), void *ctx);

// --- evaluation ---------------------------------------------------------------------------------

typedef struct HclScope HclScope;
struct HclScope {
    const HclScope *parent;
    Map vars; // const HclValue *
};
void hcl_scope_init(HclScope *s, const HclScope *parent, Arena *mem);
void hcl_scope_set(HclScope *s, const char *name, const HclValue *v);

// Words and type constructors that only some attributes know, e.g. "table.column.type".
typedef struct HclWords {
    void *ctx;
    // Whether the path has words of its own.
    bool (*has)(void *ctx, const char *path);
    // The value of a bare word; NULL if unknown. *reason (may be set then): why not.
    const HclValue *(*word)(void *ctx, const char *path, const char *name, const char **reason,
                            Arena *mem);
    // A call `name(args)`: *out stays NULL if there is no such constructor.
    Err *(*call)(void *ctx, const HclValue **out, const char *path, const char *name,
                 const HclValue *const *args, size_t len, Arena *mem);
} HclWords;

// What functions reach of the outside world.
typedef struct HclEnv {
    const Host *host;     // getenv
    const char *dir;      // of file, glob, fileset; NULL: the process directory
    void (*print)(void *ctx, Str line); // of print(); NULL: nothing is printed
    void *print_ctx;
    bool config;          // getenv, file, glob, fileset exist
    // Told of each value that getenv returns; may be NULL.
    void (*seen_env)(void *ctx, const char *name, const char *value);
    void *seen_ctx;
} HclEnv;

Err *hcl_eval(const HclValue **out, const HclExpr *x, const HclScope *scope, const HclEnv *env,
              Arena *mem) MUST_USE;
// Names of all functions, sorted.
StrList hcl_function_names(Arena *mem);

// --- documents ----------------------------------------------------------------------------------

typedef struct HclResourceAttr {
    const char *name;
    const HclValue *value; // never null
    const HclAttr *source;
} HclResourceAttr;

// A block after evaluation.
struct HclResource {
    const char *type;
    StrList labels;
    const char *name;               // the `name` attribute, else the last label, else ""
    const char *address;            // "$table.users.$column.id", by labels
    LIST(HclResourceAttr) attrs;    // in order of names
    LIST(HclResource *) children;   // in source order
    const HclBlock *block;
};

const HclValue *hcl_resource_get(const HclResource *r, const char *attr);        // NULL if absent
const HclResourceAttr *hcl_resource_attr(const HclResource *r, const char *attr);
const HclResource *hcl_resource_child(const HclResource *r, const char *type);   // the first
// Where to point at: the attribute's expression, else the block's head.
HclRange hcl_resource_range(const HclResource *r, const char *attr);

// The value of `data.KIND.NAME`; `r` is the block, evaluated. Errors get `data.KIND.NAME: ` in
// front.
typedef struct HclDataSource {
    const char *kind;
    Err *(*read)(const HclValue **out, const HclResource *r, void *ctx, Arena *mem);
    void *ctx;
} HclDataSource;

typedef struct HclDocOptions {
    const HclFile *const *files;
    size_t file_count;
    const Map *inputs;            // variable inputs: name -> const HclValue *; may be NULL
    HclEnv env;
    const HclDataSource *data;    // `data_count` of them
    size_t data_count;
    const HclWords *words;        // may be NULL
    // The block type that is evaluated first and gives the variable of its name ("atlas"); NULL:
    // none. `r` is NULL if the file has no such block.
    const char *init;
    Err *(*init_read)(const HclValue **out, const HclResource *r, void *ctx, Arena *mem);
    void *init_ctx;
    // Called for each top-level block before evaluation: false drops it. May be NULL.
    bool (*keep)(void *ctx, const HclBlock *b);
    void *keep_ctx;
} HclDocOptions;

typedef struct HclDoc {
    LIST(HclResource *) resources; // top level, by file name, then in source order
} HclDoc;

Err *hcl_document(HclDoc **out, const HclDocOptions *o, Arena *mem) MUST_USE;

#endif
