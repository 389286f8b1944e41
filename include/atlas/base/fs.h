// Files: whole reads with a limit, atomic durable writes, listings, locks.
#ifndef ATLAS_BASE_FS_H
#define ATLAS_BASE_FS_H

#include <stdbool.h>
#include <stdint.h>

#include "atlas/base/err.h"
#include "atlas/base/str.h"

// E_NOT_FOUND, E_DENIED, E_TOO_LARGE (over `max` bytes), E_IO. "-" is not special.
Err *fs_read(Str *out, const char *path, size_t max, Arena *mem) MUST_USE;
// Temporary file, fsync, rename, fsync of the directory: readers see the old or the new content.
Err *fs_write_atomic(const char *path, Str content, unsigned mode) MUST_USE;
// As above but E_EXISTS if the path is there (link(2)).
Err *fs_create_atomic(const char *path, Str content, unsigned mode) MUST_USE;
// O_APPEND|O_CREAT write of everything.
Err *fs_append(const char *path, Str content, unsigned mode) MUST_USE;
Err *fs_mkdirs(const char *path, unsigned mode) MUST_USE; // existing is fine
Err *fs_remove(const char *path) MUST_USE;                // absent is fine
Err *fs_rename(const char *from, const char *to) MUST_USE;

typedef enum FsKind { FS_ABSENT, FS_FILE, FS_DIR, FS_OTHER } FsKind;
FsKind fs_kind(const char *path); // follows links
// Names (not paths) of a directory, sorted bytewise, without "." and "..".
Err *fs_list(StrList *out, const char *dir, Arena *mem) MUST_USE;
char *fs_join(Arena *mem, const char *dir, const char *name); // absolute name wins; cleans "./"
char *fs_dirname(Arena *mem, const char *path);
const char *fs_basename(const char *path);
char *fs_absolute(Arena *mem, const char *path);
// A new file in $TMPDIR, already unlinked; the descriptor is the caller's.
Err *fs_temp(int *out_fd, const char *tmpdir) MUST_USE;
Err *fs_write_all(int fd, const void *data, size_t len) MUST_USE;

#endif
