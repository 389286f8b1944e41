// Archives of migration directories: plain USTAR, the same bytes for the same content everywhere.
#ifndef ATLAS_PACK_H
#define ATLAS_PACK_H

#include "atlas/base.h"

typedef struct PackEntry {
    const char *name;
    Str content;
} PackEntry;

typedef LIST(PackEntry) PackEntries;

enum { PACK_MAX_ENTRIES = 10000 };
#define PACK_MAX_BYTES ((size_t)1 << 30) // of all contents together

// The archive of `entries` in their order: regular files, mode 0600, no owner, no time, two zero
// blocks at the end. E_INVALID for a name pack_untar would refuse, E_TOO_LARGE over the limits.
Err *pack_tar(Str *out, const PackEntries *entries, Arena *mem) MUST_USE;

// The same bytes, entry by entry, to whatever `write` keeps them in. Begin with {write, ctx}.
typedef struct PackWriter {
    Err *(*write)(void *ctx, Str bytes);
    void *ctx;
    Map *seen;    // names so far
    size_t total; // bytes of contents so far
} PackWriter;
Err *pack_add(PackWriter *w, const char *name, Str content, Arena *mem) MUST_USE;
Err *pack_end(PackWriter *w) MUST_USE;

// Reads an archive of plain files. E_INVALID for names with '/' (or "..", empty), duplicates,
// links, directories and devices; E_TOO_LARGE over the limits; E_DAMAGED if it is no whole archive.
Err *pack_untar(PackEntries *out, Str archive, Arena *mem) MUST_USE;

// --- bundles: compressed archives with paths, as caches of CI platforms keep them -----------------

// The regular files of a tar, gzip or not, under the names they have there; everything else is left out.
// E_TOO_LARGE over `max_bytes` of contents or `max_entries`; E_DAMAGED.
Err *pack_read_bundle(PackEntries *out, Str bundle, size_t max_bytes, size_t max_entries,
                      Arena *mem) MUST_USE;
// A gzip-compressed tar, mode 0600, no times.
Err *pack_write_bundle(Str *out, const PackEntries *entries, Arena *mem) MUST_USE;

#endif
