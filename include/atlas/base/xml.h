// Small XML documents as element trees (expat parses; no other module sees it). For answers of
// object stores; entities beyond the predefined ones and DTDs are refused.
#ifndef ATLAS_BASE_XML_H
#define ATLAS_BASE_XML_H

#include "atlas/base/buf.h"
#include "atlas/base/err.h"
#include "atlas/base/str.h"

typedef struct Xml Xml;
struct Xml {
    const char *name; // without namespace prefix
    const char *text; // own character data, joined; "" if none
    Xml *first, *next, *parent;
};

// E_SYNTAX with line and column.
Err *xml_parse(Xml **out, Str text, const char *name, Arena *mem) MUST_USE;
const Xml *xml_child(const Xml *parent, const char *name); // NULL if none
const char *xml_child_text(const Xml *parent, const char *name); // "" if none
void xml_escape(Buf *out, const char *text);

#endif
