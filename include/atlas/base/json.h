// JSON in and out, over the value trees of value.h. (jansson parses; no other module sees it.)
#ifndef ATLAS_BASE_JSON_H
#define ATLAS_BASE_JSON_H

#include "atlas/base/buf.h"
#include "atlas/base/err.h"
#include "atlas/base/value.h"

enum { JSON_MAX_DEPTH = 64 };

// One document, nothing but white space after it. E_SYNTAX with line and column (`name` is the
// file or source shown in front, may be NULL). Deeper than JSON_MAX_DEPTH or duplicate keys:
// E_SYNTAX.
Err *json_parse(Value **out, Str text, const char *name, Arena *mem) MUST_USE;

typedef enum JsonStyle {
    JSON_GO,        // compact as Go's encoding/json: <, >, & and U+2028/9 escaped, omit-empty obeyed
    JSON_PLAIN,     // compact, no HTML escapes, omit-empty obeyed
    JSON_CANONICAL, // RFC 8785: keys sorted by UTF-16 units, shortest numbers; omit-empty obeyed
} JsonStyle;

void json_write(Buf *out, const Value *v, JsonStyle style);
// As json_write, indented as Go's MarshalIndent(prefix, indent); both "" is compact.
void json_write_indent(Buf *out, const Value *v, JsonStyle style, const char *prefix,
                       const char *indent);
char *json_text(Arena *mem, const Value *v, JsonStyle style);
// A quoted JSON string in `style`.
void json_write_string(Buf *out, Str s, JsonStyle style);

#endif
