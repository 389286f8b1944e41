// The statement scanner: splits a migration file into statements as each database needs it, and
// reads `atlas:` directives. It knows quotes, comments, blocks and delimiters, and no grammar.
//
// Linear in the input, whatever the input: failed BEGIN blocks are remembered, and absurdly nested
// ones are an error. Texts are copies in `mem`, NUL-terminated.
#ifndef ATLAS_SQL_H
#define ATLAS_SQL_H

#include "atlas/base.h"

// What a database's scanner knows beyond the common rules.
enum {
    SQL_BEGIN = 1,         // BEGIN ... END; is one statement
    SQL_BEGIN_ATOMIC = 2,  // BEGIN ATOMIC ... END; likewise
    SQL_DOLLAR_QUOTES = 4, // $tag$ ... $tag$
    SQL_BACKSLASH = 8,     // a backslash hides the next character in '...' and "..."
    SQL_HASH_COMMENTS = 16,
    SQL_E_STRINGS = 32, // E'...' has backslash escapes

    SQL_GENERIC = SQL_BEGIN_ATOMIC | SQL_DOLLAR_QUOTES,
    SQL_SQLITE = SQL_BEGIN,
    SQL_MYSQL = SQL_BEGIN | SQL_BACKSLASH | SQL_HASH_COMMENTS,
    SQL_POSTGRES = SQL_BEGIN | SQL_BEGIN_ATOMIC | SQL_DOLLAR_QUOTES | SQL_E_STRINGS,
};

typedef struct SqlStmt {
    Str text;         // trimmed; with its ';', without a custom delimiter
    size_t pos;       // byte offset of the text; counted from line two after a delimiter directive
    StrList comments; // the group in front of it, line comments with their newline
} SqlStmt;

typedef LIST(SqlStmt) SqlStmts;

// Splits `input`. E_SYNTAX with line and column (1-based, in bytes); `name` is the file shown in
// front and may be NULL. On error `out` holds the statements before it.
Err *sql_scan(SqlStmts *out, Str input, unsigned options, const char *name, Arena *mem) MUST_USE;

// "atlas:<name> <arg>" of a comment.
typedef struct SqlDirective {
    const char *name, *arg; // arg: "" if none
} SqlDirective;

typedef LIST(SqlDirective) SqlDirectives;

// Directives of the file header: the comment lines a file starts with, if a blank line or the end
// of the file follows.
SqlDirectives sql_file_directives(Str content, Arena *mem);
// Length of that header with its blank line; 0 if there is none.
size_t sql_header_len(Str content);
// Directives in the comments attached to a statement.
SqlDirectives sql_stmt_directives(const SqlStmt *stmt, Arena *mem);
// The directive of the first line, whatever stands before "atlas:"; false if it has none.
bool sql_first_line_directive(Str content, SqlDirective *out, Arena *mem);
// Arguments of all directives called `name`.
StrList sql_directive_args(const SqlDirectives *list, const char *name, Arena *mem);
// `content` with the line "-- atlas:<text>" in front, and a blank line if it had no header.
Str sql_add_directive(Str content, const char *text, Arena *mem);

#endif
