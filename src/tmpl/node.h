// The parsed form of templates.
#ifndef ATLAS_TMPL_NODE_H
#define ATLAS_TMPL_NODE_H

#include "atlas/base/map.h"
#include "atlas/tmpl.h"

typedef enum NodeKind {
    N_LIST,   // nodes
    N_TEXT,   // text
    N_ACTION, // pipe
    N_IF,     // pipe, list, else_list
    N_WITH,
    N_RANGE,
    N_TEMPLATE, // text (the name), pipe (may be NULL)
    N_BREAK,
    N_CONTINUE,
    N_END,      // while parsing only
    N_ELSE,     // while parsing only
    N_PIPE,     // decls, assign, nodes (commands)
    N_COMMAND,  // nodes (operands)
    N_FIELD,    // idents
    N_VARIABLE, // idents, the first with its dollar
    N_CHAIN,    // node, idents
    N_IDENT,    // text
    N_DOT,
    N_NIL,
    N_CONST, // value; text as written
} NodeKind;

typedef struct Node Node;
typedef LIST(Node *) NodeList;

struct Node {
    NodeKind kind;
    size_t pos;
    int line;
    NodeList nodes, decls;
    StrList idents;
    Node *pipe, *list, *else_list, *node;
    bool assign;
    Str text;
    Value *value;
};

// One named template. Errors name the text that it was parsed from.
typedef struct Tree {
    const char *name, *parse_name;
    Str text;
    Node *root;
} Tree;

struct Tmpl {
    Arena *mem;
    const TmplFuncs *funcs;
    Map trees; // name -> Tree
};

enum { MAX_NESTING = 100 }; // of parentheses, and of control structures

// The source text of a node, as Go writes it in errors.
void node_write(Buf *out, const Node *n);
// "NAME:LINE:COL" (the column counts bytes from 0, as Go's does).
char *node_location(const Tree *tree, const Node *n, Arena *mem);
const TmplFunc *func_find(const TmplFuncs *funcs, const char *name);
extern const TmplFuncs tmpl_builtins;

#endif
