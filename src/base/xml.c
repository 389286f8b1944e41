#include "atlas/base/xml.h"

#include <expat.h>

typedef struct Builder {
    XML_Parser parser;
    Arena *mem;
    Xml *root, *open;
    int depth;
    const char *refusal;
} Builder;

enum { MAX_DEPTH = 64 };

static void refuse(Builder *b, const char *why) {
    b->refusal = why;
    XML_StopParser(b->parser, XML_FALSE);
}

static void on_start(void *ctx, const XML_Char *name, const XML_Char **attributes) {
    (void)attributes;
    Builder *b = ctx;
    if (++b->depth > MAX_DEPTH) {
        refuse(b, "nested too deeply");
        return;
    }
    const char *colon = strchr(name, ':');
    Xml *node = NEW(b->mem, Xml);
    *node = (Xml){.name = arena_strdup(b->mem, colon ? colon + 1 : name), .text = "",
                  .parent = b->open};
    if (b->open) {
        Xml **end = &b->open->first;
        while (*end)
            end = &(*end)->next;
        *end = node;
    } else {
        b->root = node;
    }
    b->open = node;
}

static void on_end(void *ctx, const XML_Char *name) {
    (void)name;
    Builder *b = ctx;
    b->open = b->open->parent;
    b->depth--;
}

static void on_text(void *ctx, const XML_Char *text, int len) {
    Builder *b = ctx;
    if (b->open)
        b->open->text = arena_printf(b->mem, "%s%.*s", b->open->text, len, text);
}

static void on_doctype(void *ctx, const XML_Char *name, const XML_Char *sysid,
                       const XML_Char *pubid, int has_subset) {
    (void)name, (void)sysid, (void)pubid, (void)has_subset;
    refuse(ctx, "document types are not accepted");
}

Err *xml_parse(Xml **out, Str text, const char *name, Arena *mem) {
    XML_Parser p = XML_ParserCreate(NULL);
    if (!p)
        BUG("out of memory");
    Builder b = {.parser = p, .mem = mem};
    XML_SetUserData(p, &b);
    XML_SetElementHandler(p, on_start, on_end);
    XML_SetCharacterDataHandler(p, on_text);
    XML_SetStartDoctypeDeclHandler(p, on_doctype);
    Err *e = NULL;
    if (text.len > (16u << 20))
        e = err_new(E_TOO_LARGE, "XML of %zu bytes", text.len);
    else if (XML_Parse(p, text.ptr, (int)text.len, 1) != XML_STATUS_OK)
        e = err_at(err_new(E_SYNTAX, "invalid XML: %s",
                           b.refusal ? b.refusal : XML_ErrorString(XML_GetErrorCode(p))),
                   name, (int)XML_GetCurrentLineNumber(p), (int)XML_GetCurrentColumnNumber(p) + 1);
    XML_ParserFree(p);
    *out = b.root;
    return e;
}

const Xml *xml_child(const Xml *parent, const char *name) {
    for (const Xml *x = parent ? parent->first : NULL; x; x = x->next)
        if (cstr_eq(x->name, name))
            return x;
    return NULL;
}

const char *xml_child_text(const Xml *parent, const char *name) {
    const Xml *x = xml_child(parent, name);
    return x ? x->text : "";
}

void xml_escape(Buf *out, const char *text) {
    for (; *text; text++) {
        switch (*text) {
        case '&':
            buf_str(out, "&amp;");
            break;
        case '<':
            buf_str(out, "&lt;");
            break;
        case '>':
            buf_str(out, "&gt;");
            break;
        case '"':
            buf_str(out, "&quot;");
            break;
        default:
            buf_char(out, *text);
        }
    }
}
