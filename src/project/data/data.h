// Private to project: data sources, one function each. config-language.md section 3.5.
#ifndef ATLAS_PROJECT_DATA_H
#define ATLAS_PROJECT_DATA_H

#include "../read.h"
#include "atlas/store.h"

typedef struct Data {
    Project *project; // gets directories and tokens
    Loop *loop;
    const volatile sig_atomic_t *cancel; // may be NULL
} Data;

// The table for a document; `d` must outlive its evaluation.
const HclDataSource *data_sources(size_t *count, Data *d, Arena *mem);

// Arguments are known and the required ones are there; their types are not checked yet.
typedef Err *DataRead(const HclValue **out, const HclResource *r, Data *d, Arena *mem);
DataRead data_sql, data_external, data_runtimevar, data_template_dir, data_remote_dir,
    data_rds_token, data_cloudsql_token;

// {"url": ...}
const HclValue *data_url(const char *url, Arena *mem);
// E_CONFIG at the attribute.
Err *data_wrong(const HclResource *r, const char *attr, const char *fmt, ...) PRINTF(3, 4) MUST_USE
    RETURNS_NONNULL;

#define SCOPE_CLOUDSQL "https://www.googleapis.com/auth/sqlservice.admin"

#endif
