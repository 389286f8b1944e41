// Reports for people: plain text for `atlas`, Markdown for CI summaries and comments, and the
// pieces of report trees that several modules build.
//
// Reports are value trees with the keys of cli-contract.md section 2 (times are V_TIME). A report
// that lacks a key is read as if it held the zero value; nothing here fails.
#ifndef ATLAS_REPORT_H
#define ATLAS_REPORT_H

#include "atlas/base/buf.h"
#include "atlas/base/err.h"
#include "atlas/base/value.h"

// --- pieces (cli-contract 2.1) -------------------------------------------------------------------

// Go's url.URL of a database or registry URL, plus Schema ("" if none). {{ . }} and Redacted hide
// the password, String does not; also Hostname, Port, IsAbs. An empty text gives null; a text that
// is no URL by the book is taken apart as far as it goes.
Value *report_url(const char *url, const char *schema, Arena *mem);

typedef struct ReportEnv {
    const char *driver; // NULL or "": left out
    Value *url;         // of report_url; NULL: left out
    const char *dir;    // as given; the password is hidden here
} ReportEnv;
// Adds Driver, URL and Dir to a map.
void report_env(Value *map, const ReportEnv *env, Arena *mem);

// --- plain text (2.2, 2.3, 2.5) ------------------------------------------------------------------

// Report of migrate apply: Pending, Applied [{Version, Applied, Checks, Error, Start, End}],
// Current, Target, Start, End, Error.
void report_apply_text(Buf *out, const Value *report);
// Report of migrate status.
void report_status_text(Buf *out, const Value *report);
// Report of migrate set: Current, Revisions [{Version, Description, Op "+" or "-"}], Set, Removed.
// Nothing if nothing changed.
void report_set_text(Buf *out, const Value *report);

// Report of migrate test (and of other tests): Tests [{Name, Status, Duration, Logs?, Error?}].
void report_tests_text(Buf *out, const Value *report);
// The same as JUnit XML, one suite.
void report_tests_junit(Buf *out, const char *suite, const Value *report);

// --- Markdown (actions.md 4.3) -------------------------------------------------------------------

typedef enum ReportFlavour {
    REPORT_GITHUB, // GitHub and GitLab: with HTML (icons, collapsible parts)
    REPORT_PLAIN,  // Bitbucket: Markdown only
} ReportFlavour;

// "Migration Passed" or "Migration Failed", with tables.
void report_apply_markdown(Buf *out, const Value *report, ReportFlavour flavour);

// What `registry verify` and `registry sync` report, as text and as a table of a job summary.
void report_audit_text(Buf *out, const Value *report);
void report_audit_markdown(Buf *out, const char *title, const Value *report, bool good,
                           ReportFlavour flavour);
// One repository, a fact a line; and the page of a list.
void report_repo_text(Buf *out, const Value *repo);
void report_repos_text(Buf *out, const Value *list);

// Text of others as text: it forges neither markup, HTML, links nor mentions, in and out of tables.
// Newlines become <br> (a space where there is no HTML).
void report_md_text(Buf *out, const char *text, ReportFlavour flavour);
// The same as inline code.
void report_md_code(Buf *out, const char *text, ReportFlavour flavour);
// A code block whose fence no text can close. `language` may be "".
void report_md_block(Buf *out, const char *language, const char *text);

#endif
