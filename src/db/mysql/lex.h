// SQL texts as MySQL and MariaDB see them: tokens, kinds of statements, literals. No connection.
#ifndef ATLAS_DB_MYSQL_LEX_H
#define ATLAS_DB_MYSQL_LEX_H

#include "atlas/base.h"

typedef enum MariaTokenKind {
    MARIA_END,
    MARIA_WORD,   // keyword, plain name, number
    MARIA_NAME,   // `name` or "name"
    MARIA_STRING, // '...'
    MARIA_SYMBOL, // one character
} MariaTokenKind;

typedef struct MariaToken {
    MariaTokenKind kind;
    const char *ptr; // with quotes
    size_t len;
} MariaToken;

// Comments are skipped, the content of executable ones (/*!50003 ... */) is not.
typedef struct MariaLexer {
    const char *p, *end;
    bool executable;    // inside /*! ... */
    bool open;          // a quote or comment is not closed at the end
    const char *closed; // behind the last executable comment, or NULL
} MariaLexer;

MariaToken maria_token(MariaLexer *lexer);
bool maria_is(const MariaToken *token, const char *word); // a WORD, in any case
bool maria_is_symbol(const MariaToken *token, char c);
// The text of a WORD or NAME without its quotes.
char *maria_name(const MariaToken *token, Arena *mem);

// How a text of a user may be run.
typedef struct MariaStmt {
    bool empty;       // nothing but comments
    bool atomic;      // what it does can be rolled back; it never commits by itself
    bool control;     // starts or ends a transaction
    bool opens, ends; // ... which of it it does last
    bool uncertain;   // may leave a transaction open (CALL, EXECUTE, a block)
    bool locks;       // LOCK TABLES, FLUSH: other tables cannot be used behind it
    bool autocommit;  // sets autocommit
    bool many;        // may have several results
    bool alone;       // no other may share its packet
    bool waits;       // MySQL may end it without an error when it is killed
    size_t len;       // without the ';' and comments at its end
} MariaStmt;

MariaStmt maria_classify(Str sql);
bool maria_is_atomic(Str sql);
bool maria_is_use(Str sql); // another schema behind it
// Nothing but SET of the session, or USE.
bool maria_sets_session(Str sql);

// A literal that is safe in every sql_mode and character set.
void maria_literal(Buf *b, Str text);
char *maria_quote(Arena *mem, const char *text); // the same, as a text
char *maria_ident(Arena *mem, const char *name); // `name`

#endif
