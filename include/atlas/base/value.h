// Ordered value trees: what JSON is parsed into, what reports are made of, and what templates
// read. One tree serves all three, so that `--format '{{ json . }}'`, a template and a decoder
// can never disagree.
//
// Values are immutable once shared; builders add to maps and lists in place.
#ifndef ATLAS_BASE_VALUE_H
#define ATLAS_BASE_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "atlas/base/buf.h"
#include "atlas/base/str.h"
#include "atlas/base/time.h"

typedef enum ValueKind {
    V_NULL,
    V_BOOL,
    V_INT,
    V_REAL,
    V_STR,
    V_LIST,
    V_MAP,
    V_TIME,     // JSON: RFC 3339 string
    V_DURATION, // JSON: integer nanoseconds; text: Go's duration text
} ValueKind;

typedef struct Value Value;
typedef struct Member Member;

struct Value {
    ValueKind kind;
    // Maps only: a Go struct rather than a Go map. An unknown field is then a template error that
    // names this type; a plain map yields no value.
    const char *struct_name;
    // Maps only: what {{ . }} prints if not the fields (Go's Stringer), or NULL.
    const char *text;
    union {
        bool b;
        int64_t i;
        double r;
        Str s;
        Time time;
        Duration duration;
        LIST(Value *) list;
        LIST(Member) map;
    } u;
};

// Member flags.
enum {
    M_OMIT_EMPTY = 1, // JSON leaves it out when zero: false, 0, "", null, empty list or map
    M_HIDDEN = 2,     // never in JSON; templates see it (methods, unexported helpers)
};

struct Member {
    const char *key;
    Value *value;                                // NULL while lazy
    Value *(*lazy)(const void *arg, Arena *mem); // computed on first use, then kept
    const void *lazy_arg;
    unsigned flags;
};

Value *value_null(Arena *mem);
Value *value_bool(Arena *mem, bool b);
Value *value_int(Arena *mem, int64_t i);
Value *value_real(Arena *mem, double r);
Value *value_str(Arena *mem, const char *s); // copies; NULL becomes ""
Value *value_bytes(Arena *mem, Str s);       // copies
Value *value_view(Arena *mem, Str s); // does not copy: the bytes outlive the value
Value *value_time(Arena *mem, Time t);
Value *value_duration(Arena *mem, Duration d);
Value *value_list(Arena *mem);
Value *value_map(Arena *mem);
Value *value_struct(Arena *mem, const char *struct_name);

// Room for `count` members of an empty map, so that it does not grow step by step.
void value_reserve(Value *map, Arena *mem, size_t count);
void value_push(Value *list, Arena *mem, Value *item);
// Sets or replaces `key` (copied); a replaced key keeps its place.
void value_set(Value *map, Arena *mem, const char *key, Value *item, unsigned flags);
void value_set_str(Value *map, Arena *mem, const char *key, const char *s, unsigned flags);
void value_set_int(Value *map, Arena *mem, const char *key, int64_t i, unsigned flags);
void value_set_bool(Value *map, Arena *mem, const char *key, bool b, unsigned flags);
void value_set_lazy(Value *map, Arena *mem, const char *key,
                    Value *(*lazy)(const void *arg, Arena *mem), const void *arg, unsigned flags);

size_t value_len(const Value *v); // items of a list or map, bytes of a string, else 0
// NULL if absent or `map` is not a map (NULL included). Exact key.
Value *value_get(const Value *map, const char *key);
// As value_get, but ASCII case-insensitive where no exact key exists (Go's JSON decoder).
Value *value_get_fold(const Value *map, const char *key);
Value *value_at(const Value *list, size_t index); // NULL if out of range
// The member's value, computing a lazy one.
Value *value_member(const Value *map, size_t index);
// Text of a string member (exact or folded key); "" if absent or of another kind.
const char *value_get_text(const Value *map, const char *key);
bool value_get_bool(const Value *map, const char *key);
int64_t value_get_int(const Value *map, const char *key); // 0 if absent; reals truncate
const char *value_text(const Value *v); // of a V_STR; "" otherwise (NULL included)
bool value_is_empty(const Value *v);    // Go's "omitempty" notion of zero
bool value_equal(const Value *a, const Value *b);
Value *value_copy(Arena *mem, const Value *v);
// A tree as bytes and back, for another process of this program: nothing is lost but that lazy
// members are computed. value_unpack() yields NULL if the bytes are cut short.
void value_pack(Buf *out, const Value *v);
Value *value_unpack(Str bytes, Arena *mem);

#endif
