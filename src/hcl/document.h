// Private to hcl: a document while it is evaluated.
#ifndef ATLAS_HCL_DOCUMENT_H
#define ATLAS_HCL_DOCUMENT_H

#include "eval.h"

typedef enum NodeState { NODE_NEW, NODE_BUSY, NODE_DONE } NodeState;

// A local or a data block: evaluated when first referred to, once.
typedef struct Node {
    const char *kind; // of data; NULL: a local
    const char *name;
    const HclAttr *attr;   // of a local
    const HclBlock *block; // of data
    NodeState state;
    const HclValue *value;
} Node;

typedef struct Doc {
    const HclDocOptions *o;
    Arena *mem;
    HclScope root;
    LIST(const HclFile *) files;    // by name
    LIST(const HclBlock *) init;    // at most one
    NodeState init_state;
    LIST(const HclBlock *) blocks;  // the rest: what the document is about
    Map locals, data;               // Node *; data by "kind.name"
    bool locals_stale, data_stale;  // the scope's objects lack finished nodes
    Map refs;                       // HclRef * by label address
    int depth;
} Doc;

// An expression in `scope`; `path` names the attribute for scoped words (NULL: none).
Err *doc_eval(Doc *d, const HclValue **out, const HclExpr *x, const HclScope *scope,
              const char *path) MUST_USE;
Err *doc_block(Doc *d, HclResource **out, const HclBlock *b, const HclScope *scope,
               const char *path, const char *address) MUST_USE;

// --- variables.c --------------------------------------------------------------------------------

Err *variables_read(const HclValue **out, const Doc *d) MUST_USE; // the object `var`

// --- blocks.c: blocks as values -----------------------------------------------------------------

// Sets a variable per block type in `scope`, for references. `parent`: address of the surrounding
// block, "" at the top.
Err *blocks_bind(Doc *d, HclScope *scope, const HclBlock *const *blocks, size_t len,
                 const char *parent) MUST_USE;
char *block_address(Arena *mem, const HclBlock *b, const char *parent, size_t ordinal);
// Block objects become references, wherever they are in `v`. E_INVALID for a type name alone.
Err *value_to_ref(const HclValue **out, const HclValue *v, Arena *mem) MUST_USE;
// Gives references their targets; an error for those that have none.
Err *refs_resolve(Doc *d, HclDoc *doc) MUST_USE;
// The block's place among those of its type that have no label either.
size_t block_ordinal(const HclBlock *const *blocks, size_t len, const HclBlock *b);

#endif
